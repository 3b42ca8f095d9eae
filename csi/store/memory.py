"""A store that lives as long as the process; for trying the driver and for tests."""

import threading

from csi.errors import Busy
from csi.store.port import Entry


class MemoryStore:
    """The contract of `csi.store.port.Store` on a dictionary."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._last_revision = 0

    def get(self, key: str) -> Entry | None:
        with self._lock:
            return self._entries.get(key)

    def list(self, prefix: str) -> tuple[Entry, ...]:
        with self._lock:
            return tuple(self._entries[key] for key in sorted(self._entries) if key.startswith(prefix))

    def put(self, key: str, text: str, *, expect: int | None) -> Entry:
        with self._lock:
            self._compare(key, expect)
            self._last_revision += 1
            entry = Entry(key, text, self._last_revision)
            self._entries[key] = entry
            return entry

    def delete(self, key: str, *, expect: int | None = None) -> None:
        with self._lock:
            self._compare(key, expect)
            self._entries.pop(key, None)

    def close(self) -> None:
        """Nothing to let go of."""

    def _compare(self, key: str, expect: int | None) -> None:
        if expect is None:
            return
        entry = self._entries.get(key)
        seen = entry.revision if entry else 0
        if seen != expect:
            raise Busy(f"the record {key!r} was changed by another operation", hint="Repeat the call")
