"""One array's front panel: a call as it came in, the decision on it, and the record of both. No sockets here."""

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from arraysim.core.array import Array
from arraysim.core.faults import ArrayFault, Refusal
from arraysim.wsapi.calllog import CallLog, CallRecord
from arraysim.wsapi.faulthooks import Fault, FaultBook, FaultKind
from arraysim.wsapi.message import Json, Reply, Request
from arraysim.wsapi.router import Router
from arraysim.wsapi.sessions import Sessions

#: Longer bodies get 413 code 4; the longest of the vendor's clients is a few hundred volume names.
BODY_LIMIT_BYTES = 1 << 20
SESSION_HEADER = "x-hp3par-wsapi-sessionkey"
_BASE = "/api/v1"
_CREDENTIALS = f"{_BASE}/credentials"
_TOO_LONG = ArrayFault(413, 4, "input too long")

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Call:
    """A call on its way. `path` and `query` are as sent; `body` None is longer than the limit; `boot` is the power-on
    that it reached."""

    number: int
    method: str
    path: str
    query: str
    key: str | None
    body: bytes | None
    boot: int
    faults: tuple[Fault, ...]
    committed: bool = field(default=False)
    status: int = field(default=0)
    code: int = field(default=0)

    def hit_by(self, *kinds: FaultKind) -> Fault | None:
        """The first fault of one of these kinds."""
        return next((fault for fault in self.faults if fault.spec.kind in kinds), None)


@dataclass(frozen=True, slots=True)
class Parts:
    """What all panels of a lab share. `power_off` takes the name of an array; `failed` is told of a bug's exception."""

    lock: threading.RLock
    log: CallLog
    faults: FaultBook
    router: Router
    power_off: Callable[[str], None]
    failed: Callable[[BaseException], None]


class Panel:
    """Answers the calls to one array. `arrive` and `finish` are quick; `carry_out` takes the lab's lock."""

    def __init__(self, array: Array, sessions: Sessions, parts: Parts) -> None:
        self.array = array
        self.sessions = sessions
        self._parts = parts
        self._boot = 0

    def arrive(self, method: str, path: str, query: str, key: str | None, body: bytes | None) -> Call:
        """A call came in: number it and see which faults hit it."""
        return Call(
            number=self._parts.log.arrive(),
            method=method,
            path=path,
            query=query,
            key=key,
            body=body,
            boot=self._boot,
            faults=self._parts.faults.hit(self.array.name, method, path),
        )

    def lost_power(self) -> None:
        """The array went down: sessions are gone and calls that it has not acted on never will be. Needs the lock."""
        self._boot += 1
        self.sessions.expire_all()

    def carry_out(self, call: Call) -> Reply | None:
        """Act on the call; None: there is no answer."""
        with self._parts.lock:
            if not self.array.powered or call.boot != self._boot or call.hit_by(FaultKind.LOSE_REPLY_BEFORE):
                return None
            reply = self._decide(call)
            if call.hit_by(FaultKind.POWER_OFF):
                self._parts.power_off(self.array.name)
                return None
        return None if call.hit_by(FaultKind.LOSE_REPLY_AFTER) else reply

    def finish(self, call: Call, *, answered: bool) -> None:
        """The call is over: record it."""
        self._parts.log.append(
            CallRecord(
                number=call.number,
                array=self.array.name,
                method=call.method,
                path=re.sub(rf"^{_CREDENTIALS}/.+", f"{_CREDENTIALS}/***", call.path),
                query=call.query,
                status=call.status,
                code=call.code,
                committed=call.committed,
                answered=answered,
                faults=tuple(fault.spec.kind.value for fault in call.faults),
                at=self.array.clock.now,
            )
        )

    def _decide(self, call: Call) -> Reply:
        """The reply of the array, refusals and bugs included."""
        try:
            self._meet_faults(call)
            reply = self._route(call)
            call.committed = call.method != "GET"
        except ArrayFault as refusal:
            call.code = refusal.code
            reply = _refused(refusal)
        except Exception as bug:  # noqa: BLE001  a request ends here: it gets a 500, the lab keeps the bug and fails with it
            _log.exception("%s: %s %s failed in the simulator", self.array.name, call.method, call.path)
            self._parts.failed(bug)
            call.code = 1
            reply = _refused(ArrayFault(500, 1, f"internal server error: {type(bug).__name__} in the simulator"))
        call.status = reply.status
        return reply

    def _meet_faults(self, call: Call) -> None:
        if call.hit_by(FaultKind.EXPIRE_SESSIONS):
            self.sessions.expire_all()
        if call.hit_by(FaultKind.NOT_READY):
            raise Refusal.NOT_READY.fault()
        error = call.hit_by(FaultKind.ERROR)
        if error is not None:
            raise ArrayFault(error.spec.status, error.spec.code, error.spec.desc)

    def _route(self, call: Call) -> Reply:
        path = call.path.rstrip("/")
        if path == "/api":
            return self._version(call.method)
        if path == _CREDENTIALS and call.method == "POST":
            key = self.sessions.login(_decoded(call.body))
            return Reply(201, {"key": key}, {"Location": f"{_CREDENTIALS}/{key}"})
        if path.startswith(f"{_CREDENTIALS}/") and call.method == "DELETE":
            self.sessions.logout(path.removeprefix(f"{_CREDENTIALS}/"))
            return Reply(200)
        self.sessions.use(call.key)
        handler, path_params = self._parts.router.find(call.method, path)
        query = dict(parse_qsl(call.query, keep_blank_values=True))
        body = _decoded(call.body)
        return handler(Request(self.array, self.array.pair, call.method, path_params, query, body))

    def _version(self, method: str) -> Reply:
        """GET /api, one level above v1 and open to everybody (wsapi.md 1.1)."""
        if method != "GET":
            raise Refusal.UNSUP_OP.fault()
        family = self.array.personality
        body = {"major": family.major, "minor": family.minor, "revision": family.revision, "build": family.build}
        return Reply(200, {**body, "links": [{"href": _BASE, "rel": "v1"}]})


def encoded(body: Json | None) -> bytes:
    """The bytes of a reply's body."""
    return b"" if body is None else json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def _refused(fault: ArrayFault) -> Reply:
    """The error body of wsapi.md 1.3."""
    body: dict[str, Any] = {"code": fault.code, "desc": fault.desc}
    if fault.ref:
        body["ref"] = fault.ref
    return Reply(fault.status, body)


def _decoded(body: bytes | None) -> Json | None:
    """The JSON object of a body, None if it is empty. ArrayFault 413 4 too long, 400 60 no JSON, 400 39 no object."""
    if body is None:
        raise _TOO_LONG
    if not body.strip():
        return None
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as wrong:
        position = f"offset {wrong.pos}" if isinstance(wrong, json.JSONDecodeError) else "body"
        raise Refusal.JSON_SYNTAX.fault(position) from wrong
    if not isinstance(value, Mapping):
        raise Refusal.WRONG_TYPE.fault("body")
    return value


def _no_constant(name: str) -> float:
    """Python reads NaN and Infinity, JSON has no such words."""
    raise ValueError(f"{name} is not JSON")
