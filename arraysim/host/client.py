"""A map as a file, from any process on this machine: for writers that watch a switchover from outside."""

import json
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class MapFile:
    """Reads and writes the data of a simulated host's map, like an open block device.

    While it is open the map is in use. `folder` is the host's folder, `name` the map's name, WWID or device file. I/O
    waits and fails as I/O on the device would; every error is an OSError. Not safe for threads.
    """

    def __init__(self, folder: Path | str, name: str) -> None:
        self._name = name
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        place = os.open(Path(folder) / "run", os.O_PATH)
        try:
            self._link.connect(f"/proc/self/fd/{place}/host.sock")
        finally:
            os.close(place)
        self._stream = self._link.makefile("rwb")
        try:
            self._ask(kind="open")
        except OSError:
            self.close()
            raise

    @property
    def size_bytes(self) -> int:
        """The map's size now."""
        size, _ = self._ask(kind="size")
        return size

    def pread(self, length: int, offset: int) -> bytes:
        """Up to `length` bytes at `offset`; fewer at the end of the device."""
        _, data = self._ask(kind="read", offset=offset, length=length)
        return data

    def pwrite(self, data: bytes, offset: int) -> int:
        """Write all of `data` at `offset`; returns when an array has it (both, while the group is started)."""
        self._ask(data, kind="write", offset=offset)
        return len(data)

    def fsync(self) -> None:
        """Nothing is cached on the way; raises if the device is gone."""
        self._ask(kind="flush")

    def close(self) -> None:
        """Let go of the device."""
        self._stream.close()
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, data: bytes = b"", **request: Any) -> tuple[int, bytes]:  # noqa: ANN401 (JSON values)
        head = json.dumps({**request, "map": self._name, "body": len(data)}).encode()
        self._stream.write(head + b"\n" + data)
        self._stream.flush()
        line = self._stream.readline()
        if not line:
            raise ConnectionResetError("the simulated host was closed")
        answer = json.loads(line)
        if answer["error"]:
            raise OSError(answer["error"], os.strerror(answer["error"]), self._name)
        return answer["size"], self._stream.read(answer["body"])
