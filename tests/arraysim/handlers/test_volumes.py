import pytest

from arraysim.core.faults import ArrayFault, Refusal
from arraysim.wsapi.message import Json
from tests.arraysim.core.world import World
from tests.arraysim.handlers.front import Front, refused

THIN = {"name": "v", "cpg": "SSD_r6", "sizeMiB": 1000, "tpvv": True}


@pytest.fixture
def front() -> Front:
    front = Front(World())
    front.post("/volumes", THIN)
    return front


def test_a_new_volume_is_answered_with_its_location(front: Front):
    reply = front.post("/volumes", {**THIN, "name": "w"})
    assert (reply.status, reply.body, reply.headers) == (201, None, {"Location": "/api/v1/volumes/w"})


def test_a_volume_tells_what_it_is(front: Front):
    shown = front.get("/volumes/v")
    assert shown["sizeMiB"] == 1024
    assert shown["wwn"] == "60002AC000000000000000010000B69E"
    assert (shown["provisioningType"], shown["copyType"], shown["rcopyStatus"]) == (2, 1, 1)
    assert "comment" not in shown
    assert "copyOf" not in shown
    assert "snapCPG" not in shown


@pytest.mark.parametrize(
    ("body", "refusal", "ref"),
    [
        ({**THIN, "colour": 1}, Refusal.UNREC_NAME, "colour"),
        ({**THIN, "tdvv": True}, Refusal.UNREC_NAME, "tdvv"),
        ({**THIN, "compression": False}, Refusal.UNREC_NAME, "compression"),
        ({**THIN, "name": "x" * 32}, Refusal.EXCEEDS_LENGTH, "name"),
        ({**THIN, "name": "a b"}, Refusal.ILLEGAL_CHAR, "name"),
        ({**THIN, "name": ""}, Refusal.EMPTY_STR, "name"),
        ({**THIN, "name": 5}, Refusal.WRONG_TYPE, "name"),
        ({**THIN, "name": "w", "cpg": "none"}, Refusal.NON_EXISTENT_CPG, "cpg"),
        ({**THIN, "name": "w", "snapCPG": "none"}, Refusal.NON_EXISTENT_CPG, "snapCPG"),
        ({**THIN, "name": "w", "sizeMiB": "1"}, Refusal.WRONG_TYPE, "sizeMiB"),
        ({**THIN, "name": "w", "sizeMiB": 0}, Refusal.BELOW_RANGE, "sizeMiB"),
        ({**THIN, "name": "w", "sizeMiB": 67_108_866}, Refusal.TOO_LARGE, "sizeMiB"),
        ({**THIN, "name": "w", "comment": "x" * 512}, Refusal.EXCEEDS_LENGTH, "comment"),
        ({**THIN, "name": "w", "reduce": True}, Refusal.PARAM_CONFLICT, None),
        ({"name": "w", "cpg": "SSD_r6", "sizeMiB": 1}, Refusal.ONE_REQUIRED, "tpvv,reduce"),
        ({"name": "w", "sizeMiB": 1, "tpvv": True}, Refusal.MISSING_REQUIRED, "cpg"),
        ({"name": "w", "cpg": "SSD_r6", "tpvv": True}, Refusal.MISSING_REQUIRED, "sizeMiB"),
        ({**THIN, "name": "w", "retentionHours": 43_801}, Refusal.EXCEEDS_RANGE, "retentionHours"),
        (THIN, Refusal.EXISTENT_VOL, ""),
    ],
)
def test_a_volume_is_refused(front: Front, body: Json, refusal: Refusal, ref: str | None):
    with refused(refusal, ref):
        front.post("/volumes", body)
    assert front.names("/volumes") == ["v"]


def test_the_words_of_the_missing_choice_are_those_that_clients_compare(front: Front):
    assert Refusal.ONE_REQUIRED.value == (400, 78, "invalid input: one of the parameters is required")


def test_data_reduction_shows_as_deduplicated_and_compressed(front: Front):
    front.post("/volumes", {"name": "r", "cpg": "SSD_r6", "sizeMiB": 1024, "reduce": True})
    shown = front.get("/volumes/r")
    assert (shown["provisioningType"], shown["deduplicationState"], shown["compressionState"]) == (6, 1, 1)


@pytest.mark.parametrize(
    ("extra", "kind", "compressed"),
    [
        ({}, 1, 2),
        ({"tpvv": True}, 2, 2),
        ({"tdvv": True}, 6, 2),
        ({"tdvv": True, "compression": True}, 6, 1),
        ({"tpvv": True, "compression": True}, 2, 1),
    ],
)
def test_the_older_family_has_its_own_kinds(extra: Json, kind: int, compressed: int):
    front = Front(World(personality="3par-3.3.1"))
    front.post("/volumes", {"name": "v", "cpg": "SSD_r6", "sizeMiB": 16_384, **extra})
    shown = front.get("/volumes/v")
    assert (shown["provisioningType"], shown["compressionState"]) == (kind, compressed)


