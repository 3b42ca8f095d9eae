"""Log-in, sessions, records: messages and exit codes of open-iscsi 2.1.8, timing of data-path.md 4 and 6."""

import pytest

from arraysim.core import hosts
from arraysim.host.host import SimHost
from tests.arraysim.host.scene import Scene


def test_login_makes_a_session_that_sysfs_and_the_array_know(scene: Scene) -> None:
    port = scene.portals("array-a")[0]
    out = scene.tool(*scene.record(port, scan="manual"), "--login")
    label = f"[iface: default, target: {port.iqn}, portal: {port.address},3260]"
    assert out == f"Logging in to {label}\nLogin to {label} successful.\n"
    assert scene.tool("iscsiadm", "-m", "session") == f"tcp: [1] {port.address}:3260,21 {port.iqn} (non-flash)\n"
    assert scene.read_sys("class/iscsi_session/session1/targetname") == port.iqn
    assert scene.read_sys("class/iscsi_session/session1/state") == "LOGGED_IN"
    assert scene.read_sys("class/iscsi_connection/connection1:0/persistent_address") == port.address
    assert scene.read_sys("class/iscsi_connection/connection1:0/persistent_port") == "3260"
    assert (scene.host.folder / "sys/class/iscsi_host/host2/device/session1").is_dir()
    assert scene.world.a.logins == {scene.host.iqn: {"0:2:1"}}


def test_manual_scan_shows_no_lun_before_it_is_asked_for(scene: Scene) -> None:
    scene.log_in("array-a", scan="manual")
    assert list((scene.host.folder / "sys/block").glob("*") if (scene.host.folder / "sys/block").exists() else []) == []
    scene.write_sys("class/scsi_host/host2/scan", "0 0 6")
    assert scene.host.machine.midlayer.disks == {}
    scene.write_sys("class/scsi_host/host2/scan", "- - 5")
    assert list(scene.host.machine.midlayer.disks) == ["sda"]


def test_automatic_scan_brings_all_luns(scene: Scene) -> None:
    scene.world.volume("w")
    scene.export("w", "array-a", 300)
    scene.log_in("array-a")
    found = sorted(disk.address for disk in scene.host.machine.midlayer.disks.values())
    assert found == ["2:0:0:16684", "2:0:0:5", "3:0:0:16684", "3:0:0:5"]  # flat addressing from 256 on


def test_second_login_says_session_exists(scene: Scene) -> None:
    node = scene.record(scene.portals("array-a")[0])
    scene.tool(*node, "--login")
    answer = scene.answer(*node, "--login")
    assert answer.code == 15
    assert answer.err.decode() == (
        "iscsiadm: default: 1 session requested, but 1 already present.\niscsiadm: Could not log into all portals\n"
    )


def test_unknown_host_is_refused_as_unauthorized(scene: Scene) -> None:
    with scene.lock:
        scene.unexport("v", "array-a", 5)
        hosts.delete(scene.world.a, "h")
    answer = scene.answer(*scene.record(scene.portals("array-a")[0]), "--login")
    assert answer.code == 24
    assert b"initiator reported error (24 - iSCSI login failed due to authorization failure)" in answer.err


@pytest.mark.parametrize(("retries", "timeout"), [(1, 5), (2, 8), (8, 15)])
def test_login_to_a_dead_array_takes_retries_times_timeout(scene: Scene, retries: int, timeout: int) -> None:
    scene.power_off("array-a")
    node = scene.record(scene.portals("array-a")[0], initial_login_retry_max=str(retries))
    scene.tool(*node, "-o", "update", "-n", "node.conn[0].timeo.login_timeout", "-v", str(timeout))
    blocked = scene.start(lambda: scene.answer(*node, "--login"))
    scene.advance(retries * timeout - 0.1)
    assert not blocked.over
    scene.advance(0.2)
    answer = blocked.value()
    assert answer.code == 8
    assert b"initiator reported error (8 - connection timed out)" in answer.err


def test_login_succeeds_when_the_array_returns_between_retries(scene: Scene) -> None:
    scene.power_off("array-a")
    node = scene.record(scene.portals("array-a")[0])
    blocked = scene.start(lambda: scene.tool(*node, "--login"))
    scene.advance(20)
    scene.power_on("array-a")
    scene.advance(15)
    assert "successful" in str(blocked.value())


def test_parallel_logins_wait_together(scene: Scene) -> None:
    scene.power_off("array-a")
    for port in [*scene.portals("array-a"), *scene.portals("array-b")]:
        scene.record(port, initial_login_retry_max="1")
    blocked = scene.start(lambda: scene.answer("iscsiadm", "-m", "node", "-l"))
    scene.advance(15)
    answer = blocked.value()
    assert answer.code == 8
    assert answer.out.count(b"successful") == 2


