"""The one lock, the one clock, and waiting that is fed by both: nothing in this package waits for wall time."""

import threading
from collections.abc import Callable

from arraysim.core.clock import Timer
from arraysim.core.pair import Pair


class HostStopped(Exception):
    """The simulated host was closed while somebody waited for it."""


class World:
    """The pair as a host sees it: simulated seconds, timers, and a condition that every state change notifies.

    All methods but `stop` are called with `lock` held. Timers run in the thread that advances the clock, which holds
    the lock too.
    """

    def __init__(self, pair: Pair, lock: "threading.RLock") -> None:
        self.pair = pair
        self.lock = lock
        self.closed = False
        #: How many threads wait in `wait` now.
        self.waiting = 0
        self._changed = threading.Condition(lock)

    @property
    def now(self) -> float:
        """Simulated seconds since the epoch."""
        return self.pair.clock.now

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run `action` when `seconds` simulated seconds have passed, unless the host is closed by then."""

        def run() -> None:
            if not self.closed:
                action()
                self._changed.notify_all()

        return self.pair.clock.call_later(seconds, run)

    def every(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` every `seconds` simulated seconds for as long as the host is open."""

        def again() -> None:
            action()
            self.later(seconds, again)

        self.later(seconds, again)

    def notify(self) -> None:
        """Something changed: whoever waits looks again."""
        self._changed.notify_all()

    def wait(self, ready: Callable[[], bool]) -> None:
        """Release the lock until `ready` holds. HostStopped if the host is closed first."""
        if ready():
            return
        self.waiting += 1
        self._changed.notify_all()
        try:
            while not ready():
                if self.closed:
                    raise HostStopped
                self._changed.wait()
        finally:
            self.waiting -= 1

    def watch(self, ready: Callable[[], bool], deadline_seconds: float) -> bool:
        """For bystanders such as tests: wait until `ready` holds or so many seconds of real time have passed."""
        with self.lock:
            return self._changed.wait_for(ready, deadline_seconds)

    def stop(self) -> None:
        """Wake everybody who waits, with HostStopped."""
        with self.lock:
            self.closed = True
            self._changed.notify_all()
