"""The decision table of wsapi.md 5.6, row by row, and the sequences that it leaves between the lines."""

import pytest

from arraysim.core import disaster, starting
from arraysim.core.dataplane import Access, DataPathDown, access
from arraysim.core.faults import Refusal
from tests.arraysim.core.events import (
    A_GOES_ON,
    ACTIVE,
    B_TOOK_OVER,
    NOBODY,
    OFF,
    RUNNING,
    STANDBY,
    Event,
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
