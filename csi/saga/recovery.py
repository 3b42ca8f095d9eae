"""Undoes operations that a crash or a dark array left open, once their callers had time to come back."""

import logging
import threading

from csi.clock import Clock
from csi.errors import Busy, DriverError
from csi.saga.runner import Runner

_log = logging.getLogger(__name__)

#: A CO repeats a call within seconds; after this long an unfinished one is taken back.
GRACE_SECONDS = 120.0
#: How often the journal is looked through.
INTERVAL_SECONDS = 15.0


class Recovery:
    """A thread that settles records older than the grace period until it is stopped."""

    def __init__(self, runner: Runner, clock: Clock, *, grace_seconds: float = GRACE_SECONDS) -> None:
        self._runner = runner
        self._clock = clock
        self._grace_seconds = grace_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="recovery", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the record in hand."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def sweep(self) -> tuple[str, ...]:
        """Settle every record that is old enough; answers the keys of those that are still open."""
        still_open = []
        for record in self._runner.open_records():
            if self._clock.now() - record.opened < self._grace_seconds:
                still_open.append(record.key)
                continue
            try:
                self._runner.settle(record)
                _log.info("%s: undone, nobody came back for it", record.key)
            except Busy:
                still_open.append(record.key)
            except DriverError as error:
                _log.warning("%s: still open: %s", record.key, error)
                still_open.append(record.key)
        return tuple(still_open)

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self.sweep()
            except Exception:  # noqa: BLE001 the thread must outlive one bad record; the next round tries again
                _log.exception("looking through the journal failed")
            self._clock.wait(self._stop, INTERVAL_SECONDS)
