"""mount(8) and umount(8) of util-linux 2.38 over the mount table."""

import os
from dataclasses import dataclass

from arraysim.host.call import Answer, Call, Options, ToolFailed, parse, say
from arraysim.host.fsformat import EXT_BYTES, EXT_OFFSET, XFS_BYTES, unpack_ext, unpack_xfs
from arraysim.host.machine import Device, Machine
from arraysim.host.mounts import MountRefused, Superblock
from arraysim.host.signature import probe

FAILED = 32
_LONG = (
    "types=", "options=", "bind", "rbind", "read-only", "rw", "read-write", "verbose", "no-canonicalize", "no-mtab",
    "make-private", "make-rprivate", "make-shared", "make-rshared", "make-slave", "make-rslave", "move",
    "source=", "target=", "version",
)  # fmt: skip
_MORE = "       dmesg(1) may have more information after failed mount system call.\n"
#: Options that belong to the mount, not to the file system.
_FLAGS = {"nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime", "sync", "dirsync", "strictatime"}
_OPPOSITES = {"suid": "nosuid", "dev": "nodev", "exec": "noexec", "atime": "noatime"}
_OURS = {
    "rw", "ro", "bind", "rbind", "remount", "defaults", "nofail", "auto", "noauto", "user", "users", "_netdev", "loop",
}  # fmt: skip
_SUPER_DEFAULTS = {"xfs": "inode64,logbufs=8,logbsize=32k,noquota"}
_KNOWN_SUPER = {
    "ext4": {
        "discard", "nodiscard", "noload", "norecovery", "data", "errors", "barrier", "nobarrier", "journal_checksum",
        "stripe", "acl", "noacl", "user_xattr", "nouser_xattr", "commit", "delalloc", "nodelalloc", "lazytime",
    },
    "xfs": {
        "discard", "nodiscard", "nouuid", "norecovery", "noquota", "inode64", "logbufs", "logbsize", "largeio", "wsync",
        "attr2", "usrquota", "grpquota", "prjquota", "uquota", "gquota", "pquota", "allocsize", "lazytime", "swalloc",
    },
}  # fmt: skip
_EXT = ("ext2", "ext3", "ext4")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a mount command asks for. `target` is resolved, `shown` is as given."""

    source: str
    target: str
    shown: str
    kind: str
    options: tuple[str, ...]

    def has(self, *names: str) -> bool:
        """Whether any of these options is set."""
        return any(name in self.options for name in names)

    @property
    def read_only(self) -> bool:
        """The last of ro and rw counts."""
        last = [option for option in self.options if option in ("ro", "rw")]
        return bool(last) and last[-1] == "ro"

    @property
    def flags(self) -> tuple[str, ...]:
        """The mount's flags as mountinfo shows them."""
        chosen = dict.fromkeys(option for option in self.options if option in _FLAGS)
        for option in self.options:
            if option in _OPPOSITES:
                chosen.pop(_OPPOSITES[option], None)
        times = {"noatime", "strictatime", "relatime"} & chosen.keys()
        rest = [name for name in chosen if name not in ("relatime", "strictatime")]
        return ("ro" if self.read_only else "rw", *rest, *(() if times - {"relatime"} else ("relatime",)))


def mount(machine: Machine, call: Call) -> Answer:
    """The command."""
    options = parse(call.argv, "t:o:rwvnBRMsifV", _LONG, usage=(1, "mount: "))
    if not options.pairs and not options.rest:
        return _list(machine)
    if options.has("-V", "--version"):
        return say("mount from util-linux 2.38.1 (libmount 2.38.1: selinux, smack, btrfs, namespaces, assert, debug)\n")
    if any(name.startswith("--make-") for name, _ in options.pairs):
        return say()  # propagation is shared and stays so
    wish = _wish(options, call.cwd)
    if wish.has("remount"):
        return _remount(machine, wish)
    if not os.path.exists(wish.target):
        raise _refused(wish.shown, "mount point does not exist.")
    return _bind(machine, wish, call.cwd) if wish.has("bind", "rbind") else _mount(machine, wish, call.cwd)


