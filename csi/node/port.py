"""What the rest of the room may ask of the node, and what it gets back. `host.py` is the only implementation.

Two kinds of path pass through this door:

* Host paths (`/sys/...`, `/dev/...`, `/proc/1/mountinfo`, `/etc/iscsi/...`) live under the host root, which is `/` when
  the driver runs on the host itself and a mount of the host's file system when it runs in a container. `read`, `write`,
  `exists`, `glob`, `readlink` and `real` take and return them without the root.
* Volume paths (staging and target paths, as the CO names them) are used as they are. In a container the CO's folder
  (`/var/lib/kubelet`) is therefore mounted at the same path, with mount propagation, so that a folder made here is the
  folder the host sees, and a mount made on the host is seen here.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from csi.errors import Busy

#: The code of a process that was killed for taking too long.
TIMED_OUT = -1


class PathKind(StrEnum):
    """What lies at a volume path."""

    MISSING = "missing"
    FOLDER = "folder"
    FILE = "file"
    OTHER = "other"


class ToolFailed(Busy):
    """A tool or a kernel file refused, or did not answer in time; the same call may be repeated."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a process ended: exit code (TIMED_OUT if it was killed), standard output, standard error."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """Standard output as text."""
        return self.raw.decode(errors="replace")

    @property
    def timed_out(self) -> bool:
        """Whether the process was killed for taking too long."""
        return self.code == TIMED_OUT

    @property
    def reason(self) -> str:
        """One line for an error message."""
        if self.timed_out:
            return "no answer in time"
        text = " ".join((self.err.strip() or self.out.strip()).split())
        return f"exit code {self.code}" + (f": {text[:300]}" if text else "")


@dataclass(frozen=True, slots=True)
class Space:
    """What statvfs says of a mounted file system, in bytes and inodes; `available` is for ordinary users."""

    total_bytes: int
    available_bytes: int
    used_bytes: int
    total_inodes: int
    available_inodes: int
    used_inodes: int


class Host(Protocol):
    """What the rest of the room may ask of the node."""

    def run(
        self, argv: Sequence[str], *, timeout_seconds: float, check: bool = True, hide: Collection[str] = ()
    ) -> Result:
        """Run a tool. With `check`, an exit code other than 0 raises ToolFailed. `hide` lists secret arguments."""

    def device(self, path: str) -> str:
        """How a tool names the host's device `path`."""

    def read(self, path: str) -> str | None:
        """A small file's text without surrounding blanks; None if it cannot be read."""

    def read_bytes(self, path: str) -> bytes | None:
        """A small file's bytes; None if it cannot be read."""

    def write(self, path: str, text: str, *, timeout_seconds: float = 10.0) -> None:
        """Write a line to an existing file (sysfs); ToolFailed if the kernel refuses or is not done in time."""

    def exists(self, path: str) -> bool:
        """Whether a host path exists."""

    def glob(self, pattern: str) -> list[str]:
        """Host paths that match, sorted."""

    def readlink(self, path: str) -> str | None:
        """The text of a symbolic link; None if there is none."""

    def real(self, path: str) -> str:
        """A host path with all links resolved."""

    def resolve(self, path: str) -> str:
        """A volume path with all links resolved, as the mount table shows it."""

    def kind(self, path: str) -> PathKind:
        """What lies at a volume path (links are not followed)."""

    def make_folder(self, path: str) -> None:
        """Make the folder at a volume path; it may exist."""

    def make_file(self, path: str) -> None:
        """Make an empty file at a volume path; it may exist."""

    def remove(self, path: str) -> None:
        """Remove an empty folder or an empty file at a volume path; ToolFailed if it holds anything."""

    def set_owner(self, path: str, uid: int, gid: int) -> None:
        """Change the owner of a volume path."""

    def set_mode(self, path: str, mode: int) -> None:
        """Change the permission bits of a volume path."""

    def space(self, path: str) -> Space:
        """Room in the file system at a volume path."""
