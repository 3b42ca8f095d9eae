"""What can be judged from a message alone (csi.md 1.2, 1.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi.access import AccessMode, Capability
from csi.errors import DriverError, InvalidRequest, OutOfOrder, OutOfRange, Unsupported
from csi.rpc import decode
from csi.spec.v1 import csi_pb2 as pb
from csi.volumes.requests import CreateVolume
from tests.rpc.messages import BLOCK, MODE, MOUNT, create


def mount(mode: "pb.VolumeCapability.AccessMode.Mode.ValueType", **more: object) -> pb.VolumeCapability:
    return pb.VolumeCapability(
        mount=pb.VolumeCapability.MountVolume(**more),  # type: ignore[arg-type]  # fields by name, as tests need them
        access_mode=MODE(mode=mode),
    )


def changed(**fields: object) -> pb.CreateVolumeRequest:
    request = create()
    request.MergeFrom(pb.CreateVolumeRequest(**fields))  # type: ignore[arg-type]  # fields by name, as tests need them
    return request


def test_a_request_becomes_a_plain_record() -> None:
    request = create("pvc-1", required_bytes=5, replicationGroup="g")
    request.capacity_range.limit_bytes = 7
    request.secrets["user"] = "ignored"
    assert decode.create_volume(request) == CreateVolume(
        name="pvc-1",
        required_bytes=5,
        limit_bytes=7,
        capabilities=(Capability(block=False, mode=AccessMode.SINGLE_NODE_WRITER, fs_type="ext4"),),
        parameters={"replicationGroup": "g"},
    )


@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        (create(""), InvalidRequest, "name is missing"),
        (create("x" * 129), InvalidRequest, "name has 129 bytes"),
        (create("ü" * 65), InvalidRequest, "name has 130 bytes"),
        (create("bell\a"), InvalidRequest, "control characters"),
        (create("c1\x9f"), InvalidRequest, "control characters"),
        (create(required_bytes=-1), InvalidRequest, "negative"),
        (changed(capacity_range=pb.CapacityRange(limit_bytes=-1)), InvalidRequest, "negative"),
        (
            changed(capacity_range=pb.CapacityRange(required_bytes=8, limit_bytes=7)),
            OutOfRange,
            "at least 8 and at most 7",
        ),
        (pb.CreateVolumeRequest(name="v"), InvalidRequest, "volume_capabilities is empty"),
        (changed(volume_capabilities=[pb.VolumeCapability()]), InvalidRequest, "no access_type"),
        (changed(volume_capabilities=[mount(MODE.UNKNOWN)]), InvalidRequest, "no access_mode"),
        (
            changed(volume_capabilities=[pb.VolumeCapability(mount=MOUNT.mount)]),
            InvalidRequest,
            "no access_mode",
        ),
        (
            changed(volume_capabilities=[pb.VolumeCapability.FromString(b"\x0a\x00\x1a\x02\x08\x63")]),
            InvalidRequest,
            "access mode 99",
        ),
        (changed(volume_capabilities=[mount(MODE.MULTI_NODE_MULTI_WRITER)]), Unsupported, "MULTI_NODE_MULTI_WRITER"),
        (changed(volume_capabilities=[mount(MODE.MULTI_NODE_SINGLE_WRITER)]), Unsupported, "MULTI_NODE_SINGLE_WRITER"),
        (
            changed(volume_capabilities=[mount(MODE.SINGLE_NODE_WRITER, volume_mount_group="7")]),
            Unsupported,
            "volume_mount_group",
        ),
        (
            changed(volume_capabilities=[mount(MODE.SINGLE_NODE_WRITER, mount_flags=["x" * 2048] * 3)]),
            InvalidRequest,
            "mount_flags are longer",
        ),
        (
            changed(volume_capabilities=[mount(MODE.SINGLE_NODE_WRITER, mount_flags=["a\0b"])]),
            InvalidRequest,
            "control characters",
        ),
        (
            changed(volume_capabilities=[mount(MODE.SINGLE_NODE_WRITER, fs_type="x" * 129)]),
            InvalidRequest,
            "fs_type has 129",
        ),
        (changed(parameters={"k": "x" * 4096}), InvalidRequest, "parameters has 4097 bytes"),
        (changed(mutable_parameters={"qos": "gold"}), Unsupported, "qos"),
        (
            changed(
                volume_content_source=pb.VolumeContentSource(
                    volume=pb.VolumeContentSource.VolumeSource(volume_id="one:v")
                )
            ),
            Unsupported,
            "volume_content_source",
        ),
    ],
)
def test_a_volume_that_cannot_be_asked_for_is_refused(
    request_: pb.CreateVolumeRequest, error: type[DriverError], words: str
) -> None:
    with pytest.raises(error, match=words):
        decode.create_volume(request_)


@pytest.mark.parametrize("name", ["x" * 128, "Δ-volume", "tab\there", "ü" * 64])
def test_any_text_of_128_bytes_may_be_a_name(name: str) -> None:
    assert decode.create_volume(create(name)).name == name


@given(st.text(min_size=1, max_size=140))
def test_a_name_is_taken_as_it_is_or_refused(name: str) -> None:
    try:
        assert decode.create_volume(create(name)).name == name
    except InvalidRequest:
        assert len(name.encode()) > 128 or any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in name)


@pytest.mark.parametrize("mode", [MODE.Mode.Value(name) for name in AccessMode])
def test_raw_block_may_be_used_in_every_mode(mode: "pb.VolumeCapability.AccessMode.Mode.ValueType") -> None:
    block = pb.VolumeCapability(block=pb.VolumeCapability.BlockVolume(), access_mode=MODE(mode=mode))
    wish = decode.create_volume(pb.CreateVolumeRequest(name="v", volume_capabilities=[block]))
    assert wish.capabilities == (Capability(block=True, mode=AccessMode(MODE.Mode.Name(mode))),)


def test_one_unsupported_capability_among_many_refuses_all() -> None:
    with pytest.raises(Unsupported):
        decode.create_volume(
            pb.CreateVolumeRequest(name="v", volume_capabilities=[MOUNT, BLOCK, mount(MODE.MULTI_NODE_MULTI_WRITER)])
        )


def test_limits_alone_are_a_range() -> None:
    wish = decode.create_volume(changed(capacity_range=pb.CapacityRange(limit_bytes=9)))
    assert (wish.required_bytes, wish.limit_bytes) == (0, 9)


@pytest.mark.parametrize("missing", ["volume_id", "node_id", "volume_capability"])
def test_a_publish_needs_volume_node_and_capability(missing: str) -> None:
    request = pb.ControllerPublishVolumeRequest(volume_id="one:v", node_id="n", volume_capability=MOUNT)
    request.ClearField(missing)  # type: ignore[arg-type]  # one of the literals
    with pytest.raises(InvalidRequest, match=f"{missing} is missing"):
        decode.publish_volume(request)


def test_ids_of_any_shape_are_left_to_the_desk() -> None:
    request = pb.ControllerPublishVolumeRequest(volume_id="?" * 300, node_id="\a" * 300, volume_capability=MOUNT)
    assert decode.publish_volume(request).volume_id == "?" * 300


@pytest.mark.parametrize(
    ("missing", "error"),
    [
        ("volume_id", InvalidRequest),
        ("target_path", InvalidRequest),
        ("volume_capability", InvalidRequest),
        ("staging_target_path", OutOfOrder),
    ],
)
def test_a_node_publish_needs_a_staged_volume_and_a_target(missing: str, error: type[DriverError]) -> None:
    request = pb.NodePublishVolumeRequest(
        volume_id="one:v", staging_target_path="/s", target_path="/t", volume_capability=MOUNT
    )
    request.ClearField(missing)  # type: ignore[arg-type]  # one of the literals
    with pytest.raises(error, match=f"{missing} is missing"):
        decode.publish_on_node(request)


@pytest.mark.parametrize("path", ["/a\0b", "/" + "x" * 4096])
def test_what_no_kernel_takes_is_no_path(path: str) -> None:
    with pytest.raises(InvalidRequest, match="not a path"):
        decode.path("target_path", path)


def test_an_oversized_publish_context_is_refused() -> None:
    request = pb.NodeStageVolumeRequest(
        volume_id="one:v", staging_target_path="/s", volume_capability=MOUNT, publish_context={"arrays": "x" * 4096}
    )
    with pytest.raises(InvalidRequest, match="publish_context has 4102 bytes"):
        decode.stage_volume(request)


def test_a_page_may_have_no_limit_but_not_a_negative_one() -> None:
    assert (decode.max_entries(0), decode.max_entries(3)) == (0, 3)
    with pytest.raises(InvalidRequest, match="-1"):
        decode.max_entries(-1)
