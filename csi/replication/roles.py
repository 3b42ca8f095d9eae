"""Who serves I/O: one table over both arrays' own words.

Rows are the steady states of wsapi.md 5.5 to 5.7 and docker-plugin.md 8.2. A combination that is not in the table is a
moment between two states: nobody may act on it, and the next look usually finds a row.
"""

from dataclasses import dataclass
from enum import StrEnum

from csi.array.pair import Side
from csi.array.records import Group, GroupState, Role
from csi.errors import ArrayUnreachable, DriverError, GroupBroken, GroupInTransition


class Standing(StrEnum):
    """What may be done with the group's membership now."""

    HEALTHY = "healthy"
    FAILED_OVER = "failed over"


@dataclass(frozen=True, slots=True)
class Half:
    """One side's evidence: its view of the group, or the reason why there is none.

    `group` None with `failure` None: the array answered, and has no such group.
    """

    group: Group | None = None
    failure: DriverError | None = None


@dataclass(frozen=True, slots=True)
class Halves:
    """Both sides' evidence about one group."""

    source: Half
    target: Half

    @classmethod
    def none(cls) -> "Halves":
        """No group on either side."""
        return cls(Half(), Half())

    def of(self, side: Side) -> Half:
        """One side's."""
        return self.source if side is Side.SOURCE else self.target


@dataclass(frozen=True, slots=True)
class Serving:
    """The verdict: the side that serves I/O, and how the group stands."""

    side: Side
    standing: Standing


_P, _S = Role.PRIMARY, Role.SECONDARY

#: (source role, reversed, target role, reversed) -> (who serves, standing)
TABLE: dict[tuple[Role, bool, Role, bool], tuple[Side, Standing]] = {
    (_P, False, _S, False): (Side.SOURCE, Standing.HEALTHY),  # as made on the source
    (_S, True, _P, True): (Side.TARGET, Standing.HEALTHY),  # switched over, or recovered after a failover
    (_S, False, _P, False): (Side.TARGET, Standing.HEALTHY),  # made on the target, or switched over and re-labelled
    (_P, True, _S, True): (Side.SOURCE, Standing.HEALTHY),  # made on the target, then switched over
    (_P, False, _P, True): (Side.TARGET, Standing.FAILED_OVER),  # failed over to the target, not recovered yet
    (_P, True, _P, False): (Side.SOURCE, Standing.FAILED_OVER),  # made on the target, failed over to the source
}


def serving(name: str, halves: Halves) -> Serving:
    """The verdict from both sides' words.

    ArrayUnreachable if a side is dark and the other one alone cannot tell; GroupBroken if one side has no such group;
    GroupInTransition for a combination outside the table.
    """
    source, target = halves.source.group, halves.target.group
    if source is not None and target is not None:
        row = TABLE.get((source.role, source.reversed, target.role, target.reversed))
        if row is None:
            raise GroupInTransition(
                f"Remote Copy group {name} is between two states ({_words(source)} here, {_words(target)} there)",
                hint="Repeat the call; if this stays, look at 'showrcopy groups' on both arrays",
            )
        return Serving(*row)
    for side in Side:
        failure, answered = halves.of(side).failure, halves.of(side.other).group
        if failure is not None:
            return Serving(_alone(name, side.other, answered, failure), Standing.FAILED_OVER)
    raise GroupBroken(
        f"Remote Copy group {name} exists on one array only",
        hint="Remove the half that is left ('removercopygroup') or set mirror_config on both targets and remake it",
    )


def _alone(name: str, side: Side, group: Group | None, failure: DriverError) -> Side:
    """The side that answers, if it surely serves: only one that took over knows that the other does not."""
    if group is not None and group.role is Role.PRIMARY and group.reversed and group.state is not GroupState.FAILSAFE:
        return side
    raise ArrayUnreachable(
        f"cannot tell which array serves Remote Copy group {name}: {failure.what}",
        where=failure.where,
        hint="Repeat the call when the array answers",
    )


def _words(group: Group) -> str:
    return f"{group.role}{'-rev' if group.reversed else ''}/{group.state}"
