"""What the counter needs of the rooms behind it. How they are made is wiring's business.

Every method but `backend_of` may take as long as an array takes and is called from worker threads; all raise the errors
of `csi.errors`.
"""

from collections.abc import Mapping
from typing import Protocol

from csi.access import Capability
from csi.node.requests import NodeInfo, StageVolume, VolumeStats
from csi.node.requests import PublishVolume as PublishOnNode
from csi.volumes.requests import (
    Capacity,
    CreateVolume,
    ListedVolume,
    PublishVolume,
    Validation,
    VolumeAnswer,
    VolumePage,
)


class VolumeDesk(Protocol):
    """The controller's use cases."""

    def create(self, request: CreateVolume) -> VolumeAnswer:
        """Make a volume, or find the one made by the same request before."""

    def delete(self, volume_id: str) -> None:
        """Remove a volume; one that is unknown counts as removed."""

    def publish(self, request: PublishVolume) -> dict[str, str]:
        """Export a volume to a node; the answer is the publish context."""

    def unpublish(self, volume_id: str, node_id: str) -> None:
        """Withdraw the export to a node, or to all if `node_id` is ""."""

    def validate(
        self, volume_id: str, capabilities: tuple[Capability, ...], parameters: Mapping[str, str]
    ) -> Validation:
        """Whether the volume can be used in all those ways."""

    def list(self, max_entries: int, starting_token: str) -> VolumePage:
        """A page of at most `max_entries` volumes, 0 for as many as the desk sees fit for a reply of 4 MiB."""

    def get(self, volume_id: str) -> ListedVolume:
        """One volume."""

    def capacity(self, parameters: Mapping[str, str], capabilities: tuple[Capability, ...]) -> Capacity:
        """Room for volumes of that kind."""

    def backend_of(self, subject: CreateVolume | str) -> str:
        """The backend a request or a volume id is for, "" if unknown. Answers from settings, without any I/O."""


class NodeDesk(Protocol):
    """The node's use cases."""

    def stage(self, request: StageVolume) -> None:
        """Make the volume's device and mount it at the staging path."""

    def unstage(self, volume_id: str, staging_path: str) -> None:
        """Undo `stage`."""

    def publish(self, request: PublishOnNode) -> None:
        """Show the staged volume at a target path."""

    def unpublish(self, volume_id: str, target_path: str) -> None:
        """Undo `publish`."""

    def stats(self, volume_id: str, path: str, staging_path: str = "") -> VolumeStats:
        """How full the volume shown at `path` is."""

    def info(self) -> NodeInfo:
        """What the controller must know to export to this node."""
