"""mkfs, fsck and growing of ext4 and XFS as e2fsprogs 1.47 and xfsprogs 6.1 do them, on the superblocks alone."""

import os
from dataclasses import replace
from typing import NoReturn
from uuid import UUID

from arraysim.host.call import Answer, Call, Options, ToolFailed, parse, say
from arraysim.host.fsformat import (
    ERRORS,
    EXT_BYTES,
    EXT_OFFSET,
    VALID,
    XFS_BYTES,
    Ext,
    Xfs,
    ext_checksum_right,
    new_ext,
    new_xfs,
    pack_ext,
    pack_xfs,
    unpack_ext,
    unpack_xfs,
)
from arraysim.host.machine import Device, Machine
from arraysim.host.signature import PROBE_BYTES, probe

_E2FSPROGS = "1.47.0 (5-Feb-2023)"
_XFS_LEAST_BYTES = 300 * 2**20
_CORRUPT = (
    "The superblock could not be read or does not describe a valid ext2/ext3/ext4\n"
    "filesystem.  If the device is valid and it really contains an ext2/ext3/ext4\n"
    "filesystem (and not swap or ufs or something else), then the superblock\n"
    "is corrupt, and you might try running e2fsck with an alternate superblock:\n"
    "    e2fsck -b 8193 <device>\n or\n    e2fsck -b 32768 <device>\n\n"
)


def _device(machine: Machine, call: Call, given: str) -> Device | None:
    return machine.device(given, call.cwd)


def _wipe(device: Device) -> None:
    """Old signatures do not survive a new file system."""
    device.write(0, bytes(min(PROBE_BYTES, device.size_bytes)))


def _ext(device: Device) -> Ext | None:
    return unpack_ext(device.read(EXT_OFFSET, EXT_BYTES))


def _mount_point(machine: Machine, device: Device) -> str:
    block = machine.mounts.superblock_of(device.map) if device.map is not None else None
    return machine.mounts.of(block)[0].target if block is not None else ""


# -- ext2, ext3, ext4 --------------------------------------------------------------------------------------------------


def mkfs_ext4(machine: Machine, call: Call) -> Answer:
    """mkfs.ext4."""
    banner = f"mke2fs {_E2FSPROGS}\n"
    options = parse(call.argv, "qvFDSnjcb:C:i:I:J:G:N:d:m:o:g:L:M:O:r:E:t:T:U:e:z:V", usage=(1, "mkfs.ext4: "))
    if not options.rest:
        raise ToolFailed(1, "Usage: mkfs.ext4 [-c|-l filename] [-b block-size] [-C cluster-size]\n")
    given = options.rest[0]
    quiet = options.has("-q")
    banner = "" if quiet else banner
    device = _device(machine, call, given)
    if device is None:
        raise ToolFailed(1, f"{banner}The file {given} does not exist and no size was specified.\n")
    if _mount_point(machine, device):
        raise ToolFailed(1, f"{banner}{given} is mounted; will not make a filesystem here!\n")
    if device.in_use:
        raise ToolFailed(1, f"{banner}{given} is apparently in use by the system; will not make a filesystem here!\n")
    uuid = UUID(options.value("-U")) if options.value("-U") else machine.new_uuid()
    fresh = new_ext(device.size_bytes, uuid, options.value("-L") or "", int(machine.world.now))
    if "^has_journal" in (options.value("-O") or "").split(","):
        compatible, incompatible, read_only = fresh.features
        fresh = replace(fresh, features=(compatible & ~0x4, incompatible, read_only))
    try:
        _wipe(device)
        device.write(EXT_OFFSET, pack_ext(fresh))
    except OSError as error:
        raise ToolFailed(
            1, f"{banner}mkfs.ext4: {error.strerror} while writing out and closing file system\n"
        ) from error
    return say("" if quiet else _mke2fs_text(fresh), err=banner)


