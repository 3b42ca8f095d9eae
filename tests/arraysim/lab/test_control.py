"""The control port, over HTTP and through its client."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from arraysim.config import ClockConfig, LabConfig
from arraysim.control.client import ConditionUnmet, ControlClient, ControlError
from arraysim.control.conditions import BadCondition, parse_condition
from arraysim.control.show import show
from arraysim.core.invariants import InvariantBroken
from arraysim.lab import Lab, LabBroken
from tests.arraysim.lab.conftest import MANUAL
from tests.arraysim.lab.wire import Wire, error_of

DEADLINE_SECONDS = 10


def make_group(lab: Lab, wire: Wire, name: str = "rcg1") -> str:
    """A started Peer Persistence group with one volume; its name on the other array."""
    volume = {"name": "v1", "cpg": "SSD_r6", "sizeMiB": 1024, "tpvv": True}
    target = {"targetName": "array-b", "mode": 1, "userCPG": "SSD_r6"}
    policies = {"autoFailover": True, "pathManagement": True, "autoRecover": True}
    admit = {
        "action": 1,
        "volumeName": "v1",
        "volumeAutoCreation": True,
        "targets": [{"targetName": "array-b", "secVolumeName": "v1"}],
    }
    group = f"/remotecopygroups/{name}"
    for method, path, body in (
        ("POST", "/volumes", volume),
        ("POST", "/remotecopygroups", {"name": name, "targets": [target], "localUserCPG": "SSD_r6"}),
        ("PUT", group, {"targets": [{"policies": policies}]}),
        ("PUT", group, admit),
        ("PUT", group, {"action": 3}),
    ):
        reply = wire.call(method, path, body)
        assert reply.ok, (method, path, reply.text)
    lab.advance(10)
    return f"{name}.r{lab.pair.array('array-a').system_id}"


def test_the_state_is_readable_json_in_words(lab: Lab, wire: Wire, control: ControlClient) -> None:
    remote = make_group(lab, wire)
    text = requests.get(f"{lab.control_url}/state", timeout=DEADLINE_SECONDS).text
    assert text.startswith("{\n  ")
    assert text.endswith("}\n")
    state = json.loads(text)
    assert state == control.state()
    assert state["arrays"]["array-a"]["groups"]["rcg1"] == {
        "role": "Primary",
        "state": "Started",
        "mode": "Sync",
        "target": "array-b",
        "remote_name": remote,
        "policies": ["auto_recover", "auto_failover", "path_management"],
        "synced": True,
        "volumes": {"v1": {"remote_volume": "v1", "sync": "Synced"}},
    }
    assert state["arrays"]["array-b"]["groups"][remote]["role"] == "Secondary"
    assert state["arrays"]["array-a"]["volumes"]["v1"]["access"] == "active"
    assert state["arrays"]["array-b"]["volumes"]["v1"]["access"] == "standby"
    assert state["arrays"]["array-a"]["url"] == lab.endpoints["array-a"].url
    assert lab.account.password not in text
    assert wire.key not in text


def test_losing_an_array_fails_over_and_shows_like_showrcopy(lab: Lab, wire: Wire, control: ControlClient) -> None:
    remote = make_group(lab, wire)
    assert "rcg1" in show(control.state())
    control.power("array-a", on=False)
    with pytest.raises(requests.ConnectionError):
        wire.version()
    control.advance(60)
    control.wait(f"arrays/array-b/groups/{remote}/role=Primary-Rev", timeout_seconds=1)
    text = show(control.state())
    assert "NO POWER" in text
    assert "Primary-Rev" in text
    control.power("array-a", on=True)
    control.advance(60)
    control.wait(f"arrays/array-b/groups/{remote}/state=Started", timeout_seconds=1)


def test_link_and_witness_follow_the_control_port(lab: Lab, control: ControlClient) -> None:
    control.link(up=False)
    control.witness(up=False)
    control.witness_reach("array-b", reachable=False)
    state = control.state()
    assert state["link"] == {"up": False}
    assert state["witness"] == {"up": False, "reachable_from": {"array-a": True, "array-b": False}}
    assert show(state).startswith("Link DOWN, witness DOWN (not reached by array-b)")
    control.link(up=True)
    control.witness(up=True)
    control.witness_reach("array-b", reachable=True)
    with lab.lock:
        assert lab.pair.link.up
        assert lab.pair.witness.up
        assert all(lab.pair.witness.reach.values())


def test_sessions_expire_on_command(wire: Wire, control: ControlClient) -> None:
    assert control.expire_sessions("array-a") == 1
    assert control.expire_sessions("array-a") == 0
    assert error_of(wire.call("GET", "/volumes")) == (403, 6)


def test_faults_are_armed_listed_removed_and_reset(wire: Wire, control: ControlClient) -> None:
    first = control.arm("error", array="array-a", status=503, code=68, count=2)
    second = control.arm("lose-reply-after", nth=2)
    assert error_of(wire.call("GET", "/volumes")) == (503, 68)
    assert [(row["number"], row["kind"], row["hits"]) for row in control.faults()] == [
        (first, "error", 1),
        (second, "lose-reply-after", 0),
    ]
    control.remove_fault(first)
    with pytest.raises(requests.ConnectionError):
        wire.call("GET", "/volumes")
    assert control.reset_faults() == 1
    assert wire.call("GET", "/volumes").status_code == 200
    with pytest.raises(ControlError, match=f"there is no fault {first}"):
        control.remove_fault(first)


def test_hang_and_not_ready_are_switches(lab: Lab, wire: Wire, control: ControlClient) -> None:
    control.hang("array-a", on=True)
    control.hang("array-a", on=True)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(wire.version)
        (row,) = control.faults()
        assert lab.faults.wait_for_held(row["number"], timeout_seconds=DEADLINE_SECONDS)
        control.hang("array-a", on=False)
        assert held.result(DEADLINE_SECONDS).status_code == 200
    control.not_ready("array-a", on=True)
    assert wire.version().status_code == 503
    control.not_ready("array-a", on=False)
    assert wire.version().status_code == 200
    assert control.faults() == []


def test_calls_are_listed_from_where_one_left_off(wire: Wire, control: ControlClient) -> None:
    wire.call("GET", "/volumes")
    login, seen = control.calls(array="array-a")
    assert (login["path"], seen["path"]) == ("/api/v1/credentials", "/api/v1/volumes")
    assert control.calls(since=login["number"]) == [seen]
    assert control.calls(array="array-b") == []
    control.forget_calls()
    assert control.calls() == []


def test_waiting_ends_when_the_condition_holds(lab: Lab, control: ControlClient) -> None:
    cut = threading.Thread(target=control.link, kwargs={"up": False})
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(control.wait, "link/up=false", "arrays/array-a/powered=true", timeout_seconds=10)
        cut.start()
        waiting.result(DEADLINE_SECONDS)
    cut.join()


def test_waiting_in_vain_tells_what_was_seen(control: ControlClient) -> None:
    with pytest.raises(ConditionUnmet, match=r"link/up=false \(there is true\)"):
        control.wait("link/up=false", timeout_seconds=0)


def test_time_moves_by_command_and_stands_still_without(control: ControlClient) -> None:
    before = control.state()["clock"]["seconds"]
    assert control.advance(12.5) == before + 12.5
    assert control.state()["clock"]["seconds"] == before + 12.5


@pytest.mark.parametrize(
    ("call", "body", "status", "text"),
    [
        ("POST /link", {"upp": True}, 400, "upp: unknown key; did you mean 'up'?"),
        ("POST /link", {}, 400, "up: Field required"),
        ("POST /link", {"up": "maybe"}, 400, "up: Input should be a valid boolean"),
        ("POST /link", [1], 400, "the body must be a JSON object"),
        ("POST /arrays/array-c/power", {"on": False}, 404, "there is no array 'array-c'; did you mean"),
        ("POST /witness", {"array": "array-a"}, 400, "give either"),
        ("POST /clock", {"advance_seconds": -1}, 400, "advance_seconds: Input should be greater"),
        ("POST /faults", {"kind": "error", "stauts": 500}, 400, "stauts: unknown key; did you mean 'status'?"),
        ("POST /faults", {"kind": "error", "nth": 0}, 400, "nth is 0"),
        ("POST /faults", {"kind": "error", "nth": "soon"}, 400, "nth: Input should be a valid integer"),
        ("POST /faults", {}, 400, "kind: Field required"),
        ("POST /faults", {"kind": "nonsense"}, 400, "kind: Input should be"),
        ("POST /faults", {"kind": "error", "array": "x"}, 404, "there is no array 'x'"),
        ("DELETE /faults/99", None, 404, "there is no fault 99"),
        ("GET /wait", None, 400, "give a condition"),
        ("GET /wait?condition==x", None, 400, "cannot read the condition"),
        ("GET /wait?condition=link&timeout=soon", None, 400, "timeout=soon: must be a number"),
        ("GET /nothing", None, 404, "there is no GET /nothing"),
        ("PUT /link", {}, 405, "there is no PUT /link"),
    ],
)
def test_a_wrong_call_is_explained(lab: Lab, call: str, body: object, status: int, text: str) -> None:
    method, path = call.split()
    reply = requests.request(method, lab.control_url + path, json=body, timeout=DEADLINE_SECONDS)
    assert reply.status_code == status, reply.text
    assert text in reply.json()["error"]
    lab.check()


def test_a_bug_behind_the_control_port_fails_the_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise InvariantBroken("two writers")

    lab = Lab.start(MANUAL)
    with lab.lock:
        monkeypatch.setattr(lab.pair, "cut_link", broken)
    with pytest.raises(ControlError, match="InvariantBroken: two writers"):
        ControlClient(lab.control_url).link(up=False)
    assert "SIMULATOR FAILED: InvariantBroken: two writers" in show(lab.state())
    lab.close()
    with pytest.raises(LabBroken, match="two writers"):
        lab.check()


def test_the_root_lists_every_command(lab: Lab) -> None:
    guide = requests.get(lab.control_url, timeout=DEADLINE_SECONDS).json()
    for command in ("GET /state", "POST /faults", "DELETE /faults", "POST /clock"):
        assert command in guide


def test_a_lab_that_is_gone_is_a_control_error() -> None:
    with Lab.start(LabConfig(clock=ClockConfig(mode="manual"))) as lab:
        control = ControlClient(lab.control_url)
    with pytest.raises(ControlError, match="does not answer"):
        control.state()


STATE = {"a": {"up": True, "name": "Alpha", "none": None, "count": 3}}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("a/up=true", True),
        ("a/up=TRUE", True),
        ("a/up=false", False),
        ("a/up!=false", True),
        ("a/name=alpha", True),
        ("a/count=3", True),
        ("a/none=null", True),
        ("/a/up", True),
        ("a/down", False),
        ("!a/down", True),
        ("!a/up", False),
        ("a/down=1", False),
        ("a/down!=1", True),
        ("a/name/deeper", False),
    ],
)
def test_conditions_hold_or_not(text: str, holds: bool) -> None:
    assert parse_condition(text).holds(STATE) is holds


@pytest.mark.parametrize("text", ["", "=x", "a//b", "!"])
def test_a_condition_without_a_path_is_refused(text: str) -> None:
    with pytest.raises(BadCondition, match="cannot read the condition"):
        parse_condition(text)
