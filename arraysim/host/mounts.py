"""The mount table of rootless mode: what mount(2) and umount(2) would do, and /proc/1/mountinfo in the kernel's format.

No kernel is involved: files written below a mount point do not reach the volume. What does reach the volume is the
superblock: mounting for writing sets the needs-recovery mark and the mount time, the last unmount clears the mark.
"""

import contextlib
import os
import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from arraysim.host.fsformat import EXT_BYTES, EXT_OFFSET, pack_ext, unpack_ext
from arraysim.host.maps import Map
from arraysim.host.sysfs import Tree

MOUNTINFO = "/proc/1/mountinfo"
_ESCAPES = {" ": "\\040", "\t": "\\011", "\n": "\\012", "\\": "\\134"}


class MountRefused(Exception):
    """mount(2) or umount(2) failed; the text is the reason as the tools word it."""


class Storage:
    """The block device under a mounted file system: reading and writing may raise OSError."""

    def __init__(self, found: Map, read: Callable[[int, int], bytes], write: Callable[[int, bytes], None]) -> None:
        self.map = found
        self.read = read
        self.write = write


@dataclass(eq=False, slots=True)
class Superblock:
    """A mounted file system; mounts and bind mounts of it share it."""

    number: str
    kind: str
    source: str
    options: str
    storage: Storage | None = None
    uuid: str = ""
    read_only: bool = False

    @property
    def shown(self) -> str:
        """Its options as mountinfo shows them."""
        return ("ro" if self.read_only else "rw") + (f",{self.options}" if self.options else "")


@dataclass(frozen=True, slots=True, eq=False)
class Mount:
    """One line of mountinfo."""

    id: int
    parent: int
    superblock: Superblock
    root: str
    target: str
    flags: tuple[str, ...]
    peers: int

    def line(self) -> str:
        """proc(5), /proc/pid/mountinfo."""
        block = self.superblock
        flags = ",".join(self.flags)
        return (
            f"{self.id} {self.parent} {block.number} {_escape(self.root)} {_escape(self.target)} {flags} "
            f"shared:{self.peers} - {block.kind} {_escape(block.source)} {block.shown}"
        )


def _escape(text: str) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def _under(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


@dataclass(eq=False)
class MountTable:
    """All mounts, oldest first. Not safe for threads: the caller holds the lock."""

    tree: Tree
    entries: list[Mount] = field(default_factory=list)
    _last: int = 20

    def boot(self) -> None:
        """What is mounted on any machine."""
        for number, kind, source, options, target in (
            ("8:1", "ext4", "/dev/vda1", "errors=remount-ro", "/"),
            ("0:21", "proc", "proc", "", "/proc"),
            ("0:22", "sysfs", "sysfs", "", "/sys"),
            ("0:6", "devtmpfs", "udev", "size=4062252k,nr_inodes=1015563,mode=755", "/dev"),
        ):
            self._add(Superblock(number, kind, source, options), "/", target, ("rw", "relatime"))

    def at(self, target: str) -> Mount | None:
        """The topmost mount on a mount point."""
        return next((entry for entry in reversed(self.entries) if entry.target == target), None)

    def holding(self, path: str) -> Mount:
        """The mount in which a path lies."""
        best = max(len(entry.target) for entry in self.entries if _under(path, entry.target))
        return next(e for e in reversed(self.entries) if len(e.target) == best and _under(path, e.target))

    def of(self, superblock: Superblock) -> list[Mount]:
        """Its mounts."""
        return [entry for entry in self.entries if entry.superblock is superblock]

    def superblock_of(self, found: Map) -> Superblock | None:
        """The mounted file system on a map."""
        for entry in self.entries:
            if entry.superblock.storage is not None and entry.superblock.storage.map is found:
                return entry.superblock
        return None

    def xfs_uuids(self) -> dict[str, str]:
        """UUID -> device number of every mounted XFS: the kernel refuses a second device with the same UUID."""
        blocks = (entry.superblock for entry in self.entries if entry.superblock.kind == "xfs")
        return {block.uuid: block.number for block in blocks}

    def mount(self, superblock: Superblock, target: str, flags: tuple[str, ...], now: float) -> None:
        """Mount a file system, or mount it once more."""
        if not self.of(superblock) and superblock.storage is not None:
            superblock.storage.map.openers += 1
            if not superblock.read_only:
                self._mark(superblock.storage, now=now, recovery=True)
        self._add(superblock, "/", target, flags)

    def bind(self, source: str, target: str, flags: tuple[str, ...], node: str = "") -> None:
        """Show a folder or file elsewhere too. `node` is the kernel name of a device whose node is the source."""
        if node:
            dev = self.at("/dev")
            assert dev is not None
            self._add(dev.superblock, f"/{node}", target, flags or dev.flags, dev.peers)
            return
        inside = self.holding(source)
        root = posixpath.normpath(posixpath.join(inside.root, os.path.relpath(source, inside.target)))
        self._add(inside.superblock, root, target, flags or inside.flags, inside.peers)

    def reflag(self, entry: Mount, flags: tuple[str, ...]) -> None:
        """Remount one mount with other flags."""
        place = self.entries.index(entry)
        self.entries[place] = replace(entry, flags=flags)
        self.show()

    def set_read_only(self, superblock: Superblock, *, read_only: bool, now: float) -> None:
        """Remount a file system; its mark follows."""
        if superblock.read_only != read_only and superblock.storage is not None:
            self._mark(superblock.storage, now=now, recovery=not read_only)
        superblock.read_only = read_only
        self.show()

    def umount(self, target: str, now: float, *, lazy: bool = False) -> None:
        """Remove the topmost mount. MountRefused: not mounted, or busy because of a mount below it."""
        entry = self.at(target)
        if entry is None:
            raise MountRefused("not mounted.")
        below = [other for other in self.entries if other is not entry and other.target.startswith(target + "/")]
        if below and not lazy and not any(other.target == target for other in self.entries if other is not entry):
            raise MountRefused("target is busy.")
        for gone in [entry, *below] if lazy else [entry]:
            self._remove(gone, now)

    def show(self) -> None:
        """Write mountinfo."""
        self.tree.put(MOUNTINFO, "".join(entry.line() + "\n" for entry in self.entries).encode())

    def _remove(self, entry: Mount, now: float) -> None:
        block = entry.superblock
        if len(self.of(block)) == 1 and block.storage is not None:
            if not block.read_only:
                with contextlib.suppress(OSError):  # a file system on a dead device is unmounted all the same
                    self._mark(block.storage, now=now, recovery=False)
            block.storage.map.openers -= 1
        self.entries.remove(entry)
        self.show()

    def _add(
        self, superblock: Superblock, root: str, target: str, flags: tuple[str, ...], peers: int | None = None
    ) -> None:
        self._last += 1
        parent = self.holding(target).id if self.entries else 1
        self.entries.append(Mount(self._last, parent, superblock, root, target, flags, peers or self._last))
        self.show()

    def _mark(self, storage: Storage, *, now: float, recovery: bool) -> None:
        found = unpack_ext(storage.read(EXT_OFFSET, EXT_BYTES))
        if found is None:
            return
        if found.kind != "ext2":
            found = found.marked(recovery=recovery)
        if recovery:
            found = replace(found, mounted_at=int(now), mounts=found.mounts + 1)
        storage.write(EXT_OFFSET, pack_ext(found))
