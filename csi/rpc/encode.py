"""From the answers of the rooms behind to wire messages."""

from collections.abc import Mapping

from google.protobuf.wrappers_pb2 import Int64Value

from csi.errors import BadSettings
from csi.node.requests import NodeInfo, VolumeStats
from csi.rpc.limits import MAP_LIMIT_BYTES, NODE_ID_LIMIT_BYTES, map_bytes
from csi.spec.v1 import csi_pb2 as pb
from csi.volumes.requests import Capacity, ListedVolume, VolumeAnswer, VolumePage


def volume(answer: VolumeAnswer) -> pb.Volume:
    """A volume as the CO keeps it."""
    return pb.Volume(
        volume_id=answer.volume_id,
        capacity_bytes=answer.capacity_bytes,
        volume_context=_context("volume_context", answer.context),
    )


def published(context: Mapping[str, str]) -> pb.ControllerPublishVolumeResponse:
    """Raises BadSettings if the context is larger than a CO takes: only fewer portals can cure that."""
    return pb.ControllerPublishVolumeResponse(publish_context=_context("publish_context", context))


def listed(row: ListedVolume) -> pb.ControllerGetVolumeResponse:
    """The answer of ControllerGetVolume."""
    return pb.ControllerGetVolumeResponse(
        volume=volume(row.volume),
        status=pb.ControllerGetVolumeResponse.VolumeStatus(published_node_ids=row.published_node_ids),
    )


def page(rows: VolumePage) -> pb.ListVolumesResponse:
    """The answer of ListVolumes."""
    entries = [
        pb.ListVolumesResponse.Entry(
            volume=volume(row.volume),
            status=pb.ListVolumesResponse.VolumeStatus(published_node_ids=row.published_node_ids),
        )
        for row in rows.volumes
    ]
    return pb.ListVolumesResponse(entries=entries, next_token=rows.next_token)


def validation(request: pb.ValidateVolumeCapabilitiesRequest, refusal: str) -> pb.ValidateVolumeCapabilitiesResponse:
    """A "yes" echoes what was confirmed, for the CO compares it; a "no" is `refusal` in words and no error."""
    if refusal:
        return pb.ValidateVolumeCapabilitiesResponse(message=refusal)
    confirmed = pb.ValidateVolumeCapabilitiesResponse.Confirmed(
        volume_context=request.volume_context,
        volume_capabilities=request.volume_capabilities,
        parameters=request.parameters,
    )
    return pb.ValidateVolumeCapabilitiesResponse(confirmed=confirmed)


def capacity(answer: Capacity) -> pb.GetCapacityResponse:
    """The answer of GetCapacity, in bytes; never negative."""
    return pb.GetCapacityResponse(
        available_capacity=max(0, answer.available_bytes),
        maximum_volume_size=Int64Value(value=answer.maximum_volume_bytes),
    )


def stats(answer: VolumeStats) -> pb.NodeGetVolumeStatsResponse:
    """Bytes, and inodes where there are any. The wire has no "unknown": 0 stands for it."""
    unit = pb.VolumeUsage.Unit
    usage = [
        pb.VolumeUsage(
            unit=unit.BYTES,
            total=answer.total_bytes,
            available=answer.available_bytes or 0,
            used=answer.used_bytes or 0,
        )
    ]
    if answer.total_inodes is not None:
        usage.append(
            pb.VolumeUsage(
                unit=unit.INODES,
                total=answer.total_inodes,
                available=answer.available_inodes or 0,
                used=answer.used_inodes or 0,
            )
        )
    return pb.NodeGetVolumeStatsResponse(usage=usage)


def node_info(answer: NodeInfo) -> pb.NodeGetInfoResponse:
    """Raises BadSettings if the node id is too long for CSI."""
    if (size := len(answer.node_id.encode())) > NODE_ID_LIMIT_BYTES:
        raise BadSettings(
            f"the node id has {size} bytes, CSI allows {NODE_ID_LIMIT_BYTES}",
            hint="Give the node a shorter name, or fewer initiators to this driver",
        )
    return pb.NodeGetInfoResponse(node_id=answer.node_id, max_volumes_per_node=answer.max_volumes)


def _context(field: str, entries: Mapping[str, str]) -> dict[str, str]:
    if (size := map_bytes(entries)) > MAP_LIMIT_BYTES:
        raise BadSettings(
            f"the {field} has {size} bytes, CSI allows {MAP_LIMIT_BYTES}",
            hint="Name fewer portals or ports for this backend in the settings",
        )
    return dict(entries)
