"""Answers on the wire."""

import pytest

from csi.errors import BadSettings
from csi.node.requests import NodeInfo, VolumeStats
from csi.rpc import encode
from csi.spec.v1 import csi_pb2 as pb
from csi.volumes.requests import Capacity, ListedVolume, VolumeAnswer, VolumePage
from tests.rpc.messages import BLOCK, MOUNT

ANSWER = VolumeAnswer("one:v", 1024, {"fsType": "xfs"})
VOLUME = pb.Volume(volume_id="one:v", capacity_bytes=1024, volume_context={"fsType": "xfs"})


def test_a_volume_is_the_same_wherever_it_is_told() -> None:
    row = ListedVolume(ANSWER, ("node-1", "node-2"))
    assert encode.volume(ANSWER) == VOLUME
    assert encode.listed(row).volume == VOLUME
    page = encode.page(VolumePage((row,), "one:v"))
    assert (page.entries[0].volume, page.next_token) == (VOLUME, "one:v")
    assert list(page.entries[0].status.published_node_ids) == ["node-1", "node-2"]


def test_a_confirmation_echoes_what_was_asked() -> None:
    request = pb.ValidateVolumeCapabilitiesRequest(
        volume_id="one:v",
        volume_capabilities=[MOUNT, BLOCK],
        volume_context={"a": "b"},
        parameters={"cpg": "c"},
        secrets={"password": "x"},
    )
    confirmed = encode.validation(request, "").confirmed
    assert list(confirmed.volume_capabilities) == [MOUNT, BLOCK]
    assert (dict(confirmed.volume_context), dict(confirmed.parameters)) == ({"a": "b"}, {"cpg": "c"})


def test_a_refusal_confirms_nothing_and_says_why() -> None:
    answer = encode.validation(pb.ValidateVolumeCapabilitiesRequest(), "one writer only")
    assert not answer.HasField("confirmed")
    assert answer.message == "one writer only"


def test_an_overdrawn_array_has_no_room_rather_than_less_than_none() -> None:
    answer = encode.capacity(Capacity(-5, 0))
    assert answer.available_capacity == 0
    assert answer.HasField("maximum_volume_size")


def test_raw_block_reports_its_size_alone() -> None:
    (usage,) = encode.stats(VolumeStats(total_bytes=7)).usage
    assert usage == pb.VolumeUsage(unit=pb.VolumeUsage.BYTES, total=7)


def test_a_file_system_reports_bytes_and_inodes() -> None:
    usages = encode.stats(VolumeStats(10, 4, 6, 100, 40, 60)).usage
    assert [(usage.unit, usage.total, usage.available, usage.used) for usage in usages] == [
        (pb.VolumeUsage.BYTES, 10, 4, 6),
        (pb.VolumeUsage.INODES, 100, 40, 60),
    ]


def test_a_context_too_large_for_a_co_is_an_error_of_the_settings() -> None:
    assert encode.published({"k": "x" * 4095}).publish_context
    with pytest.raises(BadSettings, match="publish_context has 4097 bytes"):
        encode.published({"k": "x" * 4096})


def test_a_node_id_too_long_for_csi_is_an_error_of_the_settings() -> None:
    assert encode.node_info(NodeInfo("n" * 256, 7)).max_volumes_per_node == 7
    with pytest.raises(BadSettings, match="257 bytes"):
        encode.node_info(NodeInfo("n" * 257, 7))
