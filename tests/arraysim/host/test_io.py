"""I/O on a map while arrays change roles, die and return (data-path.md 4)."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

import arraysim
from arraysim.core.clock import VirtualClock
from arraysim.host.client import MapFile
from tests.arraysim.host.scene import Blocked, Scene, T


def longest(scene: Scene, blocked: Blocked[T], limit_seconds: float) -> float:
    """Let time pass until a blocked call is over; how long that took on the simulated clock."""
    clock: VirtualClock = scene.world.clock
    begin = clock.now
    while not blocked.over and clock.now - begin < limit_seconds:
        scene.advance(0.5)
        with scene.lock:
            pending = scene.host.machine.io.waiting(scene.map)
        if not pending:
            assert scene.watch(lambda: blocked.over)
    return clock.now - begin


def test_data_is_the_volumes_data_on_both_arrays(attached: Scene) -> None:
    attached.host.write(attached.wwid, 4096, b"hello")
    assert attached.host.read(attached.wwid, 4094, 9) == b"\0\0hello\0\0"
    attached.host.flush(attached.wwid)
    for array in attached.world.pair.arrays:
        assert array.volumes["v"].blocks.read(4096, 5) == b"hello"


def test_a_write_waits_out_a_switchover_and_lands(attached: Scene) -> None:
    attached.switchover()
    blocked = attached.start(lambda: attached.host.write(attached.wwid, 0, b"during"))
    assert not blocked.over
    assert longest(attached, blocked, 30) <= 5
    blocked.value()
    assert attached.world.b.volumes["v"].blocks.read(0, 6) == b"during"
    assert attached.host.read(attached.wwid, 0, 6) == b"during"


def test_a_power_failure_costs_the_session_timeouts_and_no_data(attached: Scene) -> None:
    attached.host.write(attached.wwid, 0, b"before")
    attached.power_off("array-a")
    blocked = attached.start(lambda: attached.host.read(attached.wwid, 0, 6))
    stall = longest(attached, blocked, 60)
    assert blocked.value() == b"before"
    assert 15 <= stall <= 26  # pings 5 + 5, recovery 10, then the next checker round at most


def test_the_standby_arrays_death_costs_nothing(attached: Scene) -> None:
    attached.power_off("array-b")
    attached.advance(11)  # the primary goes on alone once the decision has fallen
    attached.host.write(attached.wwid, 0, b"x")
    attached.advance(60)
    attached.host.write(attached.wwid, 0, b"y")


def test_losing_all_paths_is_eio_after_the_retries(attached: Scene) -> None:
    attached.power_off("array-a")
    attached.power_off("array-b")
    blocked = attached.start(lambda: attached.host.read(attached.wwid, 0, 512))
    stall = longest(attached, blocked, 200)
    with pytest.raises(OSError, match="Input/output error") as caught:
        blocked.value()
    assert caught.value.errno == errno.EIO
    assert 105 <= stall <= 120  # 20 to fail the paths, 18 x 5 of no_path_retry; 111 measured
    with pytest.raises(OSError, match="Input/output error"):
        attached.host.read(attached.wwid, 0, 512)  # no more queueing
    attached.tool("multipath", "-f", attached.wwid)


def test_io_goes_on_when_an_array_returns_before_the_retries_are_used_up(attached: Scene) -> None:
    attached.power_off("array-a")
    attached.power_off("array-b")
    blocked = attached.start(lambda: attached.host.write(attached.wwid, 0, b"late"))
    attached.advance(70)
    assert not blocked.over
    assert "sec" in attached.tool("multipathd", "show", "maps", "raw", "format", "%Q")
    attached.power_on("array-b")
    attached.power_on("array-a")
    longest(attached, blocked, 60)
    blocked.value()
    assert attached.tool("multipathd", "show", "maps", "raw", "format", "%Q") == "18 chk\n"


def test_ghosts_count_as_paths_so_io_waits_for_ever(attached: Scene) -> None:
    with attached.lock:
        attached.world.pair.set_witness(up=False)
    attached.advance(10)
    attached.power_off("array-a")  # no witness: array-b must not take over
    blocked = attached.start(lambda: attached.host.read(attached.wwid, 0, 512))
    attached.advance(400)
    assert not blocked.over
    attached.power_on("array-a")
    longest(attached, blocked, 60)
    assert blocked.value() == bytes(512)


def test_disabling_queueing_ends_waiting_io_at_once(attached: Scene) -> None:
    attached.power_off("array-a")
    attached.power_off("array-b")
    attached.advance(40)
    blocked = attached.start(lambda: attached.host.read(attached.wwid, 0, 512))
    assert not blocked.over
    attached.tool("multipathd", "disablequeueing", "map", attached.wwid)
    with pytest.raises(OSError, match="Input/output error"):
        blocked.value()


def test_an_unexported_volume_fails_path_by_path(attached: Scene) -> None:
    attached.unexport("v", "array-a", 5)
    attached.unexport("v", "array-b", 7)
    blocked = attached.start(lambda: attached.host.read(attached.wwid, 0, 512))
    assert longest(attached, blocked, 200) == pytest.approx(90, abs=6)
    with pytest.raises(OSError, match="Input/output error"):
        blocked.value()


def test_an_array_that_rebooted_resets_the_connection(attached: Scene) -> None:
    attached.power_off("array-a")
    attached.power_on("array-a")
    blocked = attached.start(lambda: attached.host.read(attached.wwid, 0, 512))
    assert longest(attached, blocked, 60) <= 5  # no silence: the session is made again at once
    assert blocked.value() == bytes(512)


def test_io_beyond_the_end_is_refused_without_failing_paths(attached: Scene) -> None:
    with pytest.raises(OSError, match="Input/output error"):
        attached.host.read(attached.wwid, 2**30 - 256, 512)
    assert attached.paths()[0] == "sda active ready 50"


def test_closing_the_host_lets_waiting_io_go(attached: Scene) -> None:
    attached.power_off("array-a")
    blocked = attached.start(
        lambda: attached.answer("dd", f"if={attached.device}", "bs=512", "count=1", "of=/dev/null")
    )
    assert not blocked.over
    attached.host.close()
    blocked.thread.join(5)
    assert not blocked.thread.is_alive()


def test_another_process_uses_the_map_as_a_file(attached: Scene) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[3]);"
        "from arraysim.host.client import MapFile;"
        "f = MapFile(sys.argv[1], sys.argv[2]); f.pwrite(b'from outside', 512); f.fsync();"
        "print(f.pread(12, 512), f.size_bytes)"
    )
    root = str(Path(arraysim.__file__).parents[1])
    ran = subprocess.run(
        [sys.executable, "-c", script, str(attached.host.folder), attached.wwid, root],
        capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert (ran.stdout, ran.stderr) == (f"b'from outside' {2**30}\n", "")
    assert attached.world.b.volumes["v"].blocks.read(512, 12) == b"from outside"


def test_an_open_map_file_keeps_the_map_in_use(attached: Scene) -> None:
    with MapFile(attached.host.folder, attached.device) as opened:
        attached.tool("multipath", "-f", attached.wwid, code=1)
        assert opened.pread(4, 2**30 - 2) == b"\0\0"
        with pytest.raises(OSError, match="No space left"):
            opened.pwrite(b"1234", 2**30 - 2)
    assert attached.watch(lambda: attached.map.openers == 0)
    attached.tool("multipath", "-f", attached.wwid)
    with pytest.raises(FileNotFoundError):
        MapFile(attached.host.folder, attached.wwid)
