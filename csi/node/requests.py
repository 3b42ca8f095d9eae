"""What the counter hands to the node's use cases, and what it gets back: plain records, no protobuf.

The publish context, made by the controller, is a map of strings:
  `protocol`  "iscsi" or "fc"
  `wwn`       the volume's WWN, 32 lower-case hex digits; page 0x83 of every path must say it (NAA type 3, "3" + wwn in
              multipath's WWIDs)
  `arrays`    JSON list, one object an array: for iSCSI
              {"array": label, "lun": int or null, "portals": [["address:port", "iqn"], ...]}, for FC
              {"array": label, "lun": int or null, "wwpns": ["2021..."]}. LUN numbers may differ between arrays; null
              means that the array did not answer when the volume was published.
  `fsck`      "required" after a forced move; otherwise absent
The volume context may hold `fsType`, `fsOwner` ("uid:gid"), `fsMode` (octal digits).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from csi.access import Capability


@dataclass(frozen=True, slots=True)
class StageVolume:
    """Make the volume's multipath device here and, unless it is raw block, mount it at `staging_path`."""

    volume_id: str
    staging_path: str
    capability: Capability
    publish_context: Mapping[str, str]
    volume_context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PublishVolume:
    """Bind a staged volume to `target_path`: a directory, or a file for raw block."""

    volume_id: str
    staging_path: str
    target_path: str
    capability: Capability
    readonly: bool
    publish_context: Mapping[str, str]
    volume_context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VolumeStats:
    """Bytes, and inodes for file systems (None for raw block, where used and available are unknown too)."""

    total_bytes: int
    available_bytes: int | None = None
    used_bytes: int | None = None
    total_inodes: int | None = None
    available_inodes: int | None = None
    used_inodes: int | None = None


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """`max_volumes` is how many volumes of this driver the node takes; 0 leaves it to the CO."""

    node_id: str
    max_volumes: int
