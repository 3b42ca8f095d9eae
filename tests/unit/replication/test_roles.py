"""Who serves, for every combination of what two arrays can say about a group."""

import itertools

import pytest

from csi.array.pair import Side
from csi.array.records import GroupState, Role
from csi.errors import ArrayUnreachable, GroupBroken, GroupInTransition
from csi.replication.roles import TABLE, Half, Halves, Serving, Standing, serving
from tests.unit.replication.records import P, S, group

DARK = Half(failure=ArrayUnreachable("no answer", where="array-a"))


def halves(source: tuple[Role, bool], target: tuple[Role, bool]) -> Halves:
    return Halves(
        Half(group("g", "g.r1", source[0], reversed_=source[1])),
        Half(group("g.r1", "g", target[0], reversed_=target[1])),
    )


@pytest.mark.parametrize(
    ("source", "target", "side", "standing"),
    [
        ((P, False), (S, False), Side.SOURCE, Standing.HEALTHY),
        ((S, True), (P, True), Side.TARGET, Standing.HEALTHY),
        ((S, False), (P, False), Side.TARGET, Standing.HEALTHY),
        ((P, True), (S, True), Side.SOURCE, Standing.HEALTHY),
        ((P, False), (P, True), Side.TARGET, Standing.FAILED_OVER),
        ((P, True), (P, False), Side.SOURCE, Standing.FAILED_OVER),
    ],
)
def test_steady_states_name_the_side_that_serves(
    source: tuple[Role, bool], target: tuple[Role, bool], side: Side, standing: Standing
) -> None:
    assert serving("g", halves(source, target)) == Serving(side, standing)


def test_every_other_combination_is_a_transition() -> None:
    tried = 0
    for values in itertools.product((P, S), (False, True), (P, S), (False, True)):
        if values in TABLE:
            continue
        tried += 1
        with pytest.raises(GroupInTransition, match="between two states"):
            serving("g", halves((values[0], values[1]), (values[2], values[3])))
    assert tried == 16 - len(TABLE)


def test_the_table_is_symmetric_in_the_arrays() -> None:
    for (source, source_reversed, target, target_reversed), (side, standing) in TABLE.items():
        assert TABLE[target, target_reversed, source, source_reversed] == (side.other, standing)


def test_a_side_that_took_over_serves_while_the_other_is_dark() -> None:
    taken = Half(group("g.r1", "g", P, reversed_=True, state=GroupState.STOPPED))
    assert serving("g", Halves(DARK, taken)).side is Side.TARGET


@pytest.mark.parametrize(
    "alone",
    [
        group(role=P),  # its peer may have taken over meanwhile
        group(role=S),
        group(role=S, reversed_=True),
        group(role=P, reversed_=True, state=GroupState.FAILSAFE),
    ],
)
def test_one_side_alone_is_not_believed_when_the_other_may_serve(alone: object) -> None:
    with pytest.raises(ArrayUnreachable, match="cannot tell which array serves"):
        serving("g", Halves(Half(alone), DARK))  # type: ignore[arg-type]  # the parametrised value is a Group


def test_a_group_on_one_array_only_is_broken() -> None:
    with pytest.raises(GroupBroken, match="one array only"):
        serving("g", Halves(Half(group()), Half()))