def _mke2fs_text(fresh: Ext) -> str:
    size = f"{fresh.block_bytes // 1024}k"
    backups = [group for group in range(1, fresh.groups) if _sparse(group)]
    shown = ", ".join(str(group * fresh.group_blocks + fresh.first_block) for group in backups)
    done = f"0/{fresh.groups}{chr(8) * (2 * len(str(fresh.groups)) + 1)}done{' ' * 28}\n"
    return (
        f"Creating filesystem with {fresh.blocks} {size} blocks and {fresh.inodes} inodes\n"
        f"Filesystem UUID: {fresh.uuid}\nSuperblock backups stored on blocks: \n\t{shown}\n\n"
        f"Allocating group tables: {done}Writing inode tables: {done}"
        f"Creating journal ({fresh.journal_blocks} blocks): done\n"
        f"Writing superblocks and filesystem accounting information: {done}\n"
    )


def _sparse(group: int) -> bool:
    """Groups with a backup superblock: 1 and powers of 3, 5, 7."""
    for base in (3, 5, 7):
        power = 1
        while power < group:
            power *= base
        if power == group:
            return True
    return group == 1


def e2fsck(machine: Machine, call: Call) -> Answer:
    """e2fsck and fsck.ext4: exit code 0 clean, 1 errors corrected, 4 errors left, 8 operational error."""
    options = parse(call.argv, "panyfvcktDVj:b:B:E:C:L:l:z:", usage=(16, "e2fsck: "))
    if not options.rest:
        raise ToolFailed(16, "Usage: e2fsck [-panyrcdfktvDFV] [-b superblock] [-B blocksize]\n")
    given = options.rest[0]
    banner = "" if options.has("-p", "-a") else f"e2fsck {_E2FSPROGS}\n"
    device = _device(machine, call, given)
    if device is None:
        raise ToolFailed(
            8,
            f"{banner}e2fsck: No such file or directory while trying to open {given}\n",
            "Possibly non-existent device?\n",
        )
    if _mount_point(machine, device) and not options.has("-n"):
        raise ToolFailed(8, f"{banner}e2fsck: Cannot continue, aborting.\n\n\n", f"{given} is mounted.\n")
    try:
        return _check_ext(machine, device, options, banner)
    except OSError as error:
        text = f"{banner}e2fsck: {error.strerror} while trying to open {given}\n"
        raise ToolFailed(8, text, f"{given}: \n{_CORRUPT}") from error


def _check_ext(machine: Machine, device: Device, options: Options, banner: str) -> Answer:
    given = device.given
    raw = device.read(EXT_OFFSET, EXT_BYTES)
    found = unpack_ext(raw)
    if found is None or not ext_checksum_right(raw):
        what = "Bad magic number in super-block" if found is None else "Superblock checksum does not match superblock"
        raise ToolFailed(8, f"{banner}e2fsck: {what} while trying to open {given}\n", f"{given}: \n{_CORRUPT}")
    lines, code = [], 0
    forced, preen = options.has("-f"), options.has("-p", "-a")
    fixed = found
    if found.needs_recovery and not options.has("-n"):
        lines.append(f"{given}: recovering journal\n")
        fixed = fixed.marked(recovery=False)
    broken = bool(found.state & ERRORS)
    if broken:
        lines.append(f"{given} contains a file system with errors, check forced.\n")
    if options.has("-n"):
        code = 4 if broken else 0
    elif broken:
        fixed, code = replace(fixed, state=VALID), 1
    if forced or broken:
        fixed = replace(fixed, checked_at=int(machine.world.now))
        if not preen:
            passes = ("inodes, blocks, and sizes", "directory structure", "directory connectivity", "reference counts")
            lines += [f"Pass {number}: Checking {what}\n" for number, what in enumerate(passes, start=1)]
            lines.append("Pass 5: Checking group summary information\n")
    used = f"{found.blocks - found.free_blocks}/{found.blocks} blocks\n"
    files = f"11/{found.inodes} files"
    lines.append(
        f"{given}: {files} (0.0% non-contiguous), {used}" if forced or broken else f"{given}: clean, {files}, {used}"
    )
    if not options.has("-n") and fixed != found:
        device.write(EXT_OFFSET, pack_ext(fixed))
    return say("".join(lines), code=code, err=banner)


