import pytest

from arraysim.core import disaster, groups, starting, vluns
from arraysim.core.dataplane import Access, NotServing
from arraysim.core.faults import Refusal
from arraysim.core.invariants import deep_check
from tests.arraysim.core.world import World, refused

S = "g.r46750"


@pytest.fixture
def world() -> World:
    world = World()
    world.replicated()
    world.exported()
    world.write("array-a", b"first")
    return world


def test_the_visible_states_of_a_failover_and_the_way_back(world: World):
    """wsapi.md 5.7, read from top to bottom."""
    assert world.roles() == ("Primary/Started", "Secondary/Started")
    starting.stop(world.a, "g")
    assert world.roles() == ("Primary/Stopped", "Secondary/Stopped")
    disaster.failover(world.b, S)
    assert world.roles() == ("Primary/Stopped", "Primary-Rev/Stopped")
    world.write("array-b", b"second")
    disaster.recover(world.b, S)
    assert world.roles() == ("Secondary-Rev/Started", "Primary-Rev/Started")
    assert not world.synced()
    world.clock.advance(1)
    assert world.synced()
    assert world.access() == (Access.STANDBY, Access.ACTIVE)
    disaster.restore(world.b, S)
    assert world.roles() == ("Primary/Started", "Secondary/Started")
    world.clock.advance(1)
    assert world.read("array-a", 6) == b"second"
    deep_check(world.pair)


def test_a_restore_directly_after_a_failover_keeps_what_was_written_there(world: World):
    starting.stop(world.a, "g")
    disaster.failover(world.b, S)
    world.write("array-b", b"second")
    disaster.restore(world.b, S)
    assert world.roles() == ("Primary/Started", "Secondary/Started")
    assert world.read("array-a", 6) == b"second"
    world.clock.advance(1)
    deep_check(world.pair)


def test_recovery_throws_away_what_the_old_primary_wrote_alone(world: World):
    starting.stop(world.a, "g")
    disaster.failover(world.b, S)
    world.write("array-a", b"lost", 300_000)
    disaster.recover(world.b, S)
    world.clock.advance(1)
    assert world.read("array-b", 4, 300_000) == bytes(4)
    deep_check(world.pair)


def test_recovery_may_leave_the_group_stopped(world: World):
    starting.stop(world.a, "g")
    disaster.failover(world.b, S)
    disaster.recover(world.b, S, start=False)
    assert world.roles() == ("Secondary-Rev/Stopped", "Primary-Rev/Stopped")
    starting.start(world.b, S)
    assert world.roles() == ("Secondary-Rev/Started", "Primary-Rev/Started")


def test_restoration_may_leave_the_group_stopped(world: World):
    starting.stop(world.a, "g")
    disaster.failover(world.b, S)
    disaster.restore(world.b, S, start=False)
    assert world.roles() == ("Primary/Stopped", "Secondary/Stopped")


def test_a_failover_is_for_the_secondary_of_a_stopped_group(world: World):
    with refused(Refusal.RCOPY_GROUP_ROLE_CONFLICT):
        disaster.failover(world.a, "g")
    with refused(Refusal.RCOPY_GROUP_NOT_STOPPED):
        disaster.failover(world.b, S)


def test_a_failover_with_links_up_leaves_the_old_primary_writable_unless_arrays_fence(world: World):
    starting.stop(world.a, "g")
    disaster.failover(world.b, S)
    assert world.access() == (Access.ACTIVE, Access.ACTIVE)
    fencing = World(failover_fences_peer=True)
    fencing.replicated()
    starting.stop(fencing.a, "g")
    disaster.failover(fencing.b, S)
    assert fencing.roles() == ("Primary/Failsafe", "Primary-Rev/Stopped")
    assert fencing.access() == (Access.STANDBY, Access.ACTIVE)


def test_a_failed_over_group_is_recovered_not_started(world: World):
    starting.stop(world.a, "g")
    disaster.failover(world.b, S)
    for array, name in ((world.a, "g"), (world.b, S)):
        with refused(Refusal.RCOPY_GROUP_IN_FAILOVER_STATE):
            starting.start(array, name)
    with refused(Refusal.RCOPY_GROUP_ROLE_CONFLICT):
        disaster.recover(world.a, "g")


def test_recovery_and_restoration_need_the_other_array(world: World):
    starting.stop(world.a, "g")
    disaster.failover(world.b, S)
    world.pair.cut_link()
    for operation in (disaster.recover, disaster.restore):
        with refused(Refusal.RCOPY_TARGET_IS_NOT_READY):
            operation(world.b, S)


def test_restoration_waits_for_the_copy():
    world = World(sync_bytes_per_second=0.001)
    world.volume()
    world.group()
    world.admit()
    world.exported()
    starting.start(world.a, "g", skip_initial_sync=True)
    starting.stop(world.a, "g")
    disaster.failover(world.b, S)
    world.write("array-b", b"x")
    disaster.recover(world.b, S)
    with refused(Refusal.RCOPY_GROUP_NOT_SYNCED):
        disaster.restore(world.b, S)


def test_natural_roles_need_no_restoration(world: World):
    with refused(Refusal.RCOPY_GROUP_ROLE_CONFLICT):
        disaster.restore(world.a, "g")
    with refused(Refusal.RCOPY_GROUP_ROLE_CONFLICT):
        disaster.restore(world.b, S)


