"""Conditions on the state, such as `link/up=true` or `arrays/array-a/groups/rcg1/state=Started`."""

from dataclasses import dataclass
from typing import Any

#: Stands for "there is nothing at this path".
_MISSING = object()


class BadCondition(ValueError):
    """A condition that cannot be read; the text says how to write one."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`path` leads into the state; `wanted` is what must be there: a word, or None for anything at all.

    Written `path=word`, `path!=word`, `path` (exists) or `!path` (does not exist). Words are compared as JSON prints
    them, regardless of case.
    """

    text: str
    path: tuple[str, ...]
    wanted: str | None
    negated: bool

    def holds(self, state: Any) -> bool:  # noqa: ANN401  decoded JSON
        """Whether it is true of this state. A path that leads nowhere has no word, so `!=` holds for it."""
        found = self._found(state)
        if self.wanted is None:
            return (found is _MISSING) == self.negated
        return (found is not _MISSING and _word(found).lower() == self.wanted.lower()) != self.negated

    def seen(self, state: Any) -> str:  # noqa: ANN401  decoded JSON
        """What is at the path now, for a message."""
        found = self._found(state)
        return "nothing" if found is _MISSING else _word(found)

    def _found(self, state: Any) -> Any:  # noqa: ANN401  decoded JSON
        for part in self.path:
            if not isinstance(state, dict) or part not in state:
                return _MISSING
            state = state[part]
        return state


def parse_condition(text: str) -> Condition:
    """Read a condition. BadCondition if it has no path."""
    negated = text.startswith("!")
    path, equals, wanted = text.removeprefix("!").partition("=")
    if equals and path.endswith("!"):
        path, negated = path.removesuffix("!"), not negated
    parts = tuple(path.strip().strip("/").split("/"))
    if not all(parts):
        raise BadCondition(
            f"cannot read the condition {text!r}: write path=word, as in arrays/array-a/groups/rcg1/state=Started, "
            "path!=word, path (exists) or !path (does not)"
        )
    return Condition(text, parts, wanted.strip() if equals else None, negated)


def _word(value: Any) -> str:  # noqa: ANN401  decoded JSON
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, dict):
        return f"an object of {len(value)} entries"
    return str(value)
