"""JSON to records: what arrays send is read, what is wrong is named."""

import copy
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi.array import decode
from csi.array.codes import OddAnswer
from csi.array.records import (
    Group,
    GroupState,
    Host,
    Member,
    Policies,
    Port,
    Provisioning,
    ReplicationMode,
    Role,
    SyncState,
    Vlun,
)

VOLUME = {
    "id": 336,
    "name": "pvc-1",
    "wwn": "60002AC000000000000001500000B69E",
    "sizeMiB": 10240,
    "provisioningType": 6,
    "compressionState": 1,
    "copyType": 1,
    "userCPG": "SSD_r6",
    "snapCPG": "SSD_r6",
    "comment": "hello",
    "hostWriteMiB": 12.5,
}
HOST = {
    "id": 3,
    "name": "node-1",
    "persona": 2,
    "descriptors": {"comment": "mine", "os": "Linux"},
    "FCPaths": [
        {"wwn": "10000000C9A1B2C3", "portPos": {"node": 0, "slot": 2, "cardPort": 1}},
        {"wwn": "10000000C9A1B2C3", "portPos": {"node": 1, "slot": 2, "cardPort": 1}},
    ],
    "iSCSIPaths": [{"name": "iqn.1993-08.org.debian:01:abc", "IPAddr": "0.0.0.0"}],
}
GROUP = {
    "id": 7,
    "name": "rcg1",
    "role": 1,
    "remoteGroupName": "rcg1.r46750",
    "localUserCPG": "SSD_r6",
    "targets": [
        {
            "targetName": "array-b",
            "roleReversed": False,
            "state": 3,
            "mode": 1,
            "remoteUserCPG": "FC_r6",
            "policies": {"autoRecover": True, "overPeriodAlert": False, "autoFailover": True, "pathManagement": True},
        }
    ],
    "volumes": [
        {
            "localVolumeName": "v1",
            "localVolumeID": 1,
            "remoteVolumes": [
                {"targetName": "array-b", "remoteVolumeName": "v1", "remoteVolumeID": 2, "syncStatus": 3},
            ],
        }
    ],
}
VLUN = {
    "lun": 5,
    "volumeName": "v1",
    "hostname": "node-1",
    "active": True,
    "remoteName": "10000000C9A1B2C3",
    "portPos": {"node": 0, "slot": 2, "cardPort": 1},
    "type": 3,
}
ISCSI = {
    "portPos": {"node": 0, "slot": 3, "cardPort": 1},
    "protocol": 2,
    "type": 8,
    "mode": 2,
    "linkState": 4,
    "IPAddr": "192.0.2.10",
    "iSCSIName": "iqn.2000-05.com.3pardata:20310002ac00b69e",
    "iSCSIPortInfo": {"vlan": 0, "IPAddr": "192.0.2.10"},
}
FC = {
    "portPos": {"node": 1, "slot": 2, "cardPort": 1},
    "protocol": 1,
    "type": 1,
    "mode": 2,
    "linkState": 4,
    "portWWN": "21210002AC018D7C",
}
SYSTEM = {"id": 46750, "name": "a", "serialNumber": "1646750", "model": "HPE_3PAR 8200", "systemVersion": "3.3.1"}
TARGET = {"name": "array-b", "status": 2, "policies": {"mirrorConfig": True}}


def no_vlans(_: str) -> tuple[str, ...]:
    raise AssertionError("this port has no VLANs")


def fields(raw: object) -> decode.Fields:
    return decode.Fields(raw, "it")


def ports(raw: object, vlans: Callable[[str], tuple[str, ...]] = no_vlans) -> tuple[Port, ...]:
    return decode.host_ports(fields(raw), vlans)


def test_a_volume_is_read() -> None:
    volume = decode.volume(fields(VOLUME))
    assert (volume.wwn, volume.size_bytes) == ("60002ac000000000000001500000b69e", 10 << 30)
    assert (volume.provisioning, volume.compressed, volume.copy_of) == (Provisioning.DEDUP, True, "")
    assert decode.volume(fields(VOLUME | {"provisioningType": 99})).provisioning is Provisioning.OTHER


def test_a_host_has_each_initiator_once_however_often_it_is_logged_in() -> None:
    iqns, wwpns = ("iqn.1993-08.org.debian:01:abc",), ("10000000c9a1b2c3",)
    assert decode.host(fields(HOST)) == Host("node-1", iqns, wwpns, 2, "mine")


