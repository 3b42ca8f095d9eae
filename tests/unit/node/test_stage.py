"""NodeStageVolume on a scripted node."""

from dataclasses import replace

import pytest

from csi.access import AccessMode
from csi.errors import (
    AlreadyExistsDifferently,
    BadSettings,
    InvalidRequest,
    PathsMissing,
    StillInUse,
)
from csi.node.bench import Times
from csi.node.context import Portal
from csi.node.ledger import Phase
from csi.node.port import Result
from tests.unit.node.conftest import LUNS, OTHER_WWN, PORTS, VOLUME, WWN, Node, context, iqn
from tests.unit.node.world import MIB, Unit


def test_staging_makes_one_map_out_of_both_arrays_and_mounts_it(node: Node) -> None:
    node.desk.stage(node.staging_request())
    kernel = node.world.map_of(WWN)
    assert len(node.world.glob(f"/sys/block/{kernel}/slaves/*")) == 4
    assert node.staged_mounts() == [node.staging]
    assert node.unit.fs_type == "ext4"
    assert {session.address for session in node.world.sessions.values()} == {a for p in PORTS.values() for a in p}


def test_only_the_lun_of_the_volume_is_scanned_on_each_array(node: Node) -> None:
    node.desk.stage(node.staging_request())
    scans = {(path, text) for path, text in node.world.writes if path.endswith("/scan")}
    by_session = {one.number: one.address for one in node.world.sessions.values()}
    asked = {(by_session[int(path.split("/")[4].removeprefix("host"))], text.split()[2]) for path, text in scans}
    # LUN 300 is looked for in flat addressing (0x4000 + 300), which is how such targets report it, and plainly.
    assert asked == {(a, "1") for a in PORTS["array-a"]} | {(b, n) for b in PORTS["array-b"] for n in ("16684", "300")}


def test_login_is_bounded_and_never_scans_by_itself(node: Node) -> None:
    node.desk.stage(node.staging_request())
    for settings in node.world.node_records.values():
        assert settings["node.session.scan"] == "manual"
        assert settings["node.startup"] == "manual"
        retries = int(settings["node.session.initial_login_retry_max"])
        assert retries * int(settings["node.conn[0].timeo.login_timeout"]) <= 10


def test_a_second_stage_changes_nothing(node: Node) -> None:
    node.desk.stage(node.staging_request())
    before = len(node.world.commands)
    node.again().stage(node.staging_request())
    assert node.world.commands[before:] == []


def test_another_capability_at_the_same_path_is_refused(node: Node) -> None:
    node.desk.stage(node.staging_request())
    with pytest.raises(AlreadyExistsDifferently, match="another capability"):
        node.desk.stage(node.staging_request(flags=("noatime",)))
    assert node.staged_mounts() == [node.staging]


def test_another_staging_path_is_refused_while_the_first_holds(node: Node) -> None:
    node.desk.stage(node.staging_request())
    with pytest.raises(StillInUse, match="is staged at"):
        node.desk.stage(replace(node.staging_request(), staging_path=node.staging + "-2"))


def test_a_foreign_mount_at_the_staging_path_is_left_alone(node: Node) -> None:
    node.world.add_mount(node.staging, "8:17")
    with pytest.raises(AlreadyExistsDifferently, match="8:17"):
        node.desk.stage(node.staging_request())
    with pytest.raises(StillInUse, match="left mounted"):
        node.desk.unstage(VOLUME, node.staging)
    assert node.staged_mounts() == [node.staging]
    assert not node.world.sessions


@pytest.mark.parametrize("lost", ["array-a", "array-b"])
def test_with_one_array_off_the_other_is_enough(node: Node, lost: str) -> None:
    node.world.dead = set(PORTS[lost])
    node.desk.stage(node.staging_request())
    kernel = node.world.map_of(WWN)
    assert len(node.world.glob(f"/sys/block/{kernel}/slaves/*")) == 2
    assert node.staged_mounts() == [node.staging]
    node.desk.unstage(VOLUME, node.staging)
    assert node.leftovers() == {}


def test_an_array_that_gave_no_lun_is_left_out(node: Node) -> None:
    node.desk.stage(node.staging_request(publish_context=context(luns={"array-b": None})))
    assert {session.address for session in node.world.sessions.values()} == set(PORTS["array-a"])
    node.desk.unstage(VOLUME, node.staging)
    assert node.leftovers() == {}


