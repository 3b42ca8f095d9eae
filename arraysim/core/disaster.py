"""What an operator does when a site fails, or before (wsapi.md 2.12.7, 5.5, 5.7)."""

from arraysim.core.arbitration import fail_safe
from arraysim.core.array import Array
from arraysim.core.faults import Refusal
from arraysim.core.objects import Group, GroupState, Mode, Role, SyncStatus
from arraysim.core.recovery import may_recover, turn_around
from arraysim.core.replication import (
    begin_sync,
    consistent,
    finish_member_sync,
    forget_recovery,
    peer_view,
    require_idle,
    require_peer_view,
    require_primary,
    set_state,
    stop_view,
    swap_roles,
    twin_member,
)
from arraysim.core.transition import transition


@transition
def failover(array: Array, name: str) -> None:
    """Action 7, on the secondary: become primary and writable, stopped. The other side is left as it is.

    ArrayFault: 404 187; 403 on the primary side, while started with contact, when a copy here is incomplete.
    """
    group = array.find_group(name)
    require_idle(group)
    if group.role is not Role.SECONDARY:
        raise Refusal.RCOPY_GROUP_ROLE_CONFLICT.fault()
    if group.started:
        raise Refusal.RCOPY_GROUP_NOT_STOPPED.fault()
    if not consistent(group):
        raise Refusal.RCOPY_GROUP_NOT_SYNCED.fault()
    forget_recovery(group)
    group.role = Role.PRIMARY
    group.state = GroupState.STOPPED
    group.took_over = group.overridden = True
    group.link_stopped = False
    array.pair.arbitration.claim(array, group)
    view = peer_view(array, group)
    if view is not None and array.pair.contact:
        forget_recovery(view)
        view.link_stopped = False
        if array.options.failover_fences_peer and view.policies.path_management:
            fail_safe(array.peer, view)


@transition
def recover(array: Array, name: str, *, start: bool = True, skip_sync: bool = False) -> None:
    """Action 9, on the side that took over: the other side becomes its secondary and gets what it lacks.

    ArrayFault: 404 187; 403 for a wrong role, a started group, or no contact.
    """
    group = array.find_group(name)
    require_idle(group)
    if group.started:
        raise Refusal.RCOPY_GROUP_STARTED.fault()
    if group.role is not Role.PRIMARY or not group.took_over:
        raise Refusal.RCOPY_GROUP_ROLE_CONFLICT.fault()
    require_peer_view(array, group)
    if not may_recover(array, group):
        raise Refusal.RCOPY_GROUP_ROLE_CONFLICT.fault()
    turn_around(array, group, start=start, skip=skip_sync)


@transition
def restore(array: Array, name: str, *, start: bool = True, skip_sync: bool = False) -> None:
    """Action 10, on the side that is primary against its nature: both get their natural roles back.

    After `recover` it wants every member Synced. Directly after `failover` the other side first gets what it lacks, at
    once. ArrayFault: 404 187; 403 for a wrong role, members not Synced, or no contact.
    """
    group = array.find_group(name)
    require_idle(group)
    if group.role is not Role.PRIMARY or not group.reversed:
        raise Refusal.RCOPY_GROUP_ROLE_CONFLICT.fault()
    view = require_peer_view(array, group)
    if view.role is Role.PRIMARY:
        if not may_recover(array, group):
            raise Refusal.RCOPY_GROUP_ROLE_CONFLICT.fault()
        turn_around(array, group, start=False)
    elif group.started and not group.synced:
        raise Refusal.RCOPY_GROUP_NOT_SYNCED.fault()
    if not skip_sync:
        for member in group.members.values():
            finish_member_sync(array, member, twin_member(view, member))
    stop_view(array, group, by_link=False, snapshot=False)
    stop_view(array.peer, view, by_link=False, snapshot=False)
    swap_roles(array, group)
    if start:
        begin_sync(array.peer, view, skip=skip_sync)


@transition
def override(array: Array, name: str) -> None:
    """Action 11, on a failsafe primary: serve again, although the other side may be serving too.

    ArrayFault: 404 187; 403 if the group is not in failsafe.
    """
    group = array.find_group(name)
    if group.role is not Role.PRIMARY or group.state is not GroupState.FAILSAFE:
        raise Refusal.RCOPY_GROUP_NOT_IN_FAILSAFE.fault()
    forget_recovery(group)
    view = peer_view(array, group)
    if view is not None and array.pair.contact:
        forget_recovery(view)
    group.state = GroupState.STOPPED
    group.overridden = True
    group.link_stopped = False
    for member in group.members.values():
        if member.status is SyncStatus.FAILSAFE:
            member.status = SyncStatus.NOT_SYNCED
    array.pair.arbitration.claim(array, group)


@transition
def switchover(array: Array, name: str) -> None:
    """Action 8: exchange the roles without losing a write. I/O waits `switchover_seconds`, then the other side serves.

    ArrayFault: 404 187; 403 on the secondary side, not started, not Synced, no path management, busy, no contact, or
    volumes that are exported here but not to the same initiators there.
    """
    group = array.find_group(name)
    require_idle(group)
    if group.role is Role.SECONDARY and array.options.switchover_from_secondary:
        view = require_peer_view(array, group)
        array, group = array.peer, view
    require_primary(group)
    if group.mode is not Mode.SYNC:
        raise Refusal.RCOPY_GROUP_MODE_NOT_SUPPORTED.fault()
    if not group.policies.path_management:
        raise Refusal.RCOPY_GROUP_NOT_PATH_MANAGED.fault()
    if not group.started:
        raise Refusal.RCOPY_GROUP_NOT_STARTED.fault()
    view = require_peer_view(array, group)
    if not group.synced:
        raise Refusal.RCOPY_GROUP_NOT_SYNCED.fault()
    if array.options.switchover_needs_exports:
        _require_exports(array, group)
    side = array

    def finish() -> None:
        group.switching = view.switching = None
        swap_roles(side, group)
        if side.options.switchover_naturalises:
            group.natural, view.natural = group.role, view.role
        set_state(side, group, GroupState.STARTED)
        side.pair.check()

    group.switching = view.switching = array.clock.call_later(array.options.switchover_seconds, finish)


def _require_exports(array: Array, group: Group) -> None:
    """Every initiator that has a member here must have its twin there, or it would lose its data."""
    for member in group.members.values():
        twin = array.peer.volumes[member.twin]
        if not _exported_to(array, member.volume.name) <= _exported_to(array.peer, twin.name):
            raise Refusal.NOT_EXPORTED_ON_TARGET.fault(member.volume.name)


def _exported_to(array: Array, volume: str) -> set[str]:
    """Initiators of the hosts that a volume is exported to."""
    return {
        initiator
        for vlun in array.vluns
        if vlun.volume.name == volume and vlun.host is not None
        for initiator in vlun.host.initiators
    }
