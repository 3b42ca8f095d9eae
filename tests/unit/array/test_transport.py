"""The wire: what is sent how often, with which session, and what a broken wire is told as."""

import itertools
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import requests
import urllib3

from csi.array.transport import GET_PAUSES_SECONDS, REFUSED_LOGIN_PAUSE_SECONDS
from csi.array.wsapi import WsapiArray
from csi.errors import ArrayUnreachable, BugError, Busy, DriverError, StillInUse, Unauthorized
from tests.unit.array.conftest import Connect, PausingClock
from tests.unit.array.scripted import EMPTY, PASSWORD, Answer, Call, Hang, Reply, Reset, ScriptedArray, refusal

UNSURE = "may or may not have happened"


def then(*answers: Answer) -> "Sequence":
    return Sequence(list(answers))


class Sequence:
    """Give one answer after the other, and the last one for ever."""

    def __init__(self, answers: list[Answer]) -> None:
        self.answers = answers

    def __call__(self, _: Call) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_nothing_is_sent_before_the_first_call(server: ScriptedArray, array: WsapiArray) -> None:
    array.close()
    assert (server.connections, server.logins) == (0, 0)


def test_all_calls_share_one_connection_and_one_session(server: ScriptedArray, array: WsapiArray) -> None:
    for _ in range(20):
        assert array.volumes() == ()
    assert (server.connections, server.logins, len(server.calls)) == (1, 1, 20)


def test_closing_gives_the_session_back_once(server: ScriptedArray, array: WsapiArray) -> None:
    array.volumes()
    array.close()
    array.close()
    assert (server.logouts, server.keys) == (1, set())
    with pytest.raises(ArrayUnreachable, match="closed its session"):
        array.volumes()
    assert server.logins == 1


def test_closing_a_dead_array_raises_nothing(server: ScriptedArray, array: WsapiArray) -> None:
    array.volumes()
    server.stop()
    array.close()


def test_a_read_is_repeated_after_a_passing_failure(
    server: ScriptedArray, array: WsapiArray, clock: PausingClock
) -> None:
    """The library has five retries for its whole life and pauses that only grow (wsapi.md 6, fault 1)."""
    for _ in range(8):
        server.answer = then(refusal(503, 68), Reset(), EMPTY)
        assert array.volumes() == ()
    assert clock.pauses == [*GET_PAUSES_SECONDS] * 8


def test_a_read_is_given_up_after_three_tries(server: ScriptedArray, array: WsapiArray) -> None:
    server.answer = lambda _: refusal(503, 68, "system services required for operation are not ready")
    with pytest.raises(ArrayUnreachable, match=r"services are not ready.*HTTP 503, vendor code 68"):
        array.volumes()
    assert len(server.calls) == 3


@pytest.mark.parametrize("fate", [Reset(), refusal(503, 68), refusal(500, 1), Reply(200, raw=b"{", announced=9)])
def test_a_change_is_sent_exactly_once(server: ScriptedArray, array: WsapiArray, fate: Answer) -> None:
    server.answer = lambda _: fate
    with pytest.raises(ArrayUnreachable):
        array.set_comment("v1", "hello")
    with pytest.raises(ArrayUnreachable):
        array.export("v1", "h1")
    with pytest.raises(ArrayUnreachable):
        array.delete_volume("v1")
    assert [call.method for call in server.calls] == ["PUT", "POST", "DELETE"]


@pytest.mark.parametrize("fate", [Reset(), refusal(500, 1), Reply(201, raw=b"x", announced=9)])
def test_a_change_without_an_answer_is_told_as_unknown(server: ScriptedArray, array: WsapiArray, fate: Answer) -> None:
    server.answer = lambda _: fate
    with pytest.raises(ArrayUnreachable, match=UNSURE) as caught:
        array.start_group("rcg1")
    assert "array-a: starting group rcg1" in str(caught.value)


def test_an_array_that_hangs_is_left_after_the_read_timeout(
    server: ScriptedArray, connect: Connect, clock: PausingClock
) -> None:
    array = connect(read_timeout_seconds=0.2)
    array.volumes()
    server.answer = lambda _: Hang()
    with pytest.raises(ArrayUnreachable, match=r"nothing came within 0\.2 s"):
        array.volumes()
    with pytest.raises(ArrayUnreachable, match=UNSURE):
        array.stop_group("rcg1")
    assert len(server.calls) == 3  # a hang is not asked again
    assert clock.pauses == []


def test_a_dead_array_is_told_at_once(connect: Connect, clock: PausingClock, server: ScriptedArray) -> None:
    array = connect()
    array.volumes()
    server.stop()
    with pytest.raises(ArrayUnreachable, match=f"connection refused.*{UNSURE}"):
        array.delete_volume("v1")
    with pytest.raises(ArrayUnreachable, match=r"array-a: reading the volumes: .*connection refused"):
        array.volumes()
    assert sum(clock.pauses) <= sum(GET_PAUSES_SECONDS)


