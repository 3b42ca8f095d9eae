"""How a volume is to be used: the plain form of a CSI VolumeCapability, shared by controller and node."""

from dataclasses import dataclass
from enum import StrEnum

#: File systems that a node makes and mounts.
FILE_SYSTEMS = ("ext4", "xfs")


class AccessMode(StrEnum):
    """CSI access modes (csi.v1 VolumeCapability.AccessMode.Mode); the value is the wire name."""

    SINGLE_NODE_WRITER = "SINGLE_NODE_WRITER"
    SINGLE_NODE_READER_ONLY = "SINGLE_NODE_READER_ONLY"
    MULTI_NODE_READER_ONLY = "MULTI_NODE_READER_ONLY"
    MULTI_NODE_SINGLE_WRITER = "MULTI_NODE_SINGLE_WRITER"
    MULTI_NODE_MULTI_WRITER = "MULTI_NODE_MULTI_WRITER"
    SINGLE_NODE_SINGLE_WRITER = "SINGLE_NODE_SINGLE_WRITER"
    SINGLE_NODE_MULTI_WRITER = "SINGLE_NODE_MULTI_WRITER"

    @property
    def multi_node(self) -> bool:
        """Whether more than one node may hold the volume at a time."""
        return self.value.startswith("MULTI_NODE")

    @property
    def one_target_per_node(self) -> bool:
        """Whether a second target path on one node must be refused (CSI spec, NodePublishVolume)."""
        return self in (
            AccessMode.SINGLE_NODE_WRITER,
            AccessMode.SINGLE_NODE_SINGLE_WRITER,
            AccessMode.SINGLE_NODE_READER_ONLY,
        )

    @property
    def read_only(self) -> bool:
        """Whether the mode never writes."""
        return self.value.endswith("READER_ONLY")


class AccessProtocol(StrEnum):
    """How nodes reach the arrays."""

    ISCSI = "iscsi"
    FC = "fc"


@dataclass(frozen=True, slots=True)
class Capability:
    """One way of using a volume.

    `block` tells raw block from a file system; `fs_type` is "" where the caller left the choice; `mount_flags` may be
    sensitive and never reach a log or an error.
    """

    block: bool
    mode: AccessMode
    fs_type: str = ""
    mount_flags: tuple[str, ...] = ()
