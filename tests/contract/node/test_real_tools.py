"""The file system rules against the machine's own blkid, dd, mkfs.ext4 and e2fsck, on image files."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from csi.errors import AlreadyExistsDifferently, PathsMissing
from csi.node import filesystem
from csi.node.filesystem import Content, Probe
from csi.node.host import LinuxHost
from csi.node.port import ToolFailed

SIZE_BYTES = 64 * 1024 * 1024


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image"
    path.write_bytes(b"")
    with path.open("r+b") as stream:
        stream.truncate(SIZE_BYTES)
    return path


def seen(image: Path) -> Probe:
    return filesystem.probe(LinuxHost(), str(image), SIZE_BYTES, 60)


def write(image: Path, offset: int, data: bytes) -> None:
    with image.open("r+b") as stream:
        stream.seek(offset)
        stream.write(data)


def test_zeros_are_blank_and_what_is_made_of_them_is_found(image: Path) -> None:
    assert seen(image) == Probe(Content.BLANK)
    assert filesystem.needs_making(seen(image), "ext4", unfinished=False)
    filesystem.make(LinuxHost(), str(image), "ext4", 120)
    assert seen(image) == Probe(Content.FILE_SYSTEM, "ext4")
    assert not filesystem.needs_making(seen(image), "ext4", unfinished=False)
    with pytest.raises(AlreadyExistsDifferently):
        filesystem.needs_making(seen(image), "xfs", unfinished=False)


@pytest.mark.parametrize("offset", [0, 3 * 1024 * 1024, SIZE_BYTES // 2 + 5, SIZE_BYTES - 1])
def test_data_that_no_tool_knows_are_never_blank(image: Path, offset: int) -> None:
    write(image, offset, b"\x01")
    assert seen(image) == Probe(Content.UNKNOWN)
    with pytest.raises(AlreadyExistsDifferently, match="unknown data"):
        filesystem.needs_making(seen(image), "ext4", unfinished=False)


def test_ext2_as_the_docker_plugin_made_it_passes_for_ext4(image: Path) -> None:
    subprocess.run([shutil.which("mkfs.ext2") or "mkfs.ext2", "-q", image], check=True, stdin=subprocess.DEVNULL)
    assert seen(image) == Probe(Content.FILE_SYSTEM, "ext2")
    assert not filesystem.needs_making(seen(image), "ext4", unfinished=True)


def test_a_partition_table_is_refused(image: Path) -> None:
    """An MBR with one Linux partition: 16-byte entry at 446, signature at 510."""
    entry = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0x83, b"\0\3\0", 2048, 4096)
    write(image, 446, entry)
    write(image, 510, b"\x55\xaa")
    assert seen(image) == Probe(Content.PARTITIONS, "dos")
    with pytest.raises(AlreadyExistsDifferently, match="partition table"):
        filesystem.needs_making(seen(image), "ext4", unfinished=True)


def test_swap_is_a_signature_but_no_file_system(image: Path) -> None:
    write(image, 4086, b"SWAPSPACE2")
    write(image, 1024, struct.pack("<II", 1, SIZE_BYTES // 4096 - 1))
    assert seen(image).content is Content.OTHER


def test_two_signatures_at_once_are_ambivalent(image: Path) -> None:
    filesystem.make(LinuxHost(), str(image), "ext4", 120)
    write(image, 64 * 1024 + 52, b"ReIsEr2Fs")
    write(image, 64 * 1024 + 64, b"_BHRfS_M")
    assert seen(image) == Probe(Content.AMBIVALENT)
    with pytest.raises(AlreadyExistsDifferently, match="several signatures"):
        filesystem.needs_making(seen(image), "ext4", unfinished=True)


def test_a_device_that_is_not_there_or_too_short_is_not_blank(image: Path) -> None:
    with pytest.raises(PathsMissing, match="cannot be read"):
        filesystem.probe(LinuxHost(), f"{image}-none", SIZE_BYTES, 60)
    with pytest.raises(PathsMissing, match="cannot be read"):
        filesystem.probe(LinuxHost(), str(image), SIZE_BYTES * 2, 60)


def test_a_sound_file_system_passes_the_check_and_a_broken_one_does_not(image: Path) -> None:
    filesystem.make(LinuxHost(), str(image), "ext4", 120)
    filesystem.check(LinuxHost(), str(image), "ext4", 120)
    # Wreck the group descriptors and the first inode tables, which -p may not repair alone.
    write(image, 4096, b"\xa5" * 2 * 1024 * 1024)
    with pytest.raises(ToolFailed, match="by hand"):
        filesystem.check(LinuxHost(), str(image), "ext4", 120)
