"""The wire format: headers, paths, bodies, and what is not understood."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from arraysim.core.faults import ArrayFault
from arraysim.lab import Lab
from arraysim.wsapi.message import Reply, Request
from arraysim.wsapi.router import Router
from arraysim.wsapi.routes import Route
from tests.arraysim.lab.wire import Wire, error_of


@contextmanager
def raw_connection(lab: Lab) -> Iterator[ssl.SSLSocket]:
    endpoint = lab.endpoints["array-a"]
    context = ssl.create_default_context(cafile=str(endpoint.ca_file))
    port = urlsplit(endpoint.url).port
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        yield secure


def test_replies_name_the_server_and_nothing_else_of_ours(wire: Wire) -> None:
    reply = wire.version()
    assert reply.headers["Server"] == "hp3par-wsapi"
    assert reply.headers["Content-Type"] == "application/json"
    assert {name.lower() for name in reply.headers} == {"server", "content-type", "content-length"}


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000, b"nonsense"])
def test_malformed_json_is_400_code_60(wire: Wire, body: bytes) -> None:
    reply = wire._session.post(
        f"{wire.endpoint.url}/credentials", data=body, verify=str(wire.endpoint.ca_file), timeout=10
    )
    assert error_of(reply) == (400, 60)
    assert reply.json()["ref"]


@pytest.mark.parametrize("body", [[], "text", 5])
def test_json_that_is_no_object_is_400_code_39(wire: Wire, body: object) -> None:
    assert error_of(wire.call("POST", "/credentials", body)) == (400, 39)


def test_an_endless_body_is_413_code_4_and_the_connection_survives(wire: Wire) -> None:
    assert error_of(wire.call("POST", "/credentials", {"user": "x" * (1 << 20)})) == (413, 4)
    assert wire.version().status_code == 200


def test_an_unknown_path_is_404_code_11(wire: Wire) -> None:
    for path in ("/nothing", "/volumes/a/b/c/d", ""):
        assert error_of(wire.call("GET", path)) == (404, 11), path


def test_a_known_path_with_another_method_is_501_code_9(wire: Wire) -> None:
    assert error_of(wire.call("PATCH", "/system")) == (501, 9)


def test_garbage_instead_of_http_does_not_hurt(lab: Lab, wire: Wire) -> None:
    with raw_connection(lab) as connection:
        connection.sendall(b"\x00\x01garbage\r\n\r\n")
        assert connection.recv(12) in (b"HTTP/1.1 400", b"")
    assert wire.version().status_code == 200


def test_the_session_header_may_be_written_in_any_case(lab: Lab, wire: Wire) -> None:
    with raw_connection(lab) as connection:
        connection.sendall(
            b"GET /api/v1/system HTTP/1.1\r\nHost: x\r\nx-hP3par-WSAPI-sessionkey: " + wire.key.encode() + b"\r\n\r\n"
        )
        assert connection.recv(12) == b"HTTP/1.1 200"


def handler(request: Request) -> Reply:
    raise NotImplementedError


ROUTER = Router(
    (
        Route("GET", "/api/v1/things", handler),
        Route("GET", "/api/v1/things/{name}", handler),
        Route("GET", "/api/v1/things/{name}/parts/{part}", handler),
        Route("DELETE", "/api/v1/stats;name:{cpg}", handler),
    )
)


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [
        ("GET", "/api/v1/things", {}),
        ("GET", "/api/v1/things/", {}),
        ("GET", "/api/v1/things/a%2Fb%20c", {"name": "a/b c"}),
        ("GET", "/api/v1/things/x/parts/1,2,h", {"name": "x", "part": "1,2,h"}),
        ("DELETE", "/api/v1/stats;name:fast", {"cpg": "fast"}),
    ],
)
def test_segments_are_split_before_they_are_decoded(method: str, path: str, params: dict[str, str]) -> None:
    assert ROUTER.find(method, path) == (handler, params)


@pytest.mark.parametrize(("method", "path", "code"), [("POST", "/api/v1/things", 9), ("GET", "/api/v1/thing", 11)])
def test_the_router_tells_an_unknown_method_from_an_unknown_path(method: str, path: str, code: int) -> None:
    with pytest.raises(ArrayFault) as caught:
        ROUTER.find(method, path)
    assert caught.value.code == code