def test_the_older_family_refuses_its_own_mistakes():
    front = Front(World(personality="3par-3.3.1"))
    plain = {"name": "v", "cpg": "SSD_r6", "sizeMiB": 1024}
    with refused(Refusal.INV_INPUT, "reduce"):
        front.post("/volumes", {**plain, "reduce": True})
    with refused(Refusal.PARAM_CONFLICT):
        front.post("/volumes", {**plain, "tpvv": True, "tdvv": True})
    with refused(Refusal.ONE_REQUIRED, "tpvv,tdvv"):
        front.post("/volumes", {**plain, "compression": True})
    with refused(Refusal.BELOW_RANGE, "sizeMiB"):
        front.post("/volumes", {**plain, "tdvv": True, "compression": True})


def test_attributes_change(front: Front):
    reply = front.put("/volumes/v", {"newName": "u", "comment": "hi", "WWN": "a" * 32, "policies": {"oneHost": True}})
    assert (reply.status, reply.headers) == (200, {"Location": "/api/v1/volumes/u"})
    shown = front.get("/volumes/u")
    assert (shown["comment"], shown["wwn"], shown["policies"]["oneHost"]) == ("hi", "A" * 32, True)
    with refused(Refusal.WRONG_TYPE, "WWN"):
        front.put("/volumes/u", {"WWN": "short"})


def test_growth_is_action_3(front: Front):
    front.put("/volumes/v", {"action": 3, "sizeMiB": 1})
    assert front.get("/volumes/v")["sizeMiB"] == 1280
    with refused(Refusal.VV_GROW_SIZE):
        front.put("/volumes/v", {"action": 3, "sizeMiB": -1})
    with refused(Refusal.MISSING_REQUIRED, "sizeMiB"):
        front.put("/volumes/v", {"action": 3})


def test_actions_that_are_not_here_yet_say_so(front: Front):
    with refused(Refusal.UNSUP_OP):
        front.put("/volumes/v", {"action": 4})
    with refused(Refusal.UNSUP_OP):
        front.post("/volumes/v", {"action": "createPhysicalCopy", "parameters": {}})
    with refused(Refusal.BAD_ENUM_VALUE):
        front.put("/volumes/v", {"action": 99})


def test_a_snapshot_is_found_by_its_parent(front: Front):
    parameters = {"name": "s", "readOnly": True, "expirationHours": 2}
    assert front.post("/volumes/v", {"action": "createSnapshot", "parameters": parameters}).status == 201
    [shown] = front.get('/volumes?query="copyOf EQ v"')["members"]
    assert (shown["name"], shown["copyType"], shown["provisioningType"], shown["readOnly"]) == ("s", 3, 3, True)
    assert shown["expirationTimeSec"] == shown["creationTimeSec"] + 7200
    assert front.get('/volumes?query="copyOf EQ other"') == {"total": 0, "members": []}
    with refused(Refusal.HAS_CHILD):
        front.delete("/volumes/v")


def test_a_snapshot_needs_parameters(front: Front):
    with refused(Refusal.MISSING_REQUIRED, "parameters"):
        front.post("/volumes/v", {"action": "createSnapshot"})
    with refused(Refusal.UNREC_NAME, "colour"):
        front.post("/volumes/v", {"action": "createSnapshot", "parameters": {"name": "s", "colour": 1}})
    with refused(Refusal.BAD_ENUM_VALUE):
        front.post("/volumes/v", {"action": "paint", "parameters": {}})


def test_a_deleted_volume_is_gone(front: Front):
    assert front.delete("/volumes/v").status == 200
    for call in (front.get, front.delete):
        with refused(Refusal.NON_EXISTENT_VOL):
            call("/volumes/v")


def test_volumes_are_found_by_wwn_and_pattern(front: Front):
    wwn = front.get("/volumes/v")["wwn"].lower()
    assert front.names(f'/volumes?query="wwn EQ {wwn}"') == ["v"]
    assert front.names('/volumes?query="name LIKE *v*"') == ["v"]


def test_object_keys_live_with_the_volume(front: Front):
    path = "/volumes/v/objectKeyValues"
    assert front.get(path) == {"total": 0, "members": []}
    assert front.post(path, {"key": "type", "value": "one"}).status == 201
    with refused(Refusal.EXISTENT_OBJECT_KEY):
        front.post(path, {"key": "type", "value": "two"})
    front.put(f"{path}/type", {"value": "two"})
    assert front.get(f"{path}/type") == {"key": "type", "value": "two"}
    front.delete(f"{path}/type")
    with refused(Refusal.NON_EXISTENT_OBJECT_KEY):
        front.get(f"{path}/type")


@pytest.mark.parametrize("key", ["a&b", "x" * 256, "", None])
def test_object_keys_are_plain_and_short(front: Front, key: str | None):
    with pytest.raises(ArrayFault, match=r"^400 "):
        front.post("/volumes/v/objectKeyValues", {"key": key, "value": "x"})
