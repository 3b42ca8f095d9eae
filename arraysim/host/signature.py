"""What a device says it holds: the probes of libblkid that matter to a node, on the device's bytes."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from arraysim.host.fsformat import EXT_BYTES, EXT_OFFSET, unpack_ext, unpack_xfs

#: (offset, length) -> bytes
Read = Callable[[int, int], bytes]
PROBE_BYTES = 68 * 1024


@dataclass(frozen=True, slots=True)
class Signature:
    """One finding: a file system, RAID or LVM member (`kind` in TYPE), or a partition table (`table` in PTTYPE)."""

    kind: str = ""
    table: str = ""
    uuid: str = ""
    label: str = ""
    version: str = ""
    block_size: str = ""
    usage: str = ""

    def tags(self) -> list[tuple[str, str]]:
        """Names and values in the order in which `blkid -p` prints them."""
        pairs = [
            ("LABEL", self.label),
            ("UUID", self.uuid),
            ("VERSION", self.version),
            ("BLOCK_SIZE", self.block_size),
            ("TYPE", self.kind),
            ("USAGE", self.usage),
            ("PTTYPE", self.table),
        ]
        return [(name, value) for name, value in pairs if value]


def probe(read: Read, size_bytes: int) -> list[Signature]:
    """Everything found; more than one file system or RAID member is what blkid calls ambivalent."""
    head = read(0, min(PROBE_BYTES, size_bytes))
    found = [*_file_systems(head), *_members(head)]
    return found or _tables(head)


def _file_systems(head: bytes) -> list[Signature]:
    found = []
    ext = unpack_ext(head[EXT_OFFSET : EXT_OFFSET + EXT_BYTES])
    if ext is not None:
        size = str(ext.block_bytes)
        found.append(Signature(ext.kind, "", str(ext.uuid), ext.label, "1.0", size, "filesystem"))
    xfs = unpack_xfs(head)
    if xfs is not None:
        found.append(Signature("xfs", "", str(xfs.uuid), xfs.label, "", "512", "filesystem"))
    if head[0x10040:0x10048] == b"_BHRfS_M":
        found.append(Signature("btrfs", usage="filesystem"))
    if head[3:11] == b"NTFS    ":
        found.append(Signature("ntfs", usage="filesystem"))
    if head[4086:4096] == b"SWAPSPACE2":
        found.append(Signature("swap", version="1", usage="other"))
    return found


def _members(head: bytes) -> list[Signature]:
    found = []
    if any(
        head[sector * 512 : sector * 512 + 8] == b"LABELONE"
        and head[sector * 512 + 24 : sector * 512 + 32] == b"LVM2 001"
        for sector in range(4)
    ):
        found.append(Signature("LVM2_member", version="LVM2 001", usage="raid"))
    if head[:6] == b"LUKS\xba\xbe":
        found.append(Signature("crypto_LUKS", version=str(head[7]), usage="crypto"))
    if head[4096:4100] == struct.pack("<I", 0xA92B4EFC):
        found.append(Signature("linux_raid_member", version="1.2", usage="raid"))
    return found


def _tables(head: bytes) -> list[Signature]:
    if head[512:520] == b"EFI PART":
        return [Signature(table="gpt")]
    entries = [head[446 + 16 * number : 462 + 16 * number] for number in range(4)]
    plausible = all(entry[0] in (0, 0x80) for entry in entries if entry) and any(
        entry[4:5] not in (b"", b"\0") for entry in entries
    )
    if head[510:512] == b"\x55\xaa" and plausible:
        return [Signature(table="dos")]
    return []
