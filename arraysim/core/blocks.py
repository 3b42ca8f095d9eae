"""Sparse contents of a volume on one array."""

from collections.abc import Iterable, Iterator

PAGE_BYTES = 64 * 1024
_ZERO = bytes(PAGE_BYTES)


def pages_of(offset: int, length: int) -> range:
    """The pages that `length` bytes at `offset` touch."""
    return range(offset // PAGE_BYTES, -(-(offset + length) // PAGE_BYTES)) if length else range(0)


class Blocks:
    """Bytes by 64 KiB pages; a page never written reads as zeros. Pages are immutable, so copies share them.

    `generation` counts changes, whoever makes them: it tells a write that did not come through replication.
    """

    __slots__ = ("_pages", "generation")

    def __init__(self) -> None:
        self._pages: dict[int, bytes] = {}
        self.generation = 0

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes at `offset`."""
        return b"".join(self._pages.get(page, _ZERO)[start:end] for page, start, end in _spans(offset, length))

    def write(self, offset: int, data: bytes) -> None:
        """Put `data` at `offset`; one step of `generation`."""
        done = 0
        for page, start, end in _spans(offset, len(data)):
            piece = bytes(data[done : done + end - start])
            done += len(piece)
            if len(piece) != PAGE_BYTES:
                old = self._pages.get(page, _ZERO)
                piece = old[:start] + piece + old[end:]
            self._put(page, piece)
        self.generation += 1

    def copy_from(self, other: "Blocks") -> None:
        """Become equal to `other`; one step of `generation`."""
        self._pages = dict(other._pages)
        self.generation += 1

    def copy_pages_from(self, other: "Blocks", pages: Iterable[int]) -> None:
        """Make these pages equal to those of `other`; one step of `generation`."""
        for page in pages:
            self._put(page, other._pages.get(page, _ZERO))
        self.generation += 1

    def differing_pages(self, other: "Blocks") -> set[int]:
        """Pages on which the two differ: a full compare, for tests and deep checks."""
        return {
            page
            for page in self._pages.keys() | other._pages.keys()
            if self._pages.get(page, _ZERO) != other._pages.get(page, _ZERO)
        }

    @property
    def used_bytes(self) -> int:
        """Bytes in pages that hold something."""
        return len(self._pages) * PAGE_BYTES

    def _put(self, page: int, content: bytes) -> None:
        if content == _ZERO:
            self._pages.pop(page, None)  # zero detection: a page of zeros takes no space
        else:
            self._pages[page] = content


def _spans(offset: int, length: int) -> Iterator[tuple[int, int, int]]:
    """(page, first byte within it, byte after the last) for each page touched."""
    if offset < 0 or length < 0:
        raise ValueError(f"offset {offset} and length {length} must not be negative")
    end = offset + length
    for page in pages_of(offset, length):
        first = page * PAGE_BYTES
        yield page, max(offset, first) - first, min(end, first + PAGE_BYTES) - first
