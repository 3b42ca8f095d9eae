"""The pod's part: writes records to the volume, each with an fsync, and keeps the times."""

import os
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

#: A record: its number and the number's complement, in a block of its own.
BLOCK_BYTES = 4096
_RECORD = struct.Struct("<QQ")
_MASK = (1 << 64) - 1
#: Records are written round and round behind the file system's own first blocks.
FIRST_OFFSET = 64 * 1024 * 1024
RING_BLOCKS = 4096
PAUSE_SECONDS = 0.01


class Device(Protocol):
    """What the pod writes to."""

    def pwrite(self, data: bytes, offset: int) -> int:
        """Write; OSError as the device gives it."""

    def pread(self, length: int, offset: int) -> bytes:
        """Read."""

    def fsync(self) -> None:
        """Return when the volume has it."""

    def close(self) -> None:
        """Let go."""


class PodFile:
    """A file in the pod's mounted folder."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def pwrite(self, data: bytes, offset: int) -> int:
        return os.pwrite(self._file, data, offset)

    def pread(self, length: int, offset: int) -> bytes:
        return os.pread(self._file, length, offset)

    def fsync(self) -> None:
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)


@dataclass(frozen=True, slots=True)
class Pace:
    """What a stretch of writing saw: acknowledged records, errors, the longest time one record took."""

    records: int
    errors: int
    longest_seconds: float


class Writer:
    """Writes in a thread until stopped; the time of every record is kept."""

    def __init__(self, device: Device) -> None:
        self._file = device
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._last = 0
        self._errors: list[str] = []
        self._longest = 0.0
        self._begun: float | None = None
        self._mark = (0, 0)
        self._thread = threading.Thread(target=self._write, name="writer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def begin_stretch(self) -> None:
        """Forget the longest time so far; what is under way counts from now."""
        with self._lock:
            self._longest = 0.0
            self._mark = (self._last, len(self._errors))
            if self._begun is not None:
                self._begun = time.monotonic()

    def stretch(self) -> Pace:
        """What happened since `begin_stretch`, a write that still waits included."""
        with self._lock:
            waiting = time.monotonic() - self._begun if self._begun is not None else 0.0
            return Pace(self._last - self._mark[0], len(self._errors) - self._mark[1], max(self._longest, waiting))

    def await_records(self, count: int, timeout_seconds: float) -> bool:
        """Wait until `count` more records are acknowledged; whether they were."""
        with self._lock:
            wanted = self._last + count
        deadline = time.monotonic() + timeout_seconds
        pause = threading.Event()
        while time.monotonic() < deadline:
            with self._lock:
                if self._last >= wanted:
                    return True
            pause.wait(0.02)
        return False

    def stop(self) -> None:
        """End after the record in hand."""
        self._stop.set()
        self._thread.join(timeout=30)

    def lost(self) -> int:
        """How many of the acknowledged records that must still be there cannot be read back."""
        missing = 0
        for number in range(max(1, self._last - RING_BLOCKS + 1), self._last + 1):
            found = self._file.pread(_RECORD.size, FIRST_OFFSET + number % RING_BLOCKS * BLOCK_BYTES)
            missing += _RECORD.unpack(found) != (number, number ^ _MASK)
        return missing

    @property
    def errors(self) -> list[str]:
        """What went wrong, in words."""
        with self._lock:
            return list(self._errors)

    def close(self) -> None:
        """Let go of the device."""
        self._file.close()

    def _write(self) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            number = self._last + 1
            block = _RECORD.pack(number, number ^ _MASK).ljust(BLOCK_BYTES, b"\0")
            with self._lock:
                self._begun = time.monotonic()
            try:
                self._file.pwrite(block, FIRST_OFFSET + number % RING_BLOCKS * BLOCK_BYTES)
                self._file.fsync()
            except OSError as error:
                with self._lock:
                    self._errors.append(str(error))
                    self._begun = None
                continue
            with self._lock:
                assert self._begun is not None
                self._longest = max(self._longest, time.monotonic() - self._begun)
                self._begun = None
                self._last = number
