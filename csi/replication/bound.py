"""Ties actions to arrays: what the saga runs, and how it comes back out of the journal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from csi.array.pair import Pair, Side
from csi.array.port import Array
from csi.clock import Clock
from csi.errors import BugError
from csi.replication.exports import EXPORT_ACTIONS
from csi.replication.steps import ACTIONS, Action, Place, describe
from csi.saga.step import Described

_BY_NAME = {action.__name__: action for action in (*ACTIONS, *EXPORT_ACTIONS)}


@dataclass(frozen=True)
class BoundStep:
    """An action on a pair: a `csi.saga.step.Step`."""

    action: Action
    pair: Pair
    clock: Clock

    @property
    def _array(self) -> Array:
        return self.pair.array(self.action.side)

    @property
    def title(self) -> str:
        return self.action.title(self._array)

    def describe(self) -> Described:
        return describe(self.action, self.pair.name)

    def done(self) -> bool:
        return self.action.done(self._array)

    def do(self) -> None:
        self.action.do(Place(self._array, self.pair, self.clock))

    def undo(self) -> None:
        self.action.undo(self._array)


class Binder:
    """Makes steps of actions, and of what the journal kept of them."""

    def __init__(self, pairs: Mapping[str, Pair], clock: Clock) -> None:
        self._pairs = pairs
        self._clock = clock

    def bind(self, pair: Pair, actions: Iterable[Action]) -> list[BoundStep]:
        """Steps for a pair."""
        return [BoundStep(action, pair, self._clock) for action in actions]

    def rebuild(self, described: Described) -> BoundStep:
        """A step from the journal. BugError for a backend or an action that this process does not know."""
        fields = dict(described)
        kind, backend = _BY_NAME.get(str(fields.pop("action", ""))), str(fields.pop("backend", ""))
        if kind is None or backend not in self._pairs:
            raise BugError(
                f"the journal holds a step that this driver cannot read: {dict(described)}",
                hint="Start the driver with the settings and version that wrote it, or remove the entry by hand",
            )
        side = Side(str(fields.pop("side")))
        rest = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
        return BoundStep(_make(kind, side, rest), self._pairs[backend], self._clock)


def _make(kind: type[Action], side: Side, rest: Mapping[str, Any]) -> Action:
    return kind(side, **rest)
