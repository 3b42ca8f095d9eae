"""Superblocks of ext4 and XFS, real enough for blkid and for the rules of mount, fsck and growing; nothing else."""

import struct
import uuid as uuids
from dataclasses import dataclass, replace

EXT_OFFSET, EXT_BYTES = 1024, 1024
XFS_BYTES = 512
EXT_MAGIC = 0xEF53
HAS_JOURNAL = 0x4
NEEDS_RECOVERY = 0x4
VALID, ERRORS = 1, 2
#: Features of mke2fs 1.47 as Debian configures it: compatible, incompatible, read-only compatible.
EXT4_FEATURES = (0x3C, 0x2C2, 0x46B)
EXT3_INCOMPATIBLE = 0x2 | 0x4 | 0x10
EXT3_READ_ONLY = 0x1 | 0x2 | 0x4
_CASTAGNOLI = 0x82F63B78
_XFS_BLOCK = 4096
_XFS_GROUPS = 4


def _crc_table() -> tuple[int, ...]:
    table = []
    for number in range(256):
        value = number
        for _ in range(8):
            value = value >> 1 ^ (_CASTAGNOLI if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """CRC-32C without the final inversion, as ext4 and (inverted) XFS use it."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value


@dataclass(frozen=True, slots=True)
class Ext:
    """What matters of an ext2/3/4 superblock. Times are seconds since the epoch."""

    blocks: int
    block_bytes: int
    inodes: int
    free_blocks: int
    uuid: uuids.UUID
    label: str = ""
    features: tuple[int, int, int] = EXT4_FEATURES
    state: int = VALID
    mounted_at: int = 0
    checked_at: int = 0
    mounts: int = 0

    @property
    def kind(self) -> str:
        """ext2, ext3 or ext4, as blkid tells them apart."""
        compatible, incompatible, read_only = self.features
        if incompatible & ~EXT3_INCOMPATIBLE or read_only & ~EXT3_READ_ONLY:
            return "ext4"
        return "ext3" if compatible & HAS_JOURNAL else "ext2"

    @property
    def needs_recovery(self) -> bool:
        """Whether the journal must be replayed: it was mounted for writing and not unmounted."""
        return bool(self.features[1] & NEEDS_RECOVERY)

    @property
    def size_bytes(self) -> int:
        """Size of the file system."""
        return self.blocks * self.block_bytes

    @property
    def first_block(self) -> int:
        """1 for blocks of 1 KiB."""
        return int(self.block_bytes == 1024)

    @property
    def group_blocks(self) -> int:
        """Blocks of a group."""
        return 8 * self.block_bytes

    @property
    def groups(self) -> int:
        """Number of groups."""
        return -(-(self.blocks - self.first_block) // self.group_blocks)

    @property
    def journal_blocks(self) -> int:
        """Size of the journal, by the table of mke2fs."""
        if self.kind == "ext2":
            return 0
        for limit, size in ((32768, 1024), (262144, 4096), (524288, 8192), (4194304, 16384), (8388608, 32768)):
            if self.blocks < limit:
                return size
        return 65536 if self.blocks < 16777216 else 131072 if self.blocks < 33554432 else 262144

    def marked(self, *, recovery: bool) -> "Ext":
        """With the needs-recovery mark set or cleared."""
        compatible, incompatible, read_only = self.features
        incompatible = incompatible | NEEDS_RECOVERY if recovery else incompatible & ~NEEDS_RECOVERY
        return replace(self, features=(compatible, incompatible, read_only))

    def resized(self, size_bytes: int) -> "Ext":
        """As large as the device; each new group brings as many inodes as the others have."""
        blocks = size_bytes // self.block_bytes
        per_group = self.inodes // self.groups
        grown = replace(self, blocks=blocks)
        inodes = per_group * grown.groups
        taken = (inodes - self.inodes) * 256 // self.block_bytes
        return replace(grown, inodes=inodes, free_blocks=self.free_blocks + blocks - self.blocks - taken)


def new_ext(size_bytes: int, uuid: uuids.UUID, label: str, now: int) -> Ext:
    """What mkfs.ext4 makes of a device of this size."""
    small = size_bytes < 512 * 2**20
    block_bytes = 1024 if small else 4096
    blocks = size_bytes // block_bytes
    ratio = 4096 if small else 16384
    blank = Ext(blocks, block_bytes, 0, 0, uuid, label, checked_at=now)
    per_group = -(-(size_bytes // ratio) // blank.groups)
    per_group = -(-per_group // 16) * 16
    inodes = per_group * blank.groups
    overhead = inodes * 256 // block_bytes + blank.journal_blocks + 4 * blank.groups + 64
    return replace(blank, inodes=inodes, free_blocks=max(0, blocks - overhead))


def pack_ext(found: Ext) -> bytes:
    """The 1024 bytes at offset 1024."""
    raw = bytearray(EXT_BYTES)
    log = (found.block_bytes // 1024).bit_length() - 1
    per_group = found.inodes // found.groups
    head = (found.inodes, found.blocks & 0xFFFFFFFF, found.blocks // 20, found.free_blocks & 0xFFFFFFFF)
    geometry = (found.first_block, log, log, found.group_blocks, found.group_blocks, per_group)
    struct.pack_into("<4I", raw, 0, *head)
    struct.pack_into("<I6I", raw, 16, max(0, found.inodes - 11), *geometry)
    struct.pack_into("<IIHhHHHH", raw, 44, found.mounted_at, 0, found.mounts, -1, EXT_MAGIC, found.state, 1, 0)
    struct.pack_into("<IIIIHHIHH", raw, 64, found.checked_at, 0, 0, 1, 0, 0, 11, 256, 0)
    struct.pack_into("<3I16s16s", raw, 92, *found.features, found.uuid.bytes, found.label.encode()[:16])
    struct.pack_into("<IIIH", raw, 0xE0, 8, 0, 0, 0)
    struct.pack_into("<H", raw, 0xFE, 64)
    struct.pack_into("<I", raw, 0x150, found.blocks >> 32)
    struct.pack_into("<I", raw, 0x158, found.free_blocks >> 32)
    struct.pack_into("<HH", raw, 0x15C, 32, 32)
    raw[0x175] = 1  # checksum type: crc32c
    struct.pack_into("<I", raw, 1020, crc32c(bytes(raw[:1020])))
    return bytes(raw)


def unpack_ext(raw: bytes) -> Ext | None:
    """The superblock in the 1024 bytes at offset 1024; None if it is none."""
    if len(raw) < EXT_BYTES or struct.unpack_from("<H", raw, 56)[0] != EXT_MAGIC:
        return None
    inodes, blocks, _reserved, free = struct.unpack_from("<4I", raw, 0)
    log = struct.unpack_from("<I", raw, 24)[0]
    mounted, _written, mounts, _limit, _magic, state = struct.unpack_from("<IIHhHH", raw, 44)
    compatible, incompatible, read_only, uuid, label = struct.unpack_from("<3I16s16s", raw, 92)
    return Ext(
        blocks=blocks | struct.unpack_from("<I", raw, 0x150)[0] << 32,
        block_bytes=1024 << min(log, 6),
        inodes=inodes,
        free_blocks=free | struct.unpack_from("<I", raw, 0x158)[0] << 32,
        uuid=uuids.UUID(bytes=uuid),
        label=label.rstrip(b"\0").decode(errors="replace"),
        features=(compatible, incompatible, read_only),
        state=state,
        mounted_at=mounted,
        checked_at=struct.unpack_from("<I", raw, 64)[0],
        mounts=mounts,
    )


def ext_checksum_right(raw: bytes) -> bool:
    """Whether the superblock's own checksum holds."""
    return bool(struct.unpack_from("<I", raw, 1020)[0] == crc32c(raw[:1020]))


@dataclass(frozen=True, slots=True)
class Xfs:
    """What matters of an XFS superblock (version 5)."""

    blocks: int
    group_blocks: int
    log_blocks: int
    uuid: uuids.UUID
    label: str = ""

    @property
    def groups(self) -> int:
        """Allocation groups."""
        return -(-self.blocks // self.group_blocks)

    @property
    def size_bytes(self) -> int:
        """Size of the file system."""
        return self.blocks * _XFS_BLOCK

    def resized(self, size_bytes: int) -> "Xfs":
        """As large as the device, in groups of the old size."""
        return replace(self, blocks=size_bytes // _XFS_BLOCK)

    def geometry(self, device: str) -> str:
        """What mkfs.xfs and xfs_growfs print."""
        return (
            f"meta-data={device:<22} isize=512    agcount={self.groups}, agsize={self.group_blocks} blks\n"
            "         =                       sectsz=512   attr=2, projid32bit=1\n"
            "         =                       crc=1        finobt=1, sparse=1, rmapbt=0\n"
            "         =                       reflink=1    bigtime=1 inobtcount=1 nrext64=0\n"
            f"data     =                       bsize=4096   blocks={self.blocks}, imaxpct=25\n"
            "         =                       sunit=0      swidth=0 blks\n"
            "naming   =version 2              bsize=4096   ascii-ci=0, ftype=1\n"
            f"log      =internal log           bsize=4096   blocks={self.log_blocks}, version=2\n"
            "         =                       sectsz=512   sunit=0 blks, lazy-count=1\n"
            "realtime =none                   extsz=4096   blocks=0, rtextents=0\n"
        )


def new_xfs(size_bytes: int, uuid: uuids.UUID, label: str) -> Xfs:
    """What mkfs.xfs 6.1 makes of a device of this size."""
    blocks = size_bytes // _XFS_BLOCK
    return Xfs(blocks, blocks // _XFS_GROUPS, min(521728, max(16384, blocks // 2048)), uuid, label)


def pack_xfs(found: Xfs) -> bytes:
    """The first sector."""
    raw = bytearray(XFS_BYTES)
    group_log = (found.group_blocks - 1).bit_length()
    struct.pack_into(">4sIQQQ16s", raw, 0, b"XFSB", _XFS_BLOCK, found.blocks, 0, 0, found.uuid.bytes)
    struct.pack_into(">4Q", raw, 48, (_XFS_GROUPS // 2 << group_log) + 6, 128, 129, 130)
    struct.pack_into(">5I", raw, 80, 1, found.group_blocks, found.groups, 0, found.log_blocks)
    struct.pack_into(">4H12s", raw, 100, 0xB4A5, 512, 512, 8, found.label.encode()[:12])
    raw[120:128] = bytes((12, 9, 9, 3, group_log, 0, 0, 25))
    struct.pack_into(">3Q", raw, 128, 64, 61, max(0, found.blocks - found.log_blocks - 32))
    struct.pack_into(">I", raw, 180, 8)
    struct.pack_into(">III", raw, 196, 1, 0x18A, 0x18A)
    struct.pack_into(">IIII", raw, 208, 0, 0xD, 0xB, 0)
    struct.pack_into(">I", raw, 228, 4)
    struct.pack_into("<I", raw, 224, crc32c(bytes(raw)) ^ 0xFFFFFFFF)
    return bytes(raw)


def unpack_xfs(raw: bytes) -> Xfs | None:
    """The superblock in the first sector; None if it is none."""
    if raw[:4] != b"XFSB":
        return None
    uuid = raw[32:48]
    group_blocks, _groups, _bitmap, log_blocks = struct.unpack_from(">4I", raw, 84)
    label = raw[108:120].rstrip(b"\0").decode(errors="replace")
    return Xfs(struct.unpack_from(">Q", raw, 8)[0], max(1, group_blocks), log_blocks, uuids.UUID(bytes=uuid), label)