def test_initiators_without_a_host_are_left_out() -> None:
    assert decode.host(fields({"FCPaths": [{"wwn": "10000000C9A1B2C3"}], "iSCSIPaths": []})) is None


def test_a_group_is_read() -> None:
    assert decode.group(fields(GROUP)) == Group(
        name="rcg1",
        remote_name="rcg1.r46750",
        role=Role.PRIMARY,
        reversed=False,
        state=GroupState.STARTED,
        mode=ReplicationMode.SYNC,
        target="array-b",
        target_count=1,
        policies=Policies(auto_failover=True, path_management=True, auto_recover=True),
        local_cpg="SSD_r6",
        remote_cpg="FC_r6",
        members=(Member("v1", "v1", SyncState.SYNCED),),
    )


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (1, GroupState.NEW),
        (3, GroupState.STARTED),
        (5, GroupState.STOPPED),
        (7, GroupState.FAILSAFE),
        (9, GroupState.LOGGING),
        (0, GroupState.UNKNOWN),
        (77, GroupState.UNKNOWN),
    ],
)
def test_states_are_the_numbers_of_the_interface(number: int, state: GroupState) -> None:
    raw = copy.deepcopy(GROUP)
    raw["targets"][0]["state"] = number  # type: ignore[index]  # JSON made of nested literals
    assert decode.group(fields(raw)).state is state


def test_the_older_name_of_the_remote_cpg_is_understood() -> None:
    raw: dict[str, Any] = copy.deepcopy(GROUP)
    raw["targets"][0]["userCPG"] = raw["targets"][0].pop("remoteUserCPG")
    assert decode.group(fields(raw)).remote_cpg == "FC_r6"


def test_a_group_without_a_target_or_with_several_is_read_for_what_it_is() -> None:
    raw: dict[str, Any] = copy.deepcopy(GROUP)
    raw["targets"].append(raw["targets"][0] | {"targetName": "array-c", "state": 5})
    assert decode.group(fields(raw)).target_count == 2
    raw["targets"] = []
    group = decode.group(fields(raw))
    assert (group.target_count, group.target, group.state) == (0, "", GroupState.UNKNOWN)


def test_an_empty_group_has_no_members() -> None:
    assert decode.group(fields(GROUP | {"volumes": []})).members == ()
    assert decode.group(fields({key: GROUP[key] for key in GROUP if key != "volumes"})).members == ()


def test_active_and_template_rows_are_told_apart() -> None:
    assert decode.vlun(fields(VLUN)) == Vlun("v1", "node-1", 5, active=True, initiator="10000000c9a1b2c3")
    template = {**VLUN, "active": False, "portPos": {"node": 0, "slot": 2, "port": 1}}
    del template["remoteName"]
    assert decode.vlun(fields(template)) == Vlun("v1", "node-1", 5, active=False, position="0:2:1")


def test_host_ports_are_read_and_inner_ports_left_out() -> None:
    iqn = str(ISCSI["iSCSIName"])
    assert ports(ISCSI) == (Port("0:3:1", "iscsi", True, "192.0.2.10", iqn),)
    assert ports(FC) == (Port("1:2:1", "fc", True, wwpn="21210002ac018d7c"),)
    for change in ({"protocol": 4}, {"mode": 3}, {"mode": 4}, {"type": 2}, {"type": 5}, {"type": 7}):
        assert ports(FC | change) == ()


def test_ports_that_cannot_be_used_now_are_there_but_not_ready() -> None:
    assert [port.ready for port in ports(ISCSI | {"linkState": 10})] == [False]
    assert [port.ready for port in ports(ISCSI | {"mode": 1})] == [False]
    (unset,) = ports(ISCSI | {"IPAddr": "0.0.0.0", "iSCSIPortInfo": {"vlan": 0}})
    assert (unset.ready, unset.address) == (False, "")
    down = {key: FC[key] for key in FC if key != "portWWN"} | {"linkState": 10}
    assert [port.ready for port in ports(down)] == [False]


