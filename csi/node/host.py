"""The single door to the node's processes, sysfs and files. What passes through it is described in port.py.

Tools run in one of three ways (`ExecMode`); with the host root `/` they always run by PATH.
"""

import contextlib
import logging
import os
import re
import selectors
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum
from glob import glob
from pathlib import Path
from typing import IO

from csi.errors import BadSettings
from csi.node.port import TIMED_OUT, PathKind, Result, Space, ToolFailed

log = logging.getLogger(__name__)

TOOL_FOLDERS = ("usr/sbin", "usr/bin", "sbin", "bin")
#: Most that is kept of a tool's standard output; what comes after is read and dropped.
OUTPUT_LIMIT_BYTES = 8 * 1024 * 1024
#: A process in uninterruptible sleep survives SIGKILL; after this long it is left behind and reaped later.
REAP_SECONDS = 2.0


class ExecMode(StrEnum):
    """How tools run when the host root is not `/`.

    PATH: the host's executables, in our own namespaces; device arguments carry the host root.
    CHROOT: `chroot ROOT tool`, mounts reach the host by propagation. NSENTER: in the mount namespace of the host's
    init.
    """

    PATH = "path"
    CHROOT = "chroot"
    NSENTER = "nsenter"


class LinuxHost:
    """The real thing. `root` is where the host's file system is seen from here."""

    def __init__(self, root: Path = Path("/"), exec_mode: ExecMode = ExecMode.PATH) -> None:
        self._root = os.path.realpath(root)
        self._on_host = self._root == "/"
        self._mode = exec_mode
        self._left: list[subprocess.Popen[bytes]] = []
        self._left_lock = threading.Lock()

    # -- processes ----------------------------------------------------------------------------------------------------

    def run(
        self, argv: Sequence[str], *, timeout_seconds: float, check: bool = True, hide: Collection[str] = ()
    ) -> Result:
        """See Host.run. Always a session of its own, no standard input, the C locale, bounded output and time."""
        shown = " ".join("***" if word in hide else word for word in argv)
        log.debug("run: %s", shown)
        self._reap()
        try:
            process = subprocess.Popen(
                self._command(argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env=self._environment(),
                cwd="/",
            )
        except OSError as error:
            raise BadSettings(
                f"{argv[0]} cannot be run on this node: {error.strerror}",
                hint="Install it on the host, or check the host root and the way tools are run",
            ) from error
        result = self._finish(process, timeout_seconds)
        if hide:
            result = Result(result.code, result.raw, _without(result.err, hide))
        log.debug("ended: %s: code %d", shown, result.code)
        if check and result.code != 0:
            raise ToolFailed(f"{shown}: {_without(result.reason, hide)}")
        return result

    def _command(self, argv: Sequence[str]) -> list[str]:
        if self._on_host:
            return list(argv)
        if self._mode is ExecMode.CHROOT:
            return ["chroot", self._root, *argv]
        if self._mode is ExecMode.NSENTER:
            return ["nsenter", f"--mount={self._root}/proc/1/ns/mnt", "--", *argv]
        for folder in TOOL_FOLDERS:
            found = f"{self._root}/{folder}/{argv[0]}"
            if os.access(found, os.X_OK):
                return [found, *argv[1:]]
        raise BadSettings(
            f"{argv[0]} is not among the host's tools under {self._root}",
            hint="Install it on the host (open-iscsi, multipath-tools, e2fsprogs, xfsprogs, util-linux)",
        )

    def _environment(self) -> dict[str, str]:
        own = os.environ.get("PATH", "")
        folders = [f"/{folder}" for folder in TOOL_FOLDERS]
        if not self._on_host and self._mode is ExecMode.PATH:
            folders = [f"{self._root}/{folder}" for folder in TOOL_FOLDERS] + [own] + folders
        elif own:
            folders = [own, *folders]
        return {"PATH": ":".join(folders), "LC_ALL": "C"}

    def _finish(self, process: subprocess.Popen[bytes], timeout_seconds: float) -> Result:
        deadline = time.monotonic() + timeout_seconds
        try:
            ended, out, err = _drain(process, deadline)
            if ended:
                return Result(process.wait(), out, err.decode(errors="replace"))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            try:
                process.wait(REAP_SECONDS)
            except subprocess.TimeoutExpired:
                log.warning("process %d does not die (uninterruptible sleep); left behind", process.pid)
                with self._left_lock:
                    self._left.append(process)
            return Result(TIMED_OUT, out, err.decode(errors="replace"))
        finally:
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    def _reap(self) -> None:
        with self._left_lock:
            self._left = [process for process in self._left if process.poll() is None]

    # -- host paths ---------------------------------------------------------------------------------------------------

    def device(self, path: str) -> str:
        """See Host.device."""
        return path if self._on_host or self._mode is not ExecMode.PATH else self._at(path)

    def _at(self, path: str) -> str:
        return path if self._on_host else self._root + path

    def _without_root(self, path: str) -> str:
        return path if self._on_host else path.removeprefix(self._root)

    def read(self, path: str) -> str | None:
        """See Host.read."""
        raw = self.read_bytes(path)
        return None if raw is None else raw.decode(errors="replace").strip()

    def read_bytes(self, path: str) -> bytes | None:
        """See Host.read_bytes. Devices come and go under a reader, so a vanished file is an answer, not an error."""
        try:
            return Path(self._at(path)).read_bytes()
        except OSError as error:
            log.debug("cannot read %s: %s", path, error.strerror)
            return None

    def write(self, path: str, text: str, *, timeout_seconds: float = 10.0) -> None:
        """See Host.write. It runs in a thread: a sysfs write to a dead device may not return for minutes."""
        log.debug("write: %s <- %s", path, text)
        done = threading.Event()
        failures: list[OSError] = []

        def work() -> None:
            try:
                descriptor = os.open(self._at(path), os.O_WRONLY)
                try:
                    os.write(descriptor, f"{text}\n".encode())
                finally:
                    os.close(descriptor)
            except OSError as error:
                failures.append(error)
            finally:
                done.set()

        threading.Thread(target=work, name="sysfs-write", daemon=True).start()
        if not done.wait(timeout_seconds):
            raise ToolFailed(f"the kernel is still busy with {text!r} written to {path}")
        if failures:
            raise ToolFailed(f"the kernel refused {text!r} written to {path}: {failures[0].strerror}") from failures[0]

    def exists(self, path: str) -> bool:
        """See Host.exists."""
        return os.path.exists(self._at(path))

    def glob(self, pattern: str) -> list[str]:
        """See Host.glob."""
        return sorted(self._without_root(found) for found in glob(self._at(pattern)))

    def readlink(self, path: str) -> str | None:
        """See Host.readlink."""
        try:
            return os.readlink(self._at(path))
        except OSError:
            return None

    def real(self, path: str) -> str:
        """See Host.real."""
        return self._without_root(os.path.realpath(self._at(path)))

    # -- volume paths -------------------------------------------------------------------------------------------------

    def resolve(self, path: str) -> str:
        """See Host.resolve. The last part is kept as it is: a target is never a link."""
        folder, name = os.path.split(path.rstrip("/"))
        return os.path.join(os.path.realpath(folder), name)

    def kind(self, path: str) -> PathKind:
        """See Host.kind."""
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return PathKind.MISSING
        if stat.S_ISDIR(mode):
            return PathKind.FOLDER
        return PathKind.FILE if stat.S_ISREG(mode) else PathKind.OTHER

    def make_folder(self, path: str) -> None:
        """See Host.make_folder."""
        with _explained("make the folder", path):
            os.makedirs(path, mode=0o750, exist_ok=True)

    def make_file(self, path: str) -> None:
        """See Host.make_file."""
        with _explained("make the file", path):
            os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o640))

    def remove(self, path: str) -> None:
        """See Host.remove. Never recursive, and never a file that has content (docker-plugin.md B-12)."""
        kind = self.kind(path)
        with _explained("remove", path):
            if kind is PathKind.FOLDER:
                os.rmdir(path)
            elif kind is PathKind.FILE:
                if os.lstat(path).st_size:
                    raise ToolFailed(f"{path} is a file with content and was left as it is")
                os.unlink(path)
            elif kind is PathKind.OTHER:
                raise ToolFailed(f"{path} is neither a folder nor a file and was left as it is")

    def set_owner(self, path: str, uid: int, gid: int) -> None:
        """See Host.set_owner."""
        with _explained("change the owner of", path):
            os.chown(path, uid, gid)

    def set_mode(self, path: str, mode: int) -> None:
        """See Host.set_mode."""
        with _explained("change the mode of", path):
            os.chmod(path, mode)

    def space(self, path: str) -> Space:
        """See Host.space."""
        with _explained("read the free space of", path):
            seen = os.statvfs(path)
        return Space(
            total_bytes=seen.f_blocks * seen.f_frsize,
            available_bytes=seen.f_bavail * seen.f_frsize,
            used_bytes=(seen.f_blocks - seen.f_bfree) * seen.f_frsize,
            total_inodes=seen.f_files,
            available_inodes=seen.f_favail,
            used_inodes=seen.f_files - seen.f_ffree,
        )


