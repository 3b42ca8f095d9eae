"""The embedded store: one SQLite file, every change on stable storage before the call returns."""

import sqlite3
import threading
from pathlib import Path

from csi.errors import BadSettings, Busy
from csi.store.port import Entry

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, text TEXT NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 1), last INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES (1, 0);
"""


class SqliteStore:
    """The contract of `csi.store.port.Store` on a file.

    WAL with synchronous=FULL: a commit is one fsync, and a reader never waits. One connection behind a lock is enough
    for a driver that makes a few changes a second.
    """

    def __init__(self, path: Path) -> None:
        """BadSettings if the file cannot be opened or is no SQLite database."""
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
            path.chmod(0o600)
        except (OSError, sqlite3.Error) as error:
            raise BadSettings(
                f"cannot open the journal: {error}",
                where=str(path),
                hint="Give a writable folder on a disk that outlives the process with --state-folder",
            ) from error

    def get(self, key: str) -> Entry | None:
        with self._lock:
            row = self._db.execute("SELECT key, text, revision FROM entries WHERE key = ?", (key,)).fetchone()
        return Entry(*row) if row else None

    def list(self, prefix: str) -> tuple[Entry, ...]:
        with self._lock:
            rows = self._db.execute(
                "SELECT key, text, revision FROM entries WHERE substr(key, 1, ?) = ? ORDER BY key",
                (len(prefix), prefix),
            ).fetchall()
        return tuple(Entry(*row) for row in rows)

    def put(self, key: str, text: str, *, expect: int | None) -> Entry:
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._compare(key, expect)
            self._db.execute("UPDATE counter SET last = last + 1")
            revision = int(self._db.execute("SELECT last FROM counter").fetchone()[0])
            self._db.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", (key, text, revision))
        return Entry(key, text, revision)

    def delete(self, key: str, *, expect: int | None = None) -> None:
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._compare(key, expect)
            self._db.execute("DELETE FROM entries WHERE key = ?", (key,))

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _compare(self, key: str, expect: int | None) -> None:
        if expect is None:
            return
        row = self._db.execute("SELECT revision FROM entries WHERE key = ?", (key,)).fetchone()
        if (row[0] if row else 0) != expect:
            raise Busy(f"the record {key!r} was changed by another operation", hint="Repeat the call")
