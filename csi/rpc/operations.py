"""The table of running operations: a client may hang up, the operation goes on, and the client's next call joins it.

A result is not kept once its operation has ended: whoever comes later looks at the arrays again, which hold the truth.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from csi.errors import Busy, DriverError
from csi.rpc.pools import Pools

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    """What an operation works on: a volume (by name or id) and, within it, a node or path; `part` "" is all of it."""

    subject: str
    part: str = ""

    def overlaps(self, other: "Key") -> bool:
        """Whether operations on the two must not run side by side."""
        return self.subject == other.subject and (self.part == other.part or not self.part or not other.part)

    def __str__(self) -> str:
        return f"{self.subject} ({self.part})" if self.part else self.subject


@dataclass(eq=False, slots=True)
class _Operation:
    key: Key
    title: str
    request: object
    task: "asyncio.Task[Any]"
    waiting: int = 0


class Operations:
    """Runs mutating calls as tasks of the driver's own, in worker pools."""

    def __init__(self, pools: Pools) -> None:
        self.pools = pools
        self._running: dict[str, list[_Operation]] = {}
        self._closing = False

    async def run(self, key: Key, request: object, work: Callable[[], T], *, title: str, backend: str) -> T:
        """The result of `work`, or of the operation already running for the same `title`, `key` and `request`.

        `title` is the RPC's name; `request` is compared by value. Raises Busy if an operation on an overlapping key is
        another one, or if the driver is stopping. A cancelled caller leaves the operation running.
        """
        operation = self._find(key, title, request) or self._start(key, title, request, (backend, work))
        operation.waiting += 1
        try:
            result: T = await asyncio.shield(operation.task)
        finally:
            operation.waiting -= 1
        return result

    def _find(self, key: Key, title: str, request: object) -> _Operation | None:
        for other in self._running.get(key.subject, ()):
            if not other.key.overlaps(key):
                continue
            if (other.key, other.title, other.request) == (key, title, request):
                return other
            raise Busy(f"{other.title} of {other.key} is still running", hint=f"Repeat {title} when it is done")
        return None

    def _start(self, key: Key, title: str, request: object, job: tuple[str, Callable[[], object]]) -> _Operation:
        if self._closing:
            raise Busy("the driver is stopping", hint="Repeat the call when it, or another instance, has started")
        task = asyncio.create_task(self.pools.run(*job), name=f"{title} {key}")
        operation = _Operation(key, title, request, task)
        self._running.setdefault(key.subject, []).append(operation)
        task.add_done_callback(lambda _: self._ended(operation))
        return operation

    def _ended(self, operation: _Operation) -> None:
        row = self._running[operation.key.subject]
        row.remove(operation)
        if not row:
            del self._running[operation.key.subject]
        if operation.task.cancelled():
            _log.warning("%s of %s was not started", operation.title, operation.key)
        elif operation.waiting == 0:
            # Nobody is left to be told; the log is, and asking for the exception keeps asyncio from complaining.
            failure = operation.task.exception()
            outcome = "succeeded" if failure is None else f"failed ({type(failure).__name__}: {failure})"
            unforeseen = None if isinstance(failure, DriverError) else failure
            level = logging.WARNING if failure else logging.INFO
            words = "%s of %s %s after its caller had left"
            _log.log(level, words, operation.title, operation.key, outcome, exc_info=unforeseen)

    @property
    def running(self) -> tuple[str, ...]:
        """The running operations in words."""
        return tuple(f"{one.title} of {one.key}" for row in self._running.values() for one in row)

    async def drain(self, grace_seconds: float) -> tuple[str, ...]:
        """Start no more operations and wait for the running ones; the words of those still running afterwards."""
        self._closing = True
        if tasks := [one.task for row in self._running.values() for one in row]:
            await asyncio.wait(tasks, timeout=grace_seconds)
        return self.running
