"""The catalogue of reversible actions on a pair of arrays: volumes and Remote Copy groups.

Every action is a frozen record whose fields go into the journal. `undo` takes back only what it can recognise as its
own, and leaves what is not there alone, so it may run any number of times and after any crash.
"""

from dataclasses import asdict, dataclass

from csi.array.pair import Pair, Side
from csi.array.port import Array
from csi.array.records import (
    PEER_PERSISTENCE,
    Group,
    GroupState,
    GroupWish,
    Provisioning,
    SyncState,
    VolumeWish,
)
from csi.clock import Clock, poll
from csi.errors import GroupBroken, GroupInTransition
from csi.saga.step import Described

#: How long a group may take to report that it is started; arrays do it within seconds (wsapi.md 2.12.6).
START_TIMEOUT_SECONDS = 60.0
_START_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Place:
    """Where an action acts: its array, the pair, and the clock it waits on."""

    array: Array
    pair: Pair
    clock: Clock


@dataclass(frozen=True)
class Action:
    """One change to the array in the place `side`."""

    side: Side

    def title(self, array: Array) -> str:
        """The action in words."""
        raise NotImplementedError

    def done(self, array: Array) -> bool:
        """Whether the effect is there; False for actions that cannot tell cheaply and may be repeated."""
        raise NotImplementedError

    def do(self, at: Place) -> None:
        """Bring it about."""
        raise NotImplementedError

    def undo(self, array: Array) -> None:
        """Take it back. Actions that only go forward have nothing to take back."""


@dataclass(frozen=True)
class MakeVolume(Action):
    """Create a virtual volume; recognised afterwards by its whole comment."""

    name: str
    size_bytes: int
    cpg: str
    snap_cpg: str
    provisioning: str
    compressed: bool
    comment: str

    def title(self, array: Array) -> str:
        return f"create volume {self.name} on {array.label}"

    def done(self, array: Array) -> bool:
        volume = array.volume(self.name)
        return volume is not None and volume.comment == self.comment

    def do(self, at: Place) -> None:
        at.array.create_volume(
            VolumeWish(
                self.name,
                self.size_bytes,
                self.cpg,
                self.snap_cpg,
                Provisioning(self.provisioning),
                self.compressed,
                self.comment,
            )
        )

    def undo(self, array: Array) -> None:
        if self.done(array):
            array.delete_volume(self.name)


@dataclass(frozen=True)
class MakeGroup(Action):
    """Create an empty synchronous group; its mirror appears on the other array."""

    group: str
    target: str
    local_cpg: str
    local_snap_cpg: str
    remote_cpg: str
    remote_snap_cpg: str
    domain: str

    def title(self, array: Array) -> str:
        return f"create Remote Copy group {self.group} on {array.label}"

    def done(self, array: Array) -> bool:
        return array.group(self.group) is not None

    def do(self, at: Place) -> None:
        at.array.create_group(
            GroupWish(
                self.group,
                self.target,
                self.local_cpg,
                self.local_snap_cpg,
                self.remote_cpg,
                self.remote_snap_cpg,
                self.domain,
            )
        )

    def undo(self, array: Array) -> None:
        _remove_empty(array, self.group)


@dataclass(frozen=True)
class SetPolicies(Action):
    """Make a group a Peer Persistence group. Undone with the group."""

    group: str
    target: str

    def title(self, array: Array) -> str:
        return f"set the Peer Persistence policies of {self.group} on {array.label}"

    def done(self, array: Array) -> bool:
        group = array.group(self.group)
        return group is not None and group.policies == PEER_PERSISTENCE

    def do(self, at: Place) -> None:
        at.array.set_policies(self.group, self.target, PEER_PERSISTENCE)


@dataclass(frozen=True)
class StopGroup(Action):
    """Stop a started group so that its membership can change; taken back by starting it."""

    group: str

    def title(self, array: Array) -> str:
        return f"stop Remote Copy group {self.group} on {array.label}"

    def done(self, array: Array) -> bool:
        return _state(array, self.group) is GroupState.STOPPED

    def do(self, at: Place) -> None:
        at.array.stop_group(self.group)

    def undo(self, array: Array) -> None:
        group = array.group(self.group)
        if group is not None and group.members and group.state is not GroupState.STARTED:
            array.start_group(self.group)


@dataclass(frozen=True)
class Admit(Action):
    """Put a volume into a stopped group; the other array makes its twin with the same WWN."""

    group: str
    volume: str
    target: str

    def title(self, array: Array) -> str:
        return f"admit {self.volume} to Remote Copy group {self.group} on {array.label}"

    def done(self, array: Array) -> bool:
        group = array.group(self.group)
        return group is not None and group.has(self.volume)

    def do(self, at: Place) -> None:
        at.array.admit(self.group, self.volume, self.target, self.volume)

    def undo(self, array: Array) -> None:
        group = array.group(self.group)
        if group is None or not group.has(self.volume):
            return
        if group.state is not GroupState.STOPPED:
            array.stop_group(self.group)
        array.dismiss(self.group, self.volume, remove_twin=True)


