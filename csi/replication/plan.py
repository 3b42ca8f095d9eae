"""From what is wanted and what was seen to actions; pure. An empty plan means that all is as wanted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from csi.array.pair import Pair, Side
from csi.array.records import Group, GroupState, Provisioning, Role, Vlun, Volume
from csi.errors import AlreadyExistsDifferently, DriverError, GroupInTransition, NotFound, StillInUse
from csi.replication.group import is_absent, require_peer_persistence
from csi.replication.label import Label, read_label
from csi.replication.roles import Halves, Standing, serving
from csi.replication.steps import (
    Action,
    Admit,
    CheckProtected,
    Dismiss,
    LabelTwin,
    MakeGroup,
    MakeVolume,
    RemoveGroup,
    RemoveVolume,
    SetPolicies,
    StartGroup,
    StopGroup,
)


@dataclass(frozen=True, slots=True)
class WantedVolume:
    """What CreateVolume asks: `size_bytes` to make; `least_bytes` to `most_bytes` (0: no bound) to accept.

    `group` is "" for a plain volume; `cpg` and `snap_cpg` are names on the source.
    """

    name: str
    size_bytes: int
    least_bytes: int
    most_bytes: int
    group: str
    cpg: str
    snap_cpg: str
    provisioning: Provisioning
    compressed: bool
    label: Label


@dataclass(frozen=True, slots=True)
class SeenForCreate:
    """What was seen: the volume of that name on each side, the group's halves, comments of its members, CPG domain."""

    volumes: Mapping[Side, Volume | DriverError | None]
    halves: Halves
    member_comments: tuple[str, ...] = ()
    domain: str = ""


@dataclass(frozen=True, slots=True)
class SeenForDelete:
    """What was seen of a volume that is to go, on each side; errors stand where an array did not answer.

    `halves` is the group it is a member of; `named`, if it is in none, the group that its label names.
    """

    volumes: Mapping[Side, Volume | DriverError | None]
    vluns: Mapping[Side, tuple[Vlun, ...] | DriverError]
    snapshots: Mapping[Side, tuple[str, ...] | DriverError]
    halves: Halves
    named: Halves = field(default_factory=Halves.none)


def plan_create(pair: Pair, wanted: WantedVolume, seen: SeenForCreate) -> list[Action]:
    """Actions that make the volume, and its group and twin if it is to be replicated.

    AlreadyExistsDifferently if the name is taken by something else; GroupBroken, GroupInTransition, ArrayUnreachable
    about the group, per `require_peer_persistence`.
    """
    for answer in seen.volumes.values():
        if isinstance(answer, DriverError):
            raise answer
    if not wanted.group:
        return _make_or_accept(pair, wanted, seen, Side.SOURCE)[0]
    if is_absent(seen.halves):
        return _into_new_group(pair, wanted, seen)
    verdict, group = require_peer_persistence(wanted.group, seen.halves, pair)
    return _into_group(pair, wanted, seen, verdict.side, group)


def _into_new_group(pair: Pair, wanted: WantedVolume, seen: SeenForCreate) -> list[Action]:
    side = Side.SOURCE
    wanted = replace(wanted, label=replace(wanted.label, made_group=True))
    make, comment = _make_or_accept(pair, wanted, seen, side)
    target = pair.backend.source.target_name
    return [
        *make,
        MakeGroup(
            side,
            wanted.group,
            target,
            wanted.cpg,
            wanted.snap_cpg,
            pair.cpg_on(side.other, wanted.cpg),
            pair.snap_cpg_on(side.other, wanted.snap_cpg),
            seen.domain,
        ),
        SetPolicies(side, wanted.group, target),
        *_admission(side, wanted.group, wanted.name, target, comment),
    ]


def _into_group(pair: Pair, wanted: WantedVolume, seen: SeenForCreate, side: Side, group: Group) -> list[Action]:
    made = any((label := read_label(text)) is not None and label.made_group for text in seen.member_comments)
    wanted = replace(wanted, label=replace(wanted.label, made_group=made))
    make, comment = _make_or_accept(pair, wanted, seen, side)
    if group.has(wanted.name):
        is_started = group.state is GroupState.STARTED
        return [] if is_started else [StartGroup(side, group.name), CheckProtected(side, group.name, wanted.name)]
    stop = [StopGroup(side, group.name)] if group.state is GroupState.STARTED else []
    return [*make, *stop, *_admission(side, group.name, wanted.name, group.target, comment)]


def _admission(side: Side, group: str, volume: str, target: str, comment: str) -> list[Action]:
    return [
        Admit(side, group, volume, target),
        StartGroup(side, group),
        LabelTwin(side.other, volume, comment),
        CheckProtected(side, group, volume),
    ]


def _make_or_accept(pair: Pair, wanted: WantedVolume, seen: SeenForCreate, side: Side) -> tuple[list[Action], str]:
    """The action that makes the volume, none if it is there as wanted, and the comment it has or gets."""
    existing = seen.volumes.get(side)
    if isinstance(existing, Volume):
        _require_same(pair.array(side).label, existing, wanted)
        return [], existing.comment
    stranger = seen.volumes.get(side.other) if wanted.group else None
    if isinstance(stranger, Volume):
        raise AlreadyExistsDifferently(
            f"a volume {wanted.name} is there already, without its twin on {pair.array(side).label}",
            where=pair.array(side.other).label,
            done="Nothing was changed",
            hint="Remove it if it is a leftover, or choose another volume name",
        )
    comment = wanted.label.text()
    make = MakeVolume(
        side,
        wanted.name,
        wanted.size_bytes,
        pair.cpg_on(side, wanted.cpg),
        pair.snap_cpg_on(side, wanted.snap_cpg),
        wanted.provisioning.value,
        wanted.compressed,
        comment,
    )
    return [make], comment


