"""NodePublishVolume, NodeUnpublishVolume, NodeGetVolumeStats, NodeGetInfo and the desk's locks."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from csi.access import AccessMode, AccessProtocol
from csi.errors import AlreadyExistsDifferently, BadSettings, Busy, NotFound, OutOfOrder, StillInUse
from csi.names import parse_node_id
from csi.node.desk import NodeDesk
from csi.node.port import Result, ToolFailed
from tests.unit.node.conftest import VOLUME, WWN, Node
from tests.unit.node.world import done


def options_at(node: Node, point: str) -> list[str]:
    return [row[5].split(",")[0] for row in node.world.mounted if row[4] == point]


def test_a_folder_target_is_made_and_bound(node: Node) -> None:
    node.desk.stage(node.staging_request())
    node.desk.publish(node.publishing_request())
    assert Path(node.target).is_dir()
    assert options_at(node, node.target) == ["rw"]


def test_readonly_holds_for_the_target_alone(node: Node) -> None:
    node.desk.stage(node.staging_request())
    node.desk.publish(node.publishing_request(readonly=True))
    assert (options_at(node, node.staging), options_at(node, node.target)) == (["rw"], ["ro"])


def test_the_same_call_again_changes_nothing(node: Node) -> None:
    node.desk.stage(node.staging_request())
    node.desk.publish(node.publishing_request())
    before = len(node.world.commands)
    node.again().publish(node.publishing_request())
    assert node.world.commands[before:] == []


@pytest.mark.parametrize("first", [True, False])
def test_the_same_target_otherwise_is_refused(node: Node, first: bool) -> None:
    node.desk.stage(node.staging_request())
    node.desk.publish(node.publishing_request(readonly=first))
    with pytest.raises(AlreadyExistsDifferently):
        node.desk.publish(node.publishing_request(readonly=not first))


def test_a_bind_that_was_cut_off_before_it_became_read_only_is_finished(node: Node) -> None:
    node.desk.stage(node.staging_request())
    real = node.world._run_mount
    node.world.answer["mount"] = lambda words, seconds: (
        done(1, err="killed") if words[0] == "-o" else real(words, seconds)
    )
    with pytest.raises(ToolFailed):
        node.desk.publish(node.publishing_request(readonly=True))
    node.world.answer.clear()
    node.again().publish(node.publishing_request(readonly=True))
    assert options_at(node, node.target) == ["ro"]


@pytest.mark.parametrize("mode", list(AccessMode))
def test_a_second_target_is_granted_or_refused_by_mode(node: Node, mode: AccessMode) -> None:
    node.unit.fs_type = "ext4"
    node.desk.stage(node.staging_request(mode=mode))
    node.desk.publish(node.publishing_request(mode=mode))
    second = node.publishing_request(node.target + "-2", mode=mode)
    if mode.one_target_per_node:
        with pytest.raises(StillInUse, match=node.target):
            node.desk.publish(second)
        assert not os.path.exists(node.target + "-2")
        node.desk.unpublish(VOLUME, node.target)
    node.desk.publish(second)
    assert options_at(node, node.target + "-2")


def test_a_bind_mount_inside_a_pod_does_not_count_as_a_second_target(node: Node) -> None:
    mode = AccessMode.SINGLE_NODE_SINGLE_WRITER
    node.desk.stage(node.staging_request(mode=mode))
    number = node.world.read(f"/sys/block/{node.world.map_of(WWN)}/dev")
    node.world.add_mount(node.target + "/volume-subpaths/0", str(number))
    node.desk.publish(node.publishing_request(mode=mode))
    assert options_at(node, node.target) == ["rw"]


def test_publishing_needs_a_stage_at_that_path_in_that_way(node: Node) -> None:
    with pytest.raises(OutOfOrder, match="not staged"):
        node.desk.publish(node.publishing_request())
    with pytest.raises(NotFound):
        node.desk.publish(replace(node.publishing_request(target="some/path"), volume_id="fake-vol-id-1234567890"))
    node.desk.stage(node.staging_request())
    with pytest.raises(OutOfOrder, match="raw block"):
        node.desk.publish(node.publishing_request(block=True))
    with pytest.raises(OutOfOrder, match="staged at"):
        node.desk.publish(replace(node.publishing_request(), staging_path="/elsewhere"))
    node.world.put("/proc/1/mountinfo", "22 1 8:1 / / rw - ext4 /dev/vda1 rw\n")
    with pytest.raises(OutOfOrder, match="no longer"):
        node.desk.publish(node.publishing_request())


def test_a_target_that_is_a_file_or_a_foreign_mount_is_refused(node: Node) -> None:
    node.desk.stage(node.staging_request())
    Path(node.target).parent.mkdir(parents=True)
    Path(node.target).write_text("precious")
    with pytest.raises(AlreadyExistsDifferently, match="not a folder"):
        node.desk.publish(node.publishing_request())
    with pytest.raises(ToolFailed, match="left as it is"):
        node.desk.unpublish(VOLUME, node.target)
    assert Path(node.target).read_text() == "precious"
    node.world.add_mount(node.target, "8:33")
    with pytest.raises(AlreadyExistsDifferently, match="8:33"):
        node.desk.publish(node.publishing_request())
    with pytest.raises(StillInUse, match="8:33"):
        node.desk.unpublish(VOLUME, node.target)


def test_unpublish_removes_the_target_and_can_be_repeated(node: Node) -> None:
    node.desk.stage(node.staging_request())
    node.desk.publish(node.publishing_request())
    node.desk.unpublish(VOLUME, node.target)
    assert not os.path.exists(node.target)
    node.again().unpublish(VOLUME, node.target)
    node.desk.unpublish("fake-vol-id-0123456789", "some/path")
    node.desk.unstage(VOLUME, node.staging)
    assert node.leftovers() == {}


def test_unpublish_never_deletes_data(node: Node) -> None:
    node.desk.stage(node.staging_request())
    Path(node.target).mkdir(parents=True)
    (Path(node.target) / "precious").write_text("data")
    with pytest.raises(ToolFailed, match="cannot remove"):
        node.desk.unpublish(VOLUME, node.target)
    assert (Path(node.target) / "precious").exists()


def test_unpublish_after_a_lost_state_folder_unmounts_what_the_kernel_shows(node: Node) -> None:
    node.desk.stage(node.staging_request())
    node.desk.publish(node.publishing_request())
    node.ledger.drop(VOLUME)
    node.again().unpublish(VOLUME, node.target)
    assert not options_at(node, node.target)
    assert not os.path.exists(node.target)


def test_raw_block_appears_as_a_file_that_is_the_device(node: Node) -> None:
    node.desk.stage(node.staging_request(block=True))
    node.desk.publish(node.publishing_request(block=True))
    node.again().publish(node.publishing_request(block=True))
    assert Path(node.target).is_file()
    rows = [row for row in node.world.mounted if row[4] == node.target]
    assert [row[3] for row in rows] == [f"/{node.world.map_of(WWN)}"]
    assert node.desk.stats(VOLUME, node.target).total_bytes == node.unit.size_bytes
    assert node.desk.stats(VOLUME, node.target).available_bytes is None
    with pytest.raises(StillInUse):
        node.desk.unstage(VOLUME, node.staging)
    node.desk.unpublish(VOLUME, node.target)
    node.desk.unstage(VOLUME, node.staging)
    assert not os.path.exists(node.target)
    assert node.leftovers() == {}


def test_stats_of_a_file_system_come_from_statvfs(node: Node) -> None:
    node.desk.stage(node.staging_request())
    node.desk.publish(node.publishing_request())
    here = os.statvfs(node.target)
    seen = node.desk.stats(VOLUME, node.target, node.staging)
    assert seen.total_bytes == here.f_blocks * here.f_frsize
    assert seen.total_inodes == here.f_files
    assert seen.used_bytes is not None
    assert seen.used_bytes <= seen.total_bytes


def test_stats_of_an_unknown_volume_or_path_are_not_found(node: Node) -> None:
    with pytest.raises(NotFound):
        node.desk.stats("fake-vol-id-0123456789", "some/path")
    node.desk.stage(node.staging_request())
    for path, staging in [("some/path", ""), (node.target, node.staging), (node.staging, "/elsewhere")]:
        with pytest.raises(NotFound):
            node.desk.stats(VOLUME, path, staging)
    node.world.add_mount(node.target, "8:1")
    with pytest.raises(NotFound):
        node.desk.stats(VOLUME, node.target)


def test_names_with_blanks_are_found_in_the_mount_table(node: Node) -> None:
    node.target += " with blank"
    node.desk.stage(node.staging_request())
    node.desk.publish(node.publishing_request())
    before = len(node.world.commands)
    node.desk.publish(node.publishing_request())
    assert node.world.commands[before:] == []


def test_a_second_call_on_the_same_volume_is_busy_and_on_another_is_not(node: Node) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def hold(words: list[str], seconds: float) -> Result:
        inside.set()
        assert go_on.wait(30)
        return done(1, err="stopped by the test")

    node.world.answer["multipath"] = hold
    failures: list[BaseException] = []

    def first() -> None:
        try:
            node.desk.stage(node.staging_request())
        except ToolFailed as error:
            failures.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    try:
        assert inside.wait(30)
        with pytest.raises(Busy, match="another call"):
            node.desk.stage(node.staging_request())
        with pytest.raises(Busy, match="another call"):
            node.desk.unstage(VOLUME, node.staging)
        with pytest.raises(Busy, match="another call"):
            node.desk.publish(node.publishing_request())
        with pytest.raises(Busy, match="another call"):
            node.desk.unpublish(VOLUME, node.target)
        node.desk.unpublish("pair:other", node.target)
    finally:
        go_on.set()
        thread.join(30)
    assert len(failures) == 1
    node.desk.unpublish(VOLUME, node.target)


def test_info_names_the_node_and_its_initiator(node: Node) -> None:
    info = node.desk.info()
    parsed = parse_node_id(info.node_id)
    assert parsed is not None
    assert (parsed.name, parsed.iqns, parsed.wwpns) == ("worker-1", ("iqn.1993-08.org.debian:01:abc",), ())
    assert info.max_volumes == 200


def test_info_lists_fc_ports(node: Node) -> None:
    node.world.put("/sys/class/fc_host/host2/port_name", "0x10000090fa123456\n")
    node.world.put("/sys/class/fc_host/host1/port_name", "0x10000090fa123457\n")
    node.world.put("/sys/class/fc_host/host3/port_name", "0x0\n")
    desk = NodeDesk(
        node.world, node.clock, "w", list(AccessProtocol), state_folder=node.world.folder / "state", max_volumes=7
    )
    parsed = parse_node_id(desk.info().node_id)
    assert parsed is not None
    assert parsed.wwpns == ("10000090FA123456", "10000090FA123457")
    assert desk.info().max_volumes == 7
    desk.close()


def test_a_node_without_an_initiator_or_with_too_many_says_so(node: Node) -> None:
    for number in range(12):
        node.world.put(f"/sys/class/fc_host/host{number}/port_name", f"0x10000090fa1234{number:02x}\n")
    folder = node.world.folder / "state"
    desk = NodeDesk(node.world, node.clock, "worker-1", list(AccessProtocol), state_folder=folder)
    with pytest.raises(BadSettings, match="192"):
        desk.info()
    desk.close()
    node.world.put("/etc/iscsi/initiatorname.iscsi", "## nothing\n")
    with pytest.raises(BadSettings, match="no initiator"):
        node.desk.info()


def test_a_volume_of_another_id_at_the_target_is_left_mounted(node: Node) -> None:
    node.desk.stage(node.staging_request())
    node.desk.publish(node.publishing_request())
    with pytest.raises(StillInUse):
        node.desk.unpublish("pair:other", node.target)
    assert options_at(node, node.target) == ["rw"]
