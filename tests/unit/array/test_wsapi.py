"""What the adapter asks of an array, and when a refusal is no failure."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from csi.array.records import PEER_PERSISTENCE, GroupWish, Provisioning, Vlun, VolumeWish
from csi.array.wsapi import WsapiArray
from csi.errors import (
    AlreadyExistsDifferently,
    ArrayUnreachable,
    BadSettings,
    DriverError,
    GroupInTransition,
    NotFound,
    Unsupported,
)
from tests.unit.array.scripted import EMPTY, Answer, Call, Reply, ScriptedArray, refusal

CLASSIC, COMPRESSING, PRIMERA, NEWEST = 30201120, 30301418, 40500100, 100500043
IQN, OTHER_IQN, WWPN = "iqn.1993-08.org.debian:01:abc", "iqn.1993-08.org.debian:01:def", "10000000C9A1B2C3"
GROUP: dict[str, Any] = {
    "name": "g1",
    "role": 1,
    "remoteGroupName": "g1.r2",
    "targets": [{"targetName": "b", "roleReversed": False, "state": 3, "mode": 1, "policies": {}}],
    "volumes": [
        {"localVolumeName": "v1", "remoteVolumes": [{"targetName": "b", "remoteVolumeName": "v1", "syncStatus": 3}]}
    ],
}


def group(state: int, *, member: bool = True) -> Reply:
    target = GROUP["targets"][0] | {"state": state}
    return Reply(body=GROUP | {"targets": [target], "volumes": GROUP["volumes"] if member else []})


def script(answers: dict[str, Answer | list[Answer]], build: int = PRIMERA) -> Callable[[Call], Answer]:
    """Answers by "METHOD path", decoded; a list is used up but for its last entry."""
    answers = {"GET /api": Reply(body={"major": 1, "minor": 7, "build": build}), **answers}

    def answer(call: Call) -> Answer:
        told = answers[f"{call.method} {unquote(call.path)}"]
        if isinstance(told, list):
            return told.pop(0) if len(told) > 1 else told[0]
        return told

    return answer


def host(*iqns: str) -> Reply:
    paths = [{"name": iqn} for iqn in iqns]
    return Reply(body={"name": "h1", "persona": 2, "FCPaths": [], "iSCSIPaths": paths})


def changes(server: ScriptedArray) -> list[tuple[str, object]]:
    return [(f"{call.method} {unquote(call.path)}", call.body) for call in server.calls if call.method != "GET"]


def wish(provisioning: Provisioning = Provisioning.THIN, *, compressed: bool = False, snap: str = "") -> VolumeWish:
    return VolumeWish("v1", 10 << 30, "cpg1", snap, provisioning, compressed, "hello")


PLAIN = {"name": "v1", "cpg": "cpg1", "sizeMiB": 10240, "comment": "hello"}


@pytest.mark.parametrize(
    ("build", "asked", "space"),
    [
        (PRIMERA, wish(), {"tpvv": True}),
        (PRIMERA, wish(Provisioning.DEDUP, compressed=True), {"reduce": True}),
        (CLASSIC, wish(), {"tpvv": True}),
        (CLASSIC, wish(Provisioning.DEDUP), {"tdvv": True}),
        (CLASSIC, wish(Provisioning.FULL), {}),
        (COMPRESSING, wish(compressed=True), {"tpvv": True, "compression": True}),
        (COMPRESSING, wish(Provisioning.DEDUP, compressed=True), {"tdvv": True, "compression": True}),
    ],
)
def test_each_generation_is_asked_for_space_in_its_own_words(
    server: ScriptedArray, array: WsapiArray, build: int, asked: VolumeWish, space: dict[str, bool]
) -> None:
    server.answer = script({"POST /volumes": Reply(201)}, build)
    array.create_volume(asked)
    assert changes(server) == [("POST /volumes", PLAIN | space)]


@pytest.mark.parametrize(
    ("build", "provisioning", "compressed"),
    [
        (PRIMERA, Provisioning.FULL, False),
        (PRIMERA, Provisioning.DEDUP, False),
        (PRIMERA, Provisioning.THIN, True),
        (CLASSIC, Provisioning.THIN, True),
        (COMPRESSING, Provisioning.FULL, True),
    ],
)
def test_what_a_generation_cannot_make_is_not_asked_for(
    server: ScriptedArray, array: WsapiArray, build: int, provisioning: Provisioning, compressed: bool
) -> None:
    server.answer = script({}, build)
    with pytest.raises(Unsupported, match="volume v1 cannot be"):
        array.create_volume(wish(provisioning, compressed=compressed))
    assert changes(server) == []


def test_snapshot_cpgs_are_named_only_where_they_exist(server: ScriptedArray, array: WsapiArray) -> None:
    group_wish = GroupWish("g1", "b", "cpg1", "snap1", "cpg2", "snap2", domain="d1")
    server.answer = script({"POST /volumes": Reply(201), "POST /remotecopygroups": Reply(201)})
    array.create_volume(wish(snap="snap1"))
    array.create_group(group_wish)
    target = {"targetName": "b", "mode": 1, "userCPG": "cpg2"}
    made = {"name": "g1", "localUserCPG": "cpg1", "domain": "d1"}
    assert changes(server) == [
        ("POST /volumes", PLAIN | {"tpvv": True, "snapCPG": "snap1"}),
        ("POST /remotecopygroups", made | {"localSnapCPG": "snap1", "targets": [target | {"snapCPG": "snap2"}]}),
    ]


def test_the_generation_is_asked_once_and_again_after_a_new_login(server: ScriptedArray, array: WsapiArray) -> None:
    made: dict[str, Answer | list[Answer]] = {"POST /volumes": Reply(201), "GET /volumes": EMPTY}
    server.answer = script(made, CLASSIC)
    for _ in range(3):
        array.create_volume(wish(snap="snap1"))
    assert [call.method for call in server.calls] == ["GET", "POST", "POST", "POST"]
    server.expire_sessions()  # as an upgrade does
    server.answer = script(made, NEWEST)
    array.volumes()
    array.create_volume(wish(snap="snap1"))
    assert changes(server)[-1] == ("POST /volumes", PLAIN | {"tpvv": True})
    assert array.largest_volume_bytes() == 64 << 40


def test_deleting_what_is_gone_is_fine(server: ScriptedArray, array: WsapiArray) -> None:
    server.answer = script(
        {
            "DELETE /volumes/v1": refusal(404, 23),
            "GET /volumes/v1": refusal(404, 23),
            "DELETE /hosts/h1": refusal(404, 17),
            "GET /hosts/h1": refusal(404, 17),
            "DELETE /remotecopygroups/g1?keepSnap=false": refusal(404, 187),
            "GET /remotecopygroups/g1": refusal(404, 187),
            "DELETE /remotecopygroups/g1/volumes/v1?removeSecondaryVolume=true": refusal(404, 187),
            "DELETE /vluns/v1,5,h1": refusal(404, 19),
            'GET /vluns?query="volumeName EQ v1"': EMPTY,
        }
    )
    array.delete_volume("v1")
    array.delete_host("h1")
    array.delete_group("g1")
    array.dismiss("g1", "v1", remove_twin=True)
    array.unexport(Vlun("v1", "h1", 5, active=False))


def test_a_404_for_something_that_is_there_is_not_taken_for_gone(server: ScriptedArray, array: WsapiArray) -> None:
    vlun = {"lun": 5, "volumeName": "v1", "hostname": "h1", "active": False}
    server.answer = script(
        {
            "DELETE /remotecopygroups/g1/volumes/v1": refusal(404, 0, "RCOPY_GROUP_TARGET_VOLUME_MISMATCH"),
            "GET /remotecopygroups/g1": group(5),
            "DELETE /vluns/v1,5,h1": refusal(404, 20, "port does not exist"),
            'GET /vluns?query="volumeName EQ v1"': Reply(body={"total": 1, "members": [vlun]}),
        }
    )
    with pytest.raises(NotFound, match="TARGET_VOLUME_MISMATCH"):
        array.dismiss("g1", "v1", remove_twin=False)
    with pytest.raises(NotFound, match="port does not exist"):
        array.unexport(Vlun("v1", "h1", 5, active=False))


def test_an_unknown_path_is_not_taken_for_a_missing_object(server: ScriptedArray, array: WsapiArray) -> None:
    server.answer = script({"GET /volumes/v1": refusal(404, 11)})
    with pytest.raises(BadSettings, match="/api/v1"):
        array.volume("v1")


def test_names_never_leave_their_part_of_the_path(server: ScriptedArray, array: WsapiArray) -> None:
    server.answer = lambda _: refusal(404, 23)
    assert array.volume("a/../b?c#d") is None
    assert server.calls[-1].path == "/volumes/a%2F..%2Fb%3Fc%23d"


def test_starting_and_stopping_twice_is_fine(server: ScriptedArray, array: WsapiArray) -> None:
    put = "PUT /remotecopygroups/g1"
    server.answer = script({put: refusal(403, 215), "GET /remotecopygroups/g1": group(3)})
    array.start_group("g1")
    with pytest.raises(GroupInTransition):
        array.stop_group("g1")
    server.answer = script({put: refusal(403, 0, "RCOPY_GROUP_NOT_STARTED"), "GET /remotecopygroups/g1": group(5)})
    array.stop_group("g1")
    with pytest.raises(DriverError, match="NOT_STARTED"):
        array.start_group("g1")
    assert [body for _, body in changes(server)] == [{"action": 3}, {"action": 4}, {"action": 4}, {"action": 3}]


def test_admitting_a_member_again_is_fine_but_not_with_another_twin(server: ScriptedArray, array: WsapiArray) -> None:
    server.answer = script({"PUT /remotecopygroups/g1": refusal(409, 22), "GET /remotecopygroups/g1": group(5)})
    array.admit("g1", "v1", "b", "v1")
    with pytest.raises(AlreadyExistsDifferently):
        array.admit("g1", "v1", "b", "v2")
    assert changes(server)[0][1] == {
        "action": 1,
        "volumeName": "v1",
        "targets": [{"targetName": "b", "secVolumeName": "v1"}],
        "volumeAutoCreation": True,
    }


def test_policies_are_set_all_three_and_for_the_named_target(server: ScriptedArray, array: WsapiArray) -> None:
    server.answer = script({"PUT /remotecopygroups/g1": Reply()})
    array.set_policies("g1", "b", PEER_PERSISTENCE)
    policies = {"autoFailover": True, "pathManagement": True, "autoRecover": True}
    assert changes(server) == [
        ("PUT /remotecopygroups/g1", {"targets": [{"targetName": "b", "policies": policies}]}),
    ]


def test_the_lun_comes_from_the_location(server: ScriptedArray, array: WsapiArray) -> None:
    server.answer = script({"POST /vluns": Reply(201, headers={"Location": "/api/v1/vluns/v1,7,h1"})})
    assert array.export("v1", "h1") == 7
    body = {"volumeName": "v1", "hostname": "h1", "autoLun": True, "maxAutoLun": 0, "lun": 0}
    assert changes(server) == [("POST /vluns", body)]


def test_without_a_location_the_lun_is_read_back_or_the_export_is_unknown(
    server: ScriptedArray, array: WsapiArray
) -> None:
    row = {"lun": 9, "volumeName": "v1", "hostname": "h1", "active": False}
    rows = Reply(body={"total": 1, "members": [row]})
    query = 'GET /vluns?query="volumeName EQ v1"'
    server.answer = script({"POST /vluns": Reply(201), query: [rows, EMPTY]})
    assert array.export("v1", "h1") == 9
    with pytest.raises(ArrayUnreachable, match="may or may not"):
        array.export("v1", "h1")


def test_exports_of_other_volumes_are_dropped_where_the_query_is_not_understood(
    server: ScriptedArray, array: WsapiArray
) -> None:
    rows = [{"lun": n, "volumeName": f"v{n}", "hostname": "h", "active": False} for n in (1, 11)]
    server.answer = lambda _: Reply(body={"total": 2, "members": rows})
    assert [row.volume for row in array.vluns("v1")] == ["v1"]
    assert len(array.vluns()) == 2


def test_a_host_with_both_kinds_of_initiators_takes_two_requests(server: ScriptedArray, array: WsapiArray) -> None:
    """One request with both is refused (wsapi.md 2.10, code 44)."""
    server.answer = script({"POST /hosts": Reply(201), "PUT /hosts/h1": Reply()})
    array.create_host("h1", (IQN,), (WWPN.lower(),), "mine")
    made = {"name": "h1", "persona": 2, "descriptors": {"comment": "mine"}, "iSCSINames": [IQN]}
    assert changes(server) == [
        ("POST /hosts", made),
        ("PUT /hosts/h1", {"pathOperation": 1, "FCWWNs": [WWPN]}),
    ]


def test_only_initiators_that_are_missing_are_added(server: ScriptedArray, array: WsapiArray) -> None:
    """The array refuses a path that this very host has (wsapi.md 2.10, code 73)."""
    server.answer = script({"GET /hosts/h1": host(IQN), "PUT /hosts/h1": Reply()})
    array.add_initiators("h1", (IQN, OTHER_IQN), ())
    array.add_initiators("h1", (IQN.upper(),), ())
    assert changes(server) == [("PUT /hosts/h1", {"pathOperation": 1, "iSCSINames": [OTHER_IQN]})]


def test_an_initiator_that_somebody_added_just_now_is_fine_one_of_another_host_is_not(
    server: ScriptedArray, array: WsapiArray
) -> None:
    server.answer = script({"GET /hosts/h1": [host(), host(IQN)], "PUT /hosts/h1": refusal(409, 73)})
    array.add_initiators("h1", (IQN,), ())
    server.answer = script({"GET /hosts/h1": host(), "PUT /hosts/h1": refusal(409, 73)})
    with pytest.raises(AlreadyExistsDifferently, match="another host has one of the initiators"):
        array.add_initiators("h1", (IQN,), ())
    server.answer = script({"GET /hosts/h1": refusal(404, 17)})
    with pytest.raises(NotFound):
        array.add_initiators("h1", (IQN,), ())


def test_hosts_are_found_by_initiator_and_compared_here_again(server: ScriptedArray, array: WsapiArray) -> None:
    mine = {"name": "h1", "persona": 2, "iSCSIPaths": [{"name": IQN}], "FCPaths": []}
    other = {"name": "h2", "persona": 2, "iSCSIPaths": [{"name": OTHER_IQN}], "FCPaths": []}
    server.answer = lambda _: Reply(body={"total": 3, "members": [mine, other, {"iSCSIPaths": [{"name": IQN}]}]})
    assert [found.name for found in array.hosts_of((IQN, WWPN.lower()))] == ["h1"]
    query = f'/hosts?query="FCPaths[wwn=={WWPN}] OR iSCSIPaths[name=={IQN}]"'
    assert unquote(server.calls[-1].path) == query
    assert array.hosts_of(()) == ()
    server.answer = lambda _: refusal(404, 17)
    assert array.hosts_of((IQN,)) == ()


def test_snapshots_of_remote_copy_and_running_copies_are_not_the_users(
    server: ScriptedArray, array: WsapiArray
) -> None:
    rows = [
        {"name": "nightly", "copyOf": "v1", "copyType": 3},
        {"name": "rcpy.12.3", "copyOf": "v1", "copyType": 3},
        {"name": "clone", "copyOf": "v1", "copyType": 2},
        {"name": "elsewhere", "copyOf": "v11", "copyType": 3},
    ]
    server.answer = lambda _: Reply(body={"total": 4, "members": rows})
    assert array.snapshots_of("v1") == ("nightly",)
    assert unquote(server.calls[-1].path) == '/volumes?query="copyOf EQ v1"'


def test_lists_take_one_request_each(server: ScriptedArray, array: WsapiArray) -> None:
    array.volumes(), array.groups(), array.vluns(), array.hosts(), array.targets(), array.ports()
    assert len(server.calls) == 6


def test_addresses_of_tagged_ports_are_asked_for(server: ScriptedArray, array: WsapiArray) -> None:
    port = {
        "portPos": {"node": 0, "slot": 3, "cardPort": 1},
        "protocol": 2,
        "type": 8,
        "mode": 2,
        "linkState": 4,
        "iSCSIName": "iqn.x",
        "iSCSIPortInfo": {"vlan": 1},
    }
    other = port | {"portPos": {"node": 0, "slot": 3, "cardPort": 2}, "IPAddr": "192.0.2.9"}
    server.answer = script(
        {
            "GET /ports": Reply(body={"total": 2, "members": [port, other]}),
            "GET /ports/0:3:1/iSCSIVlans/": Reply(body={"iSCSIVlans": [{"IPAddr": "192.0.2.5", "vlanTag": 7}]}),
            "GET /ports/0:3:2/iSCSIVlans/": refusal(404, 20),
        }
    )
    assert [port.address for port in array.ports()] == ["192.0.2.5", "192.0.2.9"]


def test_free_space_is_bytes(server: ScriptedArray, array: WsapiArray) -> None:
    server.answer = script({"POST /spacereporter": [Reply(body={"usableFreeMiB": 5}), refusal(404, 15)]})
    assert array.free_bytes("cpg1") == 5 << 20
    with pytest.raises(NotFound, match="CPG"):
        array.free_bytes("cpg1")
