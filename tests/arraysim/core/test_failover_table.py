"""The decision table of wsapi.md 5.6, row by row, and the sequences that it leaves between the lines."""

from collections.abc import Callable

import pytest

from arraysim.core import disaster, starting, volumes
from arraysim.core.dataplane import Access, DataPathDown, access
from arraysim.core.faults import Refusal
from arraysim.core.invariants import deep_check
from tests.arraysim.core.world import PEER_PERSISTENCE, World, refused, words

Event = Callable[[World], None]


def cut_link(world: World) -> None:
    world.pair.cut_link()


def join_link(world: World) -> None:
    world.pair.join_link()


def lose_a(world: World) -> None:
    world.pair.set_witness_reach("array-a", False)


def lose_b(world: World) -> None:
    world.pair.set_witness_reach("array-b", False)


def lose_witness(world: World) -> None:
    world.pair.set_witness(False)


def kill_a(world: World) -> None:
    world.pair.power_off("array-a")


def kill_b(world: World) -> None:
    world.pair.power_off("array-b")


def wait(world: World) -> None:
    world.clock.advance(30)


RUNNING = ("Primary/Started", "Secondary/Started")
A_GOES_ON = ("Primary/Stopped", "Secondary/Stopped")
B_TOOK_OVER = ("Primary/Failsafe", "Primary-Rev/Stopped")
NOBODY = ("Primary/Failsafe", "Secondary/Stopped")
ACTIVE, STANDBY, OFF = Access.ACTIVE, Access.STANDBY, None

TABLE = [
    ("the link only", (cut_link,), A_GOES_ON, (ACTIVE, STANDBY)),
    ("a only", (lose_a,), RUNNING, (ACTIVE, STANDBY)),
    ("b only", (lose_b,), RUNNING, (ACTIVE, STANDBY)),
    ("the witness", (lose_witness,), RUNNING, (ACTIVE, STANDBY)),
    ("link and a", (cut_link, lose_a), B_TOOK_OVER, (STANDBY, ACTIVE)),
    ("a and link", (lose_a, cut_link), B_TOOK_OVER, (STANDBY, ACTIVE)),
    ("a, much later the link", (lose_a, wait, cut_link), B_TOOK_OVER, (STANDBY, ACTIVE)),
    ("link and b: the isolated side must not take over", (cut_link, lose_b), A_GOES_ON, (ACTIVE, STANDBY)),
    ("b, much later the link", (lose_b, wait, cut_link), A_GOES_ON, (ACTIVE, STANDBY)),
    ("array a", (kill_a,), ("Primary/Started", "Primary-Rev/Stopped"), (OFF, ACTIVE)),
    ("array b", (kill_b,), ("Primary/Stopped", "Secondary/Started"), (ACTIVE, OFF)),
    ("link and witness at once", (cut_link, lose_witness), NOBODY, (STANDBY, STANDBY)),
    ("witness and link at once", (lose_witness, cut_link), NOBODY, (STANDBY, STANDBY)),
    ("the witness, later the link", (lose_witness, wait, cut_link), A_GOES_ON, (ACTIVE, STANDBY)),
    (
        "the witness, later array a",
        (lose_witness, wait, kill_a),
        ("Primary/Started", "Secondary/Stopped"),
        (OFF, STANDBY),
    ),
    (
        "b, later array a: nobody arbitrates",
        (lose_b, wait, kill_a),
        ("Primary/Started", "Secondary/Stopped"),
        (OFF, STANDBY),
    ),
    (
        "link, then array a within the timeout",
        (cut_link, kill_a),
        ("Primary/Started", "Primary-Rev/Stopped"),
        (OFF, ACTIVE),
    ),
    (
        "link, later array a: b is behind",
        (cut_link, wait, kill_a),
        ("Primary/Stopped", "Secondary/Stopped"),
        (OFF, STANDBY),
    ),
    ("the link for a moment", (cut_link, join_link), RUNNING, (ACTIVE, STANDBY)),
    ("link, later a: a has decided already", (cut_link, wait, lose_a), A_GOES_ON, (ACTIVE, STANDBY)),
]