def test_without_any_path_the_error_names_each_port_and_why(node: Node) -> None:
    node.world.dead = {*PORTS["array-a"], *PORTS["array-b"]}
    with pytest.raises(PathsMissing) as raised:
        node.desk.stage(node.staging_request())
    for array, addresses in PORTS.items():
        for address in addresses:
            assert f"{array} {address}:3260 {iqn(address)}: login failed" in str(raised.value)
    assert "timed out" in str(raised.value)


def test_without_any_serving_path_staging_waits_and_says_so(node: Node) -> None:
    node.world.ghosts = {*PORTS["array-a"], *PORTS["array-b"]}
    with pytest.raises(PathsMissing, match="ghost"):
        node.desk.stage(node.staging_request())
    assert node.clock.seconds == pytest.approx(Times().map_seconds, abs=1)
    assert node.unit.fs_type == ""


def test_a_side_that_starts_to_serve_while_staging_waits_is_enough(node: Node) -> None:
    node.world.ghosts = {*PORTS["array-a"], *PORTS["array-b"]}
    node.clock.at_wait = node.world.ghosts.clear
    node.desk.stage(node.staging_request())
    assert node.staged_mounts() == [node.staging]


def test_a_broken_session_counts_as_a_failed_port(node: Node) -> None:
    for address in PORTS["array-b"]:
        session = node.world.open_session(address, iqn(address))
        node.world.put(f"/sys/class/iscsi_session/session{session.number}/state", "FAILED\n")
    node.desk.stage(node.staging_request())
    assert len(node.world.units) == 2
    assert not [path for path, _text in node.world.writes if f"host{session.number}/scan" in path]


def test_a_lun_that_is_another_volume_is_refused_and_left_alone(node: Node) -> None:
    for array in PORTS:
        node.export(Unit(OTHER_WWN), {array: LUNS[array]})
    with pytest.raises(PathsMissing, match=f"page 0x83 says {OTHER_WWN}, not {WWN}"):
        node.desk.stage(node.staging_request())
    assert not node.world.ran("mkfs.ext4")
    assert not node.staged_mounts()
    assert {unit.wwn for unit in node.world.units.values()} == {OTHER_WWN}
    assert not [path for path, _text in node.world.writes if path.endswith("/delete")]


def test_one_wrong_path_is_left_out_and_the_right_ones_are_used(node: Node) -> None:
    node.world.exports[PORTS["array-a"][1]][LUNS["array-a"]] = Unit(OTHER_WWN)
    node.desk.stage(node.staging_request())
    kernel = node.world.map_of(WWN)
    assert len(node.world.glob(f"/sys/block/{kernel}/slaves/*")) == 3


def test_a_stale_disk_of_a_reused_lun_number_is_read_again_first(node: Node) -> None:
    address = PORTS["array-a"][0]
    session = node.world.open_session(address, iqn(address))
    node.world.exports[address][1] = Unit(OTHER_WWN)
    stale = node.world.add_disk(session, 1, Unit(OTHER_WWN))
    node.world.exports[address][1] = node.unit
    node.desk.stage(node.staging_request())
    kernel = node.world.map_of(WWN)
    assert (f"/sys/block/{stale}/device/rescan", "1") in node.world.writes
    assert node.world.exists(f"/sys/block/{kernel}/slaves/{stale}")


def test_a_map_with_a_strangers_disk_in_it_is_not_used(node: Node) -> None:
    node.desk.stage(node.staging_request(block=True))
    kernel = node.world.map_of(WWN)
    session = next(iter(node.world.sessions.values()))
    stranger = node.world.add_disk(session, 9, Unit(OTHER_WWN))
    node.world.put(f"/sys/block/{kernel}/slaves/{stranger}", "")
    node.ledger.put(replace(node.ledger.all()[0], phase=Phase.CONNECTING))
    with pytest.raises(PathsMissing, match=f"holds {stranger}"):
        node.desk.stage(node.staging_request(block=True))
    node.desk.unstage(VOLUME, node.staging)
    assert list(node.world.units) == [stranger]


def test_paths_of_different_size_are_not_used(node: Node) -> None:
    node.export(Unit(WWN, size_bytes=128 * MIB), {"array-b": LUNS["array-b"]})
    with pytest.raises(PathsMissing, match="differ in size"):
        node.desk.stage(node.staging_request())
    assert not node.world.ran("mkfs.ext4")


