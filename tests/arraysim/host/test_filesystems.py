"""Signatures, checks and growth, against the real tools of this machine where it has them."""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from arraysim.host.fsformat import EXT_OFFSET, pack_ext, unpack_ext
from tests.arraysim.host.scene import Scene


def image(scene: Scene, folder: Path) -> Path:
    """The start of the volume as a sparse file of its size."""
    path = folder / "volume.img"
    path.write_bytes(scene.host.read(scene.wwid, 0, 128 * 1024))
    os.truncate(path, scene.map.size_bytes)
    return path


def grow(scene: Scene, mib: int) -> None:
    scene.grow(mib)
    for name in ("sda", "sdb", "sdc", "sdd"):
        scene.write_sys(f"block/{name}/device/rescan", "1")
    scene.tool("multipathd", "resize", "map", scene.wwid)


def test_an_empty_device_is_exit_code_2(attached: Scene) -> None:
    assert attached.tool("blkid", "-p", attached.device, code=2) == ""
    assert attached.tool("blkid", "-p", attached.device + "x", code=2) == ""


@pytest.mark.parametrize(("tool", "kind"), [("mkfs.ext4", "ext4"), ("mkfs.xfs", "xfs")])
def test_blkid_finds_what_mkfs_made(attached: Scene, tool: str, kind: str) -> None:
    assert attached.tool(tool, "-q", attached.device) == ""
    assert attached.tool("blkid", "-p", "-s", "TYPE", "-o", "value", attached.device) == f"{kind}\n"
    export = dict(
        line.split("=") for line in attached.tool("blkid", "-p", "-o", "export", attached.device).splitlines()
    )
    assert (export["DEVNAME"], export["TYPE"], export["USAGE"]) == (attached.device, kind, "filesystem")


@pytest.mark.parametrize("tool", ["mkfs.ext4", "mkfs.xfs"])
def test_the_real_blkid_agrees(attached: Scene, tmp_path: Path, tool: str) -> None:
    real = shutil.which("blkid")
    if real is None:
        pytest.skip("this machine has no blkid")
    attached.tool(tool, attached.device)
    path = image(attached, tmp_path)
    answer = subprocess.run([real, "-p", "-o", "export", str(path)], capture_output=True, text=True, check=True)
    ours = attached.tool("blkid", "-p", "-o", "export", attached.device).splitlines()[1:]
    assert answer.stdout.splitlines()[1:] == ours


def test_the_real_dumpe2fs_reads_our_superblock(attached: Scene, tmp_path: Path) -> None:
    real = shutil.which("dumpe2fs")
    if real is None:
        pytest.skip("this machine has no dumpe2fs")
    attached.tool("mkfs.ext4", "-L", "data", attached.device)
    answer = subprocess.run([real, "-h", str(image(attached, tmp_path))], capture_output=True, text=True, check=False)
    values = {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in answer.stdout.splitlines())
    }
    assert values["Filesystem state"] == "clean"
    assert values["Block count"] == "262144"
    assert values["Inode count"] == "65536"
    assert values["Filesystem volume name"] == "data"
    assert "metadata_csum" in values["Filesystem features"]


def test_mkfs_ext4_prints_what_mke2fs_prints(attached: Scene) -> None:
    answer = attached.answer("mkfs.ext4", attached.device)
    assert answer.err == b"mke2fs 1.47.0 (5-Feb-2023)\n"
    assert b"Creating filesystem with 262144 4k blocks and 65536 inodes\n" in answer.out
    assert b"Superblock backups stored on blocks: \n\t32768, 98304, 163840, 229376\n" in answer.out
    assert b"Creating journal (8192 blocks): done\n" in answer.out


def test_mkfs_xfs_prints_geometry_and_refuses_what_holds_something(attached: Scene) -> None:
    out = attached.tool("mkfs.xfs", attached.device)
    assert "isize=512    agcount=4, agsize=65536 blks\n" in out
    assert "data     =                       bsize=4096   blocks=262144, imaxpct=25\n" in out
    answer = attached.answer("mkfs.xfs", attached.device)
    assert answer.code == 1
    assert b"appears to contain an existing filesystem (xfs).\nmkfs.xfs: Use the -f option" in answer.err
    attached.tool("mkfs.xfs", "-f", attached.device)


def test_two_signatures_are_ambivalent(attached: Scene) -> None:
    attached.tool("mkfs.xfs", attached.device)
    first = attached.host.read(attached.wwid, 0, 512)
    attached.tool("mkfs.ext4", attached.device)
    attached.host.write(attached.wwid, 0, first)
    answer = attached.answer("blkid", "-p", attached.device)
    assert answer.code == 8
    assert b"ambivalent result" in answer.err


def test_an_unreadable_device_looks_empty_to_blkid(attached: Scene) -> None:
    attached.tool("mkfs.ext4", attached.device)
    attached.tool("multipathd", "disablequeueing", "map", attached.wwid)
    attached.power_off("array-a")
    attached.power_off("array-b")
    attached.advance(60)
    assert attached.tool("blkid", "-p", attached.device, code=2) == ""  # the trap: exit code 2 is no proof of emptiness
    answer = attached.answer("dd", f"if={attached.device}", "bs=4096", "count=1", "of=/dev/null", "iflag=direct")
    assert answer.code == 1
    assert b"Input/output error" in answer.err


def test_partition_tables_and_lvm_are_seen(attached: Scene) -> None:
    attached.host.write(attached.wwid, 512, b"EFI PART")
    assert attached.tool("blkid", "-p", "-o", "export", attached.device).endswith("PTTYPE=gpt\n")
    attached.host.write(attached.wwid, 512, b"LABELONE" + bytes(16) + b"LVM2 001")
    assert "TYPE=LVM2_member\n" in attached.tool("blkid", "-p", "-o", "export", attached.device)


