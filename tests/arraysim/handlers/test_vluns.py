import pytest

from arraysim.core.faults import Refusal
from arraysim.wsapi.message import Json
from tests.arraysim.core.world import IQN, World
from tests.arraysim.handlers.front import Front, refused

POSITION = {"node": 0, "slot": 2, "cardPort": 1}
#: As HPE's client asks for a LUN of the array's choice.
AUTO = {"autoLun": True, "maxAutoLun": 0, "lun": 0}


@pytest.fixture
def front() -> Front:
    front = Front(World())
    for name in ("v", "w"):
        front.post("/volumes", {"name": name, "cpg": "SSD_r6", "sizeMiB": 256, "tpvv": True})
    front.post("/hosts", {"name": "h", "iSCSINames": [IQN]})
    return front


def test_the_location_tells_the_chosen_lun(front: Front):
    locations = [
        front.post("/vluns", {"volumeName": name, "hostname": "h", **AUTO}).headers["Location"] for name in ("v", "w")
    ]
    assert locations == ["/api/v1/vluns/v,0,h", "/api/v1/vluns/w,1,h"]


@pytest.mark.parametrize(
    ("body", "key", "kind"),
    [
        ({"hostname": "h", "lun": 3}, "v,3,h", 3),
        ({"portPos": POSITION, "lun": 3}, "v,3,,0:2:1", 2),
        ({"hostname": "h", "portPos": POSITION, "lun": 3}, "v,3,h,0:2:1", 4),
    ],
)
def test_each_type_has_its_name_and_is_deleted_by_it(front: Front, body: Json, key: str, kind: int):
    reply = front.post("/vluns", {"volumeName": "v", **body})
    assert (reply.status, reply.headers) == (201, {"Location": f"/api/v1/vluns/{key}"})
    shown = front.get(f"/vluns/{key}")
    assert (shown["type"], shown["active"], shown.get("portPos")) == (kind, False, body.get("portPos"))
    assert front.delete(f"/vluns/{key}").status == 200
    with refused(Refusal.NON_EXISTENT_VLUN):
        front.delete(f"/vluns/{key}")


def test_active_rows_come_with_logins_and_go_with_the_template(front: Front):
    front.post("/vluns", {"volumeName": "v", "hostname": "h", **AUTO})
    front.world.log_in("array-a")
    rows = front.get('/vluns?query="volumeName EQ v"')["members"]
    assert [row["active"] for row in rows] == [False, True, True]
    assert {row["remoteName"] for row in rows[1:]} == {IQN}
    assert "remoteName" not in rows[0]
    assert "portPos" not in rows[0]
    assert rows[1]["portPos"] == POSITION
    assert front.get(f'/vluns?query="remoteName EQ {IQN}"')["total"] == 2
    front.delete("/vluns/v,0,h")
    assert front.get("/vluns") == {"total": 0, "members": []}


@pytest.mark.parametrize(
    ("body", "refusal", "ref"),
    [
        ({"hostname": "h", "lun": 0}, Refusal.MISSING_REQUIRED, "volumeName"),
        ({"volumeName": "none", "hostname": "h", "lun": 0}, Refusal.NON_EXISTENT_VOL, ""),
        ({"volumeName": "v", "hostname": "none", "lun": 0}, Refusal.NON_EXISTENT_HOST, ""),
        ({"volumeName": "v", "lun": 0}, Refusal.ONE_REQUIRED, None),
        ({"volumeName": "v", "hostname": "h"}, Refusal.MISSING_REQUIRED, "lun"),
        ({"volumeName": "v", "hostname": "h", "lun": 100_000}, Refusal.TOO_LARGE, "lun"),
        ({"volumeName": "v", "hostname": "h", "lun": "1"}, Refusal.WRONG_TYPE, "lun"),
        (
            {"volumeName": "v", "portPos": {"node": 5, "slot": 2, "cardPort": 1}, "lun": 0},
            Refusal.NON_EXISTENT_PORT,
            None,
        ),
        (
            {"volumeName": "v", "portPos": {"node": 8, "slot": 8, "cardPort": 8}, "lun": 0},
            Refusal.PORT_SPECIFICATION,
            None,
        ),
        ({"volumeName": "v", "portPos": {"node": 0, "slot": 2, "port": 1}, "lun": 0}, Refusal.UNREC_NAME, "port"),
        ({"volumeName": "v", "hostname": "set:hs", "lun": 0}, Refusal.NON_EXISTENT_SET, ""),
    ],
)
def test_a_vlun_is_refused(front: Front, body: Json, refusal: Refusal, ref: str | None):
    with refused(refusal, ref):
        front.post("/vluns", body)


def test_a_taken_lun_is_refused(front: Front):
    front.post("/vluns", {"volumeName": "v", "hostname": "h", "lun": 7})
    with refused(Refusal.EXISTENT_LUN):
        front.post("/vluns", {"volumeName": "w", "hostname": "h", "lun": 7})


@pytest.mark.parametrize(
    ("key", "refusal"),
    [
        ("v,0,none", Refusal.NON_EXISTENT_HOST),
        ("v,0,h", Refusal.NON_EXISTENT_VLUN),
        ("v,0,,8:8:8", Refusal.PORT_SPECIFICATION),
        ("v,0", Refusal.MISSING_REQUIRED),
        ("v,0,", Refusal.MISSING_REQUIRED),
        ("v,x,h", Refusal.WRONG_TYPE),
        ("v,16384,h", Refusal.EXCEEDS_RANGE),
    ],
)
def test_a_name_that_fits_nothing_deletes_nothing(front: Front, key: str, refusal: Refusal):
    with refused(refusal):
        front.delete(f"/vluns/{key}")