def resize2fs(machine: Machine, call: Call) -> Answer:
    """resize2fs: growing, mounted or not. Shrinking is refused: a node never shrinks."""
    banner = f"resize2fs {_E2FSPROGS}\n"
    options = parse(call.argv, "fFpPMbsd:S:z:", usage=(1, "resize2fs: "))
    if not options.rest:
        raise ToolFailed(1, f"{banner}Usage: resize2fs [-d debug_flags] [-f] [-F] [-M] [-P] [-p] device\n")
    given = options.rest[0]
    device = _device(machine, call, given)
    if device is None:
        raise ToolFailed(1, f"{banner}open: No such file or directory while opening {given}\n")
    try:
        found = _ext(device)
    except OSError as error:
        raise ToolFailed(1, f"{banner}resize2fs: {error.strerror} while trying to open {given}\n") from error
    if found is None:
        raise ToolFailed(
            1,
            f"{banner}resize2fs: Bad magic number in super-block while trying to open {given}\n",
            "Couldn't find valid filesystem superblock.\n",
        )
    point = _mount_point(machine, device)
    unsure = found.state != VALID or found.needs_recovery or found.checked_at < found.mounted_at
    if not point and unsure and not options.has("-f"):
        raise ToolFailed(1, f"{banner}Please run 'e2fsck -f {given}' first.\n\n")
    size = f"({found.block_bytes // 1024}k)"
    grown = found.resized(device.size_bytes)
    if grown.blocks == found.blocks:
        return say(err=f"{banner}The filesystem is already {found.blocks} {size} blocks long.  Nothing to do!\n\n")
    if grown.blocks < found.blocks:
        raise ToolFailed(1, f"{banner}resize2fs: New size smaller than minimum\n\n")
    try:
        device.write(EXT_OFFSET, pack_ext(grown))
    except OSError as error:
        raise ToolFailed(1, f"{banner}resize2fs: {error.strerror} while trying to resize {given}\n") from error
    ends = f"The filesystem on {given} is now {grown.blocks} {size} blocks long.\n\n"
    if point:
        old, new = (-(-each.groups * 64 // each.block_bytes) for each in (found, grown))
        begins = f"Filesystem at {given} is mounted on {point}; on-line resizing required\n"
        return say(f"{begins}old_desc_blocks = {old}, new_desc_blocks = {new}\n{ends}", err=banner)
    return say(f"Resizing the filesystem on {given} to {grown.blocks} {size} blocks.\n{ends}", err=banner)


# -- XFS ---------------------------------------------------------------------------------------------------------------


def mkfs_xfs(machine: Machine, call: Call) -> Answer:
    """mkfs.xfs: refuses a device that holds anything, unless forced."""
    options = parse(call.argv, "fqKNVb:c:d:i:l:L:m:n:p:r:s:", usage=(1, "mkfs.xfs: "))
    if not options.rest:
        raise ToolFailed(1, "no device name given in argument list\nUsage: mkfs.xfs\n")
    given = options.rest[0]
    device = _device(machine, call, given)
    if device is None:
        raise ToolFailed(1, f"Error accessing specified device {given}: No such file or directory\nUsage: mkfs.xfs\n")
    if _mount_point(machine, device):
        raise ToolFailed(1, f"mkfs.xfs: {given} contains a mounted filesystem\nUsage: mkfs.xfs\n")
    if device.in_use:
        raise ToolFailed(1, f"mkfs.xfs: cannot open {given}: Device or resource busy\n")
    try:
        found = probe(device.read, device.size_bytes)
        if found and not options.has("-f"):
            what = (
                f"an existing filesystem ({found[0].kind})"
                if found[0].kind
                else f"a partition table ({found[0].table})"
            )
            hint = "mkfs.xfs: Use the -f option to force overwrite.\n"
            raise ToolFailed(1, f"mkfs.xfs: {given} appears to contain {what}.\n{hint}")
        if device.size_bytes < _XFS_LEAST_BYTES:
            raise ToolFailed(1, "Filesystem must be larger than 300MB.\nUsage: mkfs.xfs\n")
        fresh = new_xfs(device.size_bytes, machine.new_uuid(), options.value("-L") or "")
        _wipe(device)
        device.write(0, pack_xfs(fresh))
    except OSError as error:
        raise ToolFailed(1, f"mkfs.xfs: pwrite failed: {error.strerror}\n") from error
    return say("" if options.has("-q") else fresh.geometry(given))


def _xfs(device: Device) -> Xfs | None:
    return unpack_xfs(device.read(0, XFS_BYTES))


def xfs_repair(machine: Machine, call: Call) -> Answer:
    """xfs_repair: 0, or 1 for what is no XFS or is mounted."""
    options = parse(call.argv, "nfLvdPeVm:l:r:o:t:c:", usage=(1, "xfs_repair: "))
    if not options.rest:
        raise ToolFailed(1, "no device specified\nUsage: xfs_repair [options] device\n")
    given = options.rest[0]
    device = _device(machine, call, given)
    if device is None:
        raise ToolFailed(1, f"{given}: No such file or directory\n\nfatal error -- couldn't initialize XFS library\n")
    if _mount_point(machine, device):
        lines = [f"xfs_repair: {given} contains a mounted {more}filesystem\n" for more in ("", "and writable ")]
        raise ToolFailed(1, "".join(lines) + "\nfatal error -- couldn't initialize XFS library\n")
    try:
        found = _xfs(device)
    except OSError as error:
        raise ToolFailed(1, f"xfs_repair: read failed: {error.strerror}\n") from error
    first = "Phase 1 - find and verify superblock...\n"
    if found is None:
        raise ToolFailed(
            1,
            f"{first}bad primary superblock - bad magic number !!!\n\nattempting to find secondary superblock...\n"
            "......Sorry, could not find valid secondary superblock\nExiting now.\n",
        )
    phases = "Phase 2 - using internal log\n        - zero log...\nPhase 7 - verify and correct link counts...\ndone\n"
    return say(err=first + phases)


def xfs_growfs(machine: Machine, call: Call) -> Answer:
    """xfs_growfs: a mounted XFS only, by mount point or device."""
    options = parse(call.argv, "dnirxlVD:e:L:m:R:t:", usage=(1, "xfs_growfs: "))
    if not options.rest:
        raise ToolFailed(1, "Usage: xfs_growfs [options] mountpoint\n")
    given = options.rest[0]
    entry = machine.mounts.at(os.path.realpath(os.path.join(call.cwd, given)))
    device = machine.device(given, call.cwd)
    block = entry.superblock if entry is not None else None
    if block is None and device is not None and device.map is not None:
        block = machine.mounts.superblock_of(device.map)
    if block is None or block.kind != "xfs" or block.storage is None:
        raise ToolFailed(1, f"xfs_growfs: {given} is not a mounted XFS filesystem\n")
    try:
        found = unpack_xfs(block.storage.read(0, XFS_BYTES))
        if found is None:
            _broken(given)
        grown = found.resized(block.storage.map.size_bytes)
        if grown.blocks > found.blocks:
            block.storage.write(0, pack_xfs(grown))
    except OSError as error:
        raise ToolFailed(1, f"xfs_growfs: XFS_IOC_FSGROWFSDATA xfsctl failed: {error.strerror}\n") from error
    changed = f"data blocks changed from {found.blocks} to {grown.blocks}\n" if grown.blocks > found.blocks else ""
    return say(found.geometry(block.source) + changed)


def _broken(given: str) -> NoReturn:
    raise ToolFailed(1, f"xfs_growfs: cannot read geometry of {given}: Structure needs cleaning\n")


def fsck_xfs(_machine: Machine, _call: Call) -> Answer:
    """fsck.xfs does nothing, successfully."""
    return say()
