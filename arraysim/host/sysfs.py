"""Files, links and write-triggered attributes under the host's folder."""

import contextlib
import os
import selectors
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

#: Told what was written to a write-triggered attribute.
Trigger = Callable[[str], None]
_READ_BYTES = 4096


class Tree:
    """The folder that stands for `/`. Paths are absolute, as on the host. The caller holds the host's lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.attributes = Attributes()
        self._known: dict[str, bytes | str] = {}

    def at(self, path: str) -> Path:
        """Where a host path lies on this machine."""
        return self.folder / path.lstrip("/")

    def strip(self, path: str) -> str:
        """A path of this machine that lies in the folder, as the host names it; others are host paths already."""
        root = str(self.folder)
        return path.removeprefix(root) if path.startswith(root + "/") else path

    def put(self, path: str, content: bytes | str) -> None:
        """A file with this content, replaced in one step; text gets the newline that sysfs ends its values with."""
        raw = content if isinstance(content, bytes) else (content + "\n").encode()
        if self._known.get(path) == raw:
            return
        target = self.at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.new")
        fresh.write_bytes(raw)
        fresh.replace(target)
        self._known[path] = raw

    def link(self, path: str, to: str) -> None:
        """A relative symbolic link at `path` to the host path `to`, replaced in one step."""
        target = os.path.relpath(to, os.path.dirname(path))
        if self._known.get(path) == target:
            return
        where = self.at(path)
        where.parent.mkdir(parents=True, exist_ok=True)
        fresh = where.with_name(f".{where.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        fresh.replace(where)
        self._known[path] = target

    def trigger(self, path: str, action: Trigger) -> None:
        """A write-triggered attribute (`scan`, `delete`, `rescan`): a FIFO whose other end is ours."""
        target = self.at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        # 0200 in a real kernel; a daemon without root has to open its own attributes for reading.
        os.mkfifo(target, 0o600)
        self.attributes.add(path, target, action)

    def drop(self, path: str) -> None:
        """Remove a file, a link, or a folder with everything in it; it may be gone already."""
        self.attributes.remove(path)
        for known in [name for name in self._known if name == path or name.startswith(path + "/")]:
            del self._known[known]
        target = self.at(path)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target, ignore_errors=True)
        else:
            target.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of every FIFO."""
        self.attributes.close()


class Attributes:
    """The reading ends of all FIFOs. Each is held open for reading and writing, so that a writer never blocks.

    A write to sysfs has its effect before it returns; a FIFO cannot promise that. `drain` is therefore called before
    every command and by a thread as soon as anything is written: only a reader of sysfs can be a moment too early.
    """

    def __init__(self) -> None:
        self._open: dict[str, int] = {}
        self._actions: dict[int, Trigger] = {}
        self._selector = selectors.DefaultSelector()
        self._selector_lock = threading.Lock()
        self._wake_out, self._wake_in = os.pipe()
        self._selector.register(self._wake_out, selectors.EVENT_READ)

    def add(self, path: str, target: Path, action: Trigger) -> None:
        """Watch the FIFO at `target`."""
        descriptor = os.open(target, os.O_RDWR | os.O_NONBLOCK)
        self._open[path] = descriptor
        self._actions[descriptor] = action
        with self._selector_lock:
            self._selector.register(descriptor, selectors.EVENT_READ)

    def remove(self, path: str) -> None:
        """Stop watching the attribute, or all attributes in the folder, at `path`."""
        for known in [name for name in self._open if name == path or name.startswith(path + "/")]:
            descriptor = self._open.pop(known)
            del self._actions[descriptor]
            with self._selector_lock:
                self._selector.unregister(descriptor)
            os.close(descriptor)

    def drain(self) -> None:
        """Act on everything that was written so far, with the host's lock held."""
        for descriptor in list(self._actions):
            self._drain(descriptor)

    def _drain(self, descriptor: int) -> None:
        while (action := self._actions.get(descriptor)) is not None:
            try:
                raw = os.read(descriptor, _READ_BYTES)
            except BlockingIOError:
                return
            for line in raw.decode(errors="replace").splitlines():
                action(line.strip())

    def wait(self) -> bool:
        """Block until something is written or `close` is called; False for the latter. Called without the lock."""
        ready = self._selector.select()
        return all(key.fd != self._wake_out for key, _events in ready)

    def wake(self) -> None:
        """Make `wait` return False."""
        with contextlib.suppress(OSError):
            os.write(self._wake_in, b".")

    def close(self) -> None:
        """Close every descriptor; the watching thread has ended by then."""
        for path in list(self._open):
            self.remove(path)
        self._selector.close()
        os.close(self._wake_out)
        os.close(self._wake_in)
