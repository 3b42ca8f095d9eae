"""The Controller service: decode, ask the volume desk, encode. Changes run as operations, reads in the same pools."""

# ruff: noqa: ARG002, N802 - the wire's method names and gRPC's signatures

from csi.rpc import decode, encode
from csi.rpc.desks import VolumeDesk
from csi.rpc.interceptors import Context
from csi.rpc.operations import Key, Operations
from csi.rpc.pools import SHARED
from csi.spec.v1 import csi_pb2 as pb
from csi.spec.v1.csi_pb2_grpc import ControllerServicer

_Rpc = pb.ControllerServiceCapability.RPC
#: What is offered now. Values above 15 are unknown to conformance suites of CSI 1.12 and fail them (csi.md 0).
OFFERED = (
    _Rpc.CREATE_DELETE_VOLUME,
    _Rpc.PUBLISH_UNPUBLISH_VOLUME,
    _Rpc.LIST_VOLUMES,
    _Rpc.LIST_VOLUMES_PUBLISHED_NODES,
    _Rpc.GET_CAPACITY,
    _Rpc.PUBLISH_READONLY,
    _Rpc.GET_VOLUME,
    _Rpc.SINGLE_NODE_MULTI_WRITER,
)


class Controller(ControllerServicer):
    """RPCs that are not here are answered UNIMPLEMENTED by the generated class."""

    def __init__(self, desk: VolumeDesk, operations: Operations) -> None:
        self._desk = desk
        self.operations = operations

    async def ControllerGetCapabilities(
        self, request: pb.ControllerGetCapabilitiesRequest, context: Context
    ) -> pb.ControllerGetCapabilitiesResponse:
        offered = [pb.ControllerServiceCapability(rpc=_Rpc(type=kind)) for kind in OFFERED]
        return pb.ControllerGetCapabilitiesResponse(capabilities=offered)

    async def CreateVolume(self, request: pb.CreateVolumeRequest, context: Context) -> pb.CreateVolumeResponse:
        wish = decode.create_volume(request)
        answer = await self.operations.run(
            Key(f"new volume {wish.name}"),
            wish,
            lambda: self._desk.create(wish),
            title="CreateVolume",
            backend=self._desk.backend_of(wish),
        )
        return pb.CreateVolumeResponse(volume=encode.volume(answer))

    async def DeleteVolume(self, request: pb.DeleteVolumeRequest, context: Context) -> pb.DeleteVolumeResponse:
        volume_id = decode.required("volume_id", request.volume_id)
        await self.operations.run(
            Key(f"volume {volume_id}"),
            volume_id,
            lambda: self._desk.delete(volume_id),
            title="DeleteVolume",
            backend=self._desk.backend_of(volume_id),
        )
        return pb.DeleteVolumeResponse()

    async def ControllerPublishVolume(
        self, request: pb.ControllerPublishVolumeRequest, context: Context
    ) -> pb.ControllerPublishVolumeResponse:
        wish = decode.publish_volume(request)
        answer = await self.operations.run(
            Key(f"volume {wish.volume_id}", f"node {wish.node_id}"),
            wish,
            lambda: self._desk.publish(wish),
            title="ControllerPublishVolume",
            backend=self._desk.backend_of(wish.volume_id),
        )
        return encode.published(answer)

    async def ControllerUnpublishVolume(
        self, request: pb.ControllerUnpublishVolumeRequest, context: Context
    ) -> pb.ControllerUnpublishVolumeResponse:
        volume_id, node_id = decode.required("volume_id", request.volume_id), request.node_id
        await self.operations.run(
            Key(f"volume {volume_id}", f"node {node_id}" if node_id else ""),
            (volume_id, node_id),
            lambda: self._desk.unpublish(volume_id, node_id),
            title="ControllerUnpublishVolume",
            backend=self._desk.backend_of(volume_id),
        )
        return pb.ControllerUnpublishVolumeResponse()

    async def ValidateVolumeCapabilities(
        self, request: pb.ValidateVolumeCapabilitiesRequest, context: Context
    ) -> pb.ValidateVolumeCapabilitiesResponse:
        volume_id = decode.required("volume_id", request.volume_id)
        wanted, parameters = decode.capabilities(request.volume_capabilities), decode.parameters(request.parameters)
        found = await self.operations.pools.run(
            self._desk.backend_of(volume_id), lambda: self._desk.validate(volume_id, wanted, parameters)
        )
        return encode.validation(request, found.refusal)

    async def ListVolumes(self, request: pb.ListVolumesRequest, context: Context) -> pb.ListVolumesResponse:
        size = decode.max_entries(request.max_entries)
        answer = await self.operations.pools.run(SHARED, lambda: self._desk.list(size, request.starting_token))
        return encode.page(answer)

    async def ControllerGetVolume(
        self, request: pb.ControllerGetVolumeRequest, context: Context
    ) -> pb.ControllerGetVolumeResponse:
        volume_id = decode.required("volume_id", request.volume_id)
        answer = await self.operations.pools.run(self._desk.backend_of(volume_id), lambda: self._desk.get(volume_id))
        return encode.listed(answer)

    async def GetCapacity(self, request: pb.GetCapacityRequest, context: Context) -> pb.GetCapacityResponse:
        wanted = decode.any_capabilities(request.volume_capabilities)
        parameters = decode.parameters(request.parameters)
        answer = await self.operations.pools.run(SHARED, lambda: self._desk.capacity(parameters, wanted))
        return encode.capacity(answer)
