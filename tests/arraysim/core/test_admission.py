import pytest

from arraysim.core import groups, hosts, snapshots, starting, vluns, volumes
from arraysim.core.admission import NewMember, admit, dismiss
from arraysim.core.faults import Refusal
from arraysim.core.invariants import deep_check
from arraysim.core.objects import SyncStatus
from tests.arraysim.core.world import World, refused

NEW = NewMember("v", "v", "array-b", auto_create=True)


@pytest.fixture
def world() -> World:
    world = World()
    world.volume()
    world.group()
    return world


def test_the_twin_is_made_alike_with_the_same_wwn(world: World):
    admit(world.a, "g", NEW)
    mine, twin = world.a.volumes["v"], world.b.volumes["v"]
    assert (twin.wwn, twin.size_mib, twin.provisioning) == (mine.wwn, mine.size_mib, mine.provisioning)
    assert twin.cpg == "SSD_r6"
    assert world.near.members["v"].status is world.far.members["v"].status is SyncStatus.NEW


def test_a_started_group_admits_nothing(world: World):
    starting.start(world.a, "g")
    with refused(Refusal.RCOPY_GROUP_STARTED):
        admit(world.a, "g", NEW)


def test_some_arrays_admit_to_a_started_group_and_synchronize_at_once():
    world = World(admit_to_started_group=True)
    world.volume()
    world.group()
    starting.start(world.a, "g")
    admit(world.a, "g", NEW)
    world.clock.advance(1)
    assert world.near.members["v"].status is SyncStatus.SYNCED


def test_the_secondary_side_admits_nothing(world: World):
    with refused(Refusal.ONLY_ON_PRIMARY_SIDE):
        admit(world.b, world.far.name, NewMember("v", "v", "array-a"))


@pytest.mark.parametrize(
    ("new", "refusal"),
    [
        (NewMember("nothing", "v", "array-b", auto_create=True), Refusal.NON_EXISTENT_VOL),
        (NewMember("v", "v", "array-c", auto_create=True), Refusal.RCOPY_GROUP_INV_TARGET),
        (NewMember("v", "v", "array-b"), Refusal.NON_EXISTENT_VOL_ON_TARGET),
        (NewMember("v", "v", "array-b", auto_create=True, different_wwn=True), Refusal.WWN_NOT_MATCH),
    ],
)
def test_what_a_member_names_must_fit(world: World, new: NewMember, refusal: Refusal):
    with refused(refusal):
        admit(world.a, "g", new)
    assert not world.near.members
    assert not world.b.volumes


def test_a_twin_of_that_name_must_not_exist_when_it_is_to_be_made(world: World):
    world.volume(array_name="array-b")
    with refused(Refusal.EXISTENT_VOL_ON_TARGET):
        admit(world.a, "g", NEW)


def test_a_volume_left_over_with_the_same_wwn_is_in_the_way(world: World):
    admit(world.a, "g", NEW)
    dismiss(world.a, "g", "v")
    with refused(Refusal.EXISTENT_VOL_WWN_ON_TARGET):
        admit(world.a, "g", NewMember("v", "other", "array-b", auto_create=True))


def test_a_volume_is_in_one_group_once(world: World):
    admit(world.a, "g", NEW)
    with refused(Refusal.VOL_IN_THIS_GROUP):
        admit(world.a, "g", NEW)
    groups.create(world.a, groups.NewGroup("other", "array-b", remote_cpg="SSD_r6"))
    with refused(Refusal.VOL_IN_OTHER_GROUP):
        admit(world.a, "other", NEW)


def test_a_group_without_a_remote_cpg_makes_no_twin(world: World):
    groups.create(world.a, groups.NewGroup("bare", "array-b"))
    with refused(Refusal.RCOPY_GROUP_HAS_NO_CPG):
        admit(world.a, "bare", NEW)


def test_a_snapshot_is_no_member(world: World):
    snapshots.take(world.a, "v", snapshots.NewSnapshot("s"))
    with refused(Refusal.VOL_IS_SNAPSHOT):
        admit(world.a, "g", NewMember("s", "s", "array-b", auto_create=True))


def test_an_existing_twin_must_be_as_large_unexported_and_of_the_same_wwn(world: World):
    volumes.create(world.b, volumes.NewVolume("v", "SSD_r6", 512))
    existing = NewMember("v", "v", "array-b")
    with refused(Refusal.VOL_SIZE_NOT_MATCH):
        admit(world.a, "g", existing)
    volumes.grow(world.b, "v", 512)
    with refused(Refusal.WWN_NOT_MATCH):
        admit(world.a, "g", existing)
    volumes.modify(world.b, "v", volumes.VolumeChange(wwn=world.a.volumes["v"].wwn))
    world.exported()
    with refused(Refusal.TARGET_VOL_EXPORTED):
        admit(world.a, "g", existing)
    vluns.delete(world.b, vluns.VlunKey("v", 0, "h", ""))
    admit(world.a, "g", existing)