@contextlib.contextmanager
def _explained(doing: str, path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ToolFailed(f"cannot {doing} {path}: {error.strerror}") from error


def _without(text: str, hide: Collection[str]) -> str:
    for word in hide:
        if word:
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "***", text)
    return text


def _drain(process: subprocess.Popen[bytes], deadline: float) -> tuple[bool, bytes, bytes]:
    """Collect output until the process ends or `deadline` (monotonic) passes: (ended, out, err).

    The end of the process is watched, not the end of its pipes: a daemon that it left behind may keep those open for
    ever.
    """
    kept: dict[int, bytearray] = {}
    watch = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(watch, selectors.EVENT_READ)
            for pipe in (process.stdout, process.stderr):
                assert pipe is not None
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ, pipe)
                kept[pipe.fileno()] = bytearray()
            ended = False
            while not ended and (left := deadline - time.monotonic()) > 0:
                for key, _events in selector.select(left):
                    if key.fd == watch:
                        ended = True
                    elif not _take(key.data, kept[key.fd]):
                        selector.unregister(key.data)
            for pipe in (process.stdout, process.stderr):
                assert pipe is not None
                while _take(pipe, kept[pipe.fileno()]) and time.monotonic() < deadline:
                    pass
    finally:
        os.close(watch)
    out, err = (bytes(part) for part in kept.values())
    return ended, out, err


def _take(pipe: IO[bytes], kept: bytearray) -> bool:
    """Move what a pipe holds now into `kept`, dropping what exceeds the limit; False if it is empty or at its end."""
    try:
        chunk = os.read(pipe.fileno(), 65536)
    except BlockingIOError:
        return False
    kept += chunk[: max(0, OUTPUT_LIMIT_BYTES - len(kept))]
    return bool(chunk)
