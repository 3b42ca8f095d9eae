"""The mount table and the commands that change it. mountinfo is the truth; a command's exit code is only a hint."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from csi.clock import Clock, Deadline, poll
from csi.errors import Busy
from csi.node import multipath
from csi.node.port import Host

TABLE = "/proc/1/mountinfo"
POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo: mount point, device "major:minor", folder or node within that device, read-only or not."""

    point: str
    number: str
    root: str
    read_only: bool


def table(host: Host) -> list[Mount]:
    """All mounts of the host's first process, in the order in which they were made."""
    found = []
    for line in (host.read(TABLE) or "").splitlines():
        fields = line.split(" ")
        if len(fields) >= 6:
            found.append(Mount(_plain(fields[4]), fields[2], _plain(fields[3]), "ro" in fields[5].split(",")))
    return found


def at(host: Host, path: str) -> Mount | None:
    """The topmost mount at exactly `path`."""
    point = host.resolve(path)
    return next((mount for mount in reversed(table(host)) if mount.point == point), None)


def wwn_of(host: Host, mount: Mount) -> str | None:
    """The WWN of the multipath map that is mounted, or whose device file is bound, there; None for any other mount."""
    by_number = multipath.wwn_of(host, number=mount.number)
    # A bound device file shows the number of the file system that holds it (devtmpfs), and the file as the root.
    return by_number or multipath.wwn_of(host, kernel=mount.root.rpartition("/")[2])


def mount_device(
    host: Host, device: str, path: str, *, fs_type: str, options: Collection[str], timeout_seconds: float
) -> None:
    """Mount a file system. Options may be secret, they are neither logged nor repeated in an error."""
    joined = ",".join(options)
    argv = ["mount", "-t", fs_type, *(["-o", joined] if joined else []), host.device(device), path]
    host.run(argv, timeout_seconds=timeout_seconds, hide=(joined, *options))


def bind(host: Host, source: str, target: str, *, timeout_seconds: float) -> None:
    """Make `source` (a folder or a device file) appear at `target` too."""
    host.run(["mount", "--bind", source, target], timeout_seconds=timeout_seconds)


def make_read_only(host: Host, target: str, *, timeout_seconds: float) -> None:
    """Make one bind mount read-only without touching the file system behind it."""
    host.run(["mount", "-o", "remount,bind,ro", target], timeout_seconds=timeout_seconds)


def unmount(
    host: Host,
    clock: Clock,
    path: str,
    *,
    ours: Callable[[Mount], bool],
    stuck: Callable[[], None],
    timeout_seconds: float,
    each_seconds: float,
) -> None:
    """Unmount `path` for as long as the topmost mount there is `ours`; Busy if it still is after `timeout_seconds`.

    Never lazily: a lazy unmount reports success while the file system is still written to (docker-plugin.md B-12). One
    attempt may take `each_seconds`; `stuck` is called after one that failed.
    """
    last = ""
    deadline = Deadline(clock, timeout_seconds)

    def gone() -> bool:
        nonlocal last
        while (mount := at(host, path)) is not None and ours(mount):
            attempt_seconds = max(1.0, min(each_seconds, deadline.left_seconds()))
            result = host.run(["umount", mount.point], timeout_seconds=attempt_seconds, check=False)
            if result.code != 0:
                last = result.reason
                stuck()
                return (left := at(host, path)) is None or not ours(left)
        return True

    if not poll(clock, gone, timeout_seconds=timeout_seconds, every_seconds=POLL_SECONDS):
        raise Busy(
            f"{path} cannot be unmounted ({last})",
            done="It was left mounted",
            hint="End what uses it; the call can be repeated",
        )


def _plain(text: str) -> str:
    """Undo mountinfo's escapes for blank, tab, newline and backslash."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
