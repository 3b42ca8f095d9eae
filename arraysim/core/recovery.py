"""Back to replication after contact was lost: by itself with autoRecover, or by an operator (wsapi.md 2.12.7, 5.7)."""

from arraysim.core.array import Array
from arraysim.core.objects import Group, GroupState, Role
from arraysim.core.replication import begin_sync, peer_view, set_state


def may_restart(array: Array, group: Group) -> bool:
    """Whether this primary side may just go on replicating after a loss of contact."""
    view = peer_view(array, group)
    return (
        array.pair.contact
        and view is not None
        and group.role is Role.PRIMARY
        and view.role is Role.SECONDARY
        and group.state is GroupState.STOPPED
        and matching(group, view)
    )


def may_recover(array: Array, group: Group) -> bool:
    """Whether this side took over and the other, still primary on paper and silent, can become its secondary."""
    view = peer_view(array, group)
    return (
        array.pair.contact
        and view is not None
        and group.took_over
        and group.state is GroupState.STOPPED
        and view.role is Role.PRIMARY
        and not view.started
        and matching(group, view)
    )


def may_recover_unasked(array: Array, group: Group) -> bool:
    """As `may_recover`, and nothing can be lost: the other side has been silent since (failsafe)."""
    view = peer_view(array, group)
    return (
        array.options.recover_automatically
        and may_recover(array, group)
        and view is not None
        and view.state is GroupState.FAILSAFE
    )


def matching(group: Group, view: Group) -> bool:
    """Whether both views have the same pairs of volumes."""
    return {(member.volume.name, member.twin) for member in group.members.values()} == {
        (member.twin, member.volume.name) for member in view.members.values()
    }


def schedule(array: Array, group: Group) -> None:
    """After contact is regained: restart or recover in a while, if the group's policy and the options say so."""
    if not group.policies.auto_recover or not group.link_stopped or not array.powered:
        return
    if not (may_restart(array, group) or may_recover_unasked(array, group)):
        return

    def act() -> None:
        group.recovering = None
        if may_restart(array, group):
            begin_sync(array, group)
        elif may_recover_unasked(array, group):
            turn_around(array, group)
        array.pair.check()

    group.recovering = array.clock.call_later(array.options.auto_recover_after_seconds, act)


def turn_around(array: Array, group: Group, *, start: bool = True, skip: bool = False) -> None:
    """Make the other side this one's secondary and send it what it lacks (action 9)."""
    view = peer_view(array, group)
    if view is None:
        return
    view.role = Role.SECONDARY
    set_state(array, group, GroupState.STOPPED)
    for each in (group, view):
        each.took_over = each.overridden = False
    if start:
        begin_sync(array, group, skip=skip)
