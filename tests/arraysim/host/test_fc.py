"""The FC variant: adapters, remote ports, scanning, losing and regaining an array."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.arraysim.host.scene import Scene

WWPNS = ("10000090FA000001", "10000090FA000002")


@pytest.fixture
def fibre(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path / "host", wwpns=WWPNS)
    made.host.start()
    try:
        made.admit()
        yield made
    finally:
        made.host.close()


def test_adapters_and_remote_ports_are_in_sysfs(fibre: Scene) -> None:
    assert fibre.read_sys("class/fc_host/host2/port_name") == "0x10000090fa000001"
    assert fibre.read_sys("class/fc_host/host3/port_state") == "Online"
    remotes = list((fibre.host.folder / "sys/class/fc_remote_ports").iterdir())
    assert len(remotes) == 16  # two adapters, four FC ports on each of two arrays
    assert fibre.read_sys("class/fc_remote_ports/rport-2:0-0/port_state") == "Online"
    assert fibre.read_sys("class/fc_remote_ports/rport-2:0-0/scsi_target_id") == "0"
    wwpn = fibre.world.a.ports["0:1:1"].wwn.lower()
    assert fibre.read_sys("class/fc_remote_ports/rport-2:0-0/port_name") == f"0x{wwpn}"


def test_a_scan_of_one_target_finds_one_path(fibre: Scene) -> None:
    fibre.write_sys("class/scsi_host/host2/scan", "0 1 5")
    assert [disk.address for disk in fibre.host.machine.midlayer.disks.values()] == ["2:0:1:5"]
    assert "/rport-2:0-1/target2:0:1/2:0:1:5/" in str((fibre.host.folder / "sys/block/sda").resolve()) + "/"


def test_a_map_forms_and_survives_an_array(fibre: Scene) -> None:
    fibre.tool("multipath", "-a", fibre.wwid)
    for host in (2, 3):
        fibre.write_sys(f"class/scsi_host/host{host}/scan", "- - -")
    assert len(fibre.map.paths) == 16
    assert [group.priority for group in fibre.map.groups] == [50, 1]
    assert fibre.tool("multipathd", "show", "paths", "raw", "format", "%R %r %P").splitlines()[0] == (
        f"0x10000090fa000001 0x{fibre.world.a.ports['0:1:1'].wwn.lower()} scsi:fcp"
    )
    fibre.host.write(fibre.wwid, 0, b"data")
    fibre.power_off("array-a")
    fibre.advance(1)  # the fabric tells
    assert fibre.read_sys("class/fc_remote_ports/rport-2:0-0/port_state") == "Blocked"
    assert fibre.read_sys("block/sda/device/state") == "blocked"
    fibre.advance(25)  # fast_io_fail 10, takeover 10, a checker round
    assert fibre.read_sys("block/sda/device/state") == "transport-offline"
    assert fibre.host.read(fibre.wwid, 0, 4) == b"data"
    fibre.power_on("array-a")
    fibre.advance(30)
    assert fibre.read_sys("class/fc_remote_ports/rport-2:0-0/port_state") == "Online"
    assert len(fibre.map.paths) == 16
    assert all(path.usable for path in fibre.map.paths)
