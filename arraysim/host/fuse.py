"""A file system server of its own over /dev/fuse: one flat folder whose files are served by callbacks.

Only what a loop device needs of the kernel's protocol (linux/fuse.h, version 7.31): files have a size, are opened for
direct I/O so that nothing is cached above us, and are read and written. A request is answered when its data is there,
from whichever thread that happens in, so a slow file does not hold up another.
"""

import contextlib
import ctypes
import errno
import os
import select
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_MS_NOSUID, _MS_NODEV, _MNT_DETACH = 2, 4, 2
_IN, _OUT = struct.Struct("<IIQQIIIHH"), struct.Struct("<IiQ")
_ATTR, _DIRENT = struct.Struct("<6Q10I"), struct.Struct("<QQII")
_ENTRY = struct.Struct("<QQQQII")
_IO = struct.Struct("<QQIIQII")
_ROOT = 1
_MAX_WRITE = 1 << 20
_ASYNC_READ, _BIG_WRITES, _MAX_PAGES = 1, 1 << 5, 1 << 22
#: No flush: a flush is asked for when any process closes a descriptor, also a child on its way from fork to exec that
#: inherited one. We could not answer that child while its parent, holding the interpreter's lock, waits for the exec.
_DIRECT_IO, _NO_FLUSH = 1, 1 << 5
LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE = 1, 2, 3, 4, 14, 15, 16, 17, 18
FSYNC, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, FSYNCDIR, ACCESS = 20, 25, 26, 27, 28, 29, 30, 34
INTERRUPT, DESTROY, BATCH_FORGET = 36, 38, 42
_SILENT = (FORGET, BATCH_FORGET, INTERRUPT)
_EMPTY = (RELEASE, RELEASEDIR, FSYNC, FSYNCDIR, ACCESS, DESTROY)

#: Told how an I/O ended: an errno (0 for success) and, for a read, the bytes.
Done = Callable[[int, bytes], None]


@dataclass(frozen=True, slots=True)
class ServedFile:
    """One file. `read(offset, length, done)` and `write(offset, data, done)` do not block; `done` may come later."""

    size_bytes: Callable[[], int]
    read: Callable[[int, int, Done], None]
    write: Callable[[int, bytes, Done], None]


