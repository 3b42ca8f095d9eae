"""Start, stop and synchronize a group (wsapi.md 2.12.6)."""

from arraysim.core.array import Array
from arraysim.core.faults import Refusal
from arraysim.core.objects import Group, GroupState, Mode, Role, SyncStatus
from arraysim.core.recovery import matching
from arraysim.core.replication import (
    begin_member_sync,
    begin_sync,
    peer_view,
    require_contact,
    require_idle,
    require_not_started,
    require_peer_view,
    require_primary,
    stop_view,
)
from arraysim.core.transition import transition


@transition
def start(array: Array, name: str, *, skip_initial_sync: bool = False) -> None:
    """Replicate from here to the other side; members synchronize in their time.

    ArrayFault: 404 187; 403 on the secondary side, 215 started, busy, failsafe, failed over, target not ready, views
    that differ; 400 236 for a mode unlike that of started groups; 404 when another volume there has a member's WWN.
    """
    group = array.find_group(name)
    require_idle(group)
    require_primary(group)
    require_not_started(group)
    if group.state is GroupState.FAILSAFE:
        raise Refusal.RCOPY_GROUP_ROLE_CONFLICT.fault()
    view = require_peer_view(array, group)
    if view.role is Role.PRIMARY:
        raise Refusal.RCOPY_GROUP_IN_FAILOVER_STATE.fault()
    if not matching(group, view):
        raise Refusal.SECONDARY_DOES_NOT_MATCH.fault()
    if not group.members and array.options.start_of_empty_group_refused:
        raise Refusal.RCOPY_GROUP_EMPTY.fault()
    _refuse_mixed_modes(array, group)
    for member in group.members.values():
        twin = array.peer.volumes[member.twin]
        if any(other.wwn == member.volume.wwn and other is not twin for other in array.peer.volumes.values()):
            raise Refusal.EXISTENT_VOL_WWN_ON_TARGET.fault(member.volume.name)
    begin_sync(array, group, skip=skip_initial_sync)


def _refuse_mixed_modes(array: Array, group: Group) -> None:
    """Only started groups count (wsapi.md 1.5, 236)."""
    modes = {other.mode for other in array.groups.values() if other.started and other.role is Role.PRIMARY}
    if modes - {group.mode}:
        raise Refusal.MIXED_MODES_ON_ONE_TARGET.fault()


@transition
def stop(array: Array, name: str, *, snapshot: bool = True) -> None:
    """Stop replicating; hosts go on here, and what they write is remembered for the restart.

    ArrayFault: 404 187; 403 on the secondary side, not started, busy, or target not ready.
    """
    group = array.find_group(name)
    require_idle(group)
    require_primary(group)
    if not group.started:
        if array.options.stop_of_stopped_group_refused:
            raise Refusal.RCOPY_GROUP_NOT_STARTED.fault()
        return
    require_contact(array)
    view = peer_view(array, group)
    stop_view(array, group, by_link=False, snapshot=snapshot)
    if view is not None:
        stop_view(array.peer, view, by_link=False)


@transition
def synchronize(array: Array, name: str, *, full: bool = False) -> None:
    """One cycle of a periodic group. A started synchronous group refuses, it never stops synchronizing (403)."""
    group = array.find_group(name)
    require_idle(group)
    require_primary(group)
    view = require_peer_view(array, group)
    if not group.started:
        raise Refusal.RCOPY_GROUP_NOT_STARTED.fault()
    if group.mode not in (Mode.PERIODIC, Mode.PERIODIC_OLD):
        raise Refusal.INVOLVED_IN_SYNCHRONIZATION.fault()
    if any(member.status is SyncStatus.SYNCING for member in group.members.values()):
        raise Refusal.INVOLVED_IN_SYNCHRONIZATION.fault()
    for member in group.members.values():
        member.full = view.members[member.twin].full = full or member.full
        begin_member_sync(array, group, member)


def group_last_sync(group: Group) -> float | None:
    """Clock seconds of the last time all members were synchronized; None before."""
    times = [member.last_sync_at for member in group.members.values()]
    if not times or None in times:
        return None
    return max(at for at in times if at is not None)