def test_multipathd_is_told_of_disks_that_it_missed(node: Node) -> None:
    node.world.multipathd_assembles = False
    node.desk.stage(node.staging_request())
    assert len(node.world.ran("multipathd", "add", "path")) == 4
    assert node.staged_mounts() == [node.staging]


def test_raw_block_is_staged_without_a_look_at_its_content(node: Node) -> None:
    node.unit.unnamed_data = True
    node.desk.stage(node.staging_request(block=True))
    assert node.world.map_of(WWN)
    assert node.staged_mounts() == []
    assert not node.world.ran("dd")
    before = len(node.world.commands)
    node.again().stage(node.staging_request(block=True))
    assert node.world.commands[before:] == []
    node.desk.unstage(VOLUME, node.staging)
    assert node.leftovers() == {}


def test_a_context_that_is_no_context_is_refused_before_anything_is_made(node: Node) -> None:
    for wrong, words in [
        ({"wwn": "xyz"}, "32 hex"),
        ({"protocol": "nvme"}, "neither"),
        ({"arrays": "{"}, "not JSON"),
        ({"arrays": '[{"array": "a", "lun": -1}]'}, "LUN -1"),
        ({"arrays": '[{"array": "a", "lun": null}]'}, "no array gave"),
        ({"arrays": '[{"array": "a", "lun": 1, "portals": [["192.0.2.1", "iqn"]]}]'}, "address:port"),
    ]:
        with pytest.raises(InvalidRequest, match=words):
            node.desk.stage(node.staging_request(publish_context={**context(), **wrong}))
    assert node.leftovers() == {}
    assert not node.world.commands


def test_after_a_reboot_a_stage_makes_everything_again(node: Node) -> None:
    node.desk.stage(node.staging_request())
    for session in list(node.world.sessions.values()):
        node.world._close_session(session)
    node.world.drop(f"/sys/block/{node.world.map_of(WWN)}")
    node.world.put("/proc/1/mountinfo", "22 1 8:1 / / rw - ext4 /dev/vda1 rw\n")
    node.again().stage(node.staging_request())
    assert node.staged_mounts() == [node.staging]
    assert len(node.world.ran("mkfs.ext4")) == 1
    node.desk.unstage(VOLUME, node.staging)
    assert node.leftovers() == {}


def test_the_record_is_on_disk_before_the_first_session(node: Node) -> None:
    seen: list[object] = []
    real = node.world._run_iscsiadm

    def look(words: list[str], seconds: float) -> Result:
        seen.append(node.ledger.get(VOLUME))
        if words[-2:] == ["-o", "new"]:
            assert node.ledger.owns(Portal(words[5].rpartition(":")[0], 3260, words[3]))
        return real(words, seconds)

    node.world.answer["iscsiadm"] = look
    node.desk.stage(node.staging_request())
    assert seen
    assert None not in seen


def test_mount_flags_reach_mount_but_no_record(node: Node) -> None:
    node.desk.stage(node.staging_request(flags=("discard", "context=secret")))
    assert "discard,context=secret" in node.world.ran("mount")[0]
    for file in (node.world.folder / "state").iterdir():
        assert "secret" not in file.read_text()


def test_a_read_only_mode_mounts_read_only(node: Node) -> None:
    node.unit.fs_type = "ext4"
    node.desk.stage(node.staging_request(mode=AccessMode.MULTI_NODE_READER_ONLY))
    assert [row[5] for row in node.world.mounted if row[4] == node.staging] == ["ro"]


def test_a_state_folder_that_cannot_be_written_stops_a_stage_before_anything_is_made(node: Node) -> None:
    (node.world.folder / "state").write_text("not a folder")
    with pytest.raises(BadSettings, match="cannot be"):
        node.desk.stage(node.staging_request())
    assert not node.world.commands


def test_a_volume_that_came_back_as_another_device_waits_for_the_old_one_to_go(node: Node) -> None:
    node.desk.stage(node.staging_request(block=True))
    node.export(Unit(OTHER_WWN), LUNS)
    node.ledger.put(replace(node.ledger.all()[0], phase=Phase.CONNECTING))
    with pytest.raises(AlreadyExistsDifferently, match=WWN):
        node.desk.stage(node.staging_request(block=True, publish_context=context(OTHER_WWN)))
    node.export(node.unit, LUNS)
    node.desk.unstage(VOLUME, node.staging)
    assert node.leftovers() == {}
