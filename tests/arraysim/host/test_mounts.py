"""The mount table: what mount(8) and umount(8) accept, and what mountinfo says."""

from pathlib import Path

import pytest

from arraysim.host.fsformat import EXT_OFFSET, unpack_ext
from tests.arraysim.host.scene import Scene


@pytest.fixture
def formatted(attached: Scene) -> Scene:
    attached.tool("mkfs.ext4", "-q", attached.device)
    return attached


def folder(tmp_path: Path, name: str) -> str:
    (tmp_path / name).mkdir()
    return str(tmp_path / name)


def lines(scene: Scene, *targets: str) -> list[list[str]]:
    """The lines of mountinfo for these targets, split into fields."""
    text = (scene.host.folder / "proc/1/mountinfo").read_text()
    return [line.split() for line in text.splitlines() if line.split()[4] in targets]


def error(scene: Scene, *argv: str, code: int = 32) -> str:
    answer = scene.answer(*argv)
    assert answer.code == code, answer
    return answer.err.decode()


def test_mountinfo_is_in_the_kernels_format(formatted: Scene, tmp_path: Path) -> None:
    stage = folder(tmp_path, "stage me")
    formatted.tool("mount", "-t", "ext4", "-o", "discard,noatime", formatted.device, stage)
    [line] = lines(formatted, stage.replace(" ", "\\040"))
    assert line[2:4] == ["253:0", "/"]
    assert line[5] == "rw,noatime"
    assert line[6].startswith("shared:")
    assert line[7:] == ["-", "ext4", f"/dev/mapper/{formatted.wwid}", "rw,discard"]


def test_a_mount_needs_the_right_signature(attached: Scene, tmp_path: Path) -> None:
    stage = folder(tmp_path, "stage")
    assert "wrong fs type, bad option, bad superblock on /dev/mapper/" in error(
        attached, "mount", attached.device, stage
    )
    attached.tool("mkfs.xfs", attached.device)
    assert "wrong fs type" in error(attached, "mount", "-t", "ext4", attached.device, stage)
    assert "wrong fs type" in error(attached, "mount", "-o", "bogus", attached.device, stage)
    attached.tool("mount", attached.device, stage)
    [line] = lines(attached, stage)
    assert line[8:] == ["xfs", f"/dev/mapper/{attached.wwid}", "rw,inode64,logbufs=8,logbsize=32k,noquota"]


def test_what_is_not_there_is_said(formatted: Scene, tmp_path: Path) -> None:
    stage = folder(tmp_path, "stage")
    assert "mount point does not exist." in error(formatted, "mount", formatted.device, str(tmp_path / "none"))
    assert "special device /dev/none does not exist." in error(formatted, "mount", "/dev/none", stage)
    assert "no mount point specified." in error(formatted, "umount", str(tmp_path / "none"))
    assert error(formatted, "umount", stage) == f"umount: {stage}: not mounted.\n"
    assert "mount point not mounted" in error(formatted, "mount", "-o", "remount,ro", stage)


def test_mounting_twice_in_one_place_is_refused_and_elsewhere_shared(formatted: Scene, tmp_path: Path) -> None:
    one, two = folder(tmp_path, "one"), folder(tmp_path, "two")
    formatted.tool("mount", formatted.device, one)
    assert f"already mounted on {one}." in error(formatted, "mount", formatted.device, one)
    formatted.tool("mount", formatted.device, two)
    formatted.tool("umount", one)
    formatted.tool("multipath", "-f", formatted.wwid, code=1)
    formatted.tool("umount", two)
    formatted.tool("multipath", "-f", formatted.wwid)


