"""Who goes on when the arrays lose sight of each other (the decision table of wsapi.md 5.6), and how they meet again.

One array's "dead" is what the other and the witness see of it. A decision falls once per loss of contact,
`failover_after_seconds` after it; until then the I/O of protected groups is held, so that whoever goes on has every
acknowledged write. Groups that automatic failover does not protect stop at once, and the primary side goes on.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from arraysim.core import recovery
from arraysim.core.array import Array
from arraysim.core.clock import Timer
from arraysim.core.objects import Group, GroupState, Role, SyncStatus
from arraysim.core.replication import forget_recovery, peer_view, protected, stop_view

if TYPE_CHECKING:
    from arraysim.core.pair import Pair


class Arbitration:
    """The heartbeat of a pair. `suspended`: both arrays agreed, over a working link, that the witness is gone."""

    def __init__(self, pair: "Pair") -> None:
        self._pair = pair
        self._contact = True
        self._decision: Timer | None = None
        self._notice: Timer | None = None
        self._owners: dict[tuple[str, ...], Array] = {}
        self.suspended = False

    def refresh(self) -> None:
        """Look at link, power and witness, and act on what changed."""
        contact = self._pair.contact
        if contact != self._contact:
            self._contact = contact
            if contact:
                self._regained()
            else:
                self._lost()
        self._watch_witness()

    def claim(self, array: Array, group: Group) -> None:
        """A person made this side serve: leave word at the witness, if it can be reached and contact is lost."""
        if not self._contact and self._pair.reaches_witness(array):
            self._owners[_key(group)] = array

    def array_died(self, array: Array) -> None:
        """Its own part in a pending decision is over; what it believed of its groups stays as it was."""
        for group in array.groups.values():
            group.held = False
            forget_recovery(group)

    def array_returned(self, array: Array) -> None:
        """Decide for its groups that still think they are started, if the other array cannot be asked."""
        if self._pair.contact:
            return
        for group in array.groups.values():
            if group.started:
                self._settle(array, group, returning=True)

    def _watch_witness(self) -> None:
        """Suspend automatic failover when the witness is lost to both while they still talk (5.6, row a+b first)."""
        if self._notice is not None and not (self._contact and self._witness_lost()):
            self._notice.cancel()
            self._notice = None
        if not self._contact:
            return  # what was agreed last holds until they talk again
        if not self._witness_lost():
            self.suspended = False
        elif not self.suspended and self._notice is None:
            self._notice = self._pair.clock.call_later(self._pair.options.witness_notice_seconds, self._suspend)

    def _suspend(self) -> None:
        self._notice = None
        self.suspended = True

    def _witness_lost(self) -> bool:
        return not any(self._pair.reaches_witness(array) for array in self._pair.arrays)

    def _views(self) -> Iterator[tuple[Array, Group]]:
        """Every group of every powered array, primary views first."""
        views = [(array, group) for array in self._pair.arrays if array.powered for group in array.groups.values()]
        return iter(sorted(views, key=lambda view: view[1].role))

    def _lost(self) -> None:
        held = False
        for array in self._pair.arrays:
            for group in array.groups.values():
                _interrupt(group)
        for array, group in self._views():
            if not group.started:
                continue
            if protected(array, group) and group.synced:
                group.held = held = True
            else:
                stop_view(array, group, by_link=True)
        if held:
            self._decision = self._pair.clock.call_later(self._pair.options.failover_after_seconds, self._decide)

    def _decide(self) -> None:
        self._decision = None
        for array, group in self._views():
            if group.held:
                self._settle(array, group)
        self._pair.check()

    def _settle(self, array: Array, group: Group, *, returning: bool = False) -> None:
        """One array's decision for one started group, with what it and the witness know."""
        if not (protected(array, group) and group.synced) or self.suspended:
            stop_view(array, group, by_link=True)
        elif group.role is Role.PRIMARY:
            self._settle_primary(array, group)
        else:
            # primary views decide first: one that is seen by the witness has left its name there
            free = _key(group) not in self._owners
            if not returning and free and self._pair.reaches_witness(array):
                self._owners[_key(group)] = array
                take_over(array, group)
            else:
                stop_view(array, group, by_link=True)

    def _settle_primary(self, array: Array, group: Group) -> None:
        """Go on if the witness says that nobody else does; fall silent if it says otherwise or cannot be asked."""
        if self._pair.reaches_witness(array) and self._owners.setdefault(_key(group), array) is array:
            stop_view(array, group, by_link=True)
        else:
            fail_safe(array, group)

    def _regained(self) -> None:
        if self._decision is not None:
            self._decision.cancel()
            self._decision = None
        first, second = self._pair.arrays
        for _, group in self._views():
            group.held = False
        for group in first.groups.values():
            view = peer_view(first, group)
            if view is not None:
                _reconcile(first, group, second, view)
        for array, group in self._views():
            if group.started and peer_view(array, group) is None:
                stop_view(array, group, by_link=True)
            recovery.schedule(array, group)
        self._owners.clear()


def take_over(array: Array, group: Group) -> None:
    """Become primary without the other array: Primary-Rev, Stopped, read-write (5.6)."""
    stop_view(array, group, by_link=True)
    group.role = Role.PRIMARY
    group.took_over = True


def fail_safe(array: Array, group: Group) -> None:
    """Stop serving, because the other side may have taken over (5.6)."""
    stop_view(array, group, by_link=True)
    group.state = GroupState.FAILSAFE
    for member in group.members.values():
        if member.status is SyncStatus.NOT_SYNCED:
            member.status = SyncStatus.FAILSAFE


def _key(group: Group) -> tuple[str, ...]:
    """The same for both views of a group, and for no other group."""
    return tuple(sorted((group.name, group.remote_name)))


def _interrupt(group: Group) -> None:
    """Lost contact ends a switchover and every copy under way; a running copy leaves its member stale."""
    forget_recovery(group)
    if group.switching is not None:
        group.switching.cancel()
        group.switching = None
    for member in group.members.values():
        if member.syncing is not None:
            member.syncing.cancel()
            member.syncing = None
            member.status = SyncStatus.STALE


def _reconcile(first: Array, group: Group, second: Array, view: Group) -> None:
    """Bring two views together that may have gone their own ways while there was no contact."""
    if group.role is view.role is Role.PRIMARY:
        for array, each, other in ((first, group, view), (second, view, group)):
            if each.started or (array.options.failover_fences_peer and not each.took_over):
                stop_view(array, each, by_link=True)
                if other.took_over and each.policies.path_management:
                    fail_safe(array, each)
    elif group.started != view.started:
        for array, each in ((first, group), (second, view)):
            if each.started:
                stop_view(array, each, by_link=True)
    for mine, theirs in ((group, view), (view, group)):
        for member in mine.members.values():
            twin = theirs.members.get(member.twin)
            if twin is not None and SyncStatus.STALE in (member.status, twin.status):
                member.status = twin.status = SyncStatus.STALE
