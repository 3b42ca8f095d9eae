import pytest

from arraysim.core import dataplane, snapshots, starting, vluns, volumes
from arraysim.core.dataplane import NotServing
from arraysim.core.faults import Refusal
from arraysim.core.snapshots import NewSnapshot
from tests.arraysim.core.world import IQN, World, refused


@pytest.fixture
def world() -> World:
    world = World()
    world.replicated()
    world.exported()
    return world


def test_a_snapshot_keeps_what_was_there(world: World):
    world.write("array-a", b"before")
    snapshots.take(world.a, "v", NewSnapshot("s", read_only=True))
    world.write("array-a", b"after!")
    vluns.create(world.a, vluns.NewVlun("s", "h", lun=7))
    assert dataplane.read(world.a, IQN, 7, 0, 6) == b"before"
    with pytest.raises(NotServing):
        dataplane.write(world.a, IQN, 7, 0, b"x")


def test_a_snapshot_stays_on_its_array(world: World):
    snapshots.take(world.a, "v", NewSnapshot("s"))
    assert "s" not in world.b.volumes
    assert world.a.volumes["s"].wwn != world.a.volumes["v"].wwn


def test_a_name_is_given_once(world: World):
    with refused(Refusal.EXISTENT_VOL):
        snapshots.take(world.a, "v", NewSnapshot("v"))


def test_a_source_must_exist(world: World):
    with refused(Refusal.NON_EXISTENT_VOL):
        snapshots.take(world.a, "nothing", NewSnapshot("s"))


def test_a_read_only_snapshot_has_no_read_only_snapshot(world: World):
    snapshots.take(world.a, "v", NewSnapshot("s", read_only=True))
    with refused(Refusal.READ_ONLY_OF_READ_ONLY):
        snapshots.take(world.a, "s", NewSnapshot("t", read_only=True))
    snapshots.take(world.a, "s", NewSnapshot("u"))


def test_the_older_family_wants_a_snapshot_cpg():
    world = World(personality="3par-3.3.1")
    world.volume()
    with refused(Refusal.NO_SNAP_CPG):
        snapshots.take(world.a, "v", NewSnapshot("s"))
    volumes.modify(world.a, "v", volumes.VolumeChange(snap_cpg="SSD_r6"))
    snapshots.take(world.a, "v", NewSnapshot("s"))


def test_a_stop_leaves_a_resync_snapshot_until_the_group_is_synced_again(world: World):
    starting.stop(world.a, "g")
    [name] = [name for name in world.a.volumes if name.startswith("rcpy.")]
    assert world.a.volumes[name].parent is world.a.volumes["v"]
    starting.start(world.a, "g")
    world.clock.advance(1)
    assert name not in world.a.volumes


def test_a_stop_can_do_without_a_resync_snapshot(world: World):
    starting.stop(world.a, "g", snapshot=False)
    assert list(world.a.volumes) == ["v"]


def test_a_resync_snapshot_that_somebody_exported_is_left_to_them(world: World):
    starting.stop(world.a, "g")
    [name] = [name for name in world.a.volumes if name.startswith("rcpy.")]
    vluns.create(world.a, vluns.NewVlun(name, "h"))
    starting.start(world.a, "g")
    world.clock.advance(1)
    assert name in world.a.volumes