def test_bind_mounts_share_the_file_system_and_may_be_read_only(formatted: Scene, tmp_path: Path) -> None:
    stage, pod = folder(tmp_path, "stage"), folder(tmp_path, "pod")
    formatted.tool("mount", formatted.device, stage)
    formatted.tool("mount", "--bind", stage, pod)
    formatted.tool("mount", "-o", "remount,bind,ro", pod)
    first, second = lines(formatted, stage, pod)
    assert (first[5], second[5]) == ("rw,relatime", "ro,relatime")
    assert first[2] == second[2]
    assert first[6] == second[6]
    assert second[10] == "rw"
    formatted.tool("umount", pod)
    formatted.tool("umount", stage)
    assert lines(formatted, stage, pod) == []


def test_a_raw_device_is_bound_onto_a_file(formatted: Scene, tmp_path: Path) -> None:
    (tmp_path / "block").touch()
    formatted.tool("mount", "--bind", formatted.device, str(tmp_path / "block"))
    [line] = lines(formatted, str(tmp_path / "block"))
    assert line[2:4] == ["0:6", "/dm-0"]
    assert line[8:10] == ["devtmpfs", "udev"]
    assert "is not a directory" in error(formatted, "mount", "--bind", str(tmp_path), str(tmp_path / "block"))
    formatted.tool("umount", str(tmp_path / "block"))


def test_a_mount_below_makes_busy(formatted: Scene, tmp_path: Path) -> None:
    stage = folder(tmp_path, "stage")
    formatted.tool("mount", formatted.device, stage)
    inner = folder(tmp_path / "stage", "inner")
    formatted.tool("mount", "--bind", str(tmp_path), inner)
    assert error(formatted, "umount", stage) == f"umount: {stage}: target is busy.\n"
    formatted.tool("umount", inner)
    formatted.tool("umount", formatted.device)


def test_mounting_for_writing_marks_the_file_system_until_unmount(formatted: Scene, tmp_path: Path) -> None:
    stage = folder(tmp_path, "stage")

    def dirty() -> bool:
        found = unpack_ext(formatted.host.read(formatted.wwid, EXT_OFFSET, 1024))
        assert found is not None
        return found.needs_recovery

    formatted.tool("mount", "-o", "ro", formatted.device, stage)
    assert not dirty()
    formatted.tool("mount", "-o", "remount,rw", stage)
    assert dirty()
    formatted.tool("umount", stage)
    assert not dirty()


def test_a_copy_of_an_xfs_is_not_mounted_beside_it(attached: Scene, tmp_path: Path) -> None:
    attached.tool("mkfs.xfs", attached.device)
    attached.world.volume("w")
    attached.export("w", "array-a", 9)
    wwn = attached.world.a.volumes["w"].wwn.lower()
    attached.tool("multipath", "-a", f"3{wwn}")
    attached.tool("iscsiadm", "-m", "session", "--rescan")
    copy = str(attached.host.folder / "dev/mapper" / f"3{wwn}")
    attached.tool("dd", f"if={attached.device}", f"of={copy}", "bs=1M", "count=1")
    one, two = folder(tmp_path, "one"), folder(tmp_path, "two")
    attached.tool("mount", attached.device, one)
    assert "wrong fs type" in error(attached, "mount", copy, two)
    attached.tool("mount", "-o", "nouuid", copy, two)


def test_unmounting_from_a_dead_device_works_once_io_fails(formatted: Scene, tmp_path: Path) -> None:
    stage = folder(tmp_path, "stage")
    formatted.tool("mount", formatted.device, stage)
    formatted.power_off("array-a")
    formatted.power_off("array-b")
    formatted.advance(60)
    blocked = formatted.start(lambda: formatted.tool("umount", stage))
    assert not blocked.over  # the superblock cannot be written while the map queues
    formatted.tool("multipathd", "disablequeueing", "map", formatted.wwid)
    blocked.value()
    formatted.tool("multipath", "-f", formatted.wwid)


def test_the_list_is_printed_without_arguments(formatted: Scene, tmp_path: Path) -> None:
    stage = folder(tmp_path, "stage")
    formatted.tool("mount", formatted.device, stage)
    assert f"/dev/mapper/{formatted.wwid} on {stage} type ext4 (rw,relatime)\n" in formatted.tool("mount")
