"""What the demo prints: numbered steps, proofs that hold or not; colour on a terminal, plain lines elsewhere."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_GREEN, _RED, _BOLD, _DIM, _END = "\033[32m", "\033[31m", "\033[1m", "\033[2m", "\033[0m"


class ProofFailed(Exception):
    """Something that the demo claims did not hold."""


class Screen:
    """Prints steps and proofs, and counts both."""

    def __init__(self, *, colour: bool | None = None) -> None:
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ if colour is None else colour
        self._steps = 0
        self.proofs = 0
        self._start = time.monotonic()

    @contextmanager
    def step(self, words: str) -> Iterator[None]:
        """Announce a step before it starts, so that a wait has a name."""
        self._steps += 1
        seconds = time.monotonic() - self._start
        self._write(f"\n{self._paint(_BOLD, f'{self._steps}. {words}')} {self._paint(_DIM, f'[{seconds:.0f} s]')}")
        yield

    def say(self, text: str) -> None:
        """An indented line or several."""
        for line in text.splitlines() or [""]:
            self._write(f"   {line}")

    def prove(self, holds: bool, words: str) -> None:
        """A claim: printed with its verdict. ProofFailed if it does not hold."""
        mark = self._paint(_GREEN, "ok") if holds else self._paint(_RED, "FAILED")
        self._write(f"   {mark} {words}")
        if not holds:
            raise ProofFailed(words)
        self.proofs += 1

    def table(self, rows: Iterable[tuple[str, ...]]) -> None:
        """Rows in aligned columns, the first one dimmed as a heading."""
        lines = [tuple(row) for row in rows]
        widths = [max(len(row[column]) for row in lines) for column in range(len(lines[0]))]
        for number, row in enumerate(lines):
            text = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            self.say(self._paint(_DIM, text) if number == 0 else text)

    def end(self, words: str, *, good: bool) -> None:
        """The last line."""
        seconds = time.monotonic() - self._start
        self._write(f"\n{self._paint(_GREEN if good else _RED, words)} ({self.proofs} proofs, {seconds:.0f} s)")

    def _paint(self, code: str, text: str) -> str:
        return f"{code}{text}{_END}" if self._colour else text

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