def test_fsck_of_a_crashed_mount_replays_the_journal(attached: Scene, tmp_path: Path) -> None:
    attached.tool("mkfs.ext4", attached.device)
    assert attached.tool("e2fsck", "-p", attached.device).startswith(f"{attached.device}: clean, 11/65536 files, ")
    (tmp_path / "stage").mkdir()
    attached.tool("mount", attached.device, str(tmp_path / "stage"))
    assert attached.answer("e2fsck", "-p", attached.device).code == 8
    crashed = attached.host.read(attached.wwid, EXT_OFFSET, 1024)
    attached.tool("umount", str(tmp_path / "stage"))
    assert "recovering" not in attached.tool("e2fsck", "-p", attached.device)
    attached.host.write(attached.wwid, EXT_OFFSET, crashed)
    assert attached.tool("fsck.ext4", "-p", attached.device).startswith(f"{attached.device}: recovering journal\n")
    assert "recovering" not in attached.tool("e2fsck", "-p", attached.device)


def test_fsck_corrects_marked_errors_and_gives_up_on_garbage(attached: Scene) -> None:
    attached.tool("mkfs.ext4", attached.device)
    found = unpack_ext(attached.host.read(attached.wwid, EXT_OFFSET, 1024))
    assert found is not None
    attached.host.write(attached.wwid, EXT_OFFSET, pack_ext(replace(found, state=3)))
    assert "contains a file system with errors, check forced." in attached.tool("e2fsck", "-n", attached.device, code=4)
    attached.tool("e2fsck", "-p", attached.device, code=1)
    attached.tool("e2fsck", "-p", attached.device)
    attached.host.write(attached.wwid, EXT_OFFSET + 58, b"\3")
    assert b"Superblock checksum does not match superblock" in attached.answer("e2fsck", "-p", attached.device).err
    attached.host.write(attached.wwid, EXT_OFFSET, bytes(1024))
    answer = attached.answer("e2fsck", "-p", attached.device)
    assert answer.code == 8
    assert b"Bad magic number in super-block" in answer.err


def test_resize2fs_grows_online_and_asks_for_fsck_offline(attached: Scene, tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    stage.mkdir()
    attached.tool("mkfs.ext4", attached.device)
    assert b"already 262144 (4k) blocks long.  Nothing to do!" in attached.answer("resize2fs", attached.device).err
    attached.advance(5)
    attached.tool("mount", attached.device, str(stage))
    grow(attached, 512)
    out = attached.tool("resize2fs", attached.device)
    assert out.startswith(f"Filesystem at {attached.device} is mounted on {stage}; on-line resizing required\n")
    assert out.endswith(f"The filesystem on {attached.device} is now 393216 (4k) blocks long.\n\n")
    attached.tool("umount", str(stage))
    grow(attached, 512)
    refused = attached.answer("resize2fs", attached.device)
    assert refused.code == 1
    assert f"Please run 'e2fsck -f {attached.device}' first.".encode() in refused.err
    attached.tool("e2fsck", "-f", "-p", attached.device)
    assert "Resizing the filesystem" in attached.tool("resize2fs", attached.device)


def test_xfs_grows_mounted_only(attached: Scene, tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    stage.mkdir()
    attached.tool("mkfs.xfs", attached.device)
    assert b"is not a mounted XFS filesystem" in attached.answer("xfs_growfs", attached.device).err
    attached.tool("mount", "-t", "xfs", attached.device, str(stage))
    assert "data blocks changed" not in attached.tool("xfs_growfs", str(stage))
    grow(attached, 512)
    assert attached.tool("xfs_growfs", "-d", str(stage)).endswith("data blocks changed from 262144 to 393216\n")
    assert attached.answer("xfs_repair", attached.device).code == 1
    attached.tool("umount", str(stage))
    attached.tool("xfs_repair", attached.device)


def test_dd_moves_bytes_between_maps_and_files(attached: Scene, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"x" * 1000)
    attached.tool("dd", f"if={tmp_path / 'in'}", f"of={attached.device}", "bs=500", "seek=2")
    assert attached.host.read(attached.wwid, 999, 1002) == b"\0" + b"x" * 1000 + b"\0"
    answer = attached.answer("dd", f"if={attached.device}", f"of={tmp_path / 'out'}", "bs=1k", "count=2")
    assert answer.err.startswith(b"2+0 records in\n2+0 records out\n2048 bytes")
    assert (tmp_path / "out").read_bytes() == bytes(1000) + b"x" * 1000 + bytes(48)
    assert b"failed to open" in attached.answer("dd", "if=/nonexistent", "count=1").err


def test_blockdev_answers_for_maps_and_disks(attached: Scene) -> None:
    assert attached.tool("blockdev", "--getsize64", "--getss", attached.device) == f"{2**30}\n512\n"
    assert attached.tool("blockdev", "--getsize64", "/dev/sda") == f"{2**30}\n"
    assert attached.tool("blockdev", "--flushbufs", attached.device) == ""
    assert b"cannot open" in attached.answer("blockdev", "--getsize64", "/dev/sdz").err


def test_a_disk_inside_a_map_is_not_formatted(attached: Scene) -> None:
    assert b"apparently in use by the system" in attached.answer("mkfs.ext4", "/dev/sda").err
    assert json.loads(attached.tool("multipathd", "show", "maps", "json"))["maps"][0]["paths"] == 4