def test_without_contact_nothing_is_admitted_or_dismissed(world: World):
    admit(world.a, "g", NEW)
    world.volume("w")
    world.pair.power_off("array-b")
    with refused(Refusal.RCOPY_TARGET_IS_NOT_READY):
        admit(world.a, "g", NewMember("w", "w", "array-b", auto_create=True))
    with refused(Refusal.RCOPY_TARGET_IS_NOT_READY):
        dismiss(world.a, "g", "v", remove_secondary=True)
    assert list(world.b.volumes) == ["v"]


def test_a_group_takes_300_volumes():
    world = World()
    world.group()
    for number in range(300):
        world.volume(f"v{number}", 256)
        world.admit(f"v{number}")
    world.volume("one-more", 256)
    with refused(Refusal.RCOPY_GROUP_MAX_VOLUMES):
        world.admit("one-more")


def test_some_arrays_export_the_twin_like_the_volume():
    world = World(admit_mirrors_vluns=True)
    world.volume()
    for array in world.pair.arrays:
        hosts.create(array, hosts.NewHost("h", ("iqn.x",)))
    vluns.create(world.a, vluns.NewVlun("v", "h", lun=9))
    world.group()
    world.admit()
    assert [(vlun.volume.name, vlun.lun) for vlun in world.b.vluns] == [("v", 9)]


def test_a_vouched_for_volume_is_synced_at_once(world: World):
    admit(world.a, "g", NewMember("v", "v", "array-b", auto_create=True, skip_initial_sync=True))
    starting.start(world.a, "g")
    assert world.near.members["v"].status is SyncStatus.SYNCED
    deep_check(world.pair)


class TestDismissal:
    @pytest.fixture
    def world(self) -> World:
        world = World()
        world.replicated()
        return world

    def test_a_started_group_dismisses_nothing(self, world: World):
        with refused(Refusal.RCOPY_GROUP_STARTED):
            dismiss(world.a, "g", "v")

    def test_the_secondary_side_dismisses_nothing(self, world: World):
        starting.stop(world.a, "g")
        with refused(Refusal.ONLY_ON_PRIMARY_SIDE):
            dismiss(world.b, world.far.name, "v")

    def test_the_twin_stays_as_an_ordinary_volume(self, world: World):
        starting.stop(world.a, "g")
        dismiss(world.a, "g", "v")
        assert world.b.volumes["v"].group is None
        assert not world.far.members

    def test_the_twin_goes_on_request(self, world: World):
        starting.stop(world.a, "g")
        dismiss(world.a, "g", "v", remove_secondary=True)
        assert not world.b.volumes
        volumes.delete(world.a, "v")

    def test_an_exported_twin_does_not_go(self, world: World):
        world.exported()
        starting.stop(world.a, "g")
        with refused(Refusal.TARGET_VOL_EXPORTED):
            dismiss(world.a, "g", "v", remove_secondary=True)
        assert "v" in world.near.members

    def test_a_twin_with_snapshots_does_not_go(self, world: World):
        snapshots.take(world.b, "v", snapshots.NewSnapshot("s"))
        starting.stop(world.a, "g")
        with refused(Refusal.HAS_CHILD):
            dismiss(world.a, "g", "v", remove_secondary=True)

    def test_a_volume_that_is_no_member_is_not_found(self, world: World):
        starting.stop(world.a, "g")
        with refused(Refusal.VOL_NOT_IN_RCOPY_GROUP):
            dismiss(world.a, "g", "w")

    def test_the_resync_snapshot_stays_on_request(self, world: World):
        starting.stop(world.a, "g")
        dismiss(world.a, "g", "v", keep_snapshot=True)
        with refused(Refusal.HAS_CHILD):
            volumes.delete(world.a, "v")

    def test_readmission_copies_everything(self, world: World):
        world.exported()
        world.write("array-a", b"first")
        starting.stop(world.a, "g")
        dismiss(world.a, "g", "v")
        world.write("array-b", b"other", 200_000)
        vluns.delete(world.b, vluns.VlunKey("v", 0, "h", ""))
        admit(world.a, "g", NewMember("v", "v", "array-b"))
        starting.start(world.a, "g")
        world.clock.advance(1)
        deep_check(world.pair)