@dataclass(frozen=True)
class StartGroup(Action):
    """Start a group. Not taken back: the undo of what came before stops it where that is needed."""

    group: str

    def title(self, array: Array) -> str:
        return f"start Remote Copy group {self.group} on {array.label}"

    def done(self, array: Array) -> bool:
        return _state(array, self.group) is GroupState.STARTED

    def do(self, at: Place) -> None:
        at.array.start_group(self.group)


@dataclass(frozen=True)
class LabelTwin(Action):
    """Write the volume's label on its twin too; `side` is the twin's array. Goes away with the twin."""

    volume: str
    comment: str

    def title(self, array: Array) -> str:
        return f"label {self.volume} on {array.label}"

    def done(self, array: Array) -> bool:
        volume = array.volume(self.volume)
        return volume is not None and volume.comment == self.comment

    def do(self, at: Place) -> None:
        at.array.set_comment(self.volume, self.comment)


@dataclass(frozen=True)
class CheckProtected(Action):
    """Read back what was made: started group with all policies, both copies there, one WWN. Changes nothing."""

    group: str
    volume: str

    def title(self, array: Array) -> str:
        return f"check that {self.volume} is protected by {self.group} on {array.label}"

    def done(self, array: Array) -> bool:  # noqa: ARG002 a check is always due
        return False

    def do(self, at: Place) -> None:
        last: list[Group | None] = []

        def protected() -> bool:
            last[:] = [at.array.group(self.group)]
            return last[0] is not None and _protects(last[0], self.volume)

        if not poll(at.clock, protected, timeout_seconds=START_TIMEOUT_SECONDS, every_seconds=_START_POLL_SECONDS):
            seen = last[0].state if last and last[0] is not None else "gone"
            raise GroupInTransition(
                f"Remote Copy group {self.group} did not start within {START_TIMEOUT_SECONDS:.0f} s, it is {seen}",
                where=at.array.label,
                hint="Look at 'showrcopy groups' and the links, then repeat the call",
            )
        mine, twin = at.array.volume(self.volume), at.pair.array(self.side.other).volume(self.volume)
        if mine is None or twin is None or mine.wwn != twin.wwn:
            raise GroupBroken(
                f"the two copies of {self.volume} do not show hosts one WWN "
                f"({mine.wwn if mine else 'missing'} and {twin.wwn if twin else 'missing'})",
                where=at.array.label,
                hint="Check that the target array is of a version that makes the twin with the same WWN",
            )


@dataclass(frozen=True)
class Dismiss(Action):
    """Take a volume out of its group and remove its twin. Only forward: a twin's data cannot be brought back."""

    group: str
    volume: str

    def title(self, array: Array) -> str:
        return f"dismiss {self.volume} from Remote Copy group {self.group} on {array.label}"

    def done(self, array: Array) -> bool:
        group = array.group(self.group)
        return group is None or not group.has(self.volume)

    def do(self, at: Place) -> None:
        at.array.dismiss(self.group, self.volume, remove_twin=True)


@dataclass(frozen=True)
class RemoveVolume(Action):
    """Delete a volume. Only forward."""

    volume: str

    def title(self, array: Array) -> str:
        return f"delete volume {self.volume} on {array.label}"

    def done(self, array: Array) -> bool:
        return array.volume(self.volume) is None

    def do(self, at: Place) -> None:
        at.array.delete_volume(self.volume)


@dataclass(frozen=True)
class RemoveGroup(Action):
    """Delete a group that has become empty. Only forward; one that has members by now stays."""

    group: str

    def title(self, array: Array) -> str:
        return f"delete Remote Copy group {self.group} on {array.label}"

    def done(self, array: Array) -> bool:
        return array.group(self.group) is None

    def do(self, at: Place) -> None:
        _remove_empty(at.array, self.group)


ACTIONS: tuple[type[Action], ...] = (
    MakeVolume,
    MakeGroup,
    SetPolicies,
    StopGroup,
    Admit,
    StartGroup,
    LabelTwin,
    CheckProtected,
    Dismiss,
    RemoveVolume,
    RemoveGroup,
)


def describe(action: Action, backend: str) -> Described:
    """An action as the journal keeps it."""
    return {"action": type(action).__name__, "backend": backend, **asdict(action)}


def _state(array: Array, name: str) -> GroupState | None:
    group = array.group(name)
    return group.state if group is not None else None


def _protects(group: Group, volume: str) -> bool:
    in_sync = any(m.volume == volume and m.sync in (SyncState.SYNCING, SyncState.SYNCED) for m in group.members)
    return group.state is GroupState.STARTED and group.policies == PEER_PERSISTENCE and in_sync


def _remove_empty(array: Array, name: str) -> None:
    group = array.group(name)
    if group is None or group.members:
        return
    if group.state is GroupState.STARTED:
        array.stop_group(name)
    array.delete_group(name)
