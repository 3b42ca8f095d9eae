"""Real time drives simulated time."""

import threading
import time
from collections.abc import Callable

#: Fine enough that nobody sees the steps, coarse enough to cost nothing.
TICK_SECONDS = 0.02


class Ticker:
    """A thread that calls `advance` with simulated seconds: real time times `speed`.

    It ends when `advance` raises, after handing the exception to `failed`.
    """

    def __init__(
        self,
        advance: Callable[[float], None],
        failed: Callable[[BaseException], None],
        *,
        speed: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._advance = advance
        self._failed = failed
        self._speed = speed
        self._monotonic = monotonic
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="arraysim-ticker", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End and wait for the thread. Harmless when repeated or never started."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        last = self._monotonic()
        while not self._stop.wait(TICK_SECONDS):
            now = self._monotonic()
            try:
                self._advance((now - last) * self._speed)
            except Exception as bug:  # noqa: BLE001  the thread ends here, and the lab fails with what it is handed
                self._failed(bug)
                return
            last = now
