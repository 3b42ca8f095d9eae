"""An array whose Nth call fails, before or after its effect."""

import itertools
from collections.abc import Callable
from typing import Any

from csi.array.port import Array
from csi.errors import ArrayUnreachable


class Crash(BaseException):
    """The controller process ends here: nothing catches it, nothing is undone."""


class CallCounter:
    """Numbers the calls of both arrays and fails the one it is told to.

    `how`: "before" (the call never reaches the array), "after" (it does, the reply is lost), or "crash-before" and
    "crash-after", where the whole process dies with it.
    """

    def __init__(self, fail: int = 0, how: str = "before") -> None:
        self.fail = fail
        self.how = how
        #: Besides, every call of this name fails.
        self.fail_name = ""
        self.names: list[str] = []
        self._numbers = itertools.count(1)
        self.dead = False

    def wrap(self, array: Array) -> Array:
        """The array behind this counter."""
        return _Failing(array, self)

    def call(self, label: str, name: str, work: Callable[[], Any]) -> Any:
        if self.dead:
            raise Crash  # the other thread of a process that has just died
        number = next(self._numbers)
        self.names.append(f"{label}.{name}")
        if name == self.fail_name:
            raise ArrayUnreachable("no answer", where=label)
        if number != self.fail:
            return work()
        if self.how.endswith("after"):
            work()
        if self.how.startswith("crash"):
            self.dead = True
            raise Crash
        raise ArrayUnreachable("no answer", where=label)


class _Failing:
    def __init__(self, array: Array, counter: CallCounter) -> None:
        self._array = array
        self._counter = counter

    @property
    def label(self) -> str:
        return self._array.label

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._array, name)
        return lambda *args, **named: self._counter.call(self._array.label, name, lambda: method(*args, **named))
