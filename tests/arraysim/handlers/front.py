"""Calls the arrays' handlers by method and path, without a wire."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from arraysim.core.faults import ArrayFault, Refusal
from arraysim.wsapi.message import Json, Reply, Request
from arraysim.wsapi.router import Router
from arraysim.wsapi.routes import ROUTES
from tests.arraysim.core.world import World

_ROUTER = Router(ROUTES)


class Front:
    """The front panel of one array of a world."""

    def __init__(self, world: World, name: str = "array-a") -> None:
        self.world = world
        self._array = world.pair.array(name)

    def call(self, method: str, path: str, body: Json | None = None) -> Reply:
        """`path` below /api/v1, with its query string."""
        parts = urlsplit(f"/api/v1{path}")
        handler, params = _ROUTER.find(method, parts.path)
        query = dict(parse_qsl(parts.query))
        return handler(Request(self._array, self.world.pair, method, params, query, body))

    def get(self, path: str) -> Any:
        """The body of a 200."""
        reply = self.call("GET", path)
        assert reply.status == 200
        return reply.body

    def names(self, path: str) -> list[str]:
        """Names of a collection's members, whose total must be right."""
        body = self.get(path)
        assert body["total"] == len(body["members"])
        return [member["name"] for member in body["members"]]

    def post(self, path: str, body: Json) -> Reply:
        return self.call("POST", path, body)

    def put(self, path: str, body: Json) -> Reply:
        return self.call("PUT", path, body)

    def delete(self, path: str) -> Reply:
        return self.call("DELETE", path)


@contextmanager
def refused(refusal: Refusal, ref: str | None = None) -> Iterator[None]:
    """The block must be refused just so, naming the field if `ref` is given."""
    with pytest.raises(ArrayFault) as caught:
        yield
    assert (caught.value.status, caught.value.code) == refusal.value[:2], str(caught.value)
    if ref is not None:
        assert caught.value.ref == ref
