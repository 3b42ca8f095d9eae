"""When a device is formatted, when it is refused, and what a fresh file system gets."""

import os
import stat
from dataclasses import replace

import pytest

from csi.access import AccessMode
from csi.errors import AlreadyExistsDifferently, InvalidRequest, PathsMissing
from csi.node.ledger import Phase
from csi.node.port import TIMED_OUT, Result, ToolFailed
from tests.unit.node.conftest import VOLUME, Node, context
from tests.unit.node.world import done


def formatted(node: Node) -> bool:
    return bool(node.world.ran("mkfs.ext4") or node.world.ran("mkfs.xfs"))


def test_a_blank_device_is_formatted_once_without_force(node: Node) -> None:
    node.desk.stage(node.staging_request(fs_type="xfs"))
    node.desk.unstage(VOLUME, node.staging)
    node.desk.stage(node.staging_request(fs_type="xfs"))
    made = node.world.ran("mkfs.xfs")
    assert len(made) == 1
    assert not {"-f", "-F"} & set(made[0])
    assert node.world.ran("mount")[-1][1:5] == ["-t", "xfs", "-o", "nouuid"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"fs_type": "xfs"}, "xfs"),
        ({"fs_type": "LVM2_member", "usage": "raid"}, "LVM2_member"),
        ({"fs_type": "crypto_LUKS", "usage": "crypto"}, "crypto_LUKS"),
        ({"fs_type": "ext4", "usage": "other"}, "other signature"),
        ({"pt_type": "gpt"}, "partition table"),
        ({"ambivalent": True}, "several signatures"),
        ({"unnamed_data": True}, "unknown data"),
    ],
)
def test_any_signature_or_data_is_refused(node: Node, content: dict[str, object], words: str) -> None:
    for name, value in content.items():
        setattr(node.unit, name, value)
    with pytest.raises(AlreadyExistsDifferently, match=words) as raised:
        node.desk.stage(node.staging_request())
    assert "neither formatted nor mounted" in str(raised.value)
    assert not formatted(node)
    assert not node.world.ran("mount")


def test_a_device_that_cannot_be_read_is_not_blank(node: Node) -> None:
    node.unit.unreadable = True
    with pytest.raises(PathsMissing, match="cannot be read"):
        node.desk.stage(node.staging_request())
    assert not formatted(node)


def test_a_short_read_is_not_blank(node: Node) -> None:
    node.world.fail_next["dd"] = done(0, out="\0\0\0")
    with pytest.raises(PathsMissing, match="cannot be read"):
        node.desk.stage(node.staging_request())
    assert not formatted(node)


@pytest.mark.parametrize("answer", [done(4, err="usage"), done(TIMED_OUT)])
def test_a_blkid_that_fails_decides_nothing(node: Node, answer: Result) -> None:
    node.world.fail_next["blkid"] = answer
    with pytest.raises(ToolFailed, match="blkid"):
        node.desk.stage(node.staging_request())
    assert not formatted(node)


def test_a_blkid_that_says_nothing_at_all_is_not_blank(node: Node) -> None:
    """BusyBox answers 0 and prints nothing when it finds nothing (docker-plugin.md B-11)."""
    node.world.fail_next["blkid"] = done(0)
    with pytest.raises(AlreadyExistsDifferently):
        node.desk.stage(node.staging_request())
    assert not formatted(node)


def test_ext2_of_the_docker_plugin_is_mounted_as_ext4_and_not_formatted(node: Node) -> None:
    node.unit.fs_type = "ext2"
    node.desk.stage(node.staging_request(fs_type="ext4"))
    assert node.world.ran("mount")[0][1:3] == ["-t", "ext4"]
    assert not formatted(node)


def test_a_blank_device_is_not_formatted_for_a_reader(node: Node) -> None:
    with pytest.raises(InvalidRequest, match="blank"):
        node.desk.stage(node.staging_request(mode=AccessMode.MULTI_NODE_READER_ONLY))
    assert not formatted(node)
    assert node.leftovers() == {}


def test_an_unknown_file_system_type_is_refused_before_anything_is_made(node: Node) -> None:
    with pytest.raises(InvalidRequest, match="btrfs"):
        node.desk.stage(node.staging_request(fs_type="btrfs"))
    assert not node.world.commands


