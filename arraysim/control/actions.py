"""What the control port can do."""

import dataclasses
from typing import TYPE_CHECKING, Any

from pydantic import Field, TypeAdapter, ValidationError

from arraysim.config import HostName
from arraysim.sections import Section, explain, nearest
from arraysim.wsapi.faulthooks import FaultKind, FaultSpec

if TYPE_CHECKING:
    from arraysim.lab import Lab

GUIDE = {
    "GET /state": "both arrays, groups, volumes, VLUNs, link, witness, clock",
    "GET /wait?condition=C&timeout=S": "until every condition holds (path=word, path!=word, path, !path); 408 if not",
    "POST /link": {"up": "true or false"},
    "POST /arrays/NAME/power": {"on": "true or false"},
    "POST /arrays/NAME/hang": {"on": "true: accept calls and do not answer until false"},
    "POST /arrays/NAME/not-ready": {"on": "true: answer 503 code 68 until false"},
    "POST /arrays/NAME/expire-sessions": {},
    "POST /witness": {"up": "true or false", "or array": "NAME", "reachable": "true or false"},
    "POST /faults": {
        "kind": " | ".join(FaultKind),
        "array": "NAME, or nothing for both",
        "nth": "which matching call from now on, 1 is the next",
        "count": "how many calls are hit, 0: until removed",
        "method": "regular expression",
        "path": "regular expression",
        "seconds": "of delay; none: until released",
        "status, code, desc": "of an error",
    },
    "GET /faults": "armed faults and what they hit",
    "DELETE /faults": "disarm all, release held calls",
    "DELETE /faults/NUMBER": "disarm one, release what it holds",
    "GET /calls?array=NAME&since=NUMBER": "calls to the arrays and their effect",
    "DELETE /calls": "forget them",
    "POST /clock": {"advance_seconds": "simulated seconds"},
    "POST /hosts": {"name": "of a new simulated host"},
}


class Refused(Exception):
    """A control call that cannot be carried out; `status` is the HTTP status."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


class Up(Section):
    """Something works or not."""

    up: bool


class On(Section):
    """Something is on or off."""

    on: bool


class Witness(Section):
    """Either `up`, or `array` with `reachable`."""

    up: bool | None = None
    array: str | None = None
    reachable: bool | None = None


class Advance(Section):
    """Simulated seconds to let pass."""

    advance_seconds: float = Field(ge=0)


class NewHost(Section):
    """The name of a simulated host to make."""

    name: HostName


class Nothing(Section):
    """An empty object."""


class Control:
    """The calls of the control port, as methods that may block. Every body is checked before anything is done."""

    def __init__(self, lab: "Lab") -> None:
        self._lab = lab

    def state(self) -> dict[str, Any]:
        """GET /state."""
        return self._lab.state()

    def link(self, body: Up) -> dict[str, Any]:
        """POST /link."""
        with self._lab.lock:
            (self._lab.pair.join_link if body.up else self._lab.pair.cut_link)()
        return {"up": body.up}

    def power(self, body: On, name: str) -> dict[str, Any]:
        """POST /arrays/NAME/power."""
        self._lab.power(self._array(name), on=body.on)
        return {"array": name, "powered": body.on}

    def hang(self, body: On, name: str) -> dict[str, Any]:
        """POST /arrays/NAME/hang."""
        return self._standing(FaultKind.HANG, self._array(name), on=body.on)

    def not_ready(self, body: On, name: str) -> dict[str, Any]:
        """POST /arrays/NAME/not-ready."""
        return self._standing(FaultKind.NOT_READY, self._array(name), on=body.on)

    def expire_sessions(self, _body: Nothing, name: str) -> dict[str, Any]:
        """POST /arrays/NAME/expire-sessions."""
        with self._lab.lock:
            return {"array": name, "expired": self._lab.sessions[self._array(name)].expire_all()}

    def witness(self, body: Witness) -> dict[str, Any]:
        """POST /witness."""
        if (body.up is None) == (body.array is None) or (body.array is None) != (body.reachable is None):
            raise Refused(400, 'give either {"up": bool} or {"array": NAME, "reachable": bool}')
        with self._lab.lock:
            if body.up is not None:
                self._lab.pair.set_witness(body.up)
            elif body.array is not None and body.reachable is not None:
                self._lab.pair.set_witness_reach(self._array(body.array), body.reachable)
            witness = self._lab.pair.witness
            return {"up": witness.up, "reachable_from": dict(witness.reach)}

    def faults(self) -> dict[str, Any]:
        """GET /faults."""
        return {"faults": self._lab.faults.rows()}

    def arm(self, body: dict[str, Any]) -> dict[str, Any]:
        """POST /faults."""
        known = [field.name for field in dataclasses.fields(FaultSpec)]
        for key in body:
            if key not in known:
                raise Refused(400, f"{key}: unknown key{nearest(key, known)}")
        try:
            spec = TypeAdapter(FaultSpec).validate_python(body)
        except ValidationError as wrong:
            # The same sentences as for every other body; only the place in it differs.
            raise Refused(400, "; ".join(explain(Section, wrong))) from wrong
        if spec.array:
            self._array(spec.array)
        return {"number": self._lab.faults.arm(spec)}

    def reset_faults(self) -> dict[str, Any]:
        """DELETE /faults."""
        return {"removed": self._lab.faults.clear()}

    def remove_fault(self, number: int) -> dict[str, Any]:
        """DELETE /faults/NUMBER."""
        if not self._lab.faults.remove(number):
            raise Refused(404, f"there is no fault {number}")
        return {"removed": 1}

    def calls(self, array: str, since: int) -> dict[str, Any]:
        """GET /calls."""
        if array:
            self._array(array)
        records = self._lab.calls.records(array=array, since=since)
        return {"latest": self._lab.calls.arrived, "calls": [record.as_json() for record in records]}

    def forget_calls(self) -> dict[str, Any]:
        """DELETE /calls."""
        self._lab.calls.clear()
        return {}

    def clock(self, body: Advance) -> dict[str, Any]:
        """POST /clock."""
        self._lab.advance(body.advance_seconds)
        with self._lab.lock:
            return {"seconds": self._lab.pair.clock.now}

    def add_host(self, body: NewHost) -> dict[str, Any]:
        """POST /hosts."""
        if body.name in self._lab.hosts:
            raise Refused(409, f"there is a host {body.name!r} already")
        host = self._lab.add_host(body.name)
        return {"name": host.name, "folder": str(host.folder), "iqn": host.iqn}

    def _standing(self, kind: FaultKind, array: str, *, on: bool) -> dict[str, Any]:
        self._lab.faults.remove_kind(kind, array)
        if on:
            self._lab.faults.arm(FaultSpec(kind, array))
        return {"array": array, kind.value: on}

    def _array(self, name: str) -> str:
        names = [array.name for array in self._lab.pair.arrays]
        if name not in names:
            raise Refused(404, f"there is no array {name!r}{nearest(name, names)}")
        return name
