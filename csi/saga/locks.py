"""Locks by name: one volume, one group, one host at a time within this process (one controller leads at a time)."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from csi.clock import Clock, Deadline
from csi.errors import Busy


class Locks:
    """Named locks that exist only while somebody holds or waits for them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._held: set[str] = set()

    @contextmanager
    def holding(self, names: Iterable[str], *, timeout_seconds: float) -> Iterator[None]:
        """Hold all of `names` or none of them; Busy if that takes longer than `timeout_seconds`.

        All are taken at once, so two callers never wait for each other in a ring.
        """
        wanted = frozenset(names)
        deadline = Deadline(self._clock, timeout_seconds)
        with self._changed:
            while self._held & wanted:
                left = deadline.left_seconds()
                if left <= 0:
                    blocked = ", ".join(sorted(self._held & wanted))
                    raise Busy(f"another operation is working on {blocked}", hint="Repeat the call in a few seconds")
                self._changed.wait(left)
            self._held |= wanted
        try:
            yield
        finally:
            with self._changed:
                self._held -= wanted
                self._changed.notify_all()