def test_closing_ends_the_pauses_between_tries(server: ScriptedArray, array: WsapiArray) -> None:
    def close_and_fail(_: Call) -> Answer:
        threading.Thread(target=array.close).start()
        array._http._closing.wait(5)
        return Reset()

    server.answer = close_and_fail
    with pytest.raises(ArrayUnreachable):
        array.volumes()
    assert len(server.calls) == 1


def test_an_expired_session_is_renewed_and_the_call_repeated(server: ScriptedArray, array: WsapiArray) -> None:
    array.volumes()
    server.expire_sessions()
    array.set_comment("v1", "x")  # refused for its key, so it was not carried out
    assert (server.logins, [call.method for call in server.calls]) == (2, ["GET", "PUT", "PUT"])


def test_a_401_renews_the_session_too(server: ScriptedArray, array: WsapiArray) -> None:
    server.answer = then(Reply(401), EMPTY)
    assert array.volumes() == ()
    assert server.logins == 2


@pytest.mark.parametrize(
    ("code", "error"), [(215, DriverError), (120, StillInUse), (13, Unauthorized), (0, DriverError)]
)
def test_a_refusal_of_the_call_itself_does_not_log_in_again(
    server: ScriptedArray, array: WsapiArray, code: int, error: type[DriverError]
) -> None:
    """The library logs in and sends again after any 403 (wsapi.md 6, fault 6)."""
    server.answer = lambda _: refusal(403, code)
    with pytest.raises(error):
        array.delete_volume("v1")
    assert (server.logins, len(server.calls)) == (1, 1)


def test_session_keys_that_are_never_good_are_told_as_such(server: ScriptedArray, array: WsapiArray) -> None:
    server.answer = lambda _: refusal(403, 6, "invalid session key")
    with pytest.raises(Unauthorized, match="session keys it had just given"):
        array.volumes()
    assert server.logins <= 3


def test_sixteen_threads_share_a_session_that_keeps_expiring(server: ScriptedArray, connect: Connect) -> None:
    """The library fails hundreds of these calls and sends as many without a key (dependencies.md 5)."""
    array = connect(max_connections=8)
    answered = itertools.count(1)

    def answer(_: Call) -> Answer:
        if next(answered) % 40 == 0:
            server.expire_sessions()
        return EMPTY

    server.answer = answer
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda _: array.volumes(), range(800)))
    assert results == [()] * 800
    assert server.keyless == 0
    assert server.logins <= 21, "one login for each key that expired"
    assert server.connections <= 8


def test_a_wrong_password_is_not_hammered(server: ScriptedArray, connect: Connect, clock: PausingClock) -> None:
    array = connect(username="nobody")
    with ThreadPoolExecutor(8) as pool:
        failures = list(pool.map(lambda _: _failure(array), range(16)))
    assert all(isinstance(failure, Unauthorized) for failure in failures)
    assert "user name or the password" in str(failures[0])
    assert server.logins == 1
    clock.advance(REFUSED_LOGIN_PAUSE_SECONDS)
    assert isinstance(_failure(array), Unauthorized)
    assert server.logins == 2


def test_a_login_that_got_no_answer_is_tried_again_by_the_next_call(server: ScriptedArray, array: WsapiArray) -> None:
    server.login = Reset
    with pytest.raises(ArrayUnreachable, match="logging in for deleting group g1") as caught:
        array.delete_group("g1")
    assert UNSURE not in str(caught.value), "nothing but the login was sent"
    server.login = lambda: None
    assert array.volumes() == ()


def test_an_array_without_free_sessions_is_busy(server: ScriptedArray, array: WsapiArray) -> None:
    server.login = lambda: refusal(503, 0, "too many sessions")
    with pytest.raises(Busy, match="no session left"):
        array.volumes()