def _require_same(where: str, existing: Volume, wanted: WantedVolume) -> None:
    label = read_label(existing.comment)
    if label is None:
        raise AlreadyExistsDifferently(
            f"volume {existing.name} exists and was not made by this driver",
            where=where,
            hint="Choose another volume name",
        )
    problems = list(label.differences(wanted.label))
    size = existing.size_bytes
    if size < wanted.least_bytes or (wanted.most_bytes and size > wanted.most_bytes):
        most = f" to {wanted.most_bytes}" if wanted.most_bytes else " or more"
        problems.append(f"its size is {size} bytes, asked were {wanted.least_bytes}{most}")
    if problems:
        raise AlreadyExistsDifferently(
            f"volume {existing.name} exists and differs: {'; '.join(problems)}",
            where=where,
            done="Nothing was changed",
            hint="Choose another volume name, or ask for what is there",
        )


def plan_delete(pair: Pair, volume: str, seen: SeenForDelete, *, remove_groups: str) -> list[Action]:
    """Actions that remove a volume from both arrays, and its group if that becomes empty.

    The volume goes last: until then its label tells a repeat of the call what is still to do. `remove_groups`: "made"
    removes groups the driver made, "any" also others, "never" none. StillInUse, with nothing changed, if the volume is
    exported, has snapshots or is not the driver's.
    """
    copies = _copies(seen)
    if not copies:
        return []
    copies = _ours(pair, volume, copies)
    _require_unused(pair, volume, seen, copies)
    labels = [label for copy in copies.values() if (label := read_label(copy.comment)) is not None]
    removable = remove_groups == "any" or (remove_groups == "made" and any(label.made_group for label in labels))
    if is_absent(seen.halves):
        empty = _emptied(seen.named) if removable else []
        return [*empty, *(RemoveVolume(side, volume) for side in copies)]
    verdict = serving(volume, seen.halves)
    group = seen.halves.of(verdict.side).group
    if group is None or verdict.standing is not Standing.HEALTHY:
        raise GroupInTransition(
            f"the Remote Copy group of {volume} is {verdict.standing}; its other copy cannot be removed now",
            where=pair.array(verdict.side).label,
            done="Nothing was changed",
            hint="Recover the group ('setrcopygroup recover'), then repeat the call",
        )
    was_started = group.state is not GroupState.STOPPED
    actions: list[Action] = [StopGroup(verdict.side, group.name)] if was_started else []
    actions.append(Dismiss(verdict.side, group.name, volume))
    if any(member.volume != volume for member in group.members):
        actions += [StartGroup(verdict.side, group.name)] if was_started else []
    elif removable:
        actions.append(RemoveGroup(verdict.side, group.name))
    return [*actions, RemoveVolume(verdict.side.other, volume), RemoveVolume(verdict.side, volume)]


def _emptied(halves: Halves) -> list[Action]:
    """What an earlier, interrupted removal of the last volume left of its group."""
    for side in Side:
        group = halves.of(side).group
        if group is not None and not group.members and group.role is Role.PRIMARY:
            return [RemoveGroup(side, group.name)]
    return []


def _copies(seen: SeenForDelete) -> dict[Side, Volume]:
    copies = {}
    for side, answer in seen.volumes.items():
        if isinstance(answer, DriverError):
            raise answer
        if answer is not None:
            copies[side] = answer
    return copies


def _ours(pair: Pair, volume: str, copies: Mapping[Side, Volume]) -> dict[Side, Volume]:
    """The copies that carry the driver's label, and their twins; StillInUse if there is none."""
    wwns = {copy.wwn for copy in copies.values() if read_label(copy.comment) is not None}
    ours = {side: copy for side, copy in copies.items() if copy.wwn in wwns}
    if not ours:
        raise StillInUse(
            f"volume {volume} was not made by this driver, so it is not deleted",
            where=" and ".join(pair.array(side).label for side in copies),
            done="Nothing was changed",
            hint="Delete it with the array's own tools if it is not needed",
        )
    return ours


def _require_unused(pair: Pair, volume: str, seen: SeenForDelete, copies: Mapping[Side, Volume]) -> None:
    for side in copies:
        vluns, snapshots = seen.vluns.get(side, ()), seen.snapshots.get(side, ())
        for answer in (vluns, snapshots):
            if isinstance(answer, DriverError):
                raise answer
        hosts = sorted({vlun.host for vlun in vluns}) if not isinstance(vluns, DriverError) else []
        if hosts:
            raise StillInUse(
                f"volume {volume} is still exported to {', '.join(hosts)}",
                where=pair.array(side).label,
                done="Nothing was changed",
                hint="Detach it from those nodes first",
            )
        if snapshots and not isinstance(snapshots, DriverError):
            raise StillInUse(
                f"volume {volume} has snapshots on the array: {', '.join(snapshots[:5])}",
                where=pair.array(side).label,
                done="Nothing was changed",
                hint="Delete them first, with the array's own tools if they were not made through Kubernetes",
            )


def serving_copy(pair: Pair, volume: str, volumes: Mapping[Side, Volume | DriverError | None], halves: Halves) -> Side:
    """The side whose copy serves I/O: the group's verdict, or for a plain volume wherever it is.

    NotFound if no array has it; ArrayUnreachable if the array that may have it is dark.
    """
    if any(halves.of(side).group is not None for side in pair.sides):
        return serving(volume, halves).side
    for side in pair.sides:
        answer = volumes.get(side)
        if isinstance(answer, Volume):
            return side
    for answer in volumes.values():
        if isinstance(answer, DriverError):
            raise answer
    raise NotFound(f"volume {volume} does not exist", where=f"backend {pair.name}")
