"""The executables as a node plugin runs them."""

import subprocess
import time
from pathlib import Path

from arraysim.core import hosts, vluns
from arraysim.host.host import SimHost
from tests.arraysim.host.scene import Scene


def run(scene: Scene, tool: str, *argv: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    found = next(
        scene.host.folder / name / tool
        for name in ("usr/sbin", "usr/bin")
        if (scene.host.folder / name / tool).exists()
    )
    return subprocess.run([str(found), *argv], input=stdin, capture_output=True, check=False, timeout=20)


def test_a_tool_prints_and_exits_as_the_real_one(scene: Scene) -> None:
    ran = run(scene, "iscsiadm", "-m", "session")
    assert (ran.returncode, ran.stdout, ran.stderr) == (21, b"", b"iscsiadm: No active sessions.\n")


def test_device_arguments_may_carry_the_host_root(attached: Scene) -> None:
    ran = run(attached, "blockdev", "--getsize64", attached.device)
    assert ran.stdout == f"{2**30}\n".encode()
    ran = run(attached, "blockdev", "--getsize64", f"/dev/mapper/{attached.wwid}")
    assert ran.stdout == f"{2**30}\n".encode()


def test_standard_input_and_output_pass_through_dd(attached: Scene) -> None:
    run(attached, "dd", f"of={attached.device}", "bs=4", stdin=b"\x00\xff\n!")
    ran = run(attached, "dd", f"if={attached.device}", "bs=4", "count=1", "status=none")
    assert (ran.stdout, ran.stderr) == (b"\x00\xff\n!", b"")


def test_sysfs_writes_count_before_the_next_command(attached: Scene) -> None:
    for name in ("sda", "sdb", "sdc", "sdd"):
        (attached.host.folder / "sys/block" / name / "device/delete").write_text("1\n")
    assert run(attached, "multipathd", "show", "paths").stdout == b"ok\n"


def test_a_write_to_sysfs_is_acted_on_without_any_command(attached: Scene) -> None:
    (attached.host.folder / "sys/block/sda/device/delete").write_text("1")
    assert attached.watch(lambda: "sda" not in attached.host.machine.midlayer.disks)


def test_starting_a_tool_is_quick(scene: Scene) -> None:
    best = 1.0
    for _ in range(5):
        begin = time.perf_counter()
        run(scene, "iscsiadm", "-m", "session")
        best = min(best, time.perf_counter() - begin)
    assert best < 0.25


def test_a_closed_host_is_named_as_the_reason(scene: Scene) -> None:
    scene.host.close()
    ran = run(scene, "multipath", "-ll")
    assert ran.returncode == 126
    assert b"the simulated host is not running" in ran.stderr


def test_a_folder_with_a_long_path_works(tmp_path: Path, scene: Scene) -> None:
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    with SimHost(scene.world.pair, scene.lock, folder, "node-2", mounts="table"):
        ran = subprocess.run([str(folder / "usr/sbin/multipath"), "-ll"], capture_output=True, check=False, timeout=20)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


def test_two_hosts_see_the_same_volume(scene: Scene, tmp_path: Path) -> None:
    with SimHost(scene.world.pair, scene.lock, tmp_path / "other", "node-2", mounts="table") as other:
        with scene.lock:
            for array in scene.world.pair.arrays:
                hosts.create(array, hosts.NewHost("h2", (other.iqn,)))
                vluns.create(array, vluns.NewVlun("v", "h2", lun=1))
        scene.attach()
        port = scene.portals("array-a")[0]
        other.run("iscsiadm", "-m", "discovery", "-t", "st", "-p", port.address, "--login")
        other.run("multipath", scene.wwid)
        scene.host.write(scene.wwid, 0, b"shared")
        assert other.read(scene.wwid, 0, 6) == b"shared"
