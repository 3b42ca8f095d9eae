"""The gRPC server: services on a UNIX socket, until a signal asks for an orderly end."""

import asyncio
import logging
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from grpc import aio

from csi.clock import Clock, Deadline, SystemClock
from csi.errors import BadSettings
from csi.rpc.controller import Controller
from csi.rpc.endpoint import Endpoint, claimed, narrow_umask, parse_endpoint
from csi.rpc.identity import Identity
from csi.rpc.interceptors import CallLog, ErrorTranslation, Parsing
from csi.rpc.limits import REQUEST_LIMIT_BYTES
from csi.rpc.node import Node
from csi.rpc.operations import Operations
from csi.spec.v1.csi_pb2_grpc import (
    add_ControllerServicer_to_server,
    add_IdentityServicer_to_server,
    add_NodeServicer_to_server,
)

_log = logging.getLogger(__name__)

#: Under Kubernetes' usual 30 s between SIGTERM and SIGKILL.
GRACE_SECONDS = 25.0

_OPTIONS = (
    ("grpc.max_receive_message_length", REQUEST_LIMIT_BYTES),
    # No age limits: sidecars exit when their connection is closed (csi.md 8).
)


def _new_id() -> str:
    return secrets.token_hex(6)


@dataclass(frozen=True, slots=True)
class Services:
    """What one socket offers: identity always, the controller, the node, or both."""

    identity: Identity
    controller: Controller | None = None
    node: Node | None = None

    @property
    def operations(self) -> tuple[Operations, ...]:
        """The tables to drain at the end, each once."""
        found = [service.operations for service in (self.controller, self.node) if service is not None]
        return tuple(dict.fromkeys(found))


async def serve(
    services: Services,
    endpoint: str,
    *,
    grace_seconds: float = GRACE_SECONDS,
    stop: asyncio.Event | None = None,
    started: Callable[[], None] = lambda: None,
    clock: Clock | None = None,
    new_id: Callable[[], str] = _new_id,
) -> None:
    """Serve until SIGTERM or SIGINT, or if given until `stop`; then finish what runs, for at most `grace_seconds`.

    Signals need the main thread; `stop` does not. `endpoint` as in `parse_endpoint`. `started` is called once when the
    socket takes calls. Raises BadSettings if the socket cannot be had.
    """
    at, clock = parse_endpoint(endpoint), clock or SystemClock()
    with claimed(at), _signals_or(stop) as asked_to_stop:
        server = _build(services, clock, new_id)
        _bind(server, at)
        await server.start()
        _log.info("serving on %s", at)
        started()
        await asked_to_stop.wait()
        await _finish(server, services, Deadline(clock, grace_seconds))


def run(services: Services, endpoint: str, *, grace_seconds: float = GRACE_SECONDS) -> None:
    """`serve` in an event loop of its own."""
    asyncio.run(serve(services, endpoint, grace_seconds=grace_seconds))


def _build(services: Services, clock: Clock, new_id: Callable[[], str]) -> aio.Server:
    server = aio.server(interceptors=(Parsing(), CallLog(clock, new_id), ErrorTranslation()), options=_OPTIONS)
    add_IdentityServicer_to_server(services.identity, server)
    if services.controller is not None:
        add_ControllerServicer_to_server(services.controller, server)
    if services.node is not None:
        add_NodeServicer_to_server(services.node, server)
    return server


def _bind(server: aio.Server, at: Endpoint) -> None:
    with narrow_umask():
        try:
            server.add_insecure_port(at.address)
        except RuntimeError as error:
            raise BadSettings(
                f"gRPC cannot bind {at}", hint="See whether this user may write to the socket's folder"
            ) from error


@contextmanager
def _signals_or(given: asyncio.Event | None) -> Iterator[asyncio.Event]:
    """`given`, or an event that SIGTERM and SIGINT set while inside."""
    if given is not None:
        yield given
        return
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, event.set)
    try:
        yield event
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def _finish(server: aio.Server, services: Services, deadline: Deadline) -> None:
    """Take no more calls, answer those that run, and let operations whose callers have left end as well."""
    _log.info("stopping: %d operations run", sum(len(table.running) for table in services.operations))
    await server.stop(deadline.left_seconds())
    for table in services.operations:
        for words in await table.drain(deadline.left_seconds()):
            _log.warning("stopping while %s still runs; its next call, or recovery, goes on from the arrays", words)
        table.pools.close()
    _log.info("stopped")
