"""Every kind of fault, seen by a real HTTP client."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from arraysim.lab import Lab
from arraysim.wsapi.faulthooks import BadFault, FaultBook, FaultKind, FaultSpec
from tests.arraysim.lab.wire import Wire, error_of, wire_to

DEADLINE_SECONDS = 10


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def make_volume(wire: Wire, name: str) -> requests.Response:
    return wire.call("POST", "/volumes", {"name": name, "cpg": "SSD_r6", "sizeMiB": 1024, "tpvv": True})


def volumes(wire: Wire) -> set[str]:
    return {row["name"] for row in wire.call("GET", "/volumes").json()["members"]}


def test_a_reply_lost_after_commit_leaves_the_volume(lab: Lab, wire: Wire) -> None:
    lab.faults.arm(FaultSpec(FaultKind.LOSE_REPLY_AFTER, method="POST"))
    with pytest.raises(requests.ConnectionError):
        make_volume(wire, "v1")
    assert volumes(wire) == {"v1"}
    assert error_of(make_volume(wire, "v1")) == (409, 22)
    lost, *_ = [row for row in lab.calls.records() if row.faults]
    assert (lost.status, lost.committed, lost.answered) == (201, True, False)
    assert lost.faults == ("lose-reply-after",)


def test_a_call_lost_before_commit_leaves_nothing(lab: Lab, wire: Wire) -> None:
    lab.faults.arm(FaultSpec(FaultKind.LOSE_REPLY_BEFORE, method="POST"))
    with pytest.raises(requests.ConnectionError):
        make_volume(wire, "v1")
    assert volumes(wire) == set()
    assert make_volume(wire, "v1").status_code == 201
    lost, *_ = [row for row in lab.calls.records() if row.faults]
    assert (lost.status, lost.committed, lost.answered) == (0, False, False)


def test_only_the_nth_matching_calls_are_hit(lab: Lab, wire: Wire) -> None:
    spec = FaultSpec(FaultKind.ERROR, "array-a", nth=2, count=2, method="POST", path="/volumes$", status=500, code=1)
    number = lab.faults.arm(spec)
    statuses = []
    for name in ("v1", "v2", "v3", "v4"):
        assert wire.call("GET", "/volumes").status_code == 200
        statuses.append(make_volume(wire, name).status_code)
    assert statuses == [201, 500, 500, 201]
    assert volumes(wire) == {"v1", "v4"}
    (row,) = lab.faults.rows()
    assert (row["number"], row["seen"], row["hits"], row["over"]) == (number, 3, 2, True)


def test_a_fault_of_one_array_spares_the_other(lab: Lab, wire: Wire) -> None:
    lab.faults.arm(FaultSpec(FaultKind.ERROR, "array-b", count=0, status=503, code=68))
    with wire_to(lab, "array-b") as other:
        assert error_of(other.call("GET", "/volumes")) == (503, 68)
        assert wire.call("GET", "/volumes").status_code == 200


def test_logins_are_not_counted_unless_the_path_asks_for_them(lab: Lab, wire: Wire) -> None:
    lab.faults.arm(FaultSpec(FaultKind.ERROR, status=500, code=1))
    assert wire.version().status_code == 200
    wire.login()
    assert wire.call("GET", "/volumes").status_code == 500
    lab.faults.arm(FaultSpec(FaultKind.ERROR, path="/credentials$", status=503, code=68))
    assert error_of(wire.post_credentials()) == (503, 68)


def test_a_delayed_call_acts_late_even_if_the_client_gave_up(lab: Lab, wire: Wire, pool: ThreadPoolExecutor) -> None:
    number = lab.faults.arm(FaultSpec(FaultKind.DELAY, method="POST"))
    late = pool.submit(make_volume, wire, "late")
    assert lab.faults.wait_for_held(number, timeout_seconds=DEADLINE_SECONDS)
    body = {"name": "gone", "cpg": "SSD_r6", "sizeMiB": 1024, "tpvv": True}
    with wire_to(lab) as other:
        assert volumes(other) == set()
        second = lab.faults.arm(FaultSpec(FaultKind.DELAY, method="POST"))
        with pytest.raises(requests.ReadTimeout):
            other.call("POST", "/volumes", body, timeout=0.05)
    assert lab.faults.wait_for_held(second, timeout_seconds=DEADLINE_SECONDS)
    assert lab.faults.clear() == 2
    assert late.result(DEADLINE_SECONDS).status_code == 201
    gone = lab.calls.wait_for(lambda row: row.committed and not row.answered, timeout_seconds=DEADLINE_SECONDS)
    assert gone is not None
    assert volumes(wire) == {"late", "gone"}


def test_a_delayed_reply_comes_after_the_commit(lab: Lab, wire: Wire, pool: ThreadPoolExecutor) -> None:
    number = lab.faults.arm(FaultSpec(FaultKind.DELAY_REPLY, method="POST"))
    reply = pool.submit(make_volume, wire, "v1")
    assert lab.faults.wait_for_held(number, timeout_seconds=DEADLINE_SECONDS)
    with wire_to(lab) as other:
        assert volumes(other) == {"v1"}
    assert not reply.done()
    lab.faults.remove(number)
    assert reply.result(DEADLINE_SECONDS).status_code == 201


def test_a_delay_ends_by_itself(lab: Lab, wire: Wire) -> None:
    lab.faults.arm(FaultSpec(FaultKind.DELAY, seconds=0.05))
    assert wire.call("GET", "/volumes", timeout=DEADLINE_SECONDS).elapsed.total_seconds() >= 0.05


def test_a_hanging_array_accepts_even_logins_and_answers_when_released(
    lab: Lab, wire: Wire, pool: ThreadPoolExecutor
) -> None:
    number = lab.faults.arm(FaultSpec(FaultKind.HANG, "array-a"))
    held = [pool.submit(wire.version), pool.submit(wire.post_credentials)]
    assert lab.faults.wait_for_held(number, held=2, timeout_seconds=DEADLINE_SECONDS)
    with wire_to(lab, "array-b") as other:
        assert other.call("GET", "/volumes").status_code == 200
    assert not any(call.done() for call in held)
    lab.faults.clear()
    assert [call.result(DEADLINE_SECONDS).status_code for call in held] == [200, 201]


def test_calls_held_when_the_array_loses_power_never_happen(lab: Lab, wire: Wire, pool: ThreadPoolExecutor) -> None:
    number = lab.faults.arm(FaultSpec(FaultKind.DELAY, method="POST"))
    held = pool.submit(make_volume, wire, "v1")
    assert lab.faults.wait_for_held(number, timeout_seconds=DEADLINE_SECONDS)
    lab.power("array-a", on=False)
    with pytest.raises(requests.ConnectionError):
        held.result(DEADLINE_SECONDS)
    lab.power("array-a", on=True)
    lab.faults.clear()
    dropped = lab.calls.wait_for(lambda row: bool(row.faults), timeout_seconds=DEADLINE_SECONDS)
    assert dropped is not None
    assert not dropped.committed
    wire.login()
    assert volumes(wire) == set()


def test_an_array_that_is_not_ready_says_so_to_everybody(lab: Lab, wire: Wire) -> None:
    lab.faults.arm(FaultSpec(FaultKind.NOT_READY, "array-a"))
    desc = "system services required for operation are not ready"
    for reply in (wire.version(), wire.post_credentials(), wire.call("GET", "/volumes")):
        assert (reply.status_code, reply.json()) == (503, {"code": 68, "desc": desc})
    lab.faults.clear()
    assert wire.call("GET", "/volumes").status_code == 200


def test_sessions_can_expire_at_the_nth_call(lab: Lab, wire: Wire) -> None:
    lab.faults.arm(FaultSpec(FaultKind.EXPIRE_SESSIONS, nth=2))
    assert [wire.call("GET", "/volumes").status_code for _ in range(2)] == [200, 403]
    wire.login()
    assert wire.call("GET", "/volumes").status_code == 200


def test_power_can_fail_right_after_the_commit(lab: Lab, wire: Wire) -> None:
    lab.faults.arm(FaultSpec(FaultKind.POWER_OFF, method="POST"))
    with pytest.raises(requests.ConnectionError):
        make_volume(wire, "v1")
    with pytest.raises(requests.ConnectionError, match="refused"):
        wire.version()
    lab.power("array-a", on=True)
    wire.login()
    assert volumes(wire) == {"v1"}


def test_two_faults_can_hit_one_call(lab: Lab, wire: Wire) -> None:
    lab.faults.arm(FaultSpec(FaultKind.DELAY, seconds=0.0))
    lab.faults.arm(FaultSpec(FaultKind.LOSE_REPLY_AFTER))
    with pytest.raises(requests.ConnectionError):
        make_volume(wire, "v1")
    assert volumes(wire) == {"v1"}
    assert lab.calls.records()[-2].faults == ("delay", "lose-reply-after")


def test_the_same_calls_meet_the_same_faults() -> None:
    def hits() -> list[int]:
        book = FaultBook()
        book.arm(FaultSpec(FaultKind.ERROR, nth=3, count=2, path="/v"))
        book.arm(FaultSpec(FaultKind.ERROR, nth=2, count=0, method="put|post"))
        calls = [("GET", "/v"), ("POST", "/v"), ("PUT", "/w"), ("GET", "/w"), ("POST", "/v"), ("GET", "/v")]
        return [len(book.hit("array-a", method, path)) for method, path in calls]

    assert hits() == hits() == [0, 0, 1, 0, 2, 1]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"kind": "loose-reply"}, "unknown kind of fault 'loose-reply'"),
        ({"kind": "error", "nth": 0}, "nth is 0"),
        ({"kind": "error", "count": -2}, "count is -2"),
        ({"kind": "error", "status": 200}, "status is 200"),
        ({"kind": "delay", "seconds": -1.0}, "seconds is -1.0"),
        ({"kind": "delay", "path": "("}, "no regular expression"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(fields: dict[str, object], text: str) -> None:
    with pytest.raises(BadFault, match=text):
        FaultSpec(**fields)  # type: ignore[arg-type]  # wrong on purpose