def test_an_operator_makes_the_secondary_serve_when_nobody_arbitrates(world: World):
    world.pair.cut_link()
    world.pair.set_witness(False)
    world.clock.advance(10)
    assert world.access() == (Access.STANDBY, Access.STANDBY)
    disaster.failover(world.b, S)
    world.write("array-b", b"second")
    world.pair.join_link()
    world.pair.set_witness(True)
    world.clock.advance(30)
    assert world.roles() == ("Primary/Failsafe", "Primary-Rev/Stopped")
    disaster.recover(world.b, S)
    world.clock.advance(1)
    deep_check(world.pair)


def test_an_operator_makes_a_failsafe_primary_serve_again(world: World):
    world.pair.cut_link()
    world.pair.set_witness(False)
    world.clock.advance(10)
    disaster.override(world.a, "g")
    assert world.access() == (Access.ACTIVE, Access.STANDBY)
    world.write("array-a", b"alone")
    world.pair.join_link()
    world.clock.advance(30)
    assert world.roles() == ("Primary/Stopped", "Secondary/Stopped")
    starting.start(world.a, "g")
    world.clock.advance(1)
    deep_check(world.pair)


def test_an_override_is_for_failsafe_only(world: World):
    with refused(Refusal.RCOPY_GROUP_NOT_IN_FAILSAFE):
        disaster.override(world.a, "g")


def test_after_an_override_of_a_replaced_primary_nothing_is_recovered_unasked(world: World):
    """Both have data of their own then; only a person may throw one away."""
    world.pair.cut_link()
    world.pair.set_witness_reach("array-a", False)
    world.clock.advance(10)
    disaster.override(world.a, "g")
    assert world.access() == (Access.ACTIVE, Access.ACTIVE)
    world.pair.join_link()
    world.clock.advance(60)
    assert world.roles() == ("Primary/Stopped", "Primary-Rev/Stopped")


class TestSwitchover:
    def test_roles_swap_and_no_write_is_lost(self, world: World):
        disaster.switchover(world.a, "g")
        assert world.access() == (Access.TRANSITION, Access.STANDBY)
        with pytest.raises(NotServing) as caught:
            world.write("array-a", b"x")
        assert caught.value.access is Access.TRANSITION
        world.clock.advance(2)
        assert world.roles() == ("Secondary-Rev/Started", "Primary-Rev/Started")
        assert world.synced()
        assert world.access() == (Access.STANDBY, Access.ACTIVE)
        assert world.read("array-b", 5) == b"first"
        world.write("array-b", b"second")
        deep_check(world.pair)

    def test_a_second_switchover_returns_to_natural_roles(self, world: World):
        disaster.switchover(world.a, "g")
        world.clock.advance(2)
        disaster.switchover(world.b, S)
        world.clock.advance(2)
        assert world.roles() == ("Primary/Started", "Secondary/Started")

    def test_some_arrays_call_the_new_roles_natural(self):
        world = World(switchover_naturalises=True)
        world.replicated()
        disaster.switchover(world.a, "g")
        world.clock.advance(2)
        assert world.roles() == ("Secondary/Started", "Primary/Started")

    def test_it_is_asked_of_the_primary_side(self, world: World):
        with refused(Refusal.ONLY_ON_PRIMARY_SIDE):
            disaster.switchover(world.b, S)

    def test_some_arrays_can_be_asked_on_the_secondary_side(self):
        world = World(switchover_from_secondary=True)
        world.replicated()
        disaster.switchover(world.b, S)
        world.clock.advance(2)
        assert world.roles() == ("Secondary-Rev/Started", "Primary-Rev/Started")

    def test_the_group_is_busy_meanwhile(self, world: World):
        disaster.switchover(world.a, "g")
        with refused(Refusal.RCOPY_GROUP_IS_BUSY):
            disaster.switchover(world.a, "g")
        with refused(Refusal.RCOPY_GROUP_IS_BUSY):
            starting.stop(world.a, "g")
        with refused(Refusal.RCOPY_GROUP_IS_BUSY):
            disaster.failover(world.b, S)

    def test_it_needs_a_started_group(self, world: World):
        starting.stop(world.a, "g")
        with refused(Refusal.RCOPY_GROUP_NOT_STARTED):
            disaster.switchover(world.a, "g")

    def test_it_needs_synced_members(self):
        world = World(sync_bytes_per_second=1.0)
        world.replicated()
        with refused(Refusal.RCOPY_GROUP_NOT_SYNCED):
            disaster.switchover(world.a, "g")

    def test_it_needs_path_management(self, world: World):
        groups.modify(world.a, "g", groups.GroupChange(policies={"path_management": False}))
        with refused(Refusal.RCOPY_GROUP_NOT_PATH_MANAGED):
            disaster.switchover(world.a, "g")

    def test_it_needs_the_same_exports_on_the_other_array(self, world: World):
        vluns.delete(world.b, vluns.VlunKey("v", 0, "h", ""))
        with refused(Refusal.NOT_EXPORTED_ON_TARGET):
            disaster.switchover(world.a, "g")
        vluns.delete(world.a, vluns.VlunKey("v", 0, "h", ""))
        disaster.switchover(world.a, "g")
