import pytest

from arraysim.core import admission, disaster, groups, starting, volumes
from arraysim.core.faults import Refusal
from arraysim.core.invariants import deep_check
from arraysim.core.objects import GroupState, Mode, SyncStatus
from tests.arraysim.core.world import World, refused


@pytest.fixture
def world() -> World:
    world = World()
    world.volume()
    world.group()
    world.admit()
    return world


def test_a_started_group_is_started_at_once_and_synced_later(world: World):
    starting.start(world.a, "g")
    assert world.near.state is world.far.state is GroupState.STARTED
    assert world.near.members["v"].status is world.far.members["v"].status is SyncStatus.SYNCING
    world.clock.advance(0.5)
    assert world.synced()


def test_a_first_sync_takes_the_time_of_the_whole_volume():
    world = World(sync_bytes_per_second=2**30 / 100)
    world.volume()
    world.group()
    world.admit()
    starting.start(world.a, "g")
    world.clock.advance(99)
    assert not world.synced()
    world.clock.advance(2)
    assert world.synced()


def test_a_restart_takes_the_time_of_what_changed():
    world = World(sync_bytes_per_second=64 * 1024.0)
    world.volume("v", 256)
    world.group()
    world.admit()
    starting.start(world.a, "g", skip_initial_sync=True)
    world.exported()
    starting.stop(world.a, "g")
    world.write("array-a", b"x" * 5 * 64 * 1024)
    starting.start(world.a, "g")
    world.clock.advance(4.5)
    assert not world.synced()
    world.clock.advance(1)
    assert world.synced()
    deep_check(world.pair)


def test_a_group_is_started_once(world: World):
    starting.start(world.a, "g")
    with refused(Refusal.RCOPY_GROUP_STARTED):
        starting.start(world.a, "g")


def test_an_empty_group_starts_unless_the_array_refuses():
    world = World()
    world.group()
    starting.start(world.a, "g")
    strict = World(start_of_empty_group_refused=True)
    strict.group()
    with refused(Refusal.RCOPY_GROUP_EMPTY):
        starting.start(strict.a, "g")


def test_the_secondary_side_starts_and_stops_nothing(world: World):
    for operation in (starting.start, starting.stop, starting.synchronize):
        with refused(Refusal.ONLY_ON_PRIMARY_SIDE):
            operation(world.b, world.far.name)


def test_without_contact_nothing_starts(world: World):
    world.pair.cut_link()
    with refused(Refusal.RCOPY_TARGET_IS_NOT_READY):
        starting.start(world.a, "g")


def test_a_stopped_group_is_not_stopped_again(world: World):
    starting.start(world.a, "g")
    starting.stop(world.a, "g")
    assert world.near.state is world.far.state is GroupState.STOPPED
    with refused(Refusal.RCOPY_GROUP_NOT_STARTED):
        starting.stop(world.a, "g")


def test_some_arrays_do_not_mind_a_second_stop():
    world = World(stop_of_stopped_group_refused=False)
    world.group()
    starting.stop(world.a, "g")
    assert world.near.state is GroupState.NEW


def test_a_stop_during_the_copy_leaves_the_member_stale():
    world = World(sync_bytes_per_second=1.0)
    world.replicated()
    starting.stop(world.a, "g")
    assert world.near.members["v"].status is world.far.members["v"].status is SyncStatus.STALE
    with refused(Refusal.RCOPY_GROUP_NOT_SYNCED):
        disaster.failover(world.b, world.far.name)


def test_a_started_synchronous_group_needs_no_sync(world: World):
    starting.start(world.a, "g")
    with refused(Refusal.INVOLVED_IN_SYNCHRONIZATION):
        starting.synchronize(world.a, "g")


def test_modes_do_not_mix_among_started_groups():
    world = World()
    world.group(policies={})
    groups.create(world.a, groups.NewGroup("p", "array-b", Mode.PERIODIC))
    starting.start(world.a, "g")
    with refused(Refusal.MIXED_MODES_ON_ONE_TARGET):
        starting.start(world.a, "p")
    starting.stop(world.a, "g")
    starting.start(world.a, "p")


def test_a_periodic_group_copies_by_cycles():
    world = World()
    world.volume()
    groups.create(world.a, groups.NewGroup("p", "array-b", Mode.PERIODIC, remote_cpg="SSD_r6"))
    admission.admit(world.a, "p", admission.NewMember("v", "v", "array-b", auto_create=True))
    starting.start(world.a, "p")
    world.clock.advance(1)
    world.exported()
    world.write("array-a", b"later")
    assert world.b.volumes["v"].blocks.read(0, 5) == bytes(5)
    starting.synchronize(world.a, "p")
    world.clock.advance(1)
    assert world.b.volumes["v"].blocks.read(0, 5) == b"later"


def test_another_volume_there_with_the_same_wwn_is_in_the_way():
    world = World()
    world.volume()
    world.volume(array_name="array-b")
    volumes.create(world.b, volumes.NewVolume("other", "SSD_r6", 256))
    world.group(policies={})
    admission.admit(world.a, "g", admission.NewMember("v", "v", "array-b"))
    volumes.modify(world.b, "other", volumes.VolumeChange(wwn=world.a.volumes["v"].wwn))
    with refused(Refusal.EXISTENT_VOL_WWN_ON_TARGET):
        starting.start(world.a, "g")
