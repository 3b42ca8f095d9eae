"""The journal: what we were in the middle of.

Order of writes, and why it holds at every crash point:

1. the record is written before the first step, without steps;
2. each step's description is added before the step acts, so whatever may exist on an array is in a record;
3. the record is removed when all steps are done, or when all that are in it are undone.

A crash after 2 and before the effect leaves a description of something that is not there: undoing it finds nothing. A
crash after the last effect and before 3 leaves a record of a finished operation: a repeat of the call finds
everything in place and closes it, otherwise recovery undoes it, which the caller never heard had succeeded.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from csi.saga.step import Described
from csi.store.port import Store

_PREFIX = "saga/"


@dataclass(frozen=True, slots=True)
class Record:
    """An open operation: `scopes` are the things it holds, `opened` seconds since the epoch."""

    key: str
    scopes: tuple[str, ...]
    opened: float
    steps: tuple[Described, ...] = ()


class Journal:
    """Open operations in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, key: str, scopes: Iterable[str], now: float) -> Record:
        """Write a record without steps."""
        record = Record(key, tuple(sorted(scopes)), now)
        self._write(record)
        return record

    def intend(self, record: Record, step: Described) -> Record:
        """Add a step that is about to act."""
        longer = replace(record, steps=(*record.steps, step))
        self._write(longer)
        return longer

    def close(self, record: Record) -> None:
        """Forget the operation: everything is done, or everything is undone."""
        self._store.delete(_PREFIX + record.key)

    def records(self) -> tuple[Record, ...]:
        """All open operations."""
        return tuple(self._read(entry.text) for entry in self._store.list(_PREFIX))

    def get(self, key: str) -> Record | None:
        """The open operation of that key."""
        entry = self._store.get(_PREFIX + key)
        return self._read(entry.text) if entry else None

    def _write(self, record: Record) -> None:
        text = json.dumps(
            {
                "key": record.key,
                "scopes": list(record.scopes),
                "opened": record.opened,
                "steps": [dict(step) for step in record.steps],
            },
            sort_keys=True,
        )
        self._store.put(_PREFIX + record.key, text, expect=None)

    @staticmethod
    def _read(text: str) -> Record:
        data = json.loads(text)
        return Record(data["key"], tuple(data["scopes"]), float(data["opened"]), tuple(data["steps"]))
