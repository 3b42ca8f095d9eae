import pytest

from arraysim.core.faults import Refusal
from arraysim.wsapi.message import Json
from tests.arraysim.core.world import World
from tests.arraysim.handlers.front import Front, refused

#: The bodies that HPE's clients send (docker-plugin.md 2.5).
CREATE = {
    "name": "g",
    "targets": [{"targetName": "array-b", "mode": 1, "userCPG": "SSD_r6", "snapCPG": "SSD_r6"}],
    "localUserCPG": "SSD_r6",
    "localSnapCPG": "SSD_r6",
}
POLICIES = {"autoFailover": True, "pathManagement": True, "autoRecover": True}
ADMIT = {
    "action": 1,
    "volumeName": "v",
    "targets": [{"targetName": "array-b", "secVolumeName": "v"}],
    "volumeAutoCreation": True,
}
GROUP, PEER = "/remotecopygroups/g", "/remotecopygroups/g.r46750"


class Fronts:
    """Both front panels of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.a, self.b = Front(world), Front(world, "array-b")

    def replicated(self) -> None:
        """What the Docker plugin does for a replicated volume."""
        self.a.post("/volumes", {"name": "v", "cpg": "SSD_r6", "sizeMiB": 1024, "tpvv": True})
        self.a.post("/remotecopygroups", CREATE)
        self.a.put(GROUP, {"targets": [{"targetName": "array-b", "policies": POLICIES}]})
        self.a.put(GROUP, ADMIT)
        self.a.put(GROUP, {"action": 3})
        self.world.clock.advance(1)

    def target(self, front: Front, path: str) -> Json:
        """The one target entry of a group."""
        target: Json = front.get(path)["targets"][0]
        return target


@pytest.fixture
def fronts() -> Fronts:
    return Fronts(World())


def test_a_new_group_is_empty_and_new_on_both_arrays(fronts: Fronts):
    reply = fronts.a.post("/remotecopygroups", CREATE)
    assert (reply.status, reply.headers) == (201, {"Location": "/api/v1/remotecopygroups/g"})
    near, far = fronts.a.get(GROUP), fronts.b.get(PEER)
    assert (near["role"], near["remoteGroupName"], near["volumes"]) == (1, "g.r46750", [])
    assert (far["role"], far["remoteGroupName"], far["volumes"]) == (2, "g", [])
    assert near["targets"][0]["remoteUserCPG"] == far["localUserCPG"] == "SSD_r6"
    assert far["targets"][0]["targetName"] == "array-a"
    assert near["targets"][0]["state"] == 1
    assert "syncPeriod" not in near["targets"][0]
    assert near["targets"][0]["policies"] == {
        "autoRecover": False,
        "overPeriodAlert": False,
        "autoFailover": False,
        "pathManagement": False,
    }


def test_the_plugins_calls_make_a_replicated_volume(fronts: Fronts):
    fronts.replicated()
    for front, path, role in ((fronts.a, GROUP, 1), (fronts.b, PEER, 2)):
        group = front.get(path)
        assert (group["role"], group["targets"][0]["state"], group["targets"][0]["roleReversed"]) == (role, 3, False)
        assert group["targets"][0]["policies"] == {**POLICIES, "overPeriodAlert": False}
        assert group["targets"][0]["groupLastSyncTimeSec"] > 0
        [volume] = group["volumes"]
        assert volume["remoteVolumes"][0]["syncStatus"] == 3
    near, far = fronts.a.get("/volumes/v"), fronts.b.get("/volumes/v")
    assert near["wwn"] == far["wwn"]
    assert (near["rcopyGroup"], far["rcopyGroup"]) == ("g", "g.r46750")


def test_the_plugins_calls_remove_a_replicated_volume(fronts: Fronts):
    fronts.replicated()
    fronts.a.put(GROUP, {"action": 4})
    assert fronts.target(fronts.a, GROUP)["state"] == fronts.target(fronts.b, PEER)["state"] == 5
    assert fronts.a.delete(f"{GROUP}/volumes/v?removeSecondaryVolume=true").status == 200
    assert fronts.b.get("/volumes") == {"total": 0, "members": []}
    assert fronts.a.delete("/volumes/v").status == 200
    assert fronts.a.delete(f"{GROUP}?keepSnap=false").status == 202
    with refused(Refusal.NON_EXISTENT_RCOPY_GROUP):
        fronts.b.get(PEER)


def test_the_options_of_a_dismissal_may_come_in_the_body(fronts: Fronts):
    fronts.replicated()
    fronts.a.put(GROUP, {"action": 4})
    with refused(Refusal.PARAM_CONFLICT):
        fronts.a.delete(f"{GROUP}/volumes/v?keepSnap=true&removeSecondaryVolume=true")
    fronts.a.call("DELETE", f"{GROUP}/volumes/v", {"removeSecondaryVolume": True})
    assert fronts.b.get("/volumes")["total"] == 0


def test_a_volume_leaves_by_action_2_and_joins_by_post(fronts: Fronts):
    fronts.replicated()
    fronts.a.put(GROUP, {"action": 4})
    fronts.a.put(GROUP, {"action": 2, "volumeName": "v"})
    assert fronts.b.get("/volumes")["total"] == 1
    fronts.b.delete("/volumes/v")
    assert fronts.a.post(f"{GROUP}/volumes", ADMIT).status == 200
    assert fronts.a.get(f"{GROUP}/volumes")["total"] == 1
    assert fronts.a.get(f"{GROUP}/volumes/v")["remoteVolumes"][0]["remoteVolumeName"] == "v"
    with refused(Refusal.VOL_NOT_IN_RCOPY_GROUP):
        fronts.a.get(f"{GROUP}/volumes/w")
    with refused(Refusal.BAD_ENUM_VALUE):
        fronts.a.post(f"{GROUP}/volumes", {**ADMIT, "action": 2})


@pytest.mark.parametrize(
    ("body", "refusal", "ref"),
    [
        ({"name": "n"}, Refusal.MISSING_REQUIRED, "targets"),
        ({"name": "n", "targets": []}, Refusal.MISSING_REQUIRED, "targets"),
        ({"name": "n", "targets": [{"targetName": "array-b"}]}, Refusal.MISSING_REQUIRED, "mode"),
        ({"name": "n", "targets": [{"mode": 1}]}, Refusal.MISSING_REQUIRED, "targetName"),
        ({"name": "n", "targets": [{"targetName": "array-b", "mode": 9}]}, Refusal.BAD_ENUM_VALUE, "mode"),
        ({"name": "n", "targets": [{"targetName": "x", "mode": 1}]}, Refusal.NON_EXISTENT_RCOPY_TARGET, "targetName"),
        (
            {"name": "n", "targets": [{"targetName": "array-b", "mode": 1}] * 2},
            Refusal.RCOPY_GROUP_TARGET_NOT_UNIQUE,
            None,
        ),
        (
            {"name": "n", "targets": [{"targetName": "array-b", "mode": 1}, {"targetName": "c", "mode": 1}]},
            Refusal.RCOPY_GROUP_TOO_MANY_TARGETS,
            "targets",
        ),
        ({**CREATE, "name": "x" * 23}, Refusal.EXCEEDS_LENGTH, "name"),
        ({**CREATE, "name": "a b"}, Refusal.ILLEGAL_CHAR, "name"),
        ({**CREATE, "domain": "d"}, Refusal.NON_EXISTENT_DOMAIN, "domain"),
        ({**CREATE, "colour": 1}, Refusal.UNREC_NAME, "colour"),
        (CREATE, Refusal.EXISTENT_RCOPY_GROUP, ""),
    ],
)
def test_a_group_is_refused(fronts: Fronts, body: Json, refusal: Refusal, ref: str | None):
    fronts.a.post("/remotecopygroups", CREATE)
    with refused(refusal, ref):
        fronts.a.post("/remotecopygroups", body)
    assert fronts.a.names("/remotecopygroups") == ["g"]


def test_a_change_may_leave_the_target_out(fronts: Fronts):
    fronts.a.post("/remotecopygroups", CREATE)
    fronts.a.put(GROUP, {"targets": [{"policies": POLICIES}]})
    assert fronts.target(fronts.b, PEER)["policies"]["autoFailover"]
    fronts.a.put(GROUP, {"targets": [{"remoteUserCPG": "NL_r6"}], "unsetSnapCPG": True})
    assert "localSnapCPG" not in fronts.a.get(GROUP)
    assert fronts.b.get(PEER)["localUserCPG"] == "NL_r6"


def test_a_period_and_policies_do_not_go_together(fronts: Fronts):
    fronts.a.post("/remotecopygroups", {**CREATE, "targets": [{"targetName": "array-b", "mode": 3}]})
    with refused(Refusal.PARAM_CONFLICT):
        fronts.a.put(GROUP, {"targets": [{"syncPeriod": 900, "policies": {"autoRecover": True}}]})
    fronts.a.put(GROUP, {"targets": [{"targetName": "array-b", "syncPeriod": 900}]})
    assert fronts.target(fronts.a, GROUP)["syncPeriod"] == fronts.target(fronts.b, PEER)["syncPeriod"] == 900
    fronts.a.put(GROUP, {"targets": [{"rmSyncPeriod": True}]})
    assert fronts.target(fronts.a, GROUP)["syncPeriod"] == 0


def test_disaster_actions_show_in_roles_and_states(fronts: Fronts):
    fronts.replicated()
    fronts.a.put(GROUP, {"action": 4})
    fronts.b.post(PEER, {"action": 7})
    assert fronts.b.get(PEER)["role"] == 1
    assert (fronts.target(fronts.b, PEER)["roleReversed"], fronts.target(fronts.b, PEER)["state"]) == (True, 5)
    fronts.b.post(PEER, {"action": 9, "skipStart": True})
    assert (fronts.a.get(GROUP)["role"], fronts.target(fronts.a, GROUP)["roleReversed"]) == (2, True)
    fronts.b.put(PEER, {"action": 3})
    fronts.world.clock.advance(1)
    fronts.b.post(PEER, {"action": 10})
    assert fronts.a.get(GROUP)["role"] == 1
    fronts.world.clock.advance(1)
    fronts.a.post(GROUP, {"action": 8})
    fronts.world.clock.advance(2)
    assert fronts.b.get(PEER)["role"] == 1
    fronts.world.pair.cut_link()
    fronts.world.pair.set_witness(False)
    fronts.world.clock.advance(10)
    assert fronts.target(fronts.b, PEER)["state"] == 7
    assert fronts.b.get(PEER)["volumes"][0]["remoteVolumes"][0]["syncStatus"] == 8
    fronts.b.post(PEER, {"action": 11})
    assert fronts.target(fronts.b, PEER)["state"] == 5


@pytest.mark.parametrize(
    ("method", "body", "refusal"),
    [
        ("PUT", {"action": 3}, Refusal.RCOPY_GROUP_STARTED),
        ("PUT", ADMIT, Refusal.RCOPY_GROUP_STARTED),
        ("PUT", {"action": 2, "volumeName": "v"}, Refusal.RCOPY_GROUP_STARTED),
        ("PUT", {"action": 5}, Refusal.INVOLVED_IN_SYNCHRONIZATION),
        ("PUT", {"action": 6}, Refusal.BAD_ENUM_VALUE),
        ("PUT", {"action": "start"}, Refusal.BAD_ENUM_VALUE),
        ("PUT", {"action": 4, "targetName": "x"}, Refusal.RCOPY_GROUP_INV_TARGET),
        ("PUT", {"localUserCPG": "NL_r6"}, Refusal.RCOPY_GROUP_STARTED),
        ("DELETE", None, Refusal.RCOPY_GROUP_STARTED),
        ("POST", {"action": 7}, Refusal.RCOPY_GROUP_ROLE_CONFLICT),
        ("POST", {"action": 9}, Refusal.RCOPY_GROUP_STARTED),
        ("POST", {"action": 10}, Refusal.RCOPY_GROUP_ROLE_CONFLICT),
        ("POST", {"action": 11}, Refusal.RCOPY_GROUP_NOT_IN_FAILSAFE),
        ("POST", {"action": 6}, Refusal.UNSUP_OP),
        ("POST", {"action": 3}, Refusal.BAD_ENUM_VALUE),
        ("POST", {}, Refusal.MISSING_REQUIRED),
    ],
)
def test_a_started_group_refuses_and_stays_as_it_is(fronts: Fronts, method: str, body: Json | None, refusal: Refusal):
    fronts.replicated()
    before = fronts.a.get(GROUP), fronts.b.get(PEER)
    with refused(refusal):
        fronts.a.call(method, GROUP, body)
    assert (fronts.a.get(GROUP), fronts.b.get(PEER)) == before


def test_the_older_family_brings_a_volume_set(fronts: Fronts):
    older = Fronts(World(personality="3par-3.3.1"))
    older.replicated()
    fronts.replicated()
    assert older.a.get(GROUP)["volumes"][0]["localVolumeSetName"] == "RCP_g"
    assert "localVolumeSetName" not in fronts.a.get(GROUP)["volumes"][0]


def test_the_service_is_started(fronts: Fronts):
    service = fronts.a.get("/remotecopy")
    assert (service["mode"], service["status"], service["asyncEnabled"]) == (2, 1, False)


def test_targets_and_links_tell_whether_there_is_contact(fronts: Fronts):
    [target] = fronts.a.get("/remotecopytargets")["members"]
    assert (target["name"], target["type"], target["status"], target["policies"]) == (
        "array-b",
        1,
        2,
        {"mirrorConfig": True},
    )
    links = fronts.a.get("/remotecopylinks")["members"]
    assert [link["name"] for link in links] == ["array-b_0_3_1", "array-b_1_3_1"]
    fronts.world.pair.cut_link()
    assert fronts.a.get("/remotecopytargets/array-b")["status"] == 5
    assert fronts.a.get("/remotecopylinks/array-b_0_3_1")["status"] == 2
    with refused(Refusal.NON_EXISTENT_RCOPY_LINK):
        fronts.a.get("/remotecopylinks/other")


def test_mirroring_is_turned_off_and_on(fronts: Fronts):
    fronts.a.put("/remotecopytargets/array-b", {"policies": {"mirrorConfig": False}})
    assert not fronts.a.get("/remotecopytargets/array-b")["policies"]["mirrorConfig"]
    fronts.a.post("/remotecopygroups", CREATE)
    assert fronts.b.names("/remotecopygroups") == []
    fronts.a.put("/remotecopytargets/array-b", {"policies": {"mirrorConfig": True}})
    with refused(Refusal.RCOPY_GROUP_MIRROR_CONFIG_OFF):
        fronts.a.delete(GROUP)
    with refused(Refusal.NON_EXISTENT_RCOPY_TARGET):
        fronts.a.put("/remotecopytargets/other", {"policies": {"mirrorConfig": True}})
    with refused(Refusal.MISSING_REQUIRED, "policies"):
        fronts.a.put("/remotecopytargets/array-b", {})
    with refused(Refusal.UNSUP_OP):
        fronts.a.put("/remotecopytargets/array-b", {"action": 1})
