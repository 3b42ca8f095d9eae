"""What both sides of a group have in common: finding the other view, synchronizing, stopping (wsapi.md 5.2, 5.7)."""

from arraysim.core import snapshots
from arraysim.core.array import Array
from arraysim.core.blocks import PAGE_BYTES
from arraysim.core.faults import Refusal
from arraysim.core.objects import Group, GroupState, Member, Mode, Role, SyncStatus

#: The data of these modes is on both sides when a write returns; periodic groups copy by cycles.
MIRRORED_MODES = frozenset({Mode.SYNC, Mode.ASYNC})


def peer_view(array: Array, group: Group) -> Group | None:
    """The same group as the other array sees it, contact or not; None if it is not there."""
    view = array.peer.groups.get(group.remote_name)
    return view if view is not None and view.remote_name == group.name else None


def protected(array: Array, group: Group) -> bool:
    """Whether automatic failover watches over the group: policies, mode, witness set up on both arrays (5.3, 5.6)."""
    return (
        group.mode is Mode.SYNC
        and group.policies.auto_failover
        and group.policies.path_management
        and array.target.witness_started
        and array.peer.target.witness_started
    )


def require_idle(group: Group) -> None:
    """ArrayFault 403 while a switchover runs or a decision about lost contact is due."""
    if group.switching is not None or group.held:
        raise Refusal.RCOPY_GROUP_IS_BUSY.fault()


def require_primary(group: Group) -> None:
    """ArrayFault 403 on the secondary side."""
    if group.role is not Role.PRIMARY:
        raise Refusal.ONLY_ON_PRIMARY_SIDE.fault()


def require_not_started(group: Group) -> None:
    """ArrayFault 403 215."""
    if group.started:
        raise Refusal.RCOPY_GROUP_STARTED.fault()


def require_contact(array: Array) -> None:
    """ArrayFault 403 when the other array cannot be talked to."""
    if not array.pair.contact:
        raise Refusal.RCOPY_TARGET_IS_NOT_READY.fault()


def require_peer_view(array: Array, group: Group) -> Group:
    """The other view over a working link; ArrayFault 403 without contact, 409 if mirroring was off when it mattered."""
    require_contact(array)
    view = peer_view(array, group)
    if view is None or not group.mirrored:
        raise Refusal.RCOPY_GROUP_MIRROR_CONFIG_OFF.fault()
    return view


def twin_member(view: Group, member: Member) -> Member:
    """The member of the other view that is this one's twin. KeyError if the views do not match."""
    return view.members[member.twin]


def set_state(array: Array, group: Group, state: GroupState) -> None:
    """Set the state in both views; whoever waited to recover the group by itself does not any more."""
    for view in (group, peer_view(array, group)):
        if view is not None:
            view.state = state
            forget_recovery(view)


def forget_recovery(group: Group) -> None:
    """Cancel the automatic restart or recovery that waits for its time."""
    if group.recovering is not None:
        group.recovering.cancel()
        group.recovering = None


def stop_view(array: Array, group: Group, *, by_link: bool, snapshot: bool = True) -> None:
    """Stop the group in this array's view alone. A copy that was under way leaves the member stale."""
    forget_recovery(group)
    group.state = GroupState.STOPPED
    group.held = False
    group.link_stopped = by_link
    for member in group.members.values():
        _stop_member(member)
        if snapshot and group.role is Role.PRIMARY and array.options.resync_snapshots and member.snapshot is None:
            number = array.next_id("resync")
            member.snapshot = snapshots.make(array, member.volume, f"rcpy.{number}.{member.volume.id}", read_only=True)


def _stop_member(member: Member) -> None:
    if member.syncing is not None:
        member.syncing.cancel()
        member.syncing = None
    if member.status is SyncStatus.SYNCING:
        member.status = SyncStatus.STALE
    elif member.status is not SyncStatus.NEW and member.status is not SyncStatus.STALE:
        member.status = SyncStatus.NOT_SYNCED


def consistent(group: Group) -> bool:
    """Whether every member here holds a state its twin once had: it may be failed over to (5.2)."""
    return all(member.status in (SyncStatus.SYNCED, SyncStatus.NOT_SYNCED) for member in group.members.values())


def begin_sync(array: Array, group: Group, *, skip: bool = False) -> None:
    """Start the group in both views, data flowing from `array`, and begin to synchronize every member.

    `skip`: the caller says that the contents are equal already (skipInitialSync).
    """
    set_state(array, group, GroupState.STARTED)
    view = require_peer_view(array, group)
    for each in (group, view):
        each.link_stopped = each.took_over = each.overridden = False
    for member in group.members.values():
        sides = (member.volume, twin_member(view, member).volume)
        for volume in sides:  # growth of either while out of contact catches up (wsapi.md 5.8)
            volume.size_mib = max(side.size_mib for side in sides)
        begin_member_sync(array, group, member, skip=skip or member.presynced)


def begin_member_sync(array: Array, group: Group, member: Member, *, skip: bool = False) -> None:
    """Send what the twin lacks. Time: bytes to send at the options' speed, with a floor."""
    view = require_peer_view(array, group)
    twin = twin_member(view, member)
    member.presynced = False
    count = member.volume.size_bytes if member.full else len(member.dirty | twin.dirty) * PAGE_BYTES
    seconds = max(array.options.sync_floor_seconds, count / array.options.sync_bytes_per_second)
    if skip:
        finish_member_sync(array, member, twin, copy=False)
        return
    member.status = twin.status = SyncStatus.SYNCING

    def finish() -> None:
        finish_member_sync(array, member, twin)
        array.pair.check()

    member.syncing = twin.syncing = array.clock.call_later(seconds, finish)


def finish_member_sync(array: Array, member: Member, twin: Member, *, copy: bool = True) -> None:
    """Make the twin equal and both Synced; the resync snapshots have served. Without `copy` they are believed equal."""
    if not copy:
        trusted = member.trusted or member.full or bool(member.dirty or twin.dirty)
    elif member.full:
        twin.volume.blocks.copy_from(member.volume.blocks)
        trusted = False
    else:
        twin.volume.blocks.copy_pages_from(member.volume.blocks, member.dirty | twin.dirty)
        trusted = member.trusted
    for side, each in ((array, member), (array.peer, twin)):
        each.trusted = trusted
        each.full = False
        each.dirty.clear()
        each.syncing = None
        each.status = SyncStatus.SYNCED
        each.last_sync_at = array.clock.now
        each.generation = each.synced_generation = each.volume.blocks.generation
        drop_resync_snapshot(side, each)


def drop_resync_snapshot(array: Array, member: Member) -> None:
    """Remove the member's resync snapshot, if the array still has it and nobody exported it."""
    snapshot, member.snapshot = member.snapshot, None
    if snapshot is not None and array.volumes.get(snapshot.name) is snapshot and not array.vluns_of(snapshot):
        snapshots.drop(array, snapshot)


def swap_roles(array: Array, group: Group) -> None:
    """Exchange the roles of the two views; needs both."""
    view = require_peer_view(array, group)
    group.role, view.role = view.role, group.role
