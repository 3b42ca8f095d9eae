"""Each rule is broken on purpose: an invariant that cannot fail protects nothing."""

from collections.abc import Callable

import pytest

from arraysim.core import volumes
from arraysim.core.invariants import InvariantBroken, deep_check
from arraysim.core.objects import GroupState, Role, SyncStatus
from tests.arraysim.core.world import IQN, World


def two_writers(world: World) -> None:
    world.pair.cut_link()
    world.far.role, world.far.state, world.far.held, world.near.held = Role.PRIMARY, GroupState.STOPPED, False, False


def other_wwn(world: World) -> None:
    world.b.volumes["v"].wwn = "F" * 32


def same_wwn_twice(world: World) -> None:
    world.volume("w")
    world.a.volumes["w"].wwn = world.a.volumes["v"].wwn


def export_of_nothing(world: World) -> None:
    volume = world.a.volumes["v"]
    world.a.volumes["v"] = volumes.add(world.a, volumes.NewVolume("u", "SSD_r6", 256))
    world.a.vluns[0].volume = volume


def export_to_nobody(world: World) -> None:
    del world.a.hosts["h"]


def export_at_no_port(world: World) -> None:
    world.a.vluns[0].position = "7:7:7"


def one_lun_twice(world: World) -> None:
    world.a.vluns.append(world.a.vluns[0])


def missing_member(world: World) -> None:
    world.a.vluns.clear()
    del world.a.volumes["v"]


def stranger_in_group(world: World) -> None:
    world.volume("w")
    world.a.volumes["w"].group = world.near


def one_sided_member(world: World) -> None:
    member = world.far.members.pop("v")
    member.volume.group = None


def one_sided_policy(world: World) -> None:
    world.far.policies.auto_recover = False


def one_sided_start(world: World) -> None:
    world.far.state = GroupState.STOPPED


def one_sided_sync(world: World) -> None:
    world.far.members["v"].status = SyncStatus.SYNCING


def one_sided_group(world: World) -> None:
    world.b.vluns.clear()
    world.b.volumes.clear()
    world.b.groups.clear()


def two_secondaries(world: World) -> None:
    world.near.role = Role.SECONDARY


def two_primaries(world: World) -> None:
    world.far.role = Role.PRIMARY
    world.far.overridden = True


def same_nature(world: World) -> None:
    world.far.natural = Role.PRIMARY


def other_size(world: World) -> None:
    world.b.volumes["v"].size_mib += 256


def secondary_written_by_a_host(world: World) -> None:
    world.b.volumes["v"].blocks.write(0, b"x")


def lost_replication(world: World) -> None:
    volume, member = world.a.volumes["v"], world.near.members["v"]
    volume.blocks.write(0, b"x")
    member.generation = volume.blocks.generation


def synced_with_unsent_pages(world: World) -> None:
    world.near.members["v"].dirty.add(0)


def login_without_power(world: World) -> None:
    world.a.powered = False


def login_of_a_stranger(world: World) -> None:
    world.a.logins["iqn.stranger"] = {"0:2:1"}


def orphaned_snapshot(world: World) -> None:
    world.volume("w")
    world.a.volumes["w"].parent = volumes.add(world.b, volumes.NewVolume("far", "SSD_r6", 256))


def misfiled_volume(world: World) -> None:
    world.volume("w")
    world.a.volumes["w"].name = "u"


BREAKS = (
    two_writers,
    other_wwn,
    same_wwn_twice,
    export_of_nothing,
    export_to_nobody,
    export_at_no_port,
    one_lun_twice,
    missing_member,
    stranger_in_group,
    one_sided_member,
    one_sided_policy,
    one_sided_start,
    one_sided_sync,
    one_sided_group,
    two_secondaries,
    two_primaries,
    same_nature,
    other_size,
    secondary_written_by_a_host,
    lost_replication,
    synced_with_unsent_pages,
    login_without_power,
    login_of_a_stranger,
    orphaned_snapshot,
    misfiled_volume,
)


@pytest.mark.parametrize("damage", BREAKS, ids=lambda damage: damage.__name__)
def test_what_no_real_pair_does_is_noticed(damage: Callable[[World], None]):
    world = World()
    world.replicated()
    world.exported()
    world.write("array-a", b"data")
    world.pair.check()
    damage(world)
    with pytest.raises(InvariantBroken):
        world.pair.check()


def test_a_deep_check_sees_what_counting_cannot():
    world = World()
    world.replicated()
    world.exported()
    for array, byte in zip(world.pair.arrays, (b"x", b"y"), strict=True):
        view = world.near if array is world.a else world.far
        array.volumes["v"].blocks.write(0, byte)
        view.members["v"].generation = array.volumes["v"].blocks.generation
    world.pair.check()
    with pytest.raises(InvariantBroken, match="differs from its synced twin"):
        deep_check(world.pair)


def test_a_refused_operation_is_checked_too():
    world = World()
    world.replicated()
    world.a.logins[IQN] = {"0:2:1"}
    with pytest.raises(InvariantBroken):
        volumes.delete(world.a, "nothing")
