"""What the port promises, kept against both families of simulated arrays over TLS."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from arraysim.core import dataplane, snapshots
from csi.array.records import (
    PEER_PERSISTENCE,
    Cpg,
    GroupState,
    GroupWish,
    Host,
    Member,
    Policies,
    Provisioning,
    ReplicationMode,
    Role,
    SyncState,
    Vlun,
    VolumeWish,
)
from csi.errors import (
    AlreadyExistsDifferently,
    DriverError,
    GroupInTransition,
    NotFound,
    OutOfRange,
    StillInUse,
)
from tests.contract.array.conftest import GIB, Site

IQN, OTHER_IQN = "iqn.1993-08.org.debian:01:abc", "iqn.1993-08.org.debian:01:def"
WWPN = "10000000c9a1b2c3"


def test_arrays_tell_who_they_are(site: Site) -> None:
    system = site.a.system()
    assert (system.system_id, system.serial, system.name) == (46750, "1646750", "array-a")
    assert site.b.system().system_id != system.system_id
    assert "Remote Copy" in system.licenses


def test_ports_of_the_data_path_are_listed_in_order(site: Site) -> None:
    ports = site.a.ports()
    assert [port.position for port in ports] == sorted(port.position for port in ports)
    assert {port.protocol for port in ports} == {"iscsi", "fc"}
    assert all(port.ready for port in ports)
    iscsi = next(port for port in ports if port.protocol == "iscsi")
    assert iscsi.address.startswith("127.0.1.")
    assert iscsi.iqn.startswith("iqn.2000-05.com.3pardata:")


def test_targets_tell_contact_and_mirroring(site: Site) -> None:
    (target,) = site.a.targets()
    assert (target.name, target.ready, target.mirror_config, target.witness) == ("array-b", True, True, "active")
    with site.lab.lock:
        site.lab.pair.cut_link()
    site.settle()
    assert [target.ready for target in site.a.targets()] == [False]


def test_cpgs_and_their_space(site: Site) -> None:
    assert site.a.cpg("SSD_r6") == Cpg("SSD_r6")
    assert site.a.cpg("nothing") is None
    assert site.a.free_bytes("SSD_r6") > GIB
    assert site.a.largest_volume_bytes() >= 16 << 40
    with pytest.raises(NotFound, match="array-a"):
        site.a.free_bytes("nothing")


def test_a_volume_is_made_read_and_deleted(site: Site) -> None:
    site.make_volume("v1", size_bytes=10 * GIB)
    volume = site.a.volume("v1")
    assert volume is not None
    assert (volume.size_bytes, volume.cpg, volume.comment) == (10 * GIB, "SSD_r6", "made for v1")
    assert (volume.provisioning, volume.compressed, len(volume.wwn)) == (Provisioning.THIN, False, 32)
    assert site.a.volumes() == (volume,)
    site.a.set_comment("v1", "other words")
    assert site.a.volume("v1") == replace(volume, comment="other words")
    site.a.delete_volume("v1")
    site.a.delete_volume("v1")
    assert site.a.volume("v1") is None


def test_space_saving_volumes_read_back_as_asked(site: Site) -> None:
    site.a.create_volume(VolumeWish("v1", 16 * GIB, "SSD_r6", "", Provisioning.DEDUP, True, ""))
    volume = site.a.volume("v1")
    assert volume is not None
    assert (volume.provisioning, volume.compressed) == (Provisioning.DEDUP, True)


def test_volumes_that_cannot_be_made_are_told_apart(site: Site) -> None:
    site.make_volume("v1")
    wish = VolumeWish("v1", GIB, "SSD_r6", "", Provisioning.THIN, False, "")
    with pytest.raises(AlreadyExistsDifferently, match=r"array-a: creating volume v1.*vendor code 22"):
        site.a.create_volume(wish)
    with pytest.raises(NotFound, match="CPG"):
        site.a.create_volume(replace(wish, name="v2", cpg="nothing"))
    with pytest.raises(OutOfRange):
        site.a.create_volume(replace(wish, name="v2", size_bytes=site.a.largest_volume_bytes() + (256 << 20)))
    with pytest.raises(NotFound):
        site.a.set_comment("v9", "x")


def test_a_volume_in_use_is_not_deleted(site: Site) -> None:
    site.make_volume("v1")
    site.a.create_host("h1", (IQN,), (), "")
    site.a.export("v1", "h1")
    with pytest.raises(StillInUse, match="exported"):
        site.a.delete_volume("v1")
    with pytest.raises(StillInUse, match="exported"):
        site.a.delete_host("h1")


def test_snapshots_are_those_of_users(site: Site) -> None:
    site.make_volume("v1")
    site.make_volume("v2")
    with site.lab.lock:
        array = site.lab.pair.array("array-a")
        snapshots.make(array, array.find_volume("v1"), "nightly", read_only=True)
        snapshots.make(array, array.find_volume("v1"), "rcpy.1.2", read_only=True)
    assert site.a.snapshots_of("v1") == ("nightly",)
    assert site.a.snapshots_of("v2") == site.a.snapshots_of("v9") == ()
    with pytest.raises(StillInUse, match="snapshots"):
        site.a.delete_volume("v1")


def test_hosts_are_made_grown_and_found_by_any_initiator(site: Site) -> None:
    site.a.create_host("h1", (IQN,), (WWPN.upper(),), "node one")
    assert site.a.host("h1") == Host("h1", (IQN,), (WWPN,), 2, "node one")
    site.a.add_initiators("h1", (IQN, OTHER_IQN), (WWPN,))
    (host,) = site.a.hosts()
    assert host.iqns == (IQN, OTHER_IQN)
    for initiators in ((IQN,), (OTHER_IQN, "iqn.2001-01.x:nobody"), (WWPN,), (WWPN.upper(), IQN)):
        assert site.a.hosts_of(initiators) == (host,)
    assert site.a.hosts_of(("iqn.2001-01.x:nobody",)) == ()
    assert site.a.host("h9") is None
    site.a.delete_host("h1")
    site.a.delete_host("h1")
    assert site.a.hosts() == ()


def test_an_initiator_belongs_to_one_host(site: Site) -> None:
    site.a.create_host("h1", (IQN,), (), "")
    with pytest.raises(AlreadyExistsDifferently, match="name is taken"):
        site.a.create_host("h1", (OTHER_IQN,), (), "")
    with pytest.raises(AlreadyExistsDifferently, match="initiators"):
        site.a.create_host("h2", (IQN,), (), "")
    site.a.create_host("h2", (), (WWPN,), "")
    with pytest.raises(AlreadyExistsDifferently, match="initiators"):
        site.a.add_initiators("h2", (IQN,), ())
    with pytest.raises(NotFound):
        site.a.add_initiators("h9", (OTHER_IQN,), ())


def test_exports_come_and_go(site: Site) -> None:
    site.make_volume("v1")
    site.make_volume("v11")
    site.a.create_host("h1", (IQN,), (), "")
    lun = site.a.export("v1", "h1")
    other = site.a.export("v11", "h1")
    assert lun != other
    template = Vlun("v1", "h1", lun, active=False)
    assert site.a.vluns("v1") == (template,)
    assert set(site.a.vluns()) == {template, Vlun("v11", "h1", other, active=False)}
    position = next(port.position for port in site.a.ports() if port.protocol == "iscsi")
    with site.lab.lock:
        dataplane.login(site.lab.pair.array("array-a"), IQN, position)
    active = [row for row in site.a.vluns("v1") if row.active]
    assert active == [Vlun("v1", "h1", lun, active=True, initiator=IQN)]
    site.a.unexport(template)
    site.a.unexport(template)
    assert site.a.vluns("v1") == ()
    with pytest.raises(NotFound, match="volume"):
        site.a.export("v9", "h1")
    with pytest.raises(NotFound, match="host"):
        site.a.export("v1", "h9")


def test_a_peer_persistence_group_from_birth_to_end(site: Site) -> None:
    site.make_volume("v1")
    site.make_group()
    site.a.set_policies("rcg1", "array-b", PEER_PERSISTENCE)
    site.a.admit("rcg1", "v1", "array-b", "v1")
    site.a.admit("rcg1", "v1", "array-b", "v1")
    site.a.start_group("rcg1")
    site.a.start_group("rcg1")
    site.settle()

    group = site.a.group("rcg1")
    assert group is not None
    assert (group.role, group.state, group.mode, group.reversed) == (
        Role.PRIMARY,
        GroupState.STARTED,
        ReplicationMode.SYNC,
        False,
    )
    assert (group.target, group.target_count, group.local_cpg, group.remote_cpg) == ("array-b", 1, "SSD_r6", "NL_r6")
    assert (group.policies, group.members) == (PEER_PERSISTENCE, (Member("v1", "v1", SyncState.SYNCED),))
    assert (site.a.groups(), group.remote_name) == ((group,), "rcg1.r46750")

    peer = site.b.group(group.remote_name)
    assert peer is not None
    assert (peer.role, peer.remote_name, peer.has("v1")) == (Role.SECONDARY, "rcg1", True)
    mine, twin = site.a.volume("v1"), site.b.volume("v1")
    assert mine is not None
    assert twin is not None
    assert (twin.wwn, twin.size_bytes, twin.cpg) == (mine.wwn, mine.size_bytes, "NL_r6")

    site.a.stop_group("rcg1")
    site.a.stop_group("rcg1")
    site.a.dismiss("rcg1", "v1", remove_twin=True)
    site.a.dismiss("rcg1", "v1", remove_twin=True)
    assert site.b.volume("v1") is None
    site.a.delete_group("rcg1")
    site.a.delete_group("rcg1")
    assert site.a.groups() == site.b.groups() == ()
    site.a.dismiss("rcg1", "v1", remove_twin=True)


def test_dismissing_may_keep_the_twin(site: Site) -> None:
    site.make_volume("v1")
    site.make_group()
    site.a.admit("rcg1", "v1", "array-b", "v1")
    site.a.dismiss("rcg1", "v1", remove_twin=False)
    assert site.b.volume("v1") is not None


def test_policies_are_told_one_by_one(site: Site) -> None:
    site.make_group()
    wish = Policies(auto_failover=False, path_management=True, auto_recover=False)
    site.a.set_policies("rcg1", "array-b", wish)
    group = site.a.group("rcg1")
    assert group is not None
    assert group.policies == wish


def test_a_started_group_keeps_its_members(site: Site) -> None:
    site.make_volume("v1")
    site.make_volume("v2")
    site.make_group()
    site.a.admit("rcg1", "v1", "array-b", "v1")
    site.a.start_group("rcg1")
    site.settle()
    changes: tuple[Callable[[], None], ...] = (
        lambda: site.a.admit("rcg1", "v2", "array-b", "v2"),
        lambda: site.a.dismiss("rcg1", "v1", remove_twin=True),
        lambda: site.a.delete_group("rcg1"),
    )
    for change in changes:
        with pytest.raises(GroupInTransition, match=r"group is started.*vendor code 215"):
            change()
    site.a.stop_group("rcg1")
    with pytest.raises(StillInUse, match="Remote Copy group"):
        site.a.delete_volume("v1")


def test_groups_that_cannot_be_made_are_told_apart(site: Site) -> None:
    site.make_group()
    with pytest.raises(AlreadyExistsDifferently):
        site.make_group()
    wish = GroupWish("rcg2", "array-b", "SSD_r6", "", "NL_r6", "")
    for wrong in (replace(wish, target="nowhere"), replace(wish, local_cpg="nothing"), replace(wish, name="x" * 40)):
        with pytest.raises(DriverError, match="array-a: creating group"):
            site.a.create_group(wrong)
    assert len(site.a.groups()) == 1
    with pytest.raises(GroupInTransition, match="group is gone"):
        site.a.start_group("rcg2")


def test_changes_on_the_secondary_side_are_left_to_the_primary(site: Site) -> None:
    site.make_volume("v1")
    site.make_group()
    site.a.admit("rcg1", "v1", "array-b", "v1")
    with pytest.raises(GroupInTransition, match="roles"):
        site.b.dismiss("rcg1.r46750", "v1", remove_twin=False)


def test_a_name_that_is_taken_on_the_other_array_stops_admission(site: Site) -> None:
    site.make_volume("v1")
    site.b.create_volume(VolumeWish("v1", GIB, "SSD_r6", "", Provisioning.THIN, False, "somebody else's"))
    site.make_group()
    with pytest.raises(AlreadyExistsDifferently):
        site.a.admit("rcg1", "v1", "array-b", "v1")


def test_lists_take_one_request_however_much_there_is(site: Site) -> None:
    site.make_group()
    site.a.create_host("h1", (IQN,), (), "")
    for number in range(5):
        site.make_volume(f"v{number}")
        site.a.admit("rcg1", f"v{number}", "array-b", f"v{number}")
        site.a.export(f"v{number}", "h1")
    assert site.asked(site.a.volumes) == ["GET /volumes"]
    assert site.asked(site.a.groups) == ["GET /remotecopygroups"]
    assert site.asked(site.a.vluns) == ["GET /vluns"]
    assert site.asked(lambda: site.a.vluns("v1")) == ["GET /vluns"]
    assert site.asked(lambda: site.a.group("rcg1")) == ["GET /remotecopygroups/rcg1"]
