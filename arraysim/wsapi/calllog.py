"""What was asked of the arrays, in the order in which the calls arrived."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

#: Older records are forgotten.
DEFAULT_CAPACITY = 20_000


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One finished call and its effect. Session keys are never in it.

    `number` counts arrivals at both arrays from 1. `status` and `code` are the array's decision (0 where there was
    none, and `code` 0 for success). `committed`: the call changed or could have changed the array, that is, it was no
    GET, its handler ran and did not refuse. `answered`: the reply was sent. `faults` are the kinds of the armed faults
    that hit it. `at` is simulated time in seconds since the epoch.
    """

    number: int
    array: str
    method: str
    path: str
    query: str
    status: int
    code: int
    committed: bool
    answered: bool
    faults: tuple[str, ...]
    at: float

    def as_json(self) -> dict[str, Any]:
        """For the control port."""
        return {**asdict(self), "faults": list(self.faults)}


class CallLog:
    """The finished calls, oldest first; safe for threads."""

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        self._changed = threading.Condition()
        self._records: deque[CallRecord] = deque(maxlen=capacity)
        self._arrived = 0

    def arrive(self) -> int:
        """The number of a call that just came in."""
        with self._changed:
            self._arrived += 1
            return self._arrived

    @property
    def arrived(self) -> int:
        """The number of the latest call, finished or not."""
        with self._changed:
            return self._arrived

    def append(self, record: CallRecord) -> None:
        """A call ended."""
        with self._changed:
            self._records.append(record)
            self._changed.notify_all()

    def records(self, *, array: str = "", since: int = 0) -> tuple[CallRecord, ...]:
        """Finished calls in order of arrival, those of one array if given, with a number above `since`."""
        with self._changed:
            chosen = [row for row in self._records if row.number > since and array in ("", row.array)]
        return tuple(sorted(chosen, key=lambda row: row.number))

    def wait_for(
        self, wanted: Callable[[CallRecord], bool], *, timeout_seconds: float, since: int = 0
    ) -> CallRecord | None:
        """The first finished call that is `wanted`, waiting for it; None after `timeout_seconds` of real time."""

        def found() -> CallRecord | None:
            return next((row for row in self._records if row.number > since and wanted(row)), None)

        with self._changed:
            return self._changed.wait_for(found, timeout_seconds)

    def clear(self) -> None:
        """Forget the records; numbers go on."""
        with self._changed:
            self._records.clear()
