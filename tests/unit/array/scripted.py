"""A WSAPI endpoint that does as a test tells it: sessions that end at will, torn answers, hanging and refused calls.

It knows session keys and nothing of storage; what a call gets is decided by the test's `answer` function.
"""

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

from csi.settings.model import ArraySettings, Secret

USER, PASSWORD = "csi", "corr3ct-horse"


@dataclass(frozen=True)
class Call:
    """One request as it arrived; `path` is without /api/v1, `key` the session key or ""."""

    method: str
    path: str
    key: str
    body: object


@dataclass(frozen=True)
class Reply:
    """`raw` is sent instead of `body` where given; `announced` lies about the length."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    announced: int | None = None


class Reset:
    """Cut the connection without an answer."""


class Hang:
    """Never answer."""


Answer = Reply | Reset | Hang
EMPTY = Reply(body={"total": 0, "members": []})


def refusal(status: int, code: int, desc: str = "refused", **more: object) -> Reply:
    return Reply(status, {"code": code, "desc": desc, **more})


class ScriptedArray:
    """Listens on 127.0.0.1; `calls` holds everything but logins, `logins` and `logouts` count those."""

    def __init__(self, certificate: Path | None = None, key: Path | None = None) -> None:
        self.answer: Callable[[Call], Answer] = lambda _: EMPTY
        self.login: Callable[[], Answer | None] = lambda: None
        self.calls: list[Call] = []
        self.logins = self.logouts = self.connections = self.keyless = 0
        self.keys: set[str] = set()
        self.open: set[socket.socket] = set()
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.server = _Server(("127.0.0.1", 0), _handler(self))
        if certificate and key:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            # the handshake belongs to the connection's own thread, or one bad client would stop the rest
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.scheme = "https" if certificate else "http"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def __enter__(self) -> "ScriptedArray":
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Cut all connections and refuse new ones."""
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        with self.lock:
            for connection in self.open:
                with contextlib.suppress(OSError):  # the client may have hung up already
                    connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_address[1]}/api/v1"

    def settings(self, **changes: object) -> ArraySettings:
        """Settings that reach this endpoint; TLS unverified unless told otherwise."""
        values: dict[str, object] = {
            "label": "array-a",
            "url": self.url,
            "username": USER,
            "password": Secret(PASSWORD),
            "verify_tls": False,
            "connect_timeout_seconds": 2.0,
            "read_timeout_seconds": 5.0,
        }
        return ArraySettings(**(values | changes))  # type: ignore[arg-type]  # tests name fields by keyword

    def expire_sessions(self) -> None:
        with self.lock:
            self.keys.clear()

    def decide(self, call: Call) -> Answer:
        if (call.method, call.path) == ("POST", "/credentials"):
            return self._log_in(call)
        if call.method == "DELETE" and call.path.startswith("/credentials/"):
            with self.lock:
                self.logouts += 1
                self.keys.discard(call.path.rpartition("/")[2])
            return Reply()
        with self.lock:
            self.calls.append(call)
            self.keyless += not call.key
            known = call.key in self.keys
        return self.answer(call) if known else refusal(403, 6, "invalid session key")

    def _log_in(self, call: Call) -> Answer:
        with self.lock:
            self.logins += 1
            number = self.logins
        told = self.login()
        if told is not None:
            return told
        if call.body != {"user": USER, "password": PASSWORD}:
            return refusal(403, 5, "invalid user or password")
        key = f"{number}-c86aedb2e7e98b41-b06d2d50"
        with self.lock:
            self.keys.add(key)
        return Reply(201, {"key": key})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that turn away in a handshake are part of the tests."""


def _handler(array: ScriptedArray) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            with array.lock:
                array.connections += 1
                array.open.add(self.request)
            super().setup()

        def finish(self) -> None:
            with array.lock:
                array.open.discard(self.request)
            super().finish()

        def log_message(self, *args: object) -> None:
            """Tests look at `calls` instead."""

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.loads(raw) if raw else None
            path = self.path.removeprefix("/api/v1")
            answer = array.decide(Call(self.command, path, self.headers.get("X-HP3PAR-WSAPI-SessionKey", ""), body))
            if isinstance(answer, Hang):
                array.released.wait(30)
            if not isinstance(answer, Reply):
                self._cut()
                return
            content = answer.raw
            if content is None:
                content = b"" if answer.body is None else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(answer.announced or len(content)))
            self.end_headers()
            self.wfile.write(content)
            if answer.announced:
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815  # http.server's names

        def _cut(self) -> None:
            self.close_connection = True
            # linger of 0 seconds: the peer sees a reset, not an orderly end
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return Handler
