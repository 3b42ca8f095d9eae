import pytest

from arraysim.core import hosts, snapshots, starting, vluns, volumes
from arraysim.core.faults import Refusal
from arraysim.core.objects import Provisioning
from arraysim.core.snapshots import NewSnapshot
from arraysim.core.volumes import NewVolume, VolumeChange
from tests.arraysim.core.world import World, refused


@pytest.fixture
def world() -> World:
    world = World()
    world.volume()
    return world


def test_a_size_is_rounded_up_to_256_mib(world: World):
    world.volume("odd", 257)
    assert world.a.volumes["odd"].size_mib == 512


def test_a_name_is_given_once(world: World):
    with refused(Refusal.EXISTENT_VOL):
        world.volume()


def test_an_id_is_given_once(world: World):
    with refused(Refusal.EXISTENT_ID):
        volumes.create(world.a, NewVolume("other", "SSD_r6", 256, id=world.a.volumes["v"].id))


def test_the_array_never_hands_out_an_id_that_somebody_chose(world: World):
    volumes.create(world.a, NewVolume("chosen", "SSD_r6", 256, id=2))
    world.volume("next")
    assert world.a.volumes["next"].id == 3


def test_a_wwn_tells_the_id_and_the_system(world: World):
    volumes.create(world.a, NewVolume("sample", "SSD_r6", 256, id=336))
    assert world.a.volumes["sample"].wwn == "60002AC000000000000001500000B69E"


def test_a_cpg_must_exist(world: World):
    with refused(Refusal.NON_EXISTENT_CPG):
        volumes.create(world.a, NewVolume("other", "nowhere", 256))


@pytest.mark.parametrize(("family", "size_mib"), [("3par-3.3.1", 16_777_218), ("primera-4.x", 67_108_866)])
def test_a_volume_has_a_largest_size(family: str, size_mib: int):
    with refused(Refusal.TOO_LARGE):
        World(personality=family).volume("huge", size_mib)


def test_a_reduced_volume_has_a_smallest_size(world: World):
    with refused(Refusal.BELOW_RANGE):
        volumes.create(world.a, NewVolume("small", "SSD_r6", 256, Provisioning.DEDUP, compressed=True))


def test_a_full_volume_needs_its_space(world: World):
    volumes.create(world.a, NewVolume("most", "SSD_r6", 60 * 1024 * 1024, Provisioning.FULL))
    with refused(Refusal.NO_SPACE):
        volumes.create(world.a, NewVolume("more", "SSD_r6", 60 * 1024 * 1024, Provisioning.FULL))


def test_growth_adds_the_increment_rounded_up(world: World):
    volumes.grow(world.a, "v", 1)
    assert world.a.volumes["v"].size_mib == 1280


def test_growth_is_positive(world: World):
    with refused(Refusal.VV_GROW_SIZE):
        volumes.grow(world.a, "v", -1)


def test_a_snapshot_does_not_grow(world: World):
    snapshots.take(world.a, "v", NewSnapshot("s"))
    with refused(Refusal.UNSUPPORTED_VV_TYPE):
        volumes.grow(world.a, "s", 256)


def test_a_member_of_a_started_group_does_not_grow_on_either_side():
    world = World()
    world.replicated()
    for array in world.pair.arrays:
        with refused(Refusal.VV_IN_STARTED_GROUP):
            volumes.grow(array, "v", 256)


def test_a_member_of_a_stopped_group_grows_with_its_twin_from_the_primary_side():
    world = World()
    world.replicated()
    starting.stop(world.a, "g")
    with refused(Refusal.ONLY_ON_PRIMARY_SIDE):
        volumes.grow(world.b, "v", 256)
    volumes.grow(world.a, "v", 256)
    assert world.a.volumes["v"].size_mib == world.b.volumes["v"].size_mib == 1280