def _accesses(world: World) -> tuple[Access | None, Access | None]:
    seen: list[Access | None] = []
    for array in world.pair.arrays:
        try:
            seen.append(access(array, "v"))
        except DataPathDown:
            seen.append(None)
    return seen[0], seen[1]


@pytest.mark.parametrize(("events", "roles", "accesses"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_who_goes_on_when_this_fails(events: tuple[Event, ...], roles, accesses):
    world = World()
    world.replicated()
    for event in events:
        event(world)
    world.clock.advance(30)
    assert world.roles() == roles
    assert _accesses(world) == accesses


@pytest.mark.parametrize(("events", "roles", "accesses"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_table_holds_the_other_way_round_after_a_switchover(events: tuple[Event, ...], roles, accesses):
    """Whoever is primary plays A: exchange the arrays in every event and in what is expected."""
    world = World()
    world.replicated()
    disaster.switchover(world.a, "g")
    world.clock.advance(3)
    swapped: dict[Event, Event] = {lose_a: lose_b, lose_b: lose_a, kill_a: kill_b, kill_b: kill_a}
    for event in events:
        swapped.get(event, event)(world)
    world.clock.advance(30)
    plain = tuple(words.replace("-Rev", "") for words in roles)
    assert tuple(words.replace("-Rev", "") for words in reversed(world.roles())) == plain
    assert tuple(reversed(_accesses(world))) == accesses


@pytest.mark.parametrize("missing", ["auto_failover", "path_management"])
def test_without_the_policies_the_secondary_never_takes_over(missing: str):
    world = World()
    world.replicated({**PEER_PERSISTENCE, missing: False})
    kill_a(world)
    wait(world)
    assert words(world.far) == "Secondary/Stopped"


def test_without_a_witness_the_secondary_never_takes_over():
    world = World(witness_configured=False)
    world.replicated()
    kill_a(world)
    wait(world)
    assert words(world.far) == "Secondary/Stopped"


def test_a_group_that_is_not_synced_never_fails_over():
    world = World(sync_bytes_per_second=1.0)
    world.replicated()
    assert not world.synced()
    kill_a(world)
    wait(world)
    assert words(world.far) == "Secondary/Stopped"


def test_a_stopped_group_never_fails_over():
    world = World()
    world.replicated()
    starting.stop(world.a, "g")
    kill_a(world)
    wait(world)
    assert words(world.far) == "Secondary/Stopped"


def test_a_group_that_is_not_synced_keeps_serving_where_it_was_when_link_and_a_fail():
    world = World(sync_bytes_per_second=1.0)
    world.replicated()
    cut_link(world)
    lose_a(world)
    wait(world)
    assert world.access() == (ACTIVE, STANDBY)


def test_writes_wait_until_the_decision_falls_so_that_no_side_has_more_than_the_other():
    world = World()
    world.replicated()
    world.exported()
    world.write("array-a", b"before")
    cut_link(world)
    assert world.access()[0] is Access.TRANSITION
    world.clock.advance(9.9)
    assert world.access()[0] is Access.TRANSITION
    with refused(Refusal.RCOPY_GROUP_IS_BUSY):
        starting.stop(world.a, "g")
    world.clock.advance(0.2)
    assert world.access()[0] is Access.ACTIVE


def test_a_group_without_automatic_failover_does_not_make_hosts_wait():
    world = World()
    world.replicated({"path_management": True})
    cut_link(world)
    assert world.access()[0] is Access.ACTIVE
    assert world.roles() == A_GOES_ON


def test_every_acknowledged_write_is_there_after_a_failover():
    world = World()
    world.replicated()
    world.exported()
    world.write("array-a", b"acknowledged", 70_000)
    kill_a(world)
    world.clock.advance(10)
    assert world.read("array-b", 12, 70_000) == b"acknowledged"


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
