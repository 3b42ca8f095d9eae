"""Finding a Remote Copy group on both arrays, and whether it may be used as a Peer Persistence group."""

from collections.abc import Callable, Iterable

from csi.array.pair import Pair, Side
from csi.array.records import Group, GroupState, ReplicationMode
from csi.errors import DriverError, GroupBroken, GroupInTransition
from csi.replication.roles import Half, Halves, Serving, Standing, serving


def find(groups: Iterable[Group], name: str) -> Group | None:
    """One array's half of the group `name`: its own group of that name, or the mirror that points back to it."""
    by_name = {group.name: group for group in groups}
    if name in by_name:
        return by_name[name]
    return next((group for group in by_name.values() if group.remote_name == name), None)


def look(pair: Pair, name: str) -> Halves:
    """Both sides' words about the group `name`."""
    return _halves(pair, lambda groups: find(groups, name))


def look_for_member(pair: Pair, volume: str) -> Halves:
    """Both sides' words about the group that `volume` is a member of."""
    return _halves(pair, lambda groups: next((group for group in groups if group.has(volume)), None))


def base_name(group: Group) -> str:
    """The name a group was made with, whichever half this is: the mirror's is `<name>.r<system id>` (wsapi.md 5.1)."""
    mirrored = group.name.removeprefix(group.remote_name)
    return group.remote_name if mirrored != group.name and mirrored.startswith(".r") else group.name


def is_absent(halves: Halves) -> bool:
    """Whether both arrays answered and neither has the group."""
    return all(half == Half() for half in (halves.source, halves.target))


def require_peer_persistence(name: str, halves: Halves, pair: Pair) -> tuple[Serving, Group]:
    """The verdict and the serving side's half of a group that volumes may be put into.

    Raises what `serving` raises; GroupInTransition while it has failed over or is starting; GroupBroken, saying what to
    change, if it goes to another target, is not synchronous, lacks a policy, or was stopped with volumes in it.
    """
    verdict = serving(name, halves)
    if verdict.standing is not Standing.HEALTHY:
        raise GroupInTransition(
            f"Remote Copy group {name} is {verdict.standing}; volumes are added when both arrays protect it again",
            hint="Run 'setrcopygroup recover' on the array that serves, then repeat the call",
        )
    array = pair.array(verdict.side)
    group = halves.of(verdict.side).group
    if group is None:  # `serving` answered from this half
        raise GroupBroken(f"Remote Copy group {name} vanished while it was looked at", where=array.label)
    problems = tuple(_problems(group, _target_name(pair, verdict.side)))
    if problems:
        raise GroupBroken(
            f"Remote Copy group {group.name} cannot take volumes: {'; '.join(what for what, _ in problems)}",
            where=array.label,
            done="Nothing was changed",
            hint="; ".join(mend for _, mend in problems if mend),
        )
    if group.state not in (GroupState.STARTED, GroupState.STOPPED, GroupState.NEW):
        raise GroupInTransition(
            f"Remote Copy group {group.name} is {group.state}", where=array.label, hint="Repeat the call"
        )
    return verdict, group


def _target_name(pair: Pair, side: Side) -> str:
    settings = pair.backend.source if side is Side.SOURCE else pair.backend.target
    return settings.target_name if settings is not None else ""


def _problems(group: Group, target_name: str) -> Iterable[tuple[str, str]]:
    """What keeps a group from being used, each with the command that mends it."""
    if group.target_count != 1:
        yield f"it has {group.target_count} targets, one is supported", ""
    if target_name and group.target != target_name:
        yield f"its target is {group.target}, the settings say {target_name}", "Use a group of this pair"
    if group.mode is not ReplicationMode.SYNC:
        yield f"its mode is {group.mode}, Peer Persistence needs sync", "Use a synchronous group"
    wanted = (
        ("auto_failover", group.policies.auto_failover),
        ("path_management", group.policies.path_management),
        ("auto_recover", group.policies.auto_recover),
    )
    missing = ",".join(policy for policy, is_on in wanted if not is_on)
    if missing:
        yield f"policy {missing} is off", f"Run 'setrcopygroup pol {missing} {group.name}'"
    if group.state is GroupState.STOPPED and group.members:
        yield "it is stopped with volumes in it", f"Run 'startrcopygroup {group.name}' if it was stopped by hand"


def _halves(pair: Pair, choose: Callable[[Iterable[Group]], Group | None]) -> Halves:
    answers = pair.both(lambda array: array.groups())

    def half(side: Side) -> Half:
        answer = answers.get(side, ())
        return Half(failure=answer) if isinstance(answer, DriverError) else Half(group=choose(answer))

    return Halves(half(Side.SOURCE), half(Side.TARGET))
