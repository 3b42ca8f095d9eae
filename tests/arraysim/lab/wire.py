"""A client for the tests: no retries, no proxies, one connection pool, nothing hidden."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from arraysim.lab import Endpoint, Lab

TIMEOUT_SECONDS = 10


class Wire:
    """Calls to one array, with the lab's CA."""

    def __init__(self, endpoint: Endpoint, *, ca_file: Path | None = None) -> None:
        self.endpoint = endpoint
        self.key = ""
        self._verify = str(ca_file or endpoint.ca_file)
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """`path` follows `/api/v1`."""
        headers = {"X-HP3PAR-WSAPI-SessionKey": self.key} if self.key else {}
        return self._session.request(
            method,
            self.endpoint.url + path,
            json=body,
            headers=headers,
            verify=self._verify,
            timeout=options.pop("timeout", TIMEOUT_SECONDS),
            **options,
        )

    def version(self, **options: Any) -> requests.Response:
        """GET /api."""
        return self._session.get(
            self.endpoint.url.removesuffix("/v1"), verify=self._verify, timeout=TIMEOUT_SECONDS, **options
        )

    def post_credentials(self, user: str = "", password: str = "") -> requests.Response:
        """A login, right unless told otherwise."""
        body = {"user": user or self.endpoint.user, "password": password or self.endpoint.password}
        return self.call("POST", "/credentials", body)

    def login(self) -> str:
        """A login that must work; its key is used from now on."""
        reply = self.post_credentials()
        assert reply.status_code == 201, reply.text
        self.key = reply.json()["key"]
        return self.key


def wire_to(lab: Lab, array: str = "array-a") -> Wire:
    """A client that is logged in."""
    wire = Wire(lab.endpoints[array])
    wire.login()
    return wire


def error_of(reply: requests.Response) -> tuple[int, int]:
    """(HTTP status, vendor code)."""
    return reply.status_code, reply.json()["code"]
