"""What `csi-3par check` finds: everything, not only the first problem."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

import pytest

from csi.access import AccessProtocol
from csi.array.pair import Pair
from csi.array.preflight import Finding, Level, check
from csi.array.wsapi import WsapiArray
from csi.settings.model import Backend
from tests.unit.array.conftest import PausingClock
from tests.unit.array.scripted import Answer, Call, Reply, ScriptedArray, refusal


def port(number: int, *, ready: bool = True) -> dict[str, Any]:
    return {
        "portPos": {"node": number, "slot": 3, "cardPort": 1},
        "protocol": 2,
        "type": 8,
        "mode": 2,
        "linkState": 4 if ready else 10,
        "IPAddr": f"192.0.2.{number}",
        "iSCSIName": f"iqn.2000-05.com.3pardata:{number}",
    }


@dataclass
class Box:
    """What one array of the test tells."""

    serial: str
    target: dict[str, Any]
    cpgs: set[str]
    ports: list[dict[str, Any]] = field(default_factory=lambda: [port(1), port(2)])
    licenses: list[str] = field(default_factory=lambda: ["Remote Copy", "Peer Persistence"])

    def answer(self, call: Call) -> Answer:
        path = unquote(call.path)
        if path == "/system":
            told = {"id": int(self.serial[-5:]), "name": "box", "serialNumber": self.serial, "model": "HPE 8200"}
            licenses = [{"name": name} for name in self.licenses]
            return Reply(body=told | {"systemVersion": "3.3.1", "licenseInfo": {"licenses": licenses}})
        if path == "/ports":
            return Reply(body={"total": len(self.ports), "members": self.ports})
        if path == "/remotecopytargets":
            return Reply(body={"total": 1, "members": [self.target]})
        name = path.removeprefix("/cpgs/")
        return Reply(body={"name": name}) if name in self.cpgs else refusal(404, 15, "CPG does not exist")


@dataclass
class Bench:
    """Two scripted arrays, what they tell, and the backend that is checked."""

    servers: tuple[ScriptedArray, ScriptedArray]
    boxes: tuple[Box, Box]
    backend: Backend
    clock: PausingClock

    def findings(self) -> list[Finding]:
        assert self.backend.target is not None
        pair = Pair(
            self.backend, WsapiArray(self.backend.source, self.clock), WsapiArray(self.backend.target, self.clock)
        )
        found = check(pair)
        pair.close()
        return list(found)

    def problems(self) -> list[tuple[Level, str, str]]:
        return [(each.level, each.where, each.sentence) for each in self.findings() if each.level is not Level.OK]


@pytest.fixture
def bench(clock: PausingClock) -> Iterator[Bench]:
    target = {"status": 2, "policies": {"mirrorConfig": True}, "quorumWitness": {"status": "Active"}}
    boxes = (
        Box("1646750", target | {"name": "to-b"}, {"a1", "as"}),
        Box("1646751", target | {"name": "to-a"}, {"b1", "bs"}),
    )
    with ScriptedArray() as first, ScriptedArray() as second:
        first.answer, second.answer = boxes[0].answer, boxes[1].answer
        backend = Backend(
            "DEFAULT",
            AccessProtocol.ISCSI,
            first.settings(label="array-a", target_name="to-b", portals=("192.0.2.1", "192.0.2.2:3260")),
            cpg="a1",
            snap_cpg="as",
            target=second.settings(label="array-b", target_name="to-a"),
            quorum_witness="192.0.2.99",
            cpg_map={"a1": "b1"},
            snap_cpg_map={"as": "bs"},
        )
        yield Bench((first, second), boxes, backend, clock)


def test_a_fit_backend_has_nothing_but_good_news(bench: Bench) -> None:
    findings = bench.findings()
    assert [finding for finding in findings if finding.level is not Level.OK] == []
    told = "\n".join(f"{finding.where}: {finding.sentence}" for finding in findings)
    for words in (
        "array-a: answers and accepts the login: HPE 8200 box, serial 1646750, id 46750, OS 3.3.1",
        "array-b: CPG bs exists",
        "array-a: 2 iscsi ports are ready: 1:3:1 192.0.2.1",
        "array-b: Remote Copy target to-a is ready",
        "array-a: the quorum witness of target to-b is active",
        "DEFAULT: two different arrays",
    ):
        assert words in told


def test_every_problem_is_listed(bench: Bench) -> None:
    first, second = bench.boxes
    first.cpgs.clear()
    first.ports[1] = port(2, ready=False)
    first.licenses = ["Remote Copy"]
    first.target |= {"status": 5, "quorumWitness": {"status": "Failsafe"}}
    second.target |= {"name": "elsewhere"}
    second.ports.clear()
    second.serial = first.serial
    source = replace(bench.backend.source, portals=("192.0.2.1", "192.0.2.2", "192.0.2.3"))
    bench.backend = replace(bench.backend, source=source, snap_cpg_map={})
    assert bench.problems() == [
        (Level.ERROR, "array-a", "CPG a1 does not exist"),
        (Level.ERROR, "array-a", "CPG as does not exist"),
        (Level.WARNING, "array-a", "port 192.0.2.2 of the settings is not ready"),
        (Level.ERROR, "array-a", "port 192.0.2.3 of the settings is not on this array"),
        (Level.WARNING, "array-a", "the array lists no licence 'Peer Persistence'"),
        (Level.ERROR, "array-a", "Remote Copy target to-b is not ready"),
        (Level.WARNING, "array-a", "the quorum witness of target to-b is failsafe"),
        (Level.ERROR, "array-b", "no iscsi port is ready"),
        (Level.ERROR, "array-b", "there is no Remote Copy target to-a"),
        (Level.ERROR, "DEFAULT", "array-a and array-b are the same array, serial 1646750"),
        (Level.ERROR, "DEFAULT", "the map names no snapshot CPG on array-b for the default as"),
    ]


def test_a_dark_array_is_one_finding_and_the_other_is_checked(bench: Bench) -> None:
    bench.servers[0].stop()
    findings = bench.findings()
    dark = [finding for finding in findings if finding.where == "array-a"]
    assert [(finding.level, "no answer from the array" in finding.sentence) for finding in dark] == [
        (Level.ERROR, True)
    ]
    assert sum(finding.where == "array-b" for finding in findings) >= 5


def test_a_wrong_password_is_told_with_what_to_do(bench: Bench) -> None:
    bench.backend = replace(bench.backend, source=replace(bench.backend.source, username="nobody"))
    (refused,) = [finding for finding in bench.findings() if finding.where == "array-a"]
    assert "refused the user name or the password" in refused.sentence
    assert "password of this array" in refused.hint


def test_a_part_an_array_cannot_tell_does_not_hide_the_rest(bench: Bench) -> None:
    whole = bench.boxes[0].answer
    bench.servers[0].answer = lambda call: refusal(403, 13) if call.path == "/ports" else whole(call)
    problems = bench.problems()
    assert [where for _, where, _ in problems] == ["array-a"]
    assert "reading the ports: the array's user may not do this" in problems[0][2]


def test_a_target_that_does_not_mirror_is_an_error(bench: Bench) -> None:
    bench.boxes[1].target["policies"] = {"mirrorConfig": False}
    assert bench.problems() == [(Level.ERROR, "array-b", "Remote Copy target to-a does not mirror configuration")]


def test_a_single_target_needs_no_name_in_the_settings(bench: Bench) -> None:
    bench.backend = replace(bench.backend, source=replace(bench.backend.source, target_name=""))
    assert bench.problems() == []


def test_newer_arrays_list_no_licences(bench: Bench) -> None:
    bench.boxes[0].licenses = []
    assert bench.problems() == []


@pytest.mark.parametrize("portal", ["[2001:db8::1]:3260", "2001:db8::1", "[2001:DB8:0::1]"])
def test_portals_are_compared_as_addresses(bench: Bench, portal: str) -> None:
    bench.boxes[0].ports.append(port(3) | {"IPAddr": "2001:db8:0:0::1"})
    bench.backend = replace(bench.backend, source=replace(bench.backend.source, portals=(portal,)))
    assert bench.problems() == []


def test_fibre_channel_ports_are_compared_by_position(bench: Bench) -> None:
    fc = {"protocol": 1, "type": 1, "portWWN": "21210002AC018D7C"}
    for box in bench.boxes:
        box.ports[:] = [port(0) | fc, port(1) | fc]
    source = replace(bench.backend.source, portals=(), fc_ports=("0:3:1", "7:3:1"))
    bench.backend = replace(bench.backend, source=source, protocol=AccessProtocol.FC)
    assert bench.problems() == [(Level.ERROR, "array-a", "port 7:3:1 of the settings is not on this array")]
