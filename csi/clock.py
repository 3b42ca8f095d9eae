"""Time as a constructor argument: everything that waits or stamps asks a Clock, tests hand in their own."""

import threading
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Wall time for stamps, monotonic time for waiting; both in seconds."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` have passed; True if it is set."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(max(0.0, seconds))


class Deadline:
    """A moment on a clock's monotonic scale after which no new step should start."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._at = clock.monotonic() + seconds

    def left_seconds(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._at - self._clock.monotonic())


def poll(clock: Clock, ready: Callable[[], bool], *, timeout_seconds: float, every_seconds: float) -> bool:
    """Ask `ready` until it is true or `timeout_seconds` have passed; True if it became true."""
    never = threading.Event()
    deadline = Deadline(clock, timeout_seconds)
    while not ready():
        left = deadline.left_seconds()
        if left <= 0:
            return False
        clock.wait(never, min(every_seconds, left))
    return True
