"""A real server on a real socket, with fake desks behind it, in the test's own event loop."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from grpc import aio

from csi.rpc.controller import Controller
from csi.rpc.desks import NodeDesk, VolumeDesk
from csi.rpc.identity import Identity
from csi.rpc.node import Node
from csi.rpc.operations import Operations
from csi.rpc.pools import Pools
from csi.rpc.server import Services, serve
from csi.spec.v1.csi_pb2_grpc import ControllerStub, IdentityStub, NodeStub


@dataclass(frozen=True)
class Served:
    """Clients of the three services, and the event that stops the server."""

    endpoint: str
    identity: IdentityStub
    controller: ControllerStub
    node: NodeStub
    stop: asyncio.Event
    operations: Operations
    server: "asyncio.Task[None]"


@asynccontextmanager
async def served(
    folder: Path,
    volumes: VolumeDesk,
    nodes: NodeDesk,
    *,
    workers: int = 4,
    grace_seconds: float = 5.0,
) -> AsyncIterator[Served]:
    """Serve both desks on one socket in `folder`; calls are numbered r1, r2, ..."""
    operations = Operations(Pools(workers))
    services = Services(Identity("1.2.3"), Controller(volumes, operations), Node(nodes, operations))
    stop, started, numbers = asyncio.Event(), asyncio.Event(), itertools.count(1)
    endpoint = f"unix://{folder}/csi.sock"
    server = asyncio.create_task(
        serve(
            services,
            endpoint,
            grace_seconds=grace_seconds,
            stop=stop,
            started=started.set,
            new_id=lambda: f"r{next(numbers)}",
        )
    )
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({waiting, server}, return_when=asyncio.FIRST_COMPLETED)
    if server.done():
        waiting.cancel()
        server.result()
    # Python clients would send the socket's path as :authority; Go's send this (csi.md 8).
    try:
        async with aio.insecure_channel(endpoint, options=[("grpc.default_authority", "localhost")]) as channel:
            yield Served(
                endpoint, IdentityStub(channel), ControllerStub(channel), NodeStub(channel), stop, operations, server
            )
    finally:
        stop.set()
        await server
