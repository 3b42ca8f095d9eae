"""The node desk on a simulated Linux host with a simulated pair behind it: the whole data path short of a kernel."""

import os
import time

import pytest

from arraysim.core import dataplane, vluns, volumes
from csi.errors import AlreadyExistsDifferently, PathsMissing
from csi.names import parse_node_id
from csi.node import multipath
from tests.contract.node.conftest import LUNS, VOLUME, Lab


def states(lab: Lab) -> list[str]:
    found = multipath.find(lab.linux, lab.wwn())
    assert found is not None
    return sorted(path.checker for path in multipath.paths(lab.linux, found))


def test_a_volume_of_both_arrays_lives_and_leaves_nothing(lab: Lab) -> None:
    lab.desk.stage(lab.staging_request())
    checks = states(lab)
    assert set(checks) == {"ready", "ghost"}
    assert checks.count("ready") == checks.count("ghost") == 2
    lab.desk.stage(lab.staging_request())
    lab.desk.publish(lab.publishing_request())
    lab.desk.publish(lab.publishing_request())
    assert os.path.isdir(lab.target)
    assert lab.desk.stats(VOLUME, lab.target).total_bytes > 0
    for _again in range(2):
        lab.desk.unpublish(VOLUME, lab.target)
    assert not os.path.exists(lab.target)
    for _again in range(2):
        lab.desk.unstage(VOLUME, lab.staging)
    assert lab.leftovers() == {}


def test_the_file_system_is_made_once(lab: Lab) -> None:
    """Its UUID, 16 bytes at 104 of the superblock, stays over a second stage."""
    seen = []
    for _again in range(2):
        lab.desk.stage(lab.staging_request())
        lab.desk.unstage(VOLUME, lab.staging)
        with lab.lock:
            seen.append(lab.pair.arrays[0].volumes["v"].blocks.read(1024 + 104, 16))
    assert seen[0] == seen[1] != bytes(16)


def test_raw_block_is_a_file_that_is_the_map(lab: Lab) -> None:
    lab.desk.stage(lab.staging_request(block=True))
    lab.desk.publish(lab.publishing_request(block=True))
    lab.desk.publish(lab.publishing_request(block=True))
    assert lab.desk.stats(VOLUME, lab.target).total_bytes == 1024 * 1024 * 1024
    lab.desk.unpublish(VOLUME, lab.target)
    assert not os.path.exists(lab.target)
    lab.desk.unstage(VOLUME, lab.staging)
    assert lab.leftovers() == {}


@pytest.mark.parametrize("lost", ["array-a", "array-b"])
def test_with_one_array_off_the_volume_is_staged_through_the_other(lab: Lab, lost: str) -> None:
    """Also the serving one: its group fails over to the other array while staging waits for a path that serves."""
    lab.power(lost, on=False)
    began = time.monotonic()
    lab.desk.stage(lab.staging_request())
    assert time.monotonic() - began < 15
    assert set(states(lab)) == {"ready"}
    lab.power(lost, on=True)
    lab.desk.unstage(VOLUME, lab.staging)
    assert lab.leftovers() == {}


def test_over_fibre_channel_it_is_the_same(fc_lab: Lab) -> None:
    """Two ports of the host see four of each array: sixteen paths in one map."""
    fc_lab.desk.stage(fc_lab.staging_request())
    checks = states(fc_lab)
    assert (checks.count("ready"), checks.count("ghost")) == (8, 8)
    fc_lab.desk.publish(fc_lab.publishing_request(readonly=True))
    fc_lab.desk.publish(fc_lab.publishing_request(readonly=True))
    fc_lab.desk.unpublish(VOLUME, fc_lab.target)
    fc_lab.desk.unstage(VOLUME, fc_lab.staging)
    assert fc_lab.leftovers() == {}


def test_with_both_arrays_lost_unstaging_ends(lab: Lab) -> None:
    lab.desk.stage(lab.staging_request())
    for array in ("array-a", "array-b"):
        lab.power(array, on=False)
    began = time.monotonic()
    lab.desk.unstage(VOLUME, lab.staging)
    assert time.monotonic() - began < 30
    assert lab.leftovers() == {}


def test_without_any_array_the_ports_are_named(lab: Lab) -> None:
    for array in ("array-a", "array-b"):
        lab.power(array, on=False)
    with pytest.raises(PathsMissing, match=r"array-b .*login failed"):
        lab.desk.stage(lab.staging_request())
    lab.desk.unstage(VOLUME, lab.staging)
    assert lab.leftovers() == {}


def test_a_wrong_wwn_is_refused(lab: Lab) -> None:
    wrong = "60002ac00000000000000bad0001a3f0"
    with pytest.raises(PathsMissing, match=f"page 0x83 says {lab.wwn()}, not {wrong}"):
        lab.desk.stage(lab.staging_request(lab.context(wwn=wrong)))
    assert lab.pair.arrays[0].volumes["v"].blocks.generation == 0


@pytest.mark.parametrize("content", [b"\x55" * 4096, b"LABELONE" + b"\0" * 504])
def test_a_volume_with_data_is_never_formatted(lab: Lab, content: bytes) -> None:
    array = lab.pair.arrays[0]
    port = next(port for port in array.ports.values() if port.kind == "iscsi" and port.ready)
    with lab.lock:
        dataplane.login(array, lab.host.iqn, port.position)
        dataplane.write(array, lab.host.iqn, LUNS["array-a"], 512, content)
        dataplane.logout(array, lab.host.iqn, port.position)
        blocks = array.volumes["v"].blocks
        before = blocks.read(0, 8192)
    with pytest.raises(AlreadyExistsDifferently):
        lab.desk.stage(lab.staging_request())
    assert blocks.read(0, 8192) == before
    assert lab.leftovers() == {}


def test_another_volume_of_the_node_stays_as_it_is(lab: Lab) -> None:
    """A second volume that somebody else brought up through the same ports keeps its sessions, disks and map."""
    array = lab.pair.arrays[0]
    here = parse_node_id(lab.desk.info().node_id)
    assert here is not None
    with lab.lock:
        volumes.create(array, volumes.NewVolume("other", "SSD_r6", 1024))
        vluns.create(array, vluns.NewVlun("other", "node-1", lun=9))
    port = next(port for port in array.ports.values() if port.kind == "iscsi" and port.ready)
    where = ["iscsiadm", "-m", "node", "-T", port.iqn, "-p", f"{port.address}:3260"]
    for words in (["-o", "new"], ["-o", "update", "-n", "node.session.scan", "-v", "manual"], ["--login"]):
        lab.linux.run([*where, *words], timeout_seconds=30)
    wwn = array.volumes["other"].wwn.lower()
    multipath.announce(lab.linux, wwn)
    (scan,) = lab.linux.glob("/sys/class/iscsi_host/host*/device/scsi_host/host*/scan")
    lab.linux.write(scan, "- - 9")
    lab.desk.stage(lab.staging_request())
    mine = multipath.find(lab.linux, lab.wwn())
    assert mine is not None
    lab.desk.unstage(VOLUME, lab.staging)
    other = multipath.find(lab.linux, wwn)
    assert other is not None
    assert len(other.disks) == 1
    left = lab.leftovers()
    assert len(left.pop("sessions")) == 1
    assert len(left.pop("node records")) == 1
    assert left == {
        "disks": [f"/sys/block/{other.disks[0]}"],
        "maps": [f"/sys/block/{other.kernel}"],
        "wwids": [f"/3{wwn}/"],
    }