def test_the_volume_chooses_the_type_if_the_capability_does_not(node: Node) -> None:
    node.desk.stage(node.staging_request(volume_context={"fsType": "xfs"}))
    assert node.unit.fs_type == "xfs"


def test_a_forced_move_checks_the_file_system_before_the_mount(node: Node) -> None:
    node.unit.fs_type = "ext4"
    node.desk.stage(node.staging_request(publish_context=context(fsck="required")))
    order = [words[0] for words in node.world.commands if words[0] in ("e2fsck", "mount")]
    assert order == ["e2fsck", "mount"]
    assert node.world.ran("e2fsck")[0][1] == "-p"


def test_a_file_system_that_needs_a_person_is_not_mounted(node: Node) -> None:
    node.unit.fs_type, node.unit.fsck_code = "ext4", 4
    with pytest.raises(ToolFailed, match="by hand"):
        node.desk.stage(node.staging_request(publish_context=context(fsck="required")))
    assert not node.world.ran("mount")


def test_corrected_errors_are_fine(node: Node) -> None:
    node.unit.fs_type, node.unit.fsck_code = "ext4", 1
    node.desk.stage(node.staging_request(publish_context=context(fsck="required")))
    assert node.staged_mounts() == [node.staging]


def test_owner_and_mode_go_to_a_fresh_file_system_only(node: Node) -> None:
    # Only root may give files away; anybody may give them to himself.
    owner = (1001, 1002) if os.geteuid() == 0 else (os.getuid(), os.getgid())
    request = node.staging_request(volume_context={"fsOwner": f"{owner[0]}:{owner[1]}", "fsMode": "2770"})
    node.desk.stage(request)
    seen = os.stat(node.staging)
    assert (seen.st_uid, seen.st_gid, stat.S_IMODE(seen.st_mode)) == (*owner, 0o2770)
    node.desk.unstage(VOLUME, node.staging)
    os.chmod(node.staging, 0o755)
    node.desk.stage(request)
    assert stat.S_IMODE(os.stat(node.staging).st_mode) == 0o755


@pytest.mark.parametrize("wrong", [{"fsOwner": "root:root"}, {"fsMode": "rwx"}, {"fsMode": "0999"}])
def test_owner_and_mode_are_numbers(node: Node, wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match=next(iter(wrong))):
        node.desk.stage(node.staging_request(volume_context=wrong))


def test_owner_and_mode_survive_a_crash_after_formatting(node: Node) -> None:
    node.world.fail_next["mount"] = done(32, err="mount: wrong fs type")
    request = node.staging_request(volume_context={"fsMode": "0700"})
    with pytest.raises(ToolFailed, match="wrong fs type"):
        node.desk.stage(request)
    node.again().stage(request)
    assert stat.S_IMODE(os.stat(node.staging).st_mode) == 0o700


def test_an_interrupted_format_is_taken_up_again(node: Node) -> None:
    node.world.fail_next["mkfs.ext4"] = done(TIMED_OUT)
    with pytest.raises(ToolFailed):
        node.desk.stage(node.staging_request())
    node.unit.unnamed_data = True
    node.again().stage(node.staging_request())
    assert node.staged_mounts() == [node.staging]


def test_data_found_after_a_forced_move_are_not_taken_for_an_interrupted_format(node: Node) -> None:
    node.world.fail_next["mkfs.ext4"] = done(TIMED_OUT)
    with pytest.raises(ToolFailed):
        node.desk.stage(node.staging_request())
    node.unit.unnamed_data = True
    before = len(node.world.ran("mkfs.ext4"))
    with pytest.raises(AlreadyExistsDifferently, match="unknown data"):
        node.again().stage(node.staging_request(publish_context=context(fsck="required")))
    assert len(node.world.ran("mkfs.ext4")) == before


def test_a_crash_between_format_and_record_still_counts_as_fresh(node: Node) -> None:
    request = node.staging_request(volume_context={"fsMode": "0711"})
    node.world.fail_next["mount"] = done(32, err="no")
    with pytest.raises(ToolFailed):
        node.desk.stage(request)
    record = node.ledger.get(VOLUME)
    assert record is not None
    node.ledger.put(replace(record, phase=Phase.FORMATTING))
    node.again().stage(request)
    assert stat.S_IMODE(os.stat(node.staging).st_mode) == 0o711
    assert len(node.world.ran("mkfs.ext4")) == 1