def test_exit_codes_without_objects(scene: Scene) -> None:
    none = ("iscsiadm", "-m", "node", "-T", "iqn.2000-05.com.3pardata:none", "-p", "127.0.1.99:3260")
    assert scene.answer("iscsiadm", "-m", "session").err == b"iscsiadm: No active sessions.\n"
    scene.tool("iscsiadm", "-m", "session", code=21)
    scene.tool("iscsiadm", "-m", "session", "--rescan", code=21)
    scene.tool("iscsiadm", "-m", "session", "-r", "3", "--rescan", code=22)
    for words in ((), ("--login",), ("--logout",), ("-o", "delete"), ("-o", "update", "-n", "a", "-v", "b")):
        scene.tool(*none, *words, code=21)
    scene.tool("iscsiadm", "-m", "bogus", code=7)
    scene.tool("iscsiadm", "-m", "node", "--bogus", code=7)


def test_records_are_kept_and_checked_as_open_iscsi_does(scene: Scene) -> None:
    port = scene.portals("array-a")[0]
    node = scene.record(port)
    assert scene.tool("iscsiadm", "-m", "node") == f"{port.address}:3260,4294967295 {port.iqn}\n"
    assert (scene.host.folder / "etc/iscsi/nodes" / port.iqn / f"{port.address},3260").is_file()
    for name, value in (("node.bogus", "1"), ("node.session.scan", "sometimes"), ("node.tpgt", "4")):
        assert scene.answer(*node, "-o", "update", "-n", name, "-v", value).code == 7
    scene.tool(*node, "-o", "update", "-n", "node.session.auth.password", "-v", "sesame123456")
    shown = scene.tool(*node)
    assert shown.startswith("# BEGIN RECORD 2.1.8\nnode.name = ")
    assert "node.session.auth.password = ********\n" in shown
    assert "node.session.initial_login_retry_max = 8\n" in shown
    scene.tool(*node, "--login")
    held = scene.answer(*node, "-o", "delete")
    assert held.code == 15
    assert b"but a session is using it" in held.err
    scene.tool(*node, "--logout")
    scene.tool(*node, "-o", "delete")
    assert not (scene.host.folder / "etc/iscsi/nodes" / port.iqn).exists()


def test_logout_takes_disks_and_map_along(attached: Scene) -> None:
    for port in [*attached.portals("array-a"), *attached.portals("array-b")]:
        attached.tool("iscsiadm", "-m", "node", "-T", port.iqn, "-p", f"{port.address}:3260", "-u")
    assert attached.host.machine.midlayer.disks == {}
    assert attached.host.machine.multipathd.maps == {}
    assert attached.world.a.logins == attached.world.b.logins == {}
    assert not list((attached.host.folder / "sys/class/iscsi_session").iterdir())


def test_discovery_tells_of_one_port_and_makes_its_record(scene: Scene) -> None:
    port = scene.portals("array-b")[1]
    out = scene.tool("iscsiadm", "-m", "discovery", "-t", "sendtargets", "-p", port.address)
    assert out == f"{port.address}:3260,121 {port.iqn}\n"
    assert scene.tool("iscsiadm", "-m", "node") == out


def test_a_silent_array_is_noticed_by_pings_and_comes_back_by_itself(attached: Scene) -> None:
    attached.power_off("array-a")
    attached.advance(4)
    assert attached.read_sys("class/iscsi_session/session1/state") == "LOGGED_IN"
    attached.advance(6.5)  # the next ping, and five seconds without an answer
    assert attached.read_sys("class/iscsi_session/session1/state") == "FAILED"
    assert attached.read_sys("block/sda/device/state") == "blocked"
    attached.advance(10)  # recovery_tmo, shortened by multipathd
    assert attached.read_sys("block/sda/device/state") == "transport-offline"
    attached.power_on("array-a")
    attached.advance(20)
    assert attached.read_sys("class/iscsi_session/session1/state") == "LOGGED_IN"
    assert attached.read_sys("block/sda/device/state") == "running"


def test_records_survive_a_reboot_of_the_host(scene: Scene) -> None:
    scene.record(scene.portals("array-a")[0], scan="manual")
    before = scene.tool("iscsiadm", "-m", "node", "-o", "show")
    scene.host.close()
    with SimHost(scene.world.pair, scene.lock, scene.host.folder, "node-1", mounts="table") as again:
        assert again.run("iscsiadm", "-m", "node", "-o", "show").out.decode() == before
        assert again.run("iscsiadm", "-m", "session").code == 21


def test_print_levels_name_the_disks(attached: Scene) -> None:
    out = attached.tool("iscsiadm", "-m", "session", "-P", "3")
    assert "\t\tscsi2 Channel 00 Id 0 Lun: 5\n\t\t\tAttached scsi disk sda\t\tState: running\n" in out
    assert out.count("iSCSI Session State: LOGGED_IN") == 4
    assert "Recovery Timeout: 10\n" in out
