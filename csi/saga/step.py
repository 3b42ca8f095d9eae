"""A step: something to do that can tell whether it is done and can take itself back."""

from collections.abc import Mapping
from typing import Protocol

#: What a step becomes in the journal: enough to build it again after a crash.
Described = Mapping[str, object]


class Step(Protocol):
    """Steps look before they act, so each of the three may be called again at any time."""

    @property
    def title(self) -> str:
        """The step in words, for messages: "create volume v1 on array-a"."""

    def describe(self) -> Described:
        """A JSON-able description that a `Rebuild` turns into the same step."""

    def done(self) -> bool:
        """Whether the effect is there already."""

    def do(self) -> None:
        """Bring the effect about. Raises DriverError; the effect may be there all the same."""

    def undo(self) -> None:
        """Take the effect back if it is there and is ours. Raises DriverError if that cannot be done now."""


class Rebuild(Protocol):
    """Turns a journalled description into a step again; raises BugError for one it does not know."""

    def __call__(self, described: Described) -> Step: ...
