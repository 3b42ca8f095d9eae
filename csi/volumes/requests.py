"""What the counter hands to the controller's use cases, and what it gets back: plain records, no protobuf."""

from collections.abc import Mapping
from dataclasses import dataclass

from csi.access import Capability


@dataclass(frozen=True, slots=True)
class CreateVolume:
    """`required_bytes` and `limit_bytes` are 0 where the caller set none; both are already known not to be negative."""

    name: str
    required_bytes: int
    limit_bytes: int
    capabilities: tuple[Capability, ...]
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VolumeAnswer:
    """A volume as the CO keeps it; `context` never changes over the volume's life."""

    volume_id: str
    capacity_bytes: int
    context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PublishVolume:
    """Export a volume to a node."""

    volume_id: str
    node_id: str
    capability: Capability
    readonly: bool
    volume_context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ListedVolume:
    """A row of ListVolumes or the answer of ControllerGetVolume."""

    volume: VolumeAnswer
    published_node_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VolumePage:
    """A page; `next_token` is "" at the end."""

    volumes: tuple[ListedVolume, ...]
    next_token: str


@dataclass(frozen=True, slots=True)
class Validation:
    """`refusal` is "" where the volume can be used in all the ways asked for."""

    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Capacity:
    """Free space for new volumes, and the largest volume that can be made."""

    available_bytes: int
    maximum_volume_bytes: int
