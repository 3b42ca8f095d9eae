"""Time and threads for node tests: waiting takes no time, a pool runs its work at once."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any


class JumpingClock:
    """A clock on which waiting takes no time; `at_wait` runs at each wait, which is where a test lets things happen."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.at_wait: Callable[[], None] = lambda: None

    def now(self) -> float:
        return 1_700_000_000.0 + self.seconds

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if not event.is_set():
            self.seconds += seconds
            self.at_wait()
        return event.is_set()


class InlineExecutor(Executor):
    """Runs each call at once in the caller's thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  # an executor hands every failure to the future
            future.set_exception(error)
        return future
