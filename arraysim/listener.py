"""A TCP port that can go away and come back, and the HTTP connections accepted on it."""

import asyncio
import contextlib
import logging
import socket
import ssl
import struct
from typing import Any

from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

#: Where every part of a lab listens.
ADDRESS = "127.0.0.1"
#: A client that stalls in its TLS handshake is cut off.
HANDSHAKE_SECONDS = 10.0
#: Long, so that an idle pooled connection is not closed under a test that paused.
KEEP_ALIVE_SECONDS = 300
ACCEPT_PAUSE_SECONDS = 0.05
#: Requests whose connection is gone end by themselves; one that has not after this long is cancelled.
CLOSE_SECONDS = 5.0

_log = logging.getLogger(__name__)


class _Connection(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, showing each request the transport it came by, so that it can be cut without an answer."""

    def on_message_begin(self) -> None:
        """A request starts."""
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport


class PortTaken(OSError):
    """The port that was asked for belongs to somebody else."""


class Listener:
    """Serves an ASGI `app` on one port of 127.0.0.1, with TLS if a context is given. `port` 0 picks a free one.

    While it is down, connections are refused, and the port stays reserved. `up`, `down` and `close` run in the loop.
    """

    def __init__(self, app: ASGIApp, *, port: int = 0, server_name: str, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._state = ServerState()
        self._config = Config(
            app,
            http=_Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        self._config.load()
        self._state.default_headers = [(b"server", server_name.encode("ascii"))]
        self._holder = self._bound(port)
        self.port: int = self._holder.getsockname()[1]
        self._socket: socket.socket | None = None
        self._opening: dict[asyncio.Task[None], socket.socket] = {}

    @property
    def url(self) -> str:
        """`https://127.0.0.1:port` or http."""
        return f"{'https' if self._tls else 'http'}://{ADDRESS}:{self.port}"

    async def up(self) -> None:
        """Accept connections. Harmless when repeated."""
        if self._socket is not None:
            return
        self._socket = self._bound(self.port)
        self._socket.setblocking(False)
        self._socket.listen(512)
        asyncio.get_running_loop().add_reader(self._socket, self._accept, self._socket)

    async def down(self) -> None:
        """Refuse connections and reset those there are. Harmless when repeated."""
        if self._socket is None:
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._socket = None
        for opening in self._opening.values():
            # Ends the TLS handshake. Cancelling it instead would leak the socket, depending on how far it is.
            with contextlib.suppress(OSError):
                opening.shutdown(socket.SHUT_RDWR)
        while self._opening or self._state.connections:
            # The loop reports a lost connection, and closes its socket, a few turns after the reset.
            for connection in list(self._state.connections):
                reset(connection.transport)
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Go down for good: requests in progress lose their connection, and the port is given back."""
        await self.down()
        tasks = list(self._state.tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
        await _cancelled(*tasks)
        self._holder.close()

    def _accept(self, listening: socket.socket) -> None:
        """A client is waiting."""
        loop = asyncio.get_running_loop()
        try:
            connection, _ = listening.accept()
        except BlockingIOError:
            return
        except OSError as failure:
            # The client left already, or no file descriptor is free: then others may have better luck in a moment.
            _log.warning("port %d could not accept a connection: %s", self.port, failure)
            loop.remove_reader(listening)
            loop.call_later(ACCEPT_PAUSE_SECONDS, self._resume, listening)
            return
        task = loop.create_task(self._open(connection))
        self._opening[task] = connection
        task.add_done_callback(self._opening.pop)

    def _resume(self, listening: socket.socket) -> None:
        if listening is self._socket:
            asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    async def _open(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A client that refuses our certificate, or leaves in the handshake, is its own affair.
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if self._tls else None,
            )

    def _protocol(self) -> _Connection:
        return _Connection(self._config, self._state, {})

    @staticmethod
    def _bound(port: int) -> socket.socket:
        """A bound socket. A second one may be bound beside it as long as the first does not listen (SO_REUSEADDR)."""
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((ADDRESS, port))
        except OSError as taken:
            bound.close()
            raise PortTaken(taken.errno, f"port {port} of {ADDRESS} cannot be used: {taken.strerror}") from taken
        return bound


def reset(transport: asyncio.Transport) -> None:
    """Cut a connection at once, so that the client sees a reset (TCP RST) and no orderly end."""
    connection = transport.get_extra_info("socket")
    if connection is not None and not transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _cancelled(*tasks: "asyncio.Task[Any]") -> None:
    """End tasks and wait until they have."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def tls_context(certificate_file: str, key_file: str) -> ssl.SSLContext:
    """What a server needs to offer TLS 1.2 and later with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate_file, key_file)
    return context