def _wish(options: Options, cwd: str) -> Wish:
    words = [word for text in options.values("-o", "--options") for word in text.split(",") if word]
    words += ["bind"] * options.has("-B", "--bind") + ["rbind"] * options.has("-R", "--rbind")
    words += ["ro"] * options.has("-r", "--read-only")
    rest = list(options.rest)
    shown = options.value("--target") or (rest.pop() if rest else "")
    source = options.value("--source") or (rest.pop() if rest else "")
    if not source and "remount" not in words:
        raise ToolFailed(1, f"mount: {shown}: can't find in /etc/fstab.\n")
    target = os.path.realpath(os.path.join(cwd, shown))
    return Wish(source, target, shown, options.value("-t", "--types") or "auto", tuple(words))


def _refused(target: str, reason: str) -> ToolFailed:
    return ToolFailed(FAILED, f"mount: {target}: {reason}\n{_MORE}")


def _wrong(wish: Wish, device: Device) -> ToolFailed:
    what = f"wrong fs type, bad option, bad superblock on {device.canonical}, missing codepage or helper program"
    return _refused(wish.target, f"{what}, or other error.")


def _mount(machine: Machine, wish: Wish, cwd: str) -> Answer:
    device = machine.device(wish.source, cwd)
    if device is None:
        real = os.path.exists(os.path.join(cwd, wish.source)) or machine.tree.at(wish.source).exists()
        what = f"{wish.source} is not a block device."
        raise _refused(wish.target, what if real else f"special device {wish.source} does not exist.")
    if device.map is None:
        if device.in_use:
            raise _refused(wish.target, f"{device.canonical} already mounted or mount point busy.")
        raise _wrong(wish, device)
    mounted = machine.mounts.superblock_of(device.map)
    if mounted is not None:
        return _again(machine, wish, device, mounted)
    try:
        found = probe(device.read, device.size_bytes)
        kinds = [signature.kind for signature in found if signature.usage == "filesystem"]
        if wish.kind == "auto" and len(kinds) > 1:
            raise _refused(wish.target, f"more filesystems detected on {device.canonical}; use -t <type> or wipefs(8).")
        block = _superblock(machine, wish, device, kinds)
        if block is None:
            raise _wrong(wish, device)
        if machine.mounts.superblock_of(device.map) is not None:
            raise _refused(wish.target, f"{device.canonical} already mounted or mount point busy.")
        machine.mounts.mount(block, wish.target, wish.flags, machine.world.now)
    except OSError as error:
        raise _refused(wish.target, f"can't read superblock on {device.canonical}.") from error
    return say()


def _superblock(machine: Machine, wish: Wish, device: Device, kinds: list[str]) -> Superblock | None:
    """What the file system's own driver makes of the device; None if it refuses."""
    assert device.map is not None
    kind = wish.kind if wish.kind != "auto" else kinds[0] if kinds else ""
    words = [word for word in wish.options if word not in _FLAGS | _OURS | _OPPOSITES.keys()]
    known = _KNOWN_SUPER["xfs" if kind == "xfs" else "ext4"]
    if any(word.partition("=")[0] not in known for word in words):
        return None
    shown = ",".join([*(word for word in words if word != "nouuid"), *filter(None, [_SUPER_DEFAULTS.get(kind, "")])])
    uuid = ""
    if kind in _EXT:
        ext = unpack_ext(device.read(EXT_OFFSET, EXT_BYTES))
        if ext is None or ext.size_bytes > device.size_bytes or _EXT.index(ext.kind) > _EXT.index(kind):
            return None
        uuid = str(ext.uuid)
    elif kind == "xfs":
        xfs = unpack_xfs(device.read(0, XFS_BYTES))
        if xfs is None or xfs.size_bytes > device.size_bytes:
            return None
        uuid = str(xfs.uuid)
        if not wish.has("nouuid") and machine.mounts.xfs_uuids().get(uuid, device.map.number) != device.map.number:
            return None
    else:
        return None
    return Superblock(
        device.map.number, kind, device.canonical, shown, device.storage, uuid=uuid, read_only=wish.read_only
    )


