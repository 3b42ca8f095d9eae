"""A tiny durable map with compare-and-swap: what the driver must remember over a restart and the arrays cannot say."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's JSON text and the revision a later change must name; a key's revisions only grow."""

    key: str
    text: str
    revision: int


class Store(Protocol):
    """Implementations are safe for several threads; a `put` that returned has reached stable storage."""

    def get(self, key: str) -> Entry | None:
        """The entry, or None."""

    def list(self, prefix: str) -> tuple[Entry, ...]:
        """Entries whose key begins with `prefix`, ordered by key."""

    def put(self, key: str, text: str, *, expect: int | None) -> Entry:
        """Write. `expect` is the revision seen, 0 for "must not exist", None for "whatever is there".

        Busy if the revision is another one by now.
        """

    def delete(self, key: str, *, expect: int | None = None) -> None:
        """Remove; a key that is gone is fine. Busy if `expect` is given and the revision is another one by now."""

    def close(self) -> None:
        """Let go of files and connections."""
