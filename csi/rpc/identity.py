"""The Identity service: who the driver is. Answers from memory alone, whatever the arrays do."""

# ruff: noqa: ARG002, N802 - the wire's method names and gRPC's signatures

from collections.abc import Callable

from google.protobuf.wrappers_pb2 import BoolValue

from csi.rpc.interceptors import Context
from csi.rpc.version import DRIVER_NAME, driver_version
from csi.spec.v1 import csi_pb2 as pb
from csi.spec.v1.csi_pb2_grpc import IdentityServicer

__all__ = ["Identity", "driver_version"]


class Identity(IdentityServicer):
    """`ready` must answer at once and ask no array: an array that is down must not get the driver restarted."""

    def __init__(self, version: str, *, ready: Callable[[], bool] = lambda: True) -> None:
        self._version = version
        self._ready = ready

    async def GetPluginInfo(self, request: pb.GetPluginInfoRequest, context: Context) -> pb.GetPluginInfoResponse:
        return pb.GetPluginInfoResponse(name=DRIVER_NAME, vendor_version=self._version)

    async def GetPluginCapabilities(
        self, request: pb.GetPluginCapabilitiesRequest, context: Context
    ) -> pb.GetPluginCapabilitiesResponse:
        # The same from every instance, also from those on nodes that serve no Controller (csi.md 1.1).
        service = pb.PluginCapability.Service(type=pb.PluginCapability.Service.CONTROLLER_SERVICE)
        return pb.GetPluginCapabilitiesResponse(capabilities=[pb.PluginCapability(service=service)])

    async def Probe(self, request: pb.ProbeRequest, context: Context) -> pb.ProbeResponse:
        return pb.ProbeResponse(ready=BoolValue(value=self._ready()))
