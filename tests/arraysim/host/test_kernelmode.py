"""Root mode: this machine's kernel and tools on the simulated maps."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from arraysim.host.fuse import FLUSH, OPEN, FuseServer
from arraysim.host.kernelmode import BACKING, available
from arraysim.host.scsi import SECTOR_BYTES
from tests.arraysim.host.scene import DEADLINE_SECONDS, Scene

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(bool(available()), reason=f"no real mounts on this machine: {available()}"),
]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path / "host", mounts="kernel")
    with made.host:
        made.admit()
        made.attach()
        yield made
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


def real(scene: Scene, tool: str, *argv: str, code: int = 0) -> str:
    """Run one of the executables in the folder, as a node plugin does."""
    found = next(
        scene.host.folder / name / tool
        for name in ("usr/sbin", "usr/bin")
        if (scene.host.folder / name / tool).exists()
    )
    ran = subprocess.run([str(found), *argv], capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS)
    assert ran.returncode == code, ran
    return ran.stdout


def test_closing_a_backing_file_asks_the_server_nothing_that_it_must_answer(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a fork while one is open stops for ever: the child's close waits for a server that waits for the child."""
    asked: list[int] = []
    handle = FuseServer._handle

    def noted(self: FuseServer, opcode: int, unique: int, node: int, body: bytes) -> None:
        asked.append(opcode)
        handle(self, opcode, unique, node, body)

    monkeypatch.setattr(FuseServer, "_handle", noted)
    backing = next((scene.host.folder / BACKING).iterdir())
    os.close(os.dup(descriptor := os.open(backing, os.O_RDWR)))
    os.close(descriptor)
    assert OPEN in asked
    assert FLUSH not in asked


@pytest.fixture
def stage(scene: Scene, tmp_path: Path) -> Path:
    """A mounted ext4 on the map."""
    folder = tmp_path / "stage"
    folder.mkdir()
    real(scene, "mkfs.ext4", "-q", scene.device)
    real(scene, "mount", "-t", "ext4", scene.device, str(folder))
    return folder


def writer(path: Path, text: str) -> "subprocess.Popen[str]":
    """A process that writes a file and forces it to the device."""
    script = "import os, sys; f = open(sys.argv[1], 'w'); f.write(sys.argv[2]); f.flush(); os.fsync(f.fileno())"
    argv = ["python3", "-c", script, str(path), text]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(scene: Scene, process: "subprocess.Popen[str]", limit_seconds: float) -> tuple[int, str]:
    """Let simulated time pass, a second at a time, until the process ends."""
    begin = scene.world.clock.now
    while scene.world.clock.now - begin < limit_seconds:
        scene.advance(1)
        try:
            _, err = process.communicate(timeout=0.02)
        except subprocess.TimeoutExpired:
            continue
        return process.returncode, err
    pytest.fail(f"the process still waits after {limit_seconds} simulated seconds")


def test_files_reach_both_arrays_and_a_switchover_loses_none(scene: Scene, stage: Path) -> None:
    (stage / "before").write_text("kept")
    os.sync()
    near, far = (array.volumes["v"].blocks for array in scene.world.pair.arrays)
    assert near.used_bytes > 0
    assert near.differing_pages(far) == set()
    scene.switchover()
    process = writer(stage / "during", "written while nobody served")
    assert ended(scene, process, 60) == (0, "")
    real(scene, "umount", str(stage))
    assert "TYPE=ext4" in real(scene, "blkid", "-p", "-o", "export", scene.device)
    real(scene, "e2fsck", "-f", "-n", scene.device)
    real(scene, "mount", scene.device, str(stage))
    assert (stage / "before").read_text() == "kept"
    assert (stage / "during").read_text() == "written while nobody served"


def test_numbers_agree_between_sysfs_and_mountinfo(scene: Scene, stage: Path, tmp_path: Path) -> None:
    number = scene.read_sys("block/dm-0/dev")
    table = (scene.host.folder / "proc/1/mountinfo").read_text().splitlines()
    [line] = [line.split() for line in table if line.split()[4] == str(stage)]
    assert line[2] == number
    assert number.startswith("7:")
    (tmp_path / "block").touch()
    real(scene, "mount", "--bind", scene.device, str(tmp_path / "block"))
    table = (scene.host.folder / "proc/1/mountinfo").read_text().splitlines()
    [line] = [line.split() for line in table if line.split()[4] == str(tmp_path / "block")]
    assert line[3] == "/dm-0"
    real(scene, "umount", str(tmp_path / "block"))


def test_a_mounted_map_is_in_use_and_an_unmounted_one_goes_without_trace(scene: Scene, stage: Path) -> None:
    assert "map in use" in scene.answer("multipath", "-f", scene.wwid).err.decode()
    real(scene, "umount", str(stage))
    loop = scene.read_sys("block/dm-0/dev").partition(":")[2]
    scene.tool("multipath", "-f", scene.wwid)
    assert not (scene.host.folder / "dev/dm-0").exists()
    assert not Path(f"/sys/block/loop{loop}/loop/backing_file").exists()
    assert list((scene.host.folder / "run/mapper-backing").iterdir()) == []
    scene.tool("multipath", scene.wwid)
    real(scene, "mount", scene.device, str(stage))


def test_growth_reaches_the_device(scene: Scene, stage: Path) -> None:
    scene.grow(512)
    for name in ("sda", "sdb", "sdc", "sdd"):
        scene.write_sys(f"block/{name}/device/rescan", "1")
    scene.tool("multipathd", "resize", "map", scene.wwid)
    assert real(scene, "blockdev", "--getsize64", scene.device) == f"{1536 * 2**20}\n"
    loop = scene.read_sys("block/dm-0/dev").partition(":")[2]
    assert int(Path(f"/sys/block/loop{loop}/size").read_text()) * SECTOR_BYTES == 1536 * 2**20
    real(scene, "umount", str(stage))
    real(scene, "e2fsck", "-f", "-p", scene.device)
    assert "now 393216 (4k) blocks long" in real(scene, "resize2fs", scene.device)


def test_a_writer_gets_an_error_once_all_paths_are_given_up(scene: Scene, stage: Path) -> None:
    scene.power_off("array-a")
    scene.power_off("array-b")
    process = writer(stage / "lost", "x")
    assert scene.watch(lambda: scene.host.machine.io.waiting(scene.map) > 0)
    code, err = ended(scene, process, 150)
    assert code != 0
    assert "Input/output error" in err or "Read-only file system" in err
    real(scene, "umount", str(stage))
    scene.tool("multipath", "-f", scene.wwid)


def test_closing_under_a_waiting_writer_is_quick_and_leaves_nothing(scene: Scene, stage: Path) -> None:
    loop = scene.read_sys("block/dm-0/dev").partition(":")[2]
    scene.power_off("array-a")
    scene.power_off("array-b")
    process = writer(stage / "lost", "x")
    assert scene.watch(lambda: scene.host.machine.io.waiting(scene.map) > 0)
    begin = time.monotonic()
    scene.host.close()
    assert time.monotonic() - begin < 5
    process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode != 0
    assert not stage.is_mount()
    assert not Path(f"/sys/block/loop{loop}/loop/backing_file").exists()


def test_missing_tools_say_so(scene: Scene) -> None:
    path = scene.host.folder / "usr/sbin/mkfs.xfs"
    if path.is_symlink():
        assert "mkfs.xfs version" in real(scene, "mkfs.xfs", "-V")
    else:
        real(scene, "mkfs.xfs", scene.device, code=126)
