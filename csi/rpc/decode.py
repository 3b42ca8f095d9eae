"""From wire messages to the requests of the rooms behind: everything that can be judged from the message alone is here.

Volume and node ids are not judged: one that this driver cannot have issued is "not found", which the desks say (csi.md
1.3, rule 4). Topology requirements are ignored because the plugin does not offer them.
"""

import re
from collections.abc import Iterable, Mapping

from csi.access import AccessMode, Capability
from csi.errors import InvalidRequest, OutOfOrder, OutOfRange, Unsupported
from csi.node.requests import PublishVolume as PublishOnNode
from csi.node.requests import StageVolume
from csi.rpc.limits import MAP_LIMIT_BYTES, MOUNT_FLAGS_LIMIT_BYTES, PATH_LIMIT_BYTES, STRING_LIMIT_BYTES, map_bytes
from csi.spec.v1 import csi_pb2 as pb
from csi.volumes.capabilities import refusal
from csi.volumes.requests import CreateVolume, PublishVolume

#: Control characters that no name may hold; tab, line feed and carriage return are not among them (CSI spec 1.13).
_BANNED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def create_volume(request: pb.CreateVolumeRequest) -> CreateVolume:
    """Raises InvalidRequest, OutOfRange or Unsupported."""
    if request.HasField("volume_content_source"):
        raise Unsupported(
            "volume_content_source is set, but this driver does not make volumes from snapshots or other volumes",
            hint="Create the claim without dataSource",
        )
    if request.mutable_parameters:
        raise Unsupported(
            f"mutable_parameters {sorted(request.mutable_parameters)} are set, but this driver modifies no volumes",
            hint="Create the claim without volumeAttributesClassName",
        )
    required_bytes, limit_bytes = _capacity_range(request.capacity_range)
    return CreateVolume(
        name=_name(request.name),
        required_bytes=required_bytes,
        limit_bytes=limit_bytes,
        capabilities=_usable_capabilities(request.volume_capabilities),
        parameters=_map("parameters", request.parameters),
    )


def publish_volume(request: pb.ControllerPublishVolumeRequest) -> PublishVolume:
    """Raises InvalidRequest or Unsupported."""
    return PublishVolume(
        volume_id=required("volume_id", request.volume_id),
        node_id=required("node_id", request.node_id),
        capability=_usable_capability(request, request.volume_capability),
        readonly=request.readonly,
        volume_context=_map("volume_context", request.volume_context),
    )


def stage_volume(request: pb.NodeStageVolumeRequest) -> StageVolume:
    """Raises InvalidRequest or Unsupported."""
    return StageVolume(
        volume_id=required("volume_id", request.volume_id),
        staging_path=path("staging_target_path", request.staging_target_path),
        capability=_usable_capability(request, request.volume_capability),
        publish_context=_map("publish_context", request.publish_context),
        volume_context=_map("volume_context", request.volume_context),
    )


def publish_on_node(request: pb.NodePublishVolumeRequest) -> PublishOnNode:
    """Raises InvalidRequest, Unsupported, or OutOfOrder if no staging path is named, for staging is offered."""
    volume_id, target_path = required("volume_id", request.volume_id), path("target_path", request.target_path)
    capability = _usable_capability(request, request.volume_capability)
    if not request.staging_target_path:
        raise OutOfOrder("staging_target_path is missing", hint="Call NodeStageVolume first and name its path here")
    return PublishOnNode(
        volume_id=volume_id,
        target_path=target_path,
        capability=capability,
        staging_path=path("staging_target_path", request.staging_target_path),
        readonly=request.readonly,
        publish_context=_map("publish_context", request.publish_context),
        volume_context=_map("volume_context", request.volume_context),
    )


def max_entries(number: int) -> int:
    """How many entries a page may have, 0 if the caller does not mind."""
    if number < 0:
        raise InvalidRequest(f"max_entries is {number}", hint="Use 0 for no limit")
    return number


def required(field: str, text: str) -> str:
    """`text`, or InvalidRequest if it is empty."""
    if not text:
        raise InvalidRequest(f"{field} is missing")
    return text


def path(field: str, text: str) -> str:
    """`text` as a path: not empty, no longer than a kernel takes, without NUL."""
    required(field, text)
    if len(text.encode()) > PATH_LIMIT_BYTES or "\0" in text:
        raise InvalidRequest(f"{field} is not a path: at most {PATH_LIMIT_BYTES} bytes, none of them NUL")
    return text


