"""NodeUnstageVolume, and what stays when a volume goes, on a scripted node."""

from dataclasses import replace

import pytest

from csi.errors import (
    AlreadyExistsDifferently,
    BadSettings,
    Busy,
    StillInUse,
    UnfinishedError,
)
from csi.node.port import Result, ToolFailed
from tests.unit.node.conftest import OTHER_WWN, PORTS, VOLUME, WWN, Node, context, iqn
from tests.unit.node.world import Unit, done


def test_staging_and_unstaging_leave_nothing(node: Node) -> None:
    node.desk.stage(node.staging_request())
    node.desk.unstage(VOLUME, node.staging)
    assert node.leftovers() == {}


def test_a_second_unstage_is_fine_and_an_unknown_volume_too(node: Node) -> None:
    node.desk.stage(node.staging_request())
    node.desk.unstage(VOLUME, node.staging)
    node.again().unstage(VOLUME, node.staging)
    node.desk.unstage("fake-vol-id-0123456789", "some/path")
    assert node.leftovers() == {}


def test_existing_sessions_are_reused_and_not_closed(node: Node) -> None:
    address = PORTS["array-a"][0]
    node.world.node_records[iqn(address), f"{address}:3260"] = {"node.startup": "automatic"}
    session = node.world.open_session(address, iqn(address))
    node.desk.stage(node.staging_request())
    node.desk.unstage(VOLUME, node.staging)
    assert list(node.world.sessions) == [session.number]
    assert node.world.node_records == {(iqn(address), f"{address}:3260"): {"node.startup": "automatic"}}
    assert not node.world.units


def test_sessions_with_other_devices_stay_logged_in(node: Node) -> None:
    node.desk.stage(node.staging_request())
    address = PORTS["array-a"][0]
    session = next(one for one in node.world.sessions.values() if one.address == address)
    stranger = node.world.add_disk(session, 9, Unit(OTHER_WWN))
    node.desk.unstage(VOLUME, node.staging)
    assert list(node.world.sessions) == [session.number]
    assert list(node.world.units) == [stranger]
    assert list(node.world.node_records) == [(iqn(address), f"{address}:3260")]


def test_sessions_wanted_by_another_staged_volume_stay_logged_in(node: Node) -> None:
    second = replace(
        node.staging_request(publish_context=context(OTHER_WWN, luns={"array-a": 2, "array-b": 2})),
        volume_id="pair:pvc-2",
        staging_path=node.staging + "-2",
    )
    node.export(Unit(OTHER_WWN), {"array-a": 2, "array-b": 2})
    node.desk.stage(node.staging_request())
    node.desk.stage(second)
    node.desk.unstage(VOLUME, node.staging)
    assert len(node.world.sessions) == 4
    assert {unit.wwn for unit in node.world.units.values()} == {OTHER_WWN}
    node.again().unstage("pair:pvc-2", node.staging + "-2")
    assert node.leftovers() == {}


def test_devices_of_others_are_never_touched(node: Node) -> None:
    """Another vendor's disks, map and mount, on a session of their own, see neither a command nor a sysfs write."""
    world = node.world
    world.exports["198.51.100.9"] = {}
    session = world.open_session("198.51.100.9", "iqn.2010-01.com.purestorage:x")
    foreign = "624a937012345678abcdef0100011010"
    world.known.add(foreign)
    disks = [world.add_disk(session, lun, Unit(foreign)) for lun in (1, 300)]
    kernel = world.map_of(foreign)
    world.add_mount("/data", str(world.read(f"/sys/block/{kernel}/dev")))
    world.commands.clear()
    node.desk.stage(node.staging_request())
    node.desk.unstage(VOLUME, node.staging)
    named = [word for words in world.commands for word in words] + [path for path, _text in world.writes]
    hints = [*disks, kernel, foreign, "198.51.100.9", f"host{session.number}/", "/data"]
    assert [word for word in named if any(hint in word for hint in hints)] == []
    assert world.map_of(foreign) == kernel
    assert len(world.glob(f"/sys/block/{kernel}/slaves/*")) == 2


def test_unstage_is_refused_while_published(node: Node) -> None:
    node.desk.stage(node.staging_request())
    node.desk.publish(node.publishing_request())
    with pytest.raises(StillInUse, match="still published at"):
        node.desk.unstage(VOLUME, node.staging)
    assert node.world.map_of(WWN)


def test_a_busy_mount_is_tried_until_time_is_up_and_never_lazily(node: Node) -> None:
    node.desk.stage(node.staging_request())
    node.world.busy_mounts.add(node.staging)
    with pytest.raises(Busy, match="target is busy"):
        node.desk.unstage(VOLUME, node.staging)
    assert len(node.world.ran("umount")) > 10
    assert not [words for words in node.world.ran("umount") if "-l" in words or "-f" in words]
    assert node.world.map_of(WWN)
    node.clock.at_wait = node.world.busy_mounts.clear
    node.desk.unstage(VOLUME, node.staging)
    assert node.leftovers() == {}


