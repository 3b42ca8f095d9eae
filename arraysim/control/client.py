"""The control port from Python."""

import http.client
import json
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

from arraysim.wsapi.faulthooks import FaultKind

Json = dict[str, Any]


class ControlError(RuntimeError):
    """The lab refused a control call, or cannot be reached (`status` 0)."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


class ConditionUnmet(TimeoutError):
    """Waiting ended before every condition held; the text says what was seen instead."""


class ControlClient:
    """Commands for a running lab. Every method raises ControlError if the lab refuses or does not answer.

    Safe for threads: each call has its own connection.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 30.0) -> None:
        parts = urlsplit(url)
        self._url = url
        self._host = parts.hostname or ""
        self._port = parts.port or 80
        self._timeout_seconds = timeout_seconds

    @classmethod
    def of(cls, description: Json) -> Self:
        """A client for the lab described by a lab.json."""
        return cls(description["control_url"])

    def state(self) -> Json:
        """Both arrays, in words."""
        return self._call("GET", "/state")

    def link(self, *, up: bool) -> None:
        """Cut or join the Remote Copy link."""
        self._call("POST", "/link", {"up": up})

    def power(self, array: str, *, on: bool) -> None:
        """Switch an array on or off."""
        self._on_array(array, "power", {"on": on})

    def hang(self, array: str, *, on: bool) -> None:
        """The management service accepts calls and does not answer, until `on` is False."""
        self._on_array(array, "hang", {"on": on})

    def not_ready(self, array: str, *, on: bool) -> None:
        """The management service answers 503 code 68, until `on` is False."""
        self._on_array(array, "not-ready", {"on": on})

    def expire_sessions(self, array: str) -> int:
        """Forget every session of an array; how many there were."""
        return int(self._on_array(array, "expire-sessions", {})["expired"])

    def witness(self, *, up: bool) -> None:
        """The quorum witness runs or not."""
        self._call("POST", "/witness", {"up": up})

    def witness_reach(self, array: str, *, reachable: bool) -> None:
        """One array's way to the witness."""
        self._call("POST", "/witness", {"array": array, "reachable": reachable})

    def arm(self, kind: FaultKind | str, **fields: Any) -> int:  # noqa: ANN401  fields of FaultSpec
        """Arm a fault (the fields are those of `arraysim.wsapi.faulthooks.FaultSpec`); its number."""
        return int(self._call("POST", "/faults", {"kind": kind, **fields})["number"])

    def faults(self) -> list[Json]:
        """Armed faults with their counters."""
        return list(self._call("GET", "/faults")["faults"])

    def remove_fault(self, number: int) -> None:
        """Disarm one fault; calls that it holds go on."""
        self._call("DELETE", f"/faults/{number}")

    def reset_faults(self) -> int:
        """Disarm all faults; calls that they hold go on. How many there were."""
        return int(self._call("DELETE", "/faults")["removed"])

    def calls(self, *, array: str = "", since: int = 0) -> list[Json]:
        """Finished calls to the arrays with numbers above `since`, in order of arrival."""
        return list(self._call("GET", f"/calls?{urlencode({'array': array, 'since': since})}")["calls"])

    def forget_calls(self) -> None:
        """Empty the log of calls."""
        self._call("DELETE", "/calls")

    def advance(self, seconds: float) -> float:
        """Let simulated time pass; the new time in seconds since the epoch."""
        return float(self._call("POST", "/clock", {"advance_seconds": seconds})["seconds"])

    def add_host(self, name: str) -> str:
        """Make a simulated host; its folder."""
        return str(self._call("POST", "/hosts", {"name": name})["folder"])

    def wait(self, *conditions: str, timeout_seconds: float = 30.0) -> None:
        """Wait until every condition holds: `path=word`, `path!=word`, `path`, `!path` on the state.

        ConditionUnmet after `timeout_seconds` of real time.
        """
        query = urlencode([("timeout", str(timeout_seconds)), *(("condition", text) for text in conditions)])
        status, body = self._send("GET", f"/wait?{query}", None, timeout_seconds + self._timeout_seconds)
        if status == 408:
            unmet = ", ".join(f"{text} (there is {seen})" for text, seen in body["unmet"].items())
            raise ConditionUnmet(f"not so after {timeout_seconds:g} s: {unmet}")
        if status != 200:
            raise ControlError(status, body["error"])

    def _on_array(self, array: str, what: str, body: Json) -> Json:
        return self._call("POST", f"/arrays/{quote(array, safe='')}/{what}", body)

    def _call(self, method: str, path: str, body: Json | None = None) -> Json:
        status, answer = self._send(method, path, body, self._timeout_seconds)
        if status >= 400:
            raise ControlError(status, str(answer.get("error", answer)))
        return answer

    def _send(self, method: str, path: str, body: Json | None, timeout_seconds: float) -> tuple[int, Json]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_seconds)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            reply = connection.getresponse()
            answer: Json = json.loads(reply.read())
        except (OSError, http.client.HTTPException, ValueError) as failure:
            raise ControlError(0, f"the lab at {self._url} does not answer: {failure}") from failure
        else:
            return reply.status, answer
        finally:
            connection.close()
