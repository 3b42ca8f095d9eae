"""What an administrator does to a running lab through the arrays' own interface, as any client would."""

import http.client
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

Json = dict[str, Any]
_SWITCHOVER = 8


class ArrayRefused(RuntimeError):
    """An array refused a call, or does not answer."""


def switch_over(description: Json, array: str, group: str) -> None:
    """POST action 8 for a group on the array where it is primary (wsapi.md 2.12.7). ArrayRefused.

    `description` is the lab's lab.json.
    """
    _Admin(description, array).post(f"/remotecopygroups/{quote(group, safe='')}", {"action": _SWITCHOVER})


def primary_of(state: Json, group: str, array: str = "") -> tuple[str, str]:
    """(array, group name there) of the side that is primary now, given either of the group's names.

    With `array` only that side is looked at. KeyError if there is no such group, ArrayRefused if no side, or none that
    has power, is primary.
    """
    sides = []
    for name, found in state["arrays"].items():
        for local, row in found["groups"].items():
            if group in (local, row["remote_name"]) and array in ("", name):
                sides.append((name, local, row["role"].startswith("Primary") and found["powered"]))
    if not sides:
        raise KeyError(group)
    primary = [(name, local) for name, local, is_primary in sides if is_primary]
    if not primary:
        where = " and ".join(name for name, _, _ in sides)
        raise ArrayRefused(f"group {group} is not primary on {where}: a switchover starts where it is primary")
    if len(primary) > 1:
        raise ArrayRefused(
            f"group {group} is primary on both arrays: name one with --array, or recover the group first"
        )
    return primary[0]


class _Admin:
    """One login for one call."""

    def __init__(self, description: Json, array: str) -> None:
        self._array = array
        self._url = urlsplit(description["arrays"][array]["url"])
        self._user = description["user"]
        self._password = Path(description["password_file"]).read_text("utf-8").strip()
        self._tls = ssl.create_default_context(cafile=description["ca_file"])

    def post(self, path: str, body: Json) -> Json:
        key = self._send("POST", "/credentials", {"user": self._user, "password": self._password})["key"]
        try:
            return self._send("POST", path, body, key)
        finally:
            self._send("DELETE", f"/credentials/{key}", None, key)

    def _send(self, method: str, path: str, body: Json | None, key: str = "") -> Json:
        connection = http.client.HTTPSConnection(
            self._url.hostname or "", self._url.port, timeout=30, context=self._tls
        )
        headers = {"X-HP3PAR-WSAPI-SessionKey": key} if key else {}
        try:
            connection.request(method, self._url.path + path, None if body is None else json.dumps(body), headers)
            reply = connection.getresponse()
            content = reply.read()
        except (OSError, http.client.HTTPException) as failure:
            raise ArrayRefused(f"{self._array} does not answer: {failure}") from failure
        finally:
            connection.close()
        answer: Json = json.loads(content) if content else {}
        if reply.status >= 400:
            raise ArrayRefused(
                f"{self._array} refused: {answer.get('desc')} (HTTP {reply.status}, code {answer.get('code')})"
            )
        return answer