def _again(machine: Machine, wish: Wish, device: Device, mounted: Superblock) -> Answer:
    """A second mount of a mounted device shares the file system (seen with util-linux 2.38 and a loop device)."""
    first = machine.mounts.of(mounted)[0]
    here = machine.mounts.at(wish.target)
    same_kind = wish.kind in ("auto", mounted.kind)
    if (here is not None and here.superblock is mounted) or not same_kind or mounted.read_only != wish.read_only:
        raise _refused(wish.target, f"{device.canonical} already mounted on {first.target}.")
    machine.mounts.mount(mounted, wish.target, wish.flags, machine.world.now)
    return say()


def _bind(machine: Machine, wish: Wish, cwd: str) -> Answer:
    flags = wish.flags if set(wish.options) & (_FLAGS | {"ro"}) else ()
    device = machine.device(wish.source, cwd)
    source = os.path.realpath(os.path.join(cwd, wish.source))
    if device is None and not os.path.exists(source):
        raise _refused(wish.target, f"special device {wish.source} does not exist.")
    if os.path.isdir(wish.target) != (device is None and os.path.isdir(source)):
        raise _refused(wish.target, "mount point is not a directory." if os.path.isdir(source) else
                       "mount(2) system call failed: Not a directory.")  # fmt: skip
    machine.mounts.bind(source, wish.target, flags, node=device.kernel if device is not None else "")
    return say()


def _remount(machine: Machine, wish: Wish) -> Answer:
    entry = machine.mounts.at(wish.target)
    if entry is None:
        raise _refused(wish.target, "mount point not mounted or bad option.")
    if not wish.has("bind"):
        try:
            machine.mounts.set_read_only(entry.superblock, read_only=wish.read_only, now=machine.world.now)
        except OSError as error:
            raise _refused(wish.target, f"can't read superblock on {entry.superblock.source}.") from error
    machine.mounts.reflag(entry, wish.flags)
    return say()


def _list(machine: Machine) -> Answer:
    lines = (
        f"{entry.superblock.source} on {entry.target} type {entry.superblock.kind} "
        f"({','.join(dict.fromkeys([*entry.flags, *entry.superblock.shown.split(',')[1:]]))})\n"
        for entry in machine.mounts.entries
    )
    return say("".join(lines))


def umount(machine: Machine, call: Call) -> Answer:
    """The command: by mount point, or by device."""
    options = parse(
        call.argv, "flRdvnqrat:O:AV", ("force", "lazy", "recursive", "quiet", "verbose"), usage=(1, "umount: ")
    )
    if not options.rest:
        raise ToolFailed(1, "umount: bad usage\nTry 'umount --help' for more information.\n")
    errors = []
    for shown in options.rest:
        target = os.path.realpath(os.path.join(call.cwd, shown))
        device = machine.device(shown, call.cwd)
        if device is not None and device.map is not None and machine.mounts.at(target) is None:
            block = machine.mounts.superblock_of(device.map)
            target = machine.mounts.of(block)[-1].target if block is not None else target
        elif not os.path.exists(target) and machine.mounts.at(target) is None:
            errors.append(f"umount: {shown}: no mount point specified.\n")
            continue
        try:
            machine.mounts.umount(target, machine.world.now, lazy=options.has("-l", "--lazy", "-R", "--recursive"))
        except MountRefused as refusal:
            errors.append(f"umount: {shown}: {refusal}\n")
    return say(code=FAILED if errors else 0, err="".join(errors))