def test_a_tagged_port_is_one_port_for_each_of_its_addresses() -> None:
    tagged = ISCSI | {"IPAddr": "0.0.0.0", "iSCSIPortInfo": {"vlan": 1}}
    found = ports(tagged, lambda position: ("192.0.2.11", "192.0.2.12") if position == "0:3:1" else ())
    assert [(port.address, port.ready) for port in found] == [("192.0.2.11", True), ("192.0.2.12", True)]


@pytest.mark.parametrize(
    ("status", "ready"), [(2, True), ("ready", True), ("Ready", True), (5, False), ("failed", False), (None, True)]
)
def test_a_targets_status_is_a_number_or_a_word(status: object, ready: bool) -> None:
    assert decode.target(fields(TARGET | {"status": status})).ready is ready


def test_a_witness_is_told_in_words() -> None:
    assert decode.target(fields(TARGET)).witness == ""
    assert decode.target(fields(TARGET | {"quorumWitness": {"status": 4}})).witness == "active"
    assert decode.target(fields(TARGET | {"quorumWitness": {"status": "Failsafe"}})).witness == "failsafe"
    assert decode.target(fields(TARGET | {"quorumStatus": "Active"})).witness == "active"
    assert decode.target(fields(TARGET | {"quorumWitness": {"status": 99}})).witness == "status 99"


def test_licences_are_listed_where_they_are_told() -> None:
    told = SYSTEM | {"licenseInfo": {"licenses": [{"name": "Remote Copy", "expiryTimeSec": 0}, {}]}}
    assert decode.system(told).licenses == ("Remote Copy",)
    assert decode.system(SYSTEM).licenses == ()


@pytest.mark.parametrize(
    ("location", "lun"),
    [
        ("/api/v1/vluns/v1,5,node-1", 5),
        ("/api/v1/vluns/v1,0,set:nodes", 0),
        ("https://192.0.2.1:8080/api/v1/vluns/v1,12,node-1,0:2:1", 12),
        ("", None),
        ("/api/v1/vluns/v1", None),
        ("/api/v1/vluns/v1,x,node-1", None),
        ("/api/v1/vluns/v1,-1,node-1", None),
    ],
)
def test_the_lun_is_in_the_location(location: str, lun: int | None) -> None:
    assert decode.lun_of(location) == lun


def test_fewer_rows_than_announced_are_not_taken_for_all() -> None:
    with pytest.raises(OddAnswer, match="lists 1 of its 2 volumes"):
        decode.members({"total": 2, "members": [{}]}, "volumes")
    assert decode.members({"total": 0}, "volumes") == ()


READERS: dict[str, tuple[dict[str, Any], Callable[[decode.Fields], object], tuple[str, ...]]] = {
    "volume": (VOLUME, decode.volume, ("name", "wwn", "sizeMiB", "provisioningType")),
    "group": (GROUP, decode.group, ("name", "role")),
    "vlun": (VLUN, decode.vlun, ("lun", "volumeName", "active")),
    "target": (TARGET, decode.target, ("name",)),
    "iscsi": (ISCSI, lambda raw: decode.host_ports(raw, no_vlans), ()),
    "fc": (FC, lambda raw: decode.host_ports(raw, no_vlans), ("portWWN",)),
    "host": (HOST, decode.host, ()),
}


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name, (_, _, required) in READERS.items() for key in required]
)
def test_a_field_that_is_missing_is_named(name: str, key: str) -> None:
    raw, read, _ = READERS[name]
    for broken in ({k: v for k, v in raw.items() if k != key}, raw | {key: None}):
        with pytest.raises(OddAnswer, match=f"'{key}'"):
            read(fields(broken))


@pytest.mark.parametrize("key", ["targetName", "roleReversed", "state", "mode"])
def test_a_field_that_is_missing_in_a_groups_target_is_named(key: str) -> None:
    raw: dict[str, Any] = copy.deepcopy(GROUP)
    del raw["targets"][0][key]
    with pytest.raises(OddAnswer, match=f"'{key}' of targets of it"):
        decode.group(fields(raw))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_whatever_stands_in_a_field_the_answer_is_read_or_named(data: st.DataObject) -> None:
    raw, read, _ = READERS[data.draw(st.sampled_from(sorted(READERS)))]
    key = data.draw(st.sampled_from(sorted(raw)))
    broken = copy.deepcopy(raw) | {key: data.draw(json_values)}
    with suppress(OddAnswer):  # any other error fails the test
        read(fields(broken))