def test_an_open_map_keeps_its_paths(node: Node) -> None:
    node.desk.stage(node.staging_request(block=True))
    node.world.open_maps.add(f"3{WWN}")
    with pytest.raises(Busy, match="map in use"):
        node.desk.unstage(VOLUME, node.staging)
    assert len(node.world.units) == 4
    node.world.open_maps.clear()
    node.desk.unstage(VOLUME, node.staging)
    assert node.leftovers() == {}


def test_with_every_path_dead_queueing_stops_first_and_unstaging_ends(node: Node) -> None:
    node.desk.stage(node.staging_request())
    node.world.dead = {*PORTS["array-a"], *PORTS["array-b"]}
    node.desk.unstage(VOLUME, node.staging)
    order = [words[0] for words in node.world.commands if words[0] == "umount" or "disablequeueing" in words]
    assert order == ["multipathd", "umount"]
    assert node.leftovers() == {}


def test_paths_that_die_under_an_unmount_are_noticed_by_the_next_attempt(node: Node) -> None:
    node.desk.stage(node.staging_request())
    real = node.world._run_umount

    def die(words: list[str], seconds: float) -> Result:
        node.world.dead = {*PORTS["array-a"], *PORTS["array-b"]}
        return real(words, seconds)

    node.world.answer["umount"] = die
    node.desk.unstage(VOLUME, node.staging)
    assert len(node.world.ran("umount")) == 2
    assert node.leftovers() == {}


def test_with_standby_paths_left_queueing_goes_on(node: Node) -> None:
    node.desk.stage(node.staging_request())
    node.world.dead = set(PORTS["array-a"])
    node.world.ghosts = set(PORTS["array-b"])
    node.desk.unstage(VOLUME, node.staging)
    assert not node.world.ran("multipathd", "disablequeueing")


def test_a_lost_state_folder_does_not_keep_a_mount_for_ever(node: Node) -> None:
    node.desk.stage(node.staging_request())
    node.ledger.drop(VOLUME)
    node.again().unstage(VOLUME, node.staging)
    assert node.leftovers() == {}


def test_a_logout_that_fails_is_repeated_by_the_next_call(node: Node) -> None:
    node.desk.stage(node.staging_request())
    real = node.world._run_iscsiadm
    node.world.answer["iscsiadm"] = lambda words, seconds: (
        done(9, err="iscsid busy") if "--logout" in words else real(words, seconds)
    )
    with pytest.raises(ToolFailed, match="logging out"):
        node.desk.unstage(VOLUME, node.staging)
    assert node.ledger.get(VOLUME) is not None
    node.world.answer.clear()
    node.desk.unstage(VOLUME, node.staging)
    assert node.leftovers() == {}


def test_what_a_refused_stage_made_is_taken_back(node: Node) -> None:
    node.unit.fs_type = "xfs"
    with pytest.raises(AlreadyExistsDifferently, match=r"file system \(xfs\), and ext4"):
        node.desk.stage(node.staging_request())
    assert node.leftovers() == {}


def test_what_could_not_be_taken_back_is_told(node: Node) -> None:
    node.unit.fs_type = "xfs"
    node.world.open_maps.add(f"3{WWN}")
    with pytest.raises(UnfinishedError, match="cannot be removed") as raised:
        node.desk.stage(node.staging_request())
    assert isinstance(raised.value.first, AlreadyExistsDifferently)


def test_a_damaged_record_stops_its_own_volume_only(node: Node) -> None:
    node.desk.stage(node.staging_request())
    second = replace(
        node.staging_request(publish_context=context(OTHER_WWN, luns={"array-a": 2, "array-b": 2})),
        volume_id="pair:pvc-2",
        staging_path=node.staging + "-2",
    )
    node.export(Unit(OTHER_WWN), {"array-a": 2, "array-b": 2})
    node.desk.stage(second)
    for file in (node.world.folder / "state").glob("volume-*.json"):
        if VOLUME in file.read_text():
            file.write_text("{")
    with pytest.raises(BadSettings, match="damaged"):
        node.desk.unstage(VOLUME, node.staging)
    node.desk.unstage("pair:pvc-2", node.staging + "-2")
    assert {unit.wwn for unit in node.world.units.values()} == {WWN}
    assert len(node.world.sessions) == 4


def test_what_an_operator_has_to_cure_leaves_nothing_either(node: Node) -> None:
    def missing(words: list[str], seconds: float) -> Result:
        raise BadSettings("blkid cannot be run on this node")

    node.world.answer["blkid"] = missing
    with pytest.raises(BadSettings, match="blkid"):
        node.desk.stage(node.staging_request())
    assert node.leftovers() == {}
