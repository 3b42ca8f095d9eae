"""The HTTP side of an array: bytes to calls, replies to bytes, and connections that break when a fault says so."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from arraysim.listener import reset
from arraysim.wsapi.faulthooks import Fault, FaultBook, FaultKind
from arraysim.wsapi.message import Reply
from arraysim.wsapi.panel import BODY_LIMIT_BYTES, SESSION_HEADER, Call, Panel, encoded

SERVER_NAME = "hp3par-wsapi"


class ArrayServer:
    """The ASGI application of one array. The panel works on `executor`, so that a busy lock never stops the loop."""

    def __init__(self, panel: Panel, faults: FaultBook, executor: Executor) -> None:
        self._panel = panel
        self._faults = faults
        self._executor = executor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call. A client that leaves does not stop it: what an array was told to do, it does."""
        request = Request(scope, receive)
        try:
            body = await _body(request)
        except ClientDisconnect:
            return
        call = self._panel.arrive(
            scope["method"],
            scope["raw_path"].decode("ascii"),
            scope["query_string"].decode("ascii", "replace"),
            request.headers.get(SESSION_HEADER),
            body,
        )
        answered = False
        try:
            reply = await self._carried_out(call)
            answered = reply is not None and not scope["state"]["transport"].is_closing()
        finally:
            self._panel.finish(call, answered=answered)
        if reply is None:
            await _cut(request)
        else:
            await _response(reply)(scope, receive, send)

    async def _carried_out(self, call: Call) -> Reply | None:
        held = call.hit_by(FaultKind.HANG, FaultKind.DELAY)
        if held is not None:
            await self._wait(held)
        reply = await asyncio.get_running_loop().run_in_executor(self._executor, self._panel.carry_out, call)
        held = call.hit_by(FaultKind.DELAY_REPLY)
        if held is not None and reply is not None:
            await self._wait(held)
        return reply

    async def _wait(self, fault: Fault) -> None:
        """Until the fault's time is over or it is released."""
        async with self._holding(fault):
            await asyncio.wait([asyncio.wrap_future(fault.released)], timeout=fault.spec.seconds)

    @asynccontextmanager
    async def _holding(self, fault: Fault) -> AsyncIterator[None]:
        self._faults.hold(fault, 1)
        try:
            yield
        finally:
            self._faults.hold(fault, -1)


async def _body(request: Request) -> bytes | None:
    """The whole body, None if it is longer than the limit: the rest is then read and thrown away."""
    body = bytearray()
    long = False
    async for chunk in request.stream():
        long = long or len(body) + len(chunk) > BODY_LIMIT_BYTES
        if not long:
            body += chunk
    return None if long else bytes(body)


async def _cut(request: Request) -> None:
    """Reset the connection and wait until it is gone, so that the server does not answer 500 for us."""
    reset(request.scope["state"]["transport"])
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _response(reply: Reply) -> Response:
    headers = dict(reply.headers)
    if reply.body is not None:
        headers["Content-Type"] = "application/json"
    return Response(encoded(reply.body), reply.status, headers)
