from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi.access import AccessProtocol
from csi.array.records import Provisioning
from csi.errors import InvalidRequest
from csi.settings.model import ArraySettings, Backend, Secret, Settings
from csi.volumes.foreign_parameters import NOT_YET
from csi.volumes.parameters import KEYS, VolumeParameters, parse

NAME = "1 to 31 letters, digits, '_', '-', '.', not beginning with '-' or '.'"
SECONDS = "whole seconds, 0 to 999999999"
KNOWN = (
    "backend, replicationGroup, provisioning, compression, cpg, snapCpg, mountConflictDelay, accessProtocol, "
    "csi.storage.k8s.io/fstype, fsOwner, fsMode"
)


def array(label: str) -> ArraySettings:
    return ArraySettings(label, f"https://{label}/api/v1", "edit", Secret("hunter2"))


METRO = Backend(
    name="metro",
    protocol=AccessProtocol.ISCSI,
    source=array("a"),
    cpg="SSD",
    snap_cpg="SNAP",
    target=array("b"),
    quorum_witness="192.0.2.5",
    cpg_map={"SSD": "SSD2", "NL": "NL2"},
    snap_cpg_map={"SNAP": "SNAP2"},
)
PLAIN = Backend(name="plain", protocol=AccessProtocol.FC, source=array("c"), cpg="NL")
SETTINGS = Settings({"metro": METRO, "plain": PLAIN})
ONE = Settings({"metro": METRO})


def refused(parameters: dict[str, str], settings: Settings = ONE) -> str:
    with pytest.raises(InvalidRequest) as caught:
        parse(parameters, settings)
    text = str(caught.value)
    assert text.startswith("StorageClass parameters: ")
    return text.removeprefix("StorageClass parameters: ")


def test_nothing_said_is_a_thin_volume_on_the_source() -> None:
    assert parse({}, ONE) == VolumeParameters(backend="metro")