def test_no_secret_is_logged_or_raised(
    server: ScriptedArray, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    array = connect()
    array._client.debug_rest(True)
    failures = [_failure(array)]
    for fate in (Reset(), refusal(500, 1), refusal(403, 6), Reply(200, raw=b"<html>")):
        server.answer = Sequence([fate])
        failures.append(_failure(array))
    server.answer = lambda _: EMPTY
    array.volumes()
    server.stop()
    failures.append(_failure(array))
    array.close()
    wrong = connect(password=server.settings().password, username="nobody")
    failures.append(_failure(wrong))
    texts = [record.getMessage() for record in caplog.records]
    chain: list[BaseException | None] = [*failures]
    while chain:
        link = chain.pop()
        if link is not None:
            texts += [str(link), repr(link), repr(vars(link))]
            chain += [link.__cause__, link.__context__]
    told = "\n".join(texts)
    assert "c86aedb2e7e98b41" not in told
    assert PASSWORD not in told
    assert "/api/v1/volumes" in told, "urllib3's own lines were captured"


def test_the_library_cannot_log_in_behind_the_transports_back(array: WsapiArray) -> None:
    with pytest.raises(BugError):
        array._client.login("somebody", "else")


def test_nothing_grows_with_the_number_of_calls(array: WsapiArray) -> None:
    """The library notes the time of each call for ever (wsapi.md 6, fault 11)."""
    for _ in range(50):
        array.volumes()
    assert array._http.times == []


@pytest.mark.parametrize(
    "body",
    [
        b"<html>login</html>",
        b"",
        b"null",
        b"[1, 2]",
        b'"text"',
        b"7",
        b'{"total": 2, "members": [{}]}',
        b"\xff\xfe",
        b"[" * 5000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_success_that_is_not_wsapi_is_an_odd_answer(server: ScriptedArray, array: WsapiArray, body: bytes) -> None:
    server.answer = lambda _: Reply(200, raw=body)
    with pytest.raises(ArrayUnreachable, match=r"array's answer|the array lists"):
        array.volumes()


@pytest.mark.parametrize(
    "body", [b"", b"a message in plain text", b"[]", b"7", b"null", b'{"code": "x", "desc": 5, "ref": []}', b"true"]
)
@pytest.mark.parametrize("status", [300, 302, 400, 403, 404, 409, 418, 421, 422, 429, 451, 500, 503, 511, 599])
def test_any_refusal_whatever_its_body_is_a_driver_error(
    server: ScriptedArray, array: WsapiArray, status: int, body: bytes
) -> None:
    server.answer = lambda _: Reply(status, raw=body, headers={"Location": server.url})
    with pytest.raises(DriverError) as caught:
        array.set_comment("v1", "x")
    assert f"HTTP {status}" in str(caught.value)
    assert len(server.calls) == 1, "redirects are not followed"


def test_a_body_of_the_newer_interface_is_understood(server: ScriptedArray, array: WsapiArray) -> None:
    server.answer = lambda _: Reply(409, {"code": 34, "message": "in use by a set"})
    with pytest.raises(StillInUse, match="in use by a set"):
        array.delete_volume("v1")


def _library_errors() -> list[Exception]:
    """Something of every kind that requests and urllib3 raise."""
    kinds = {kind for kind in vars(requests.exceptions).values() if isinstance(kind, type)}
    kinds = {kind for kind in kinds if issubclass(kind, requests.exceptions.RequestException)}
    pool = urllib3.HTTPConnectionPool("127.0.0.1")
    inner = [
        urllib3.exceptions.MaxRetryError(pool, "/api/v1/credentials/key", OSError(113, "No route to host")),
        urllib3.exceptions.LocationParseError("x"),
        urllib3.exceptions.ReadTimeoutError(pool, "/", "slow"),
        urllib3.exceptions.ClosedPoolError(pool, "closed"),
        urllib3.exceptions.DecodeError("bad gzip"),
        UnicodeError("idna"),
        OSError(24, "Too many open files"),
    ]
    json_error = requests.exceptions.JSONDecodeError  # the only one that wants more than a text
    simple = [kind("broken") for kind in sorted(kinds - {json_error}, key=str)]
    return [*simple, json_error("broken", "{", 0), *inner]


@pytest.mark.parametrize("exc", _library_errors(), ids=lambda exc: type(exc).__name__)
def test_no_exception_of_a_library_gets_out(array: WsapiArray, monkeypatch: pytest.MonkeyPatch, exc: Exception) -> None:
    array.volumes()

    def fail(*_: object, **__: object) -> None:
        raise exc

    with monkeypatch.context() as patched:
        patched.setattr(requests.Session, "request", fail)
        with pytest.raises(ArrayUnreachable):
            array.volumes()
        with pytest.raises(ArrayUnreachable, match=UNSURE):
            array.delete_volume("v1")


def test_a_login_without_a_key_is_an_odd_answer(server: ScriptedArray, array: WsapiArray) -> None:
    bodies: list[object] = [{}, {"key": 5}, {"key": ""}, {"key": "a\nb"}, []]
    for body in bodies:
        server.login = partial(Reply, 201, body)
        with pytest.raises(ArrayUnreachable, match="field 'key' of the login"):
            array.volumes()


def test_bodies_are_sent_as_json(server: ScriptedArray, array: WsapiArray) -> None:
    server.answer = lambda _: Reply(200)
    array.set_comment("v1", "grüße")
    assert json.dumps(server.calls[-1].body) == json.dumps({"comment": "grüße"})


def _failure(array: WsapiArray) -> DriverError | None:
    try:
        array.volumes()
    except DriverError as failure:
        return failure
    return None
