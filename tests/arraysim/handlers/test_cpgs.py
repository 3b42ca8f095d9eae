import pytest

from arraysim.core.faults import Refusal
from arraysim.wsapi.message import Json
from tests.arraysim.core.world import World
from tests.arraysim.handlers.front import Front, refused


@pytest.fixture
def front() -> Front:
    return Front(World())


def test_a_new_cpg_is_listed(front: Front):
    layout = {"RAIDType": 4, "setSize": 8, "HA": 3, "diskPatterns": [{"diskType": 3}]}
    reply = front.post("/cpgs", {"name": "new", "growthLimitMiB": 1024, "LDLayout": layout})
    assert (reply.status, reply.body, reply.headers) == (201, None, {"Location": "/api/v1/cpgs/new"})
    assert front.names("/cpgs") == ["SSD_r6", "NL_r6", "new"]
    shown = front.get("/cpgs/new")
    assert shown["SDGrowth"]["limitMiB"] == 1024
    assert shown["uuid"]
    assert "limitMiB" not in front.get("/cpgs/SSD_r6")["SDGrowth"]


@pytest.mark.parametrize(
    ("body", "refusal", "ref"),
    [
        ({}, Refusal.MISSING_REQUIRED, "name"),
        ({"name": "n", "colour": "red"}, Refusal.UNREC_NAME, "colour"),
        ({"name": "n", "LDLayout": {"RAID": 1}}, Refusal.UNREC_NAME, "RAID"),
        ({"name": "n", "LDLayout": 4}, Refusal.WRONG_TYPE, "LDLayout"),
        ({"name": "n", "domain": "d"}, Refusal.NON_EXISTENT_DOMAIN, "domain"),
        ({"name": "SSD_r6"}, Refusal.EXISTENT_CPG, ""),
        ({"name": "x" * 32}, Refusal.EXCEEDS_LENGTH, "name"),
    ],
)
def test_a_cpg_is_refused(front: Front, body: Json, refusal: Refusal, ref: str):
    with refused(refusal, ref):
        front.post("/cpgs", body)


def test_the_older_family_has_its_own_number_for_unknown_fields():
    with refused(Refusal.INV_INPUT, "colour"):
        Front(World(personality="3par-3.3.1")).post("/cpgs", {"name": "n", "colour": "red"})


def test_a_deleted_cpg_is_gone(front: Front):
    assert front.delete("/cpgs/NL_r6").status == 200
    with refused(Refusal.NON_EXISTENT_CPG):
        front.get("/cpgs/NL_r6")


def test_the_space_reporter_counts_what_is_given_and_promised(front: Front):
    front.post("/volumes", {"name": "v", "cpg": "SSD_r6", "sizeMiB": 1024, "tpvv": True})
    report = front.post("/spacereporter", {"cpg": "SSD_r6"}).body
    assert report is not None
    assert report["usableFreeMiB"] == 100 * 1024 * 1024
    assert report["overProvisionedVirtualSizeMiB"] == 1024
    with refused(Refusal.NON_EXISTENT_CPG, "cpg"):
        front.post("/spacereporter", {"cpg": "none"})
