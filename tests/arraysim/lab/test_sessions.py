"""Sessions as in wsapi.md 1.2."""

import re

import pytest

from arraysim.core.clock import VirtualClock
from arraysim.core.faults import ArrayFault
from arraysim.lab import Lab
from arraysim.wsapi.sessions import Account, Sessions
from tests.arraysim.lab.wire import Wire, error_of

LOGIN = {"user": "3paradm", "password": "secret"}


def sessions(clock: VirtualClock, cap: int = 32) -> Sessions:
    return Sessions(clock, Account("3paradm", "secret"), random_hex=lambda size: "ab" * size, cap=cap)


def refusal(sessions: Sessions, key: str | None) -> tuple[int, int]:
    with pytest.raises(ArrayFault) as caught:
        sessions.use(key)
    return caught.value.status, caught.value.code


def test_a_login_answers_201_with_key_and_location(wire: Wire) -> None:
    reply = wire.post_credentials()
    key = reply.json()["key"]
    assert reply.status_code == 201
    assert re.fullmatch(r"\d+-[0-9a-f]{16}-[0-9a-f]{8}", key)
    assert reply.headers["Location"] == f"/api/v1/credentials/{key}"


@pytest.mark.parametrize(("user", "password"), [("3paradm", "wrong"), ("nobody", ""), ("naïve", "pässword")])
def test_a_wrong_login_is_403_code_5(wire: Wire, user: str, password: str) -> None:
    reply = wire.post_credentials(user, password)
    assert error_of(reply) == (403, 5)
    assert reply.json()["desc"] == "invalid user or password"


@pytest.mark.parametrize("key", ["", "1-0000000000000000-00000000"])
def test_a_call_without_an_open_session_is_403_code_6(wire: Wire, key: str) -> None:
    wire.key = key
    assert error_of(wire.call("GET", "/volumes")) == (403, 6)
    assert error_of(wire.call("GET", "/no/such/path")) == (403, 6)


def test_a_logout_ends_the_session_once(wire: Wire) -> None:
    reply = wire.call("DELETE", f"/credentials/{wire.key}")
    assert (reply.status_code, reply.content) == (200, b"")
    assert error_of(wire.call("DELETE", f"/credentials/{wire.key}")) == (403, 6)
    assert error_of(wire.call("GET", "/volumes")) == (403, 6)


def test_a_key_of_one_array_opens_nothing_on_the_other(lab: Lab, wire: Wire) -> None:
    with Wire(lab.endpoints["array-b"]) as other:
        other.key = wire.key
        assert error_of(other.call("GET", "/volumes")) == (403, 6)


def test_the_version_needs_no_session(wire: Wire) -> None:
    wire.key = ""
    version = wire.version().json()
    assert version["build"] >= 40_000_128
    assert {"major", "minor", "revision", "build"} <= version.keys()


@pytest.mark.parametrize(
    ("body", "code", "ref"),
    [
        (None, 40, "user"),
        ({"user": "3paradm"}, 40, "password"),
        ({"user": 7, "password": "x"}, 39, "user"),
        ({"user": "3paradm", "password": None}, 39, "password"),
    ],
)
def test_a_malformed_login_names_the_field(wire: Wire, body: object, code: int, ref: str) -> None:
    reply = wire.call("POST", "/credentials", body)
    assert error_of(reply) == (400, code)
    assert reply.json()["ref"] == ref


def test_only_an_unused_key_expires_on_simulated_time() -> None:
    clock = VirtualClock()
    opened = sessions(clock)
    used, unused = opened.login(LOGIN), opened.login(LOGIN)
    clock.advance(899)
    opened.use(used)
    clock.advance(2)
    opened.use(used)
    assert refusal(opened, unused) == (403, 6)
    assert len(opened) == 1
    clock.advance(900)
    assert refusal(opened, used) == (403, 6)
    with pytest.raises(ArrayFault, match="403 6"):
        opened.logout(used)


def test_the_cap_answers_503_until_a_session_ends() -> None:
    clock = VirtualClock()
    opened = sessions(clock, cap=2)
    first, _ = opened.login(LOGIN), opened.login(LOGIN)
    with pytest.raises(ArrayFault) as caught:
        opened.login(LOGIN)
    assert (caught.value.status, caught.value.code) == (503, 68)
    opened.logout(first)
    opened.login(LOGIN)
    clock.advance(900)
    assert opened.login(LOGIN)
    assert (len(opened), opened.opened) == (1, 4)


def test_the_default_cap_over_http_is_32(lab: Lab, wire: Wire) -> None:
    statuses = [wire.post_credentials().status_code for _ in range(32)]
    assert statuses == [201] * 31 + [503]
    assert lab.state()["arrays"]["array-a"]["sessions"] == {"open": 32, "opened_so_far": 32}


def test_a_wrong_password_does_not_count_against_the_cap() -> None:
    opened = sessions(VirtualClock(), cap=1)
    for _ in range(3):
        with pytest.raises(ArrayFault, match="403 5"):
            opened.login({**LOGIN, "password": "wrong"})
    opened.login(LOGIN)


def test_an_account_never_prints_its_password() -> None:
    assert "secret" not in repr(Account("3paradm", "secret"))