def capabilities(messages: Iterable[pb.VolumeCapability]) -> tuple[Capability, ...]:
    """All of them, well formed, at least one; whether they can be granted is another question."""
    found = tuple(_capability(message) for message in messages)
    if not found:
        raise InvalidRequest("volume_capabilities is empty")
    return found


def any_capabilities(messages: Iterable[pb.VolumeCapability]) -> tuple[Capability, ...]:
    """All of them, well formed, perhaps none (GetCapacity)."""
    return tuple(_capability(message) for message in messages)


def parameters(fields: Mapping[str, str]) -> Mapping[str, str]:
    """StorageClass parameters within the size that CSI sets."""
    return _map("parameters", fields)


def _usable_capabilities(messages: Iterable[pb.VolumeCapability]) -> tuple[Capability, ...]:
    found = capabilities(messages)
    if reason := refusal(found):
        raise Unsupported(reason)
    return found


def _usable_capability(
    request: pb.ControllerPublishVolumeRequest | pb.NodeStageVolumeRequest | pb.NodePublishVolumeRequest,
    message: pb.VolumeCapability,
) -> Capability:
    if not request.HasField("volume_capability"):
        raise InvalidRequest("volume_capability is missing")
    return _usable_capabilities([message])[0]


def _capability(message: pb.VolumeCapability) -> Capability:
    kind = message.WhichOneof("access_type")
    if kind is None:
        raise InvalidRequest("a volume_capability has no access_type", hint="Set block or mount")
    mode = _mode(message.access_mode.mode)
    if kind == "block":
        return Capability(block=True, mode=mode)
    mount = message.mount
    if sum(len(flag.encode()) for flag in mount.mount_flags) > MOUNT_FLAGS_LIMIT_BYTES:
        raise InvalidRequest(f"mount_flags are longer than {MOUNT_FLAGS_LIMIT_BYTES} bytes")
    if any(_BANNED.search(flag) for flag in mount.mount_flags):
        raise InvalidRequest("mount_flags hold control characters")
    if mount.volume_mount_group:
        raise Unsupported("volume_mount_group is set, but this node does not offer VOLUME_MOUNT_GROUP")
    return Capability(
        block=False, mode=mode, fs_type=_short("fs_type", mount.fs_type), mount_flags=tuple(mount.mount_flags)
    )


def _mode(number: int) -> AccessMode:
    known = pb.VolumeCapability.AccessMode.Mode
    if number == known.UNKNOWN:
        raise InvalidRequest("a volume_capability has no access_mode")
    if number not in known.values():
        raise InvalidRequest(f"access mode {number} is not known", hint=f"Known modes: {', '.join(AccessMode)}")
    return AccessMode(known.Name(pb.VolumeCapability.AccessMode.Mode.ValueType(number)))


def _capacity_range(asked: pb.CapacityRange) -> tuple[int, int]:
    if asked.required_bytes < 0 or asked.limit_bytes < 0:
        raise InvalidRequest(
            f"capacity_range has a negative size: required {asked.required_bytes}, limit {asked.limit_bytes} bytes"
        )
    if 0 < asked.limit_bytes < asked.required_bytes:
        raise OutOfRange(
            f"no size is at least {asked.required_bytes} and at most {asked.limit_bytes} bytes",
            hint="Raise limit_bytes or lower required_bytes",
        )
    return asked.required_bytes, asked.limit_bytes


def _name(text: str) -> str:
    required("name", text)
    if _BANNED.search(text):
        raise InvalidRequest(f"name {text!r} holds control characters")
    return _short("name", text)


def _short(field: str, text: str) -> str:
    if (size := len(text.encode())) > STRING_LIMIT_BYTES:
        raise InvalidRequest(f"{field} has {size} bytes, CSI allows {STRING_LIMIT_BYTES}")
    return text


def _map(field: str, entries: Mapping[str, str]) -> dict[str, str]:
    if (size := map_bytes(entries)) > MAP_LIMIT_BYTES:
        raise InvalidRequest(f"{field} has {size} bytes, CSI allows {MAP_LIMIT_BYTES}")
    return dict(entries)
