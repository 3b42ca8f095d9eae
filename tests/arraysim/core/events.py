"""What can happen to a pair, and the states of the decision table (wsapi.md 5.6) in the words of `World.roles`."""

from collections.abc import Callable

from arraysim.core.dataplane import Access
from tests.arraysim.core.world import World

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