def test_everything_said_is_read() -> None:
    parameters = {
        "backend": "metro",
        "replicationGroup": "k8s_metro",
        "provisioning": "dedup",
        "compression": "true",
        "cpg": "NL",
        "snapCpg": "SNAP",
        "mountConflictDelay": "30",
        "accessProtocol": "fc",
        "csi.storage.k8s.io/fstype": "xfs",
        "fsOwner": "1000:0",
        "fsMode": "0750",
        "csi.storage.k8s.io/pvc/name": "claim",
        "csi.storage.k8s.io/pvc/namespace": "",
        "csi.storage.k8s.io/pv/name": "pvc-1",
    }
    assert parse(parameters, SETTINGS) == VolumeParameters(
        backend="metro",
        replication_group="k8s_metro",
        provisioning=Provisioning.DEDUP,
        compressed=True,
        cpg="NL",
        snap_cpg="SNAP",
        mount_conflict_delay_seconds=30,
        protocol=AccessProtocol.FC,
        fs_type="xfs",
        fs_owner="1000:0",
        fs_mode="0750",
        metadata={
            "csi.storage.k8s.io/pvc/name": "claim",
            "csi.storage.k8s.io/pvc/namespace": "",
            "csi.storage.k8s.io/pv/name": "pvc-1",
        },
    )


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"provisioning": "FULL"}, {"provisioning": Provisioning.FULL}),
        ({"provisioningType": "tpvv"}, {"provisioning": Provisioning.THIN}),
        ({"provisioning_type": "Full"}, {"provisioning": Provisioning.FULL}),
        ({"provisioningType": "reduce"}, {"provisioning": Provisioning.DEDUP, "compressed": True}),
        (
            {"provisioningType": "reduce", "compression": "true"},
            {"provisioning": Provisioning.DEDUP, "compressed": True},
        ),
        ({"provisioning": "full", "compression": "False"}, {"provisioning": Provisioning.FULL}),
        ({"provisioning": "thin", "provisioningType": "tpvv"}, {"provisioning": Provisioning.THIN}),
        ({"compression": "TRUE"}, {"compressed": True}),
        ({"snapcpg": "S"}, {"snap_cpg": "S"}),
        ({"snap_cpg": "S"}, {"snap_cpg": "S"}),
        ({"CPG": "S", "cpg": "S"}, {"cpg": "S"}),
        ({"replicationgroup": "G"}, {"replication_group": "G"}),
        ({"remoteCopyGroup": "G"}, {"replication_group": "G"}),
        ({"remoteCopyGroup": "G", "replicationGroup": "G"}, {"replication_group": "G"}),
        ({"MountConflictDelay": "0"}, {"mount_conflict_delay_seconds": 0}),
        ({"mountConflictDelay": "030"}, {"mount_conflict_delay_seconds": 30}),
        ({"accessProtocol": "ISCSI"}, {"protocol": AccessProtocol.ISCSI}),
        ({"fsType": "EXT4"}, {"fs_type": "ext4"}),
        ({"fsOwner": "0:4294967294"}, {"fs_owner": "0:4294967294"}),
        ({"fsMode": "755"}, {"fs_mode": "0755"}),
        ({"fsMode": "0002775"}, {"fs_mode": "2775"}),
        ({"hostSeesVLUN": "True"}, {}),
        ({"replicationPolicy": ""}, {}),
        ({"replicationPolicy": "Classic"}, {}),
        ({"oneRcgPerPvc": "false"}, {}),
    ],
)
def test_other_spellings_mean_the_same(parameters: dict[str, str], expected: dict[str, Any]) -> None:
    assert parse(parameters, ONE) == VolumeParameters(backend="metro", **expected)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"provisioning": "thick"}, "provisioning 'thick' is not valid (allowed: thin, dedup, full, tpvv, reduce)"),
        ({"provisioningType": ""}, "provisioningType '' is not valid (allowed: thin, dedup, full, tpvv, reduce)"),
        ({"compression": "yes"}, "compression 'yes' is not valid (allowed: true, false)"),
        ({"accessProtocol": "nvmetcp"}, "accessProtocol 'nvmetcp' is not valid (allowed: iscsi, fc)"),
        (
            {"csi.storage.k8s.io/fstype": "btrfs"},
            "csi.storage.k8s.io/fstype 'btrfs' is not valid (allowed: ext4, xfs)",
        ),
        ({"cpg": "a b"}, f"cpg 'a b' is not valid (allowed: {NAME})"),
        ({"snapCpg": ""}, f"snapCpg '' is not valid (allowed: {NAME})"),
        ({"mountConflictDelay": "-1"}, "mountConflictDelay '-1' is not valid (allowed: whole seconds, 0 to 999999999)"),
        (
            {"mountConflictDelay": "30s"},
            f"mountConflictDelay '30s' is not valid (allowed: {SECONDS})",
        ),
        ({"mountConflictDelay": "٣"}, "mountConflictDelay '٣' is not valid (allowed: whole seconds, 0 to 999999999)"),
        (
            {"mountConflictDelay": "9" * 5000},
            f"mountConflictDelay '{'9' * 77}...' is not valid (allowed: {SECONDS})",
        ),
        ({"fsOwner": "root:root"}, "fsOwner 'root:root' is not valid (allowed: uid:gid, both as numbers)"),
        ({"fsOwner": "1"}, "fsOwner '1' is not valid (allowed: uid:gid, both as numbers)"),
        ({"fsOwner": "0:4294967295"}, "fsOwner '0:4294967295' is not valid (allowed: uid:gid, both as numbers)"),
        ({"fsMode": "u+x"}, "fsMode 'u+x' is not valid (allowed: 1 to 7 octal digits, at most 7777)"),
        ({"fsMode": "0788"}, "fsMode '0788' is not valid (allowed: 1 to 7 octal digits, at most 7777)"),
        ({"fsMode": "00000755"}, "fsMode '00000755' is not valid (allowed: 1 to 7 octal digits, at most 7777)"),
        ({"fsMode": "10000"}, "fsMode '10000' is not valid (allowed: 1 to 7 octal digits, at most 7777)"),
        (
            {"replicationGroup": ""},
            "replicationGroup '' is not valid (allowed: a group's name, or no such key for a volume on one array)",
        ),
        (
            {"replicationGroup": "g" * 23},
            f"replicationGroup '{'g' * 23}' has 23 characters, an array takes 22 "
            "(The array appends '.r<system id>' for the group's other half; choose a shorter name)",
        ),
        (
            {"remoteCopyGroup": "${pvc.namespace}"},
            "replicationGroup '${pvc.namespace}' has characters an array refuses "
            "(Use letters, digits, '_', '-' and '.', beginning with a letter, a digit or '_')",
        ),
        (
            {"backend": ""},
            "backend '' is not valid (allowed: a backend of the settings, or no such key for the default one)",
        ),
        ({"backend": "metr"}, "backend 'metr' is not in the settings (Known backends: metro)"),
        (
            {"hostSeesVLUN": "false"},
            "hostSeesVLUN 'false' is not valid (allowed: true; volumes are always exported by host-sees VLUNs)",
        ),
        (
            {"replicationPolicy": "Active"},
            "replicationPolicy 'active' is not supported yet (allowed: no such key, for classic Peer Persistence)",
        ),
        ({"replicationPolicy": "x"}, "replicationPolicy 'x' is not valid (allowed: classic)"),
        (
            {"oneRcgPerPvc": "true"},
            "oneRcgPerPvc 'true' is not supported yet (allowed: false, and replicationGroup for the group's name)",
        ),
        ({"oneRcgPerPvc": "x"}, "oneRcgPerPvc 'x' is not valid (allowed: false)"),
        ({"replicationGrp": "g"}, "unknown key 'replicationGrp' (did you mean replicationGroup?)"),
        ({"provisoning": "thin"}, "unknown key 'provisoning' (did you mean provisioning?)"),
        (
            {"csi.storage.k8s.io/pvc/nam": "x"},
            "unknown key 'csi.storage.k8s.io/pvc/nam' (did you mean csi.storage.k8s.io/pvc/name?)",
        ),
        ({"zzz": "x"}, f"unknown key 'zzz' (known keys: {KNOWN})"),
        ({"": "x"}, f"unknown key '' (known keys: {KNOWN})"),
        ({"z" * 200: "x"}, f"unknown key '{'z' * 77}...' (known keys: {KNOWN})"),
        (
            {"snapCpg": "A", "snapcpg": "B"},
            "snapCpg 'A' and snapcpg 'B' contradict each other (allowed: one of them)",
        ),
        (
            {"remoteCopyGroup": "A", "replicationGroup": "B"},
            "remoteCopyGroup 'A' and replicationGroup 'B' contradict each other (allowed: one of them)",
        ),
        (
            {"provisioningType": "reduce", "compression": "false"},
            "provisioningType 'reduce' and compression 'false' contradict each other (allowed: one of them)",
        ),
        (
            {"provisioning": "full", "compression": "true"},
            "a fully provisioned volume cannot be compressed (allowed: provisioning thin or dedup)",
        ),
        (
            {"replicationGroup": "g", "cpg": "SAS"},
            "cpg 'SAS' has no counterpart on the target array of backend metro "
            "(allowed: SSD, NL; more by the backend's cpgMap)",
        ),
        (
            {"replicationGroup": "g", "snapCpg": "SAS"},
            "snapCpg 'SAS' has no counterpart on the target array of backend metro "
            "(allowed: SNAP; more by the backend's snapCpgMap)",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(parameters: dict[str, str], sentence: str) -> None:
    assert refused(parameters) == sentence


def test_a_group_needs_a_backend_with_two_arrays() -> None:
    assert refused({"replicationGroup": "g", "backend": "plain"}, SETTINGS) == (
        "replicationGroup 'g' needs two arrays, and backend plain has one "
        "(allowed: a backend with target, quorumWitness, cpgMap and snapCpgMap in the settings)"
    )


def test_a_cpg_needs_no_counterpart_without_a_group() -> None:
    assert parse({"cpg": "SAS", "snapCpg": "SAS"}, ONE).cpg == "SAS"


def test_the_snapshot_cpg_follows_the_cpg_where_nothing_else_is_said() -> None:
    backend = Backend("b", AccessProtocol.FC, array("a"), "SSD", "", array("b"), "w", {"SSD": "X"}, {"SNAP": "Y"})

    assert refused({"replicationGroup": "g"}, Settings({"b": backend})) == (
        "snapCpg 'SSD' has no counterpart on the target array of backend b "
        "(allowed: SNAP; more by the backend's snapCpgMap)"
    )


def test_without_a_backend_the_default_one_must_be_clear() -> None:
    default = Backend("DEFAULT", AccessProtocol.FC, array("c"), "NL")

    assert refused({}, SETTINGS) == "backend 'DEFAULT' is not in the settings (Known backends: metro, plain)"
    assert parse({}, Settings({"metro": METRO, "DEFAULT": default})).backend == "DEFAULT"


def test_all_mistakes_are_told_at_once() -> None:
    assert refused({"cgp": "x", "compression": "x", "backend": "x"}) == (
        "unknown key 'cgp' (did you mean cpg?); compression 'x' is not valid (allowed: true, false); "
        "backend 'x' is not in the settings (Known backends: metro)"
    )


@pytest.mark.parametrize("key", sorted(NOT_YET))
def test_a_key_of_a_later_feature_is_refused_not_ignored(key: str) -> None:
    advice = NOT_YET[key]

    assert refused({key.upper(): "x"}) == f"{key.upper()} is not supported yet" + (f"; {advice}" if advice else "")


#: Some keys in other spellings too, and values that fit some of them.
SPELLINGS = [*KEYS, "remoteCopyGroup", "provisioningType", "fsType", "hostSeesVLUN"]
WORDS = ["", "metro", "plain", "thin", "full", "reduce", "true", "false", "SSD", "SNAP", "0", "30", "fc", "xfs", "1:2"]


@given(
    st.dictionaries(st.sampled_from(SPELLINGS) | st.text(max_size=10), st.sampled_from(WORDS) | st.text(max_size=10))
)
def test_any_parameters_are_read_or_refused(parameters: dict[str, str]) -> None:
    """Nothing but InvalidRequest ever comes out, and what is read holds what later rooms rely on."""
    try:
        wanted = parse(parameters, SETTINGS)
    except InvalidRequest:
        return
    assert wanted.backend in SETTINGS.backends
    assert not (wanted.compressed and wanted.provisioning is Provisioning.FULL)
    assert not (wanted.replication_group and wanted.backend == "plain")
    assert wanted.mount_conflict_delay_seconds is None or wanted.mount_conflict_delay_seconds >= 0


@given(
    st.permutations(["provisioningType:reduce", "compression:true", "cpg:SSD", "CPG:SSD", "fsMode:755", "fsmode:0755"])
)
def test_the_order_of_keys_does_not_matter(pairs: list[str]) -> None:
    parameters = dict(pair.split(":") for pair in pairs)

    assert parse(parameters, ONE) == VolumeParameters(
        backend="metro", provisioning=Provisioning.DEDUP, compressed=True, cpg="SSD", fs_mode="0755"
    )
