"""Arrays and links that come back after a decision: wsapi.md 5.6 and 5.7."""

from arraysim.core import disaster, starting, volumes
from arraysim.core.faults import Refusal
from arraysim.core.invariants import deep_check
from tests.arraysim.core.events import (
    A_GOES_ON,
    ACTIVE,
    B_TOOK_OVER,
    NOBODY,
    RUNNING,
    STANDBY,
    cut_link,
    join_link,
    kill_a,
    kill_b,
    lose_a,
    lose_b,
    lose_witness,
    wait,
)
from tests.arraysim.core.world import PEER_PERSISTENCE, World, refused, words


def test_an_array_that_returns_after_a_failover_is_failsafe_and_then_recovered():
    world = World()
    world.replicated()
    world.exported()
    kill_a(world)
    world.clock.advance(10)
    world.write("array-b", b"while away")
    world.pair.power_on("array-a")
    assert world.roles() == B_TOOK_OVER
    world.clock.advance(6)
    assert world.roles() == ("Secondary-Rev/Started", "Primary-Rev/Started")
    assert world.synced()
    assert world.access() == (STANDBY, ACTIVE)
    deep_check(world.pair)


def test_recovery_waits_for_an_operator_where_arrays_do_not_recover_by_themselves():
    world = World(recover_automatically=False)
    world.replicated()
    kill_a(world)
    world.clock.advance(10)
    world.pair.power_on("array-a")
    wait(world)
    assert world.roles() == B_TOOK_OVER
    disaster.recover(world.b, world.far.name)
    world.clock.advance(1)
    assert world.roles() == ("Secondary-Rev/Started", "Primary-Rev/Started")


def test_recovery_waits_for_an_operator_without_the_policy():
    world = World()
    world.replicated({**PEER_PERSISTENCE, "auto_recover": False})
    kill_a(world)
    world.clock.advance(10)
    world.pair.power_on("array-a")
    wait(world)
    assert world.roles() == B_TOOK_OVER


def test_an_array_that_returns_alone_asks_the_witness_whether_it_was_replaced():
    world = World()
    world.replicated()
    kill_a(world)
    world.clock.advance(10)
    cut_link(world)
    world.pair.power_on("array-a")
    assert world.roles() == B_TOOK_OVER


def test_an_array_that_returns_alone_and_without_the_witness_stays_silent():
    world = World()
    world.replicated()
    kill_a(world)
    cut_link(world)
    lose_a(world)
    world.pair.power_on("array-a")
    assert words(world.near) == "Primary/Failsafe"


def test_a_primary_that_returns_in_time_keeps_its_place_though_the_witness_is_lost_afterwards():
    """It left word at the witness; the other side must not take over on its silence alone."""
    world = World()
    world.replicated()
    kill_a(world)
    world.clock.advance(3)
    cut_link(world)
    world.pair.power_on("array-a")
    lose_a(world)
    wait(world)
    assert world.roles() == A_GOES_ON


def test_a_primary_that_a_person_replaced_hears_of_it_from_the_witness():
    world = World()
    world.replicated()
    lose_b(world)
    wait(world)
    kill_a(world)
    wait(world)
    world.pair.set_witness_reach("array-b", True)
    assert words(world.far) == "Secondary/Stopped"
    disaster.failover(world.b, world.far.name)
    cut_link(world)
    world.pair.power_on("array-a")
    assert world.roles() == B_TOOK_OVER


def test_after_a_total_outage_nobody_serves_until_an_operator_says_who():
    world = World()
    world.replicated()
    cut_link(world)
    lose_witness(world)
    wait(world)
    join_link(world)
    world.pair.set_witness(True)
    wait(world)
    assert world.roles() == NOBODY
    with refused(Refusal.RCOPY_GROUP_ROLE_CONFLICT):
        starting.start(world.a, "g")


def test_both_arrays_down_and_the_secondary_back_first_does_not_serve_old_data():
    world = World()
    world.replicated()
    kill_b(world)
    kill_a(world)
    world.pair.power_on("array-b")
    wait(world)
    assert words(world.far) == "Secondary/Stopped"


def test_a_link_that_returns_restarts_the_group_and_sends_what_is_missing():
    world = World()
    world.replicated()
    world.exported()
    cut_link(world)
    wait(world)
    world.write("array-a", b"alone", 123)
    join_link(world)
    assert world.roles() == A_GOES_ON
    world.clock.advance(6)
    assert world.roles() == RUNNING
    assert world.synced()
    deep_check(world.pair)


def test_a_link_that_returns_leaves_the_group_stopped_without_the_policy():
    world = World()
    world.replicated({**PEER_PERSISTENCE, "auto_recover": False})
    cut_link(world)
    wait(world)
    join_link(world)
    wait(world)
    assert world.roles() == A_GOES_ON


def test_a_group_stopped_by_a_person_is_not_restarted_by_the_link():
    world = World()
    world.replicated()
    starting.stop(world.a, "g")
    cut_link(world)
    wait(world)
    join_link(world)
    wait(world)
    assert world.roles() == A_GOES_ON


def test_a_link_that_fails_again_before_the_restart_is_waited_for_again():
    world = World()
    world.replicated()
    cut_link(world)
    wait(world)
    join_link(world)
    world.clock.advance(1)
    cut_link(world)
    wait(world)
    assert world.roles() == A_GOES_ON
    join_link(world)
    wait(world)
    assert world.roles() == RUNNING


def test_a_lost_link_during_a_switchover_leaves_the_old_side_serving():
    world = World()
    world.replicated()
    disaster.switchover(world.a, "g")
    cut_link(world)
    wait(world)
    assert world.roles() == A_GOES_ON
    assert world.access() == (ACTIVE, STANDBY)


def test_a_restored_witness_makes_automatic_failover_work_again():
    world = World()
    world.replicated()
    lose_witness(world)
    wait(world)
    world.pair.set_witness(True)
    kill_a(world)
    wait(world)
    assert words(world.far) == "Primary-Rev/Stopped"


def test_the_secondary_grows_after_an_outage_when_the_group_restarts():
    world = World()
    world.replicated()
    cut_link(world)
    wait(world)
    volumes.grow(world.a, "v", 256)
    assert world.b.volumes["v"].size_mib == 1024
    join_link(world)
    wait(world)
    assert world.roles() == RUNNING
    assert world.b.volumes["v"].size_mib == 1280
