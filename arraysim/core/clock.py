"""Simulated time: it stands still until somebody advances it."""

import heapq
from collections.abc import Callable

#: A fixed start (2024-01-01T00:00:00Z) keeps every run of a scenario identical.
DEFAULT_EPOCH_SECONDS = 1_704_067_200.0


class Timer:
    """A callback due at `due` (seconds on the clock). Cancelled timers stay in the queue and do nothing."""

    __slots__ = ("_action", "due")

    def __init__(self, due: float, action: Callable[[], None]) -> None:
        self.due = due
        self._action: Callable[[], None] | None = action

    @property
    def pending(self) -> bool:
        """Whether it still is to run."""
        return self._action is not None

    def cancel(self) -> None:
        """Never run; harmless if it has run already."""
        self._action = None

    def fire(self) -> None:
        """Run once, unless cancelled."""
        action, self._action = self._action, None
        if action is not None:
            action()


class VirtualClock:
    """Seconds since the Unix epoch, moved by `advance` alone. Not safe for threads: the owner holds a lock."""

    def __init__(self, now: float = DEFAULT_EPOCH_SECONDS) -> None:
        self._now = now
        self._queue: list[tuple[float, int, Timer]] = []
        self._count = 0

    @property
    def now(self) -> float:
        """The current time in seconds."""
        return self._now

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run `action` when `seconds` have passed. ValueError for a negative delay."""
        if seconds < 0:
            raise ValueError(f"a timer cannot be due {-seconds} seconds ago")
        timer = Timer(self._now + seconds, action)
        self._count += 1
        heapq.heappush(self._queue, (timer.due, self._count, timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Move on, running due timers in order, each at its own time; timers made meanwhile count too.

        If a timer raises, time stands at that timer and later ones stay due. ValueError for going back.
        """
        if seconds < 0:
            raise ValueError(f"time does not run backwards by {-seconds} seconds")
        end = self._now + seconds
        while self._queue and self._queue[0][0] <= end:
            due, _, timer = heapq.heappop(self._queue)
            self._now = max(self._now, due)
            timer.fire()
        self._now = end

    def next_due(self) -> float | None:
        """When the next pending timer is due, in seconds on this clock; None if nothing waits."""
        while self._queue and not self._queue[0][2].pending:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None
