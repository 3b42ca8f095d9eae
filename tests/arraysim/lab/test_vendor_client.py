"""HPE's own client, unchanged, works against the lab (wsapi.md 6 tells what it does on the wire)."""

import importlib
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from arraysim.lab import Lab
from arraysim.wsapi.faulthooks import FaultKind, FaultSpec

IQN = "iqn.2024-01.org.example:worker-1"
POLICIES = {"autoFailover": True, "pathManagement": True, "autoRecover": True}


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """`hpe3parclient.client`. Its ssh module wants eventlet and paramiko, which nothing over REST ever uses."""
    eventlet, greenthread = types.ModuleType("eventlet"), types.ModuleType("eventlet.greenthread")
    eventlet.greenthread = greenthread  # type: ignore[attr-defined]  # a stand-in has what its user asks for
    stand_ins = {"eventlet": eventlet, "eventlet.greenthread": greenthread, "paramiko": types.ModuleType("paramiko")}
    for name, stand_in in stand_ins.items():
        monkeypatch.setitem(sys.modules, name, stand_in)
    for name in loaded():
        monkeypatch.delitem(sys.modules, name)
    yield importlib.import_module("hpe3parclient.client")
    for name in loaded():
        del sys.modules[name]


def loaded() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] == "hpe3parclient"]


@pytest.fixture
def login(lab: Lab, vendor: types.ModuleType) -> Iterator[Any]:
    """Makes clients that are logged in."""
    opened = []

    def make(array: str) -> Any:
        endpoint = lab.endpoints[array]
        client = vendor.HPE3ParClient(endpoint.url, secure=str(endpoint.ca_file), timeout=10)
        client.login(endpoint.user, endpoint.password)
        client.getWsApiVersion()
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.logout()


def group(client: Any, name: str) -> tuple[int, int, bool]:
    """(role, state, roleReversed)."""
    found = client.getRemoteCopyGroup(name)
    (target,) = found["targets"]
    return found["role"], target["state"], target["roleReversed"]


def test_it_logs_in_lists_and_logs_out(lab: Lab, login: Any) -> None:
    client = login("array-a")
    assert client.primera_supported
    assert client.getStorageSystemInfo()["id"] == 46750
    assert client.getVolumes() == {"total": 0, "members": []}
    assert {row["name"] for row in client.getCPGs()["members"]} == {"SSD_r6", "NL_r6"}
    assert any(port["linkState"] == 4 and port["mode"] == 2 for port in client.getPorts()["members"])
    assert len(lab.sessions["array-a"]) == 1


def test_it_exports_a_volume(login: Any) -> None:
    client = login("array-a")
    client.createVolume("v1", "SSD_r6", 1000, {"tpvv": True, "comment": "made by a test"})
    volume = client.getVolume("v1")
    assert (volume["sizeMiB"], volume["comment"], len(volume["wwn"])) == (1024, "made by a test", 32)
    client.createHost("worker-1", iscsiNames=[IQN], optional={"persona": 2})
    location = client.createVLUN("v1", hostname="worker-1", auto=True)
    assert location.split(",")[0] == "v1"
    vlun = client.getVLUN("v1")
    assert (vlun["hostname"], vlun["active"]) == ("worker-1", False)
    client.deleteVLUN("v1", vlun["lun"], "worker-1")
    client.deleteVolume("v1")
    client.deleteHost("worker-1")


def test_it_makes_starts_and_switches_over_a_group(lab: Lab, login: Any, vendor: types.ModuleType) -> None:
    first, second = login("array-a"), login("array-b")
    first.createVolume("v1", "SSD_r6", 1024, {"tpvv": True})
    first.createRemoteCopyGroup(
        "rcg1", [{"targetName": "array-b", "mode": 1, "userCPG": "SSD_r6"}], {"localUserCPG": "SSD_r6"}
    )
    first.modifyRemoteCopyGroup("rcg1", {"targets": [{"policies": POLICIES}]})
    pairs = [{"targetName": "array-b", "secVolumeName": "v1"}]
    first.addVolumeToRemoteCopyGroup("rcg1", "v1", pairs, {"volumeAutoCreation": True})
    for client in (first, second):
        client.createHost("worker-1", iscsiNames=[IQN], optional={"persona": 2})
        client.createVLUN("v1", hostname="worker-1", auto=True)
    assert second.getVolume("v1")["wwn"] == first.getVolume("v1")["wwn"]

    first.startRemoteCopy("rcg1")
    lab.advance(10)
    assert group(first, "rcg1") == (1, 3, False)
    assert group(second, "rcg1.r46750") == (2, 3, False)

    first.recoverRemoteCopyGroupFromDisaster("rcg1", vendor.HPE3ParClient.RC_ACTION_MIGRATE_GROUP)
    lab.advance(10)
    assert group(first, "rcg1") == (2, 3, True)
    assert group(second, "rcg1.r46750") == (1, 3, True)


def test_it_logs_in_again_when_its_session_has_expired(lab: Lab, login: Any) -> None:
    client = login("array-a")
    lab.advance(15 * 60)
    assert client.getVolumes()["total"] == 0
    assert lab.sessions["array-a"].opened == 2


def test_a_business_403_makes_it_repeat_the_call_and_leak_a_session(lab: Lab, login: Any) -> None:
    client = login("array-a")
    lab.faults.arm(FaultSpec(FaultKind.ERROR, count=0, method="DELETE", path="/volumes/", status=403, code=120))
    with pytest.raises(Exception, match="120"):
        client.deleteVolume("v1")
    deletes = [row for row in lab.calls.records() if row.method == "DELETE"]
    assert [row.code for row in deletes] == [120, 120]
    assert len(lab.sessions["array-a"]) == 2


def test_it_repeats_a_post_whose_reply_was_lost(lab: Lab, login: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = login("array-a")
    # It would sleep for a second before the repetition.
    monkeypatch.setattr(client.http.request.__globals__["time"], "sleep", lambda _seconds: None)
    lab.faults.arm(FaultSpec(FaultKind.LOSE_REPLY_AFTER, method="POST"))
    with pytest.raises(Exception, match="exists"):
        client.createVolume("v1", "SSD_r6", 1024, {"tpvv": True})
    posts = [row for row in lab.calls.records() if row.path == "/api/v1/volumes" and row.method == "POST"]
    assert [(row.status, row.committed, row.answered) for row in posts] == [(201, True, False), (409, False, True)]
