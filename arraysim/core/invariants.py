"""What a real pair never does. A broken rule is a bug of the simulator and stops everything.

`check_pair` is cheap enough to run after every transition: contents are compared by counting changes. `deep_check`
compares every byte.
"""

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from arraysim.core.array import Array
from arraysim.core.objects import Group, GroupState, Member, Role, SyncStatus
from arraysim.core.replication import MIRRORED_MODES, peer_view

if TYPE_CHECKING:
    from arraysim.core.pair import Pair


class InvariantBroken(AssertionError):
    """The state cannot be that of a real pair."""


def _demand(held: bool, *parts: object) -> None:
    if not held:
        raise InvariantBroken(" ".join(str(part) for part in parts))


def check_pair(pair: "Pair") -> None:
    """Raise InvariantBroken at the first rule that does not hold."""
    for array in pair.arrays:
        _check_volumes(array)
        _check_exports(array)
        for group in array.groups.values():
            _check_members(array, group)
    first = pair.arrays[0]
    for group in first.groups.values():
        view = peer_view(first, group)
        if view is not None:
            _check_one_writer(first, group, view)
            if pair.contact and not group.diverged:
                _check_mirror(group, view)
    for array in pair.arrays:
        for group in array.groups.values():
            missing = peer_view(array, group) is None
            _demand(
                not missing or group.diverged or not group.mirrored, array, group.name, "has no view on the other array"
            )


def deep_check(pair: "Pair") -> None:
    """`check_pair`, and every byte of Synced twins is equal (unless somebody vouched for them unseen)."""
    check_pair(pair)
    for array in pair.arrays:
        for group in array.groups.values():
            view = peer_view(array, group)
            for member in group.members.values():
                twin = view.members.get(member.twin) if view is not None and view.started else None
                if twin is None or member.trusted or not _equal_by_rule(group, member):
                    continue
                pages = member.volume.blocks.differing_pages(twin.volume.blocks)
                _demand(
                    not pages, array, member.volume.name, "differs from its synced twin on pages", sorted(pages)[:5]
                )


def _equal_by_rule(group: Group, member: Member) -> bool:
    return member.status is SyncStatus.SYNCED and group.started and group.mode in MIRRORED_MODES


def _check_volumes(array: Array) -> None:
    wwns: set[str] = set()
    for name, volume in array.volumes.items():
        _demand(volume.name == name, array, name, "is filed under another name")
        _demand(volume.wwn not in wwns, array, "has two volumes with WWN", volume.wwn)
        wwns.add(volume.wwn)
        parent, group = volume.parent, volume.group
        if parent is not None:
            _demand(array.volumes.get(parent.name) is parent, array, name, "is a snapshot of nothing")
        if group is not None:
            _demand(array.groups.get(group.name) is group, array, name, "is in a group that is gone")
            _demand(name in group.members, array, name, "is not listed by its group")


def _check_exports(array: Array) -> None:
    for vlun in array.vluns:
        _demand(array.volumes.get(vlun.volume.name) is vlun.volume, array, "VLUN", vlun.lun, "has no volume")
        host = vlun.host
        _demand(host is None or array.hosts.get(host.name) is host, array, "VLUN", vlun.lun, "has no host")
        _demand(not vlun.position or vlun.position in array.ports, array, "VLUN", vlun.lun, "has no port")
    counted = Counter((vlun.host and vlun.host.name, vlun.position, vlun.lun) for vlun in array.vluns)
    for key, count in counted.items():
        _demand(count == 1, array, "exports one LUN twice:", key)
    everywhere = {(vlun.host, vlun.lun) for vlun in array.vluns if not vlun.position}
    for vlun in array.vluns:
        if vlun.position and vlun.host is not None:
            _demand(
                (vlun.host, vlun.lun) not in everywhere, array, "LUN", vlun.lun, "of a host is also bound to a port"
            )
    known = set(chain.from_iterable(host.initiators for host in array.hosts.values()))
    for initiator in array.logins:
        _demand(array.powered, array, "has logins without power")
        _demand(initiator in known, array, "has a login of", initiator, "which no host owns")


def _check_members(array: Array, group: Group) -> None:
    for name, member in group.members.items():
        volume = member.volume
        _demand(array.volumes.get(name) is volume, array, group.name, "member", name, "is missing")
        _demand(volume.group is group, array, name, "does not know its group")
        check_member(array, group, member)


def check_member(array: Array, group: Group, member: Member) -> None:
    """Contents, by counting: nobody but the serving side and replication writes, and Synced twins changed alike."""
    blocks = member.volume.blocks
    _demand(member.generation == blocks.generation, array, member.volume.name, "was written behind its group's back")
    if not _equal_by_rule(group, member):
        return
    view = peer_view(array, group)
    twin = view.members.get(member.twin) if view is not None else None
    if view is None or twin is None or not view.started:
        return
    _demand(not member.dirty, array, member.volume.name, "is Synced with unsent pages")
    mine = member.generation - member.synced_generation
    theirs = twin.generation - twin.synced_generation
    _demand(mine == theirs, array, member.volume.name, "and its synced twin took", mine, "and", theirs, "writes")


def serves(array: Array, group: Group) -> bool:
    """Whether hosts can write to the group's volumes on this array now."""
    return (
        array.powered
        and group.role is Role.PRIMARY
        and group.state is not GroupState.FAILSAFE
        and not group.held
        and group.switching is None
    )


def _check_one_writer(array: Array, group: Group, view: Group) -> None:
    if not (group.overridden or view.overridden):
        both = serves(array, group) and serves(array.peer, view)
        _demand(not both, group.name, "is writable on both arrays without an override")


def _check_mirror(group: Group, view: Group) -> None:
    """With contact, the two views agree on everything that both can know."""
    roles = {group.role, view.role}
    _demand(roles != {Role.SECONDARY}, group.name, "is secondary on both arrays")
    if roles == {Role.PRIMARY}:
        _demand(group.took_over != view.took_over, group.name, "is primary on both arrays and nobody failed over")
        _demand(not group.started and not view.started, group.name, "replicates from both arrays")
    else:
        _demand(group.started == view.started, group.name, "is started on one array only")
    _demand(group.natural is not view.natural, group.name, "has the same natural role on both arrays")
    for what in ("mode", "policies"):
        _demand(getattr(group, what) == getattr(view, what), group.name, "differs in", what)
    mine = {(member.volume.name, member.twin) for member in group.members.values()}
    theirs = {(member.twin, member.volume.name) for member in view.members.values()}
    _demand(mine == theirs, group.name, "has different members:", sorted(mine ^ theirs))
    for member in group.members.values():
        twin = view.members[member.twin]
        if group.started:
            _demand(member.status is twin.status, member.volume.name, "is", member.status, "here and", twin.status)
            _demand(member.volume.size_mib == twin.volume.size_mib, member.volume.name, "has a twin of another size")
        if group.policies.path_management:
            same = member.volume.wwn == twin.volume.wwn
            _demand(same, member.volume.name, "has a twin with another WWN under path management")
