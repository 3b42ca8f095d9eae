"""Faults of the management plane, armed in advance and hit by counting calls: the same calls meet the same faults."""

import re
import threading
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    """What happens to a call that is hit."""

    #: The connection is closed and the array never acts on the call.
    LOSE_REPLY_BEFORE = "lose-reply-before"
    #: The array acts on the call, then the connection is closed without an answer.
    LOSE_REPLY_AFTER = "lose-reply-after"
    #: The array acts on the call only after `seconds` of real time, or once released.
    DELAY = "delay"
    #: The array acts on the call at once; its answer waits for `seconds` of real time, or until released.
    DELAY_REPLY = "delay-reply"
    #: The array answers `status` and `code` and does not act.
    ERROR = "error"
    #: Every session of the array is gone when the call is looked at.
    EXPIRE_SESSIONS = "expire-sessions"
    #: The array acts on the call and loses power at that moment.
    POWER_OFF = "power-off"
    #: The management service accepts every call, logins too, and does nothing until released.
    HANG = "hang"
    #: The management service answers every call, logins too, with 503 code 68 (wsapi.md 1.2).
    NOT_READY = "not-ready"


#: These last until removed and hit everything unless told otherwise.
_STANDING = frozenset({FaultKind.HANG, FaultKind.NOT_READY})
#: Calls that a fault without a `path` neither hits nor counts: how often a client logs in is its own affair.
_SESSION_PATH = re.compile(r"^/api/?$|^/api/v1/credentials(/|$)")


class BadFault(ValueError):
    """The description of a fault makes no sense; the text says what and why."""


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """Which calls are hit by what.

    Calls match by `array` ("" for any), `method` (a regular expression for the whole method, such as "POST|PUT"; "" for
    any) and `path` (a regular expression found anywhere in the path, without the query; "" for any but logins, logouts
    and /api). Of the matching calls that arrive from now on, number `nth` (from 1) and the following are hit, `count`
    in all; 0 means until removed, and is the default of "hang" and "not-ready". `seconds` is real time, None means
    until released.
    """

    kind: FaultKind
    array: str = ""
    nth: int = 1
    count: int = -1
    method: str = ""
    path: str = ""
    seconds: float | None = None
    status: int = 500
    code: int = 1
    desc: str = "internal server error"

    def __post_init__(self) -> None:
        """Fill in the defaults of the kind. BadFault if a value cannot be meant."""
        try:
            object.__setattr__(self, "kind", FaultKind(self.kind))
            re.compile(self.method)
            re.compile(self.path)
        except ValueError as unknown:
            kinds = ", ".join(FaultKind)
            raise BadFault(f"unknown kind of fault {self.kind!r}: use one of {kinds}") from unknown
        except re.error as bad:
            raise BadFault(f"method or path is no regular expression: {bad}") from bad
        if self.count == -1:
            object.__setattr__(self, "count", 0 if self.kind in _STANDING else 1)
        if self.nth < 1:
            raise BadFault(f"nth is {self.nth}, and counts matching calls from 1")
        if self.count < 0:
            raise BadFault(f"count is {self.count}: give how many calls are hit, or 0 for all until removed")
        if self.seconds is not None and not 0 <= self.seconds < float("inf"):
            raise BadFault(f"seconds is {self.seconds}: give a time, or nothing to hold calls until released")
        if not 400 <= self.status <= 599:
            raise BadFault(f"status is {self.status}, and an error is 400 to 599")

    def matches(self, array: str, method: str, path: str) -> bool:
        """Whether a call counts for this fault."""
        if self.array not in ("", array) or (self.method and not re.fullmatch(self.method, method, re.IGNORECASE)):
            return False
        if self.path:
            return re.search(self.path, path) is not None
        return self.kind in _STANDING or not _SESSION_PATH.search(path)


@dataclass(eq=False)
class Fault:
    """An armed fault: `number` names it, `seen` matching calls came, `hits` were hit, `held` are waiting now."""

    number: int
    spec: FaultSpec
    seen: int = 0
    hits: int = 0
    held: int = 0
    released: "Future[None]" = field(default_factory=Future, repr=False)

    @property
    def over(self) -> bool:
        """Whether it cannot hit any further call."""
        return self.spec.count > 0 and self.hits >= self.spec.count

    def as_json(self) -> dict[str, Any]:
        """For the control port."""
        return {
            "number": self.number,
            **asdict(self.spec),
            "seen": self.seen,
            "hits": self.hits,
            "held": self.held,
            "over": self.over,
        }


class FaultBook:
    """All armed faults of a lab; safe for threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._faults: dict[int, Fault] = {}
        self._count = 0

    def arm(self, spec: FaultSpec) -> int:
        """Arm a fault; its number."""
        with self._changed:
            self._count += 1
            self._faults[self._count] = Fault(self._count, spec)
            return self._count

    def hit(self, array: str, method: str, path: str) -> tuple[Fault, ...]:
        """The faults that hit this call, in the order of arming. Counts the call."""
        hits = []
        with self._changed:
            for fault in self._faults.values():
                if fault.over or not fault.spec.matches(array, method, path):
                    continue
                fault.seen += 1
                if fault.seen >= fault.spec.nth:
                    fault.hits += 1
                    hits.append(fault)
            if hits:
                self._changed.notify_all()
        return tuple(hits)

    def hold(self, fault: Fault, change: int) -> None:
        """`change` (1 or -1) more calls wait for `fault` to be released."""
        with self._changed:
            fault.held += change
            self._changed.notify_all()

    def remove(self, number: int) -> bool:
        """Disarm one fault and let the calls that it holds go on. False if there is no such fault."""
        with self._changed:
            fault = self._faults.pop(number, None)
        if fault is None:
            return False
        fault.released.set_result(None)
        return True

    def remove_kind(self, kind: FaultKind, array: str) -> int:
        """Disarm the faults of this kind made for this array; how many there were."""
        with self._changed:
            chosen = [row.number for row in self._faults.values() if row.spec.kind is kind and row.spec.array == array]
        return sum(self.remove(number) for number in chosen)

    def clear(self) -> int:
        """Disarm everything and let all held calls go on; how many there were."""
        with self._changed:
            numbers = list(self._faults)
        return sum(self.remove(number) for number in numbers)

    def rows(self) -> list[dict[str, Any]]:
        """Every armed fault with its counters, spent ones too, until it is removed."""
        with self._changed:
            return [fault.as_json() for fault in self._faults.values()]

    def wait_for_hits(self, number: int, *, timeout_seconds: float, hits: int = 1) -> bool:
        """Wait until a fault has hit that many calls; False after `timeout_seconds` of real time. KeyError: unknown."""
        with self._changed:
            fault = self._faults[number]
            return self._changed.wait_for(lambda: fault.hits >= hits, timeout_seconds)

    def wait_for_held(self, number: int, *, timeout_seconds: float, held: int = 1) -> bool:
        """Wait until a fault holds that many calls; False after `timeout_seconds` of real time. KeyError: unknown."""
        with self._changed:
            fault = self._faults[number]
            return self._changed.wait_for(lambda: fault.held >= held, timeout_seconds)
