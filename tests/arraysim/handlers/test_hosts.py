import pytest

from arraysim.core.faults import Refusal
from arraysim.wsapi.message import Json
from tests.arraysim.core.world import IQN, World
from tests.arraysim.handlers.front import Front, refused

WWN = "10000000c9abcdef"


@pytest.fixture
def front() -> Front:
    front = Front(World())
    front.post("/hosts", {"name": "h", "iSCSINames": [IQN], "descriptors": {"comment": "mine", "os": "Linux"}})
    return front


def test_a_new_host_is_answered_with_its_location(front: Front):
    reply = front.post("/hosts", {"name": "fc", "FCWWNs": [WWN], "persona": 1})
    assert (reply.status, reply.headers) == (201, {"Location": "/api/v1/hosts/fc"})
    shown = front.get("/hosts/fc")
    assert (shown["FCPaths"], shown["persona"]) == ([{"wwn": WWN.upper(), "hostSpeed": 0}], 1)


def test_a_path_tells_ports_only_while_logged_in(front: Front):
    [path] = front.get("/hosts/h")["iSCSIPaths"]
    assert path == {"name": IQN, "IPAddr": "0.0.0.0", "hostSpeed": 0}
    front.world.log_in("array-a")
    positions = [path["portPos"] for path in front.get("/hosts/h")["iSCSIPaths"]]
    assert positions == [{"node": node, "slot": 2, "cardPort": 1} for node in (0, 1)]


@pytest.mark.parametrize(
    ("body", "refusal", "ref"),
    [
        ({}, Refusal.MISSING_REQUIRED, "name"),
        ({"name": "n", "iSCSINames": ["iqn.x"], "FCWWNs": [WWN]}, Refusal.PARAM_CONFLICT, None),
        ({"name": "n", "FCWWNs": ["123"]}, Refusal.WRONG_TYPE, "FCWWNs"),
        ({"name": "n", "FCWWNs": WWN}, Refusal.WRONG_TYPE, "FCWWNs"),
        ({"name": "n", "iSCSINames": ["iqn." + "x" * 220]}, Refusal.EXCEEDS_LENGTH, "iSCSINames"),
        ({"name": "n", "iSCSINames": ["iqn. x"]}, Refusal.ILLEGAL_CHAR, "iSCSINames"),
        ({"name": "n", "iSCSINames": [""]}, Refusal.EMPTY_STR, "iSCSINames"),
        ({"name": "n", "domain": ""}, Refusal.EMPTY_STR, "domain"),
        ({"name": "n", "domain": "a b"}, Refusal.ILLEGAL_CHAR, "domain"),
        ({"name": "n", "domain": "d"}, Refusal.NON_EXISTENT_DOMAIN, "domain"),
        ({"name": "n", "persona": 0}, Refusal.BAD_ENUM_VALUE, "persona"),
        ({"name": "n", "iSCSINames": [IQN]}, Refusal.EXISTENT_PATH, IQN),
        ({"name": "h"}, Refusal.EXISTENT_HOST, ""),
        ({"name": "x" * 32}, Refusal.EXCEEDS_LENGTH, "name"),
    ],
)
def test_a_host_is_refused(front: Front, body: Json, refusal: Refusal, ref: str | None):
    with refused(refusal, ref):
        front.post("/hosts", body)
    assert front.names("/hosts") == ["h"]


def test_hosts_are_found_by_initiator(front: Front):
    front.post("/hosts", {"name": "fc", "FCWWNs": [WWN]})
    assert front.names(f'/hosts?query="iSCSIPaths[name=={IQN}]"') == ["h"]
    assert front.names(f'/hosts?query="FCPaths[wwn=={WWN}] OR iSCSIPaths[name=={IQN}]"') == ["h", "fc"]
    assert front.names('/hosts?query="iSCSIPaths[name==iqn.other]"') == []


def test_paths_come_and_go(front: Front):
    front.put("/hosts/h", {"pathOperation": 1, "FCWWNs": [WWN]})
    assert len(front.get("/hosts/h")["FCPaths"]) == 1
    front.put("/hosts/h", {"pathOperation": 2, "FCWWNs": [WWN]})
    assert front.get("/hosts/h")["FCPaths"] == []


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"FCWWNs": [WWN]}, Refusal.MISSING_REQUIRED),
        ({"pathOperation": 1}, Refusal.ONE_REQUIRED),
        ({"pathOperation": 3, "FCWWNs": [WWN]}, Refusal.BAD_ENUM_VALUE),
        ({"pathOperation": 2, "FCWWNs": [WWN]}, Refusal.NON_EXISTENT_PATH),
        ({"pathOperation": 1, "iSCSINames": [IQN]}, Refusal.EXISTENT_PATH),
        ({"pathOperation": 1, "FCWWNs": [WWN], "newName": "n"}, Refusal.PARAM_CONFLICT),
        ({"persona": 99}, Refusal.BAD_ENUM_VALUE),
    ],
)
def test_a_change_is_refused(front: Front, body: Json, refusal: Refusal):
    with refused(refusal):
        front.put("/hosts/h", body)


def test_a_host_is_renamed(front: Front):
    front.put("/hosts/h", {"newName": "k", "descriptors": {"comment": "yours"}})
    assert front.get("/hosts/k")["descriptors"] == {"comment": "yours", "os": "Linux"}
    for call in (front.get, front.delete):
        with refused(Refusal.NON_EXISTENT_HOST):
            call("/hosts/h")
    assert front.delete("/hosts/k").status == 200
