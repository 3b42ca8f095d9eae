"""The UNIX socket a driver serves: where it is, that nobody else serves it, and who may connect."""

import fcntl
import hashlib
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from csi.errors import BadSettings

#: `sun_path` of Linux holds 108 bytes, the last one NUL.
SOCKET_PATH_LIMIT_BYTES = 107
#: Read and write for the owner and its group: 0660.
SOCKET_UMASK = 0o117


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A UNIX socket by its absolute path."""

    path: Path

    @property
    def address(self) -> str:
        """As gRPC writes it."""
        return f"unix:{self.path}"

    def __str__(self) -> str:
        return f"unix://{self.path}"


def parse_endpoint(text: str) -> Endpoint:
    """Read `unix:///path`, `unix:/path` or a bare absolute path; BadSettings for anything else, TCP included."""
    scheme, colon, rest = text.partition(":")
    if not colon:
        path = text
    elif scheme.lower() == "unix":
        path = rest[2:] if rest.startswith("//") else rest
    else:
        raise BadSettings(
            f"the endpoint {text!r} is not a UNIX socket",
            hint="Set CSI_ENDPOINT to unix:///path/to/csi.sock; a driver serves nothing on a network",
        )
    if not path.startswith("/") or path.endswith("/") or "\0" in path:
        raise BadSettings(f"the endpoint {text!r} names no absolute path", hint="Write it as unix:///path/to/csi.sock")
    if (size := len(os.fsencode(path))) > SOCKET_PATH_LIMIT_BYTES:
        raise BadSettings(
            f"the socket's path {path} has {size} bytes, Linux takes {SOCKET_PATH_LIMIT_BYTES}",
            hint="Choose a shorter path",
        )
    return Endpoint(Path(path))


@contextmanager
def claimed(endpoint: Endpoint, *, lock_folder: Path | None = None) -> Iterator[None]:
    """Hold the right to serve `endpoint`; BadSettings if another process serves it, or if nothing can be bound there.

    gRPC binds over a live socket without a word and so takes another driver's clients (csi.md 8). Two guards: a lock
    file, out of the socket's folder because nothing else may lie there, and a look whether anybody answers, for a
    driver in another container has other lock files. A socket that nobody serves is removed.
    """
    with _locked(endpoint, lock_folder or _lock_folder()):
        _clear_the_way(endpoint)
        try:
            yield
        finally:
            endpoint.path.unlink(missing_ok=True)


@contextmanager
def narrow_umask() -> Iterator[None]:
    """Sockets bound inside are for the owner and its group. The umask is the process's: use it before threads start."""
    before = os.umask(SOCKET_UMASK)
    try:
        yield
    finally:
        os.umask(before)


def _lock_folder() -> Path:
    return Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())


@contextmanager
def _locked(endpoint: Endpoint, folder: Path) -> Iterator[None]:
    name = hashlib.sha256(os.fsencode(os.path.realpath(endpoint.path))).hexdigest()[:16]
    file = folder / f"csi-3par-{name}.lock"
    try:
        # No following of links: the folder may be one that everybody writes to.
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadSettings(
            f"the lock file {file} cannot be opened: {error.strerror}",
            hint="Set XDG_RUNTIME_DIR to a folder of this driver's own",
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise _served(endpoint) from None
    try:
        yield
    finally:
        # The file stays: removing it would let a third process lock a new one beside a second that waits for this one.
        os.close(handle)


def _served(endpoint: Endpoint) -> BadSettings:
    return BadSettings(
        f"another process serves {endpoint}",
        done="It was left alone",
        hint="Stop it first, or give this one another CSI_ENDPOINT",
    )


def _clear_the_way(endpoint: Endpoint) -> None:
    path = endpoint.path
    if not path.parent.is_dir():
        raise BadSettings(f"the folder {path.parent} of the socket does not exist", hint="Create or mount it")
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise BadSettings(f"{path} is there and is not a socket", done="It was left alone", hint="Move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            # Its queue of connections is full: somebody owns it, however busy.
            pass
    raise _served(endpoint)
