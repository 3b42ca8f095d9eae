"""The controller's use cases behind one face, as the counter calls them."""

from collections.abc import Mapping

from csi.access import Capability
from csi.errors import InvalidRequest
from csi.names import parse_volume_id
from csi.volumes import inspect
from csi.volumes.create import create
from csi.volumes.delete import delete
from csi.volumes.office import Office
from csi.volumes.parameters import parse
from csi.volumes.publish import publish
from csi.volumes.requests import (
    Capacity,
    CreateVolume,
    ListedVolume,
    PublishVolume,
    Validation,
    VolumeAnswer,
    VolumePage,
)
from csi.volumes.unpublish import unpublish


class VolumeDesk:
    """Synchronous and safe for several threads; each method's errors are in the use case's own file."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def backend_of(self, subject: CreateVolume | str) -> str:
        """The backend of a request or a volume id; "" if it names none, which the use case then reports."""
        if isinstance(subject, CreateVolume):
            try:
                return parse(subject.parameters, self._office.settings).backend
            except InvalidRequest:
                return ""
        parsed = parse_volume_id(subject)
        return parsed.backend if parsed is not None and parsed.backend in self._office.pairs else ""

    def create(self, request: CreateVolume) -> VolumeAnswer:
        """CreateVolume."""
        return create(self._office, request)

    def delete(self, volume_id: str) -> None:
        """DeleteVolume."""
        delete(self._office, volume_id)

    def publish(self, request: PublishVolume) -> dict[str, str]:
        """ControllerPublishVolume; answers the publish context."""
        return publish(self._office, request)

    def unpublish(self, volume_id: str, node_id: str) -> None:
        """ControllerUnpublishVolume; "" unpublishes from all nodes."""
        unpublish(self._office, volume_id, node_id)

    def validate(
        self, volume_id: str, capabilities: tuple[Capability, ...], parameters: Mapping[str, str]
    ) -> Validation:
        """ValidateVolumeCapabilities."""
        return inspect.validate(self._office, volume_id, capabilities, parameters)

    def list(self, max_entries: int, starting_token: str) -> VolumePage:
        """ListVolumes."""
        return inspect.list_volumes(self._office, max_entries, starting_token)

    def get(self, volume_id: str) -> ListedVolume:
        """ControllerGetVolume."""
        return inspect.get(self._office, volume_id)

    def capacity(self, parameters: Mapping[str, str], capabilities: tuple[Capability, ...]) -> Capacity:
        """GetCapacity."""
        return inspect.capacity(self._office, parameters, capabilities)
