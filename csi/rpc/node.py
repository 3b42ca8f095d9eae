"""The Node service: decode, ask the node desk, encode. Changes run as operations, reads in the same pools."""

# ruff: noqa: ARG002, N802 - the wire's method names and gRPC's signatures

from csi.names import parse_volume_id
from csi.rpc import decode, encode
from csi.rpc.desks import NodeDesk
from csi.rpc.interceptors import Context
from csi.rpc.operations import Key, Operations
from csi.rpc.pools import SHARED
from csi.spec.v1 import csi_pb2 as pb
from csi.spec.v1.csi_pb2_grpc import NodeServicer

_Rpc = pb.NodeServiceCapability.RPC
#: What is offered now; health (7, 8) would fail conformance suites of CSI 1.12 (csi.md 0).
OFFERED = (_Rpc.STAGE_UNSTAGE_VOLUME, _Rpc.GET_VOLUME_STATS, _Rpc.SINGLE_NODE_MULTI_WRITER)


def _backend(volume_id: str) -> str:
    known = parse_volume_id(volume_id)
    return known.backend if known else SHARED


class Node(NodeServicer):
    """RPCs that are not here are answered UNIMPLEMENTED by the generated class."""

    def __init__(self, desk: NodeDesk, operations: Operations) -> None:
        self._desk = desk
        self.operations = operations

    async def NodeGetCapabilities(
        self, request: pb.NodeGetCapabilitiesRequest, context: Context
    ) -> pb.NodeGetCapabilitiesResponse:
        offered = [pb.NodeServiceCapability(rpc=_Rpc(type=kind)) for kind in OFFERED]
        return pb.NodeGetCapabilitiesResponse(capabilities=offered)

    async def NodeStageVolume(self, request: pb.NodeStageVolumeRequest, context: Context) -> pb.NodeStageVolumeResponse:
        wish = decode.stage_volume(request)
        await self.operations.run(
            Key(f"volume {wish.volume_id}"),
            wish,
            lambda: self._desk.stage(wish),
            title="NodeStageVolume",
            backend=_backend(wish.volume_id),
        )
        return pb.NodeStageVolumeResponse()

    async def NodeUnstageVolume(
        self, request: pb.NodeUnstageVolumeRequest, context: Context
    ) -> pb.NodeUnstageVolumeResponse:
        volume_id = decode.required("volume_id", request.volume_id)
        staging_path = decode.path("staging_target_path", request.staging_target_path)
        await self.operations.run(
            Key(f"volume {volume_id}"),
            staging_path,
            lambda: self._desk.unstage(volume_id, staging_path),
            title="NodeUnstageVolume",
            backend=_backend(volume_id),
        )
        return pb.NodeUnstageVolumeResponse()

    async def NodePublishVolume(
        self, request: pb.NodePublishVolumeRequest, context: Context
    ) -> pb.NodePublishVolumeResponse:
        wish = decode.publish_on_node(request)
        # A mode with one target path a node is judged by looking for others: no other target may come or go meanwhile.
        part = "" if wish.capability.mode.one_target_per_node else f"path {wish.target_path}"
        await self.operations.run(
            Key(f"volume {wish.volume_id}", part),
            wish,
            lambda: self._desk.publish(wish),
            title="NodePublishVolume",
            backend=_backend(wish.volume_id),
        )
        return pb.NodePublishVolumeResponse()

    async def NodeUnpublishVolume(
        self, request: pb.NodeUnpublishVolumeRequest, context: Context
    ) -> pb.NodeUnpublishVolumeResponse:
        volume_id = decode.required("volume_id", request.volume_id)
        target_path = decode.path("target_path", request.target_path)
        await self.operations.run(
            Key(f"volume {volume_id}", f"path {target_path}"),
            target_path,
            lambda: self._desk.unpublish(volume_id, target_path),
            title="NodeUnpublishVolume",
            backend=_backend(volume_id),
        )
        return pb.NodeUnpublishVolumeResponse()

    async def NodeGetVolumeStats(
        self, request: pb.NodeGetVolumeStatsRequest, context: Context
    ) -> pb.NodeGetVolumeStatsResponse:
        volume_id = decode.required("volume_id", request.volume_id)
        volume_path = decode.path("volume_path", request.volume_path)
        answer = await self.operations.pools.run(
            _backend(volume_id), lambda: self._desk.stats(volume_id, volume_path, request.staging_target_path)
        )
        return encode.stats(answer)

    async def NodeGetInfo(self, request: pb.NodeGetInfoRequest, context: Context) -> pb.NodeGetInfoResponse:
        return encode.node_info(await self.operations.pools.run(SHARED, self._desk.info))
