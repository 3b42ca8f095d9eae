"""Finding paths: page 0x83, FC lanes, ports that hang."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi.access import AccessProtocol
from csi.clock import SystemClock
from csi.errors import PathsMissing
from csi.node.bench import Times
from csi.node.context import Portal
from csi.node.desk import NodeDesk
from csi.node.iscsi import Initiator, sessions
from csi.node.ledger import Ledger
from csi.node.scsi import naa_of
from tests.unit.node.conftest import PORTS, VOLUME, WWN, Node
from tests.unit.node.timing import JumpingClock
from tests.unit.node.world import Unit, World, page_83


def test_the_units_naa_name_is_found_among_other_designators() -> None:
    assert naa_of(page_83(WWN)) == WWN


def test_a_name_of_the_port_is_not_the_units() -> None:
    """Association 1 (byte 1, bits 4 and 5) is the port's own name: SPC-4 7.8.6.2."""
    port = bytes([1, 0x13, 0, 8]) + bytes.fromhex("2021000" + "2ac001a3f")
    assert naa_of(bytes([0, 0x83, 0, len(port)]) + port) is None


@pytest.mark.parametrize("page", [b"", b"\0\x83", b"\0\x80\0\4abcd", page_83(WWN)[:20], b"\0\x83\xff\xff"])
def test_a_page_that_is_cut_or_another_names_nothing(page: bytes) -> None:
    assert naa_of(page) is None


@given(st.binary(max_size=64))
def test_no_page_breaks_the_parser(junk: bytes) -> None:
    assert naa_of(b"\0\x83" + junk) is None or len(junk) > 6


def add_fc(world: World, *, host: int, wwpn: str, target: int, state: str = "Online", lun: int, unit: Unit) -> None:
    """An FC port of the node that sees one array port with one LUN on it; the LUN appears when it is scanned for."""
    rport = f"/sys/class/fc_remote_ports/rport-{host}:0-{target}"
    world.put(f"{rport}/port_name", f"0x{wwpn}\n")
    world.put(f"{rport}/port_state", f"{state}\n")
    world.put(f"{rport}/scsi_target_id", f"{target}\n")
    world.put(f"/sys/class/scsi_host/host{host}/scan", "")
    world.fc[host, target, lun] = unit


def fc_context() -> dict[str, str]:
    arrays = [
        {"array": "array-a", "lun": 1, "wwpns": ["20210002AC001A3F"]},
        {"array": "array-b", "lun": 2, "wwpns": ["20210002AC001B40", "20220002AC001B40"]},
    ]
    return {"protocol": "fc", "wwn": WWN, "arrays": json.dumps(arrays)}


def test_fc_scans_each_array_port_that_is_online_for_its_lun_only(node: Node) -> None:
    world = node.world
    for host in (1, 2):
        add_fc(world, host=host, wwpn="20210002ac001a3f", target=0, lun=1, unit=node.unit)
        add_fc(world, host=host, wwpn="20210002ac001b40", target=1, lun=2, unit=node.unit)
        add_fc(world, host=host, wwpn="20220002ac001b40", target=2, state="Blocked", lun=2, unit=node.unit)
        add_fc(world, host=host, wwpn="524a937000000000", target=3, lun=1, unit=Unit("6" + "0" * 31))
    node.desk.stage(node.staging_request(publish_context=fc_context()))
    scans = [(path.split("/")[4], text) for path, text in world.writes if path.endswith("/scan")]
    assert sorted(scans) == [("host1", "0 0 1"), ("host1", "0 1 2"), ("host2", "0 0 1"), ("host2", "0 1 2")]
    assert len(world.glob(f"/sys/block/{world.map_of(WWN)}/slaves/*")) == 4
    assert not world.ran("iscsiadm")
    node.desk.unstage(VOLUME, node.staging)
    assert node.leftovers() == {}


def test_an_fc_port_that_nobody_sees_is_named(node: Node) -> None:
    with pytest.raises(PathsMissing, match="array-a 20210002ac001a3f: no FC port of this node sees it online"):
        node.desk.stage(node.staging_request(publish_context=fc_context()))


def test_hanging_ports_hold_nothing_up_and_their_late_logins_are_cleaned(node: Node) -> None:
    """With one array fully there staging ends while the other's logins hang; unstaging waits, then leaves nothing."""
    released = threading.Event()
    node.world.hanging = dict.fromkeys(PORTS["array-b"], released)
    times = Times(login_seconds=60, straggler_seconds=0, release_seconds=60)
    with ThreadPoolExecutor(8) as pool:
        desk = NodeDesk(
            node.world,
            SystemClock(),
            "worker-1",
            [AccessProtocol.ISCSI],
            state_folder=node.world.folder / "state",
            times=times,
            pool=pool,
        )
        desk.stage(node.staging_request())
        assert {one.portal.address for one in sessions(node.world)} == set(PORTS["array-a"])
        unstaging = pool.submit(desk.unstage, VOLUME, node.staging)
        assert not unstaging.done()
        released.set()
        unstaging.result(60)
    assert node.leftovers() == {}


def test_a_dead_port_is_waited_for_once_by_all_who_asked_meanwhile(tmp_path: Path) -> None:
    clock = JumpingClock()
    world = World(tmp_path, clock)
    initiator = Initiator(world, clock, Ledger(tmp_path / "state"))
    portal = Portal("192.0.2.99", 3260, "iqn.dead")
    for _volume in range(20):
        with pytest.raises(PathsMissing, match="timed out"):
            initiator.login(portal, asked_at=0.0, timeout_seconds=12)
    assert len([words for words in world.commands if "--login" in words]) == 1
    with pytest.raises(PathsMissing, match="timed out"):
        initiator.login(portal, asked_at=clock.monotonic(), timeout_seconds=12)
    assert len([words for words in world.commands if "--login" in words]) == 2