def call(name: str, *arguments: object) -> None:
    """A function of libc that returns -1 for failure. OSError."""
    if getattr(_LIBC, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def mount(source: str, target: Path, kind: str, options: str, flags: int = 0) -> None:
    """mount(2). OSError."""
    call("mount", source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode())


def detach_mount(target: Path | str) -> None:
    """umount2(MNT_DETACH): gone from the tree at once, whatever still uses it."""
    with contextlib.suppress(OSError):
        call("umount2", os.fsencode(target), _MNT_DETACH)


class FuseServer:
    """Serves `files` at `folder` from a thread until it is closed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, tuple[int, ServedFile]] = {}
        self._nodes: dict[int, ServedFile] = {}
        self._last = _ROOT
        folder.mkdir(parents=True, exist_ok=True)
        self._channel = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        self._stop_out, self._stop_in = os.pipe()
        try:
            options = f"fd={self._channel},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},allow_other"
            mount("arraysim", folder, "fuse", options, _MS_NOSUID | _MS_NODEV)
        except OSError:
            for descriptor in (self._channel, self._stop_out, self._stop_in):
                os.close(descriptor)
            raise
        self._thread = threading.Thread(target=self._serve, name="simhost-fuse", daemon=True)
        self._thread.start()

    def add(self, name: str, file: ServedFile) -> Path:
        """A new file; where it is."""
        self._last += 1
        self._files[name] = (self._last, file)
        self._nodes[self._last] = file
        return self.folder / name

    def remove(self, name: str) -> None:
        """The file is gone for those who do not have it open."""
        node, _ = self._files.pop(name)
        self._nodes.pop(node, None)

    def close(self) -> None:
        """Unmount; whatever is still asked fails. Does not wait for anybody who uses the files."""
        detach_mount(self.folder)
        os.write(self._stop_in, b".")
        self._thread.join(5)
        # The last descriptor of the channel: closing it ends the connection, and with it every request.
        os.close(self._channel)
        os.close(self._stop_out)
        os.close(self._stop_in)

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._channel, self._stop_out], [], [])
            if self._stop_out in ready:
                return
            try:
                raw = os.read(self._channel, _MAX_WRITE + 65536)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                    continue
                return  # ENODEV: unmounted
            _length, opcode, unique, node, *_ = _IN.unpack_from(raw)
            if opcode in _SILENT:
                continue
            try:
                self._handle(opcode, unique, node, raw[_IN.size :])
            except OSError as error:
                self._reply(unique, error.errno or errno.EIO)

    def _reply(self, unique: int, error: int, data: bytes = b"") -> None:
        head = _OUT.pack(_OUT.size + len(data), -error, unique)
        with contextlib.suppress(OSError):  # whoever asked is gone
            os.write(self._channel, head + data)

    def _handle(self, opcode: int, unique: int, node: int, body: bytes) -> None:
        if opcode == INIT:
            self._reply(unique, 0, self._init(body))
        elif opcode == LOOKUP:
            self._reply(unique, 0, self._lookup(body.rstrip(b"\0").decode()))
        elif opcode in (GETATTR, SETATTR):
            self._reply(unique, 0, struct.pack("<QII", 0, 0, 0) + self._attr(node))
        elif opcode in (OPEN, OPENDIR):
            self._reply(unique, 0, struct.pack("<QII", 0, _DIRECT_IO | _NO_FLUSH if opcode == OPEN else 0, 0))
        elif opcode == READ:
            _handle, offset, size, *_ = _IO.unpack_from(body)
            self._file(node).read(offset, size, lambda error, data: self._reply(unique, error, data))
        elif opcode == WRITE:
            _handle, offset, size, *_ = _IO.unpack_from(body)
            data = body[_IO.size : _IO.size + size]
            written = struct.pack("<II", len(data), 0)
            self._file(node).write(offset, data, lambda error, _: self._reply(unique, error, b"" if error else written))
        elif opcode == READDIR:
            self._reply(unique, 0, self._list(struct.unpack_from("<QQ", body)[1]))
        elif opcode == STATFS:
            self._reply(unique, 0, struct.pack("<5Q4I24x", 0, 0, 0, len(self._files), 0, 4096, 255, 4096, 0))
        else:
            # To FLUSH this says, on kernels that do not know _NO_FLUSH: never ask again.
            self._reply(unique, 0 if opcode in _EMPTY else errno.ENOSYS)

    def _file(self, node: int) -> ServedFile:
        found = self._nodes.get(node)
        if found is None:
            raise OSError(errno.EIO, "the map is gone")
        return found

    def _init(self, body: bytes) -> bytes:
        major, minor, readahead, offered = struct.unpack_from("<4I", body)
        flags = offered & (_ASYNC_READ | _BIG_WRITES | _MAX_PAGES)
        head = struct.pack("<4IHHIIHHI", major, min(minor, 31), readahead, flags, 64, 48, _MAX_WRITE, 1, 256, 0, 0)
        return head.ljust(64, b"\0")

    def _lookup(self, name: str) -> bytes:
        found = self._files.get(name)
        if found is None:
            raise OSError(errno.ENOENT, name)
        return _ENTRY.pack(found[0], 0, 0, 0, 0, 0) + self._attr(found[0])

    def _attr(self, node: int) -> bytes:
        mode, size = (0o40755, 0) if node == _ROOT else (0o100600, self._file(node).size_bytes())
        return _ATTR.pack(node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, os.getuid(), os.getgid(), 0, 4096, 0)

    def _list(self, offset: int) -> bytes:
        out = b""
        for place, (name, (node, _)) in enumerate(list(self._files.items())):
            if place >= offset:
                raw = name.encode()
                entry = _DIRENT.pack(node, place + 1, len(raw), 8) + raw
                out += entry.ljust(-(-len(entry) // 8) * 8, b"\0")
        return out