def test_an_exported_volume_stays(world: World):
    hosts.create(world.a, hosts.NewHost("h", ("iqn.x",)))
    vluns.create(world.a, vluns.NewVlun("v", "h"))
    with refused(Refusal.EXPORTED_VLUN):
        volumes.delete(world.a, "v")
    vluns.delete(world.a, vluns.VlunKey("v", 0, "h", ""))
    volumes.delete(world.a, "v")
    assert "v" not in world.a.volumes


def test_a_volume_with_snapshots_stays(world: World):
    snapshots.take(world.a, "v", NewSnapshot("s"))
    with refused(Refusal.HAS_CHILD):
        volumes.delete(world.a, "v")
    volumes.delete(world.a, "s")
    volumes.delete(world.a, "v")


def test_a_member_of_a_group_stays_on_both_arrays():
    world = World()
    world.replicated()
    starting.stop(world.a, "g")
    for array in world.pair.arrays:
        with refused(Refusal.VV_IN_REMOTE_COPY):
            volumes.delete(array, "v")


def test_a_retained_volume_stays_until_its_time(world: World):
    volumes.create(world.a, NewVolume("kept", "SSD_r6", 256, retention_hours=1))
    with refused(Refusal.VV_RETAINED):
        volumes.delete(world.a, "kept")
    world.clock.advance(3601)
    volumes.delete(world.a, "kept")


def test_a_volume_that_is_not_there_is_not_found(world: World):
    with refused(Refusal.NON_EXISTENT_VOL):
        volumes.delete(world.a, "nothing")


def test_a_rename_takes_a_free_name(world: World):
    world.volume("w")
    with refused(Refusal.EXISTENT_VOL):
        volumes.modify(world.a, "v", VolumeChange(new_name="w"))
    volumes.modify(world.a, "v", VolumeChange(new_name="u", comment="hello"))
    assert world.a.volumes["u"].comment == "hello"
    assert "v" not in world.a.volumes


def test_a_members_new_name_reaches_the_other_array():
    world = World()
    world.replicated()
    volumes.modify(world.a, "v", VolumeChange(new_name="u"))
    assert world.far.members["v"].twin == "u"
    world.pair.cut_link()
    world.clock.advance(20)
    with refused(Refusal.RCOPY_TARGET_IS_NOT_READY):
        volumes.modify(world.a, "u", VolumeChange(new_name="t"))


def test_a_wwn_can_be_given_and_taken_back(world: World):
    own = world.a.volumes["v"].wwn
    volumes.modify(world.a, "v", VolumeChange(wwn="a" * 32))
    assert world.a.volumes["v"].wwn == "A" * 32
    world.volume("w")
    with refused(Refusal.EXISTENT_WWN):
        volumes.modify(world.a, "w", VolumeChange(wwn="A" * 32))
    volumes.modify(world.a, "v", VolumeChange(wwn="auto"))
    assert world.a.volumes["v"].wwn == own


def test_the_wwn_of_a_member_or_of_an_exported_volume_stays():
    world = World()
    world.replicated()
    with refused(Refusal.VV_IN_REMOTE_COPY):
        volumes.modify(world.a, "v", VolumeChange(wwn="auto"))
    world.volume("w")
    world.exported("v")
    vluns.create(world.a, vluns.NewVlun("w", "h"))
    with refused(Refusal.EXPORTED_VLUN):
        volumes.modify(world.a, "w", VolumeChange(wwn="auto"))


def test_a_thin_volume_keeps_its_cpg(world: World):
    with refused(Refusal.UNSUPPORTED_VV_TYPE):
        volumes.modify(world.a, "v", VolumeChange(cpg="NL_r6"))


def test_object_keys_are_made_changed_and_removed(world: World):
    volumes.add_key(world.a, "v", "type", "one")
    with refused(Refusal.EXISTENT_OBJECT_KEY):
        volumes.add_key(world.a, "v", "type", "two")
    volumes.set_key(world.a, "v", "type", "two")
    assert volumes.find_key(world.a, "v", "type") == "two"
    volumes.drop_key(world.a, "v", "type")
    with refused(Refusal.NON_EXISTENT_OBJECT_KEY):
        volumes.find_key(world.a, "v", "type")
