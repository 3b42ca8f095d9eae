"""Volumes join and leave Remote Copy groups (wsapi.md 2.12.5)."""

from dataclasses import dataclass

from arraysim.core import vluns, volumes
from arraysim.core.array import Array
from arraysim.core.faults import Refusal
from arraysim.core.objects import Group, Member, Role, VlunType, Volume
from arraysim.core.replication import (
    begin_member_sync,
    drop_resync_snapshot,
    peer_view,
    require_contact,
    require_idle,
    require_not_started,
    require_peer_view,
    require_primary,
)
from arraysim.core.transition import transition


@dataclass(frozen=True, slots=True)
class NewMember:
    """A volume to admit; `twin` is the other array's volume, made there by `auto_create`, with the same WWN."""

    volume: str
    twin: str
    target: str
    auto_create: bool = False
    skip_initial_sync: bool = False
    different_wwn: bool = False


@transition
def admit(array: Array, name: str, new: NewMember) -> None:
    """Make a volume and its twin members of the group.

    ArrayFault: 404 187; 403 on the secondary side, 215 started, busy, target not ready; 400 for another target; 404 23;
    403 snapshot; 409 in this group, 403 in another; 403 group full; and what `_make_twin` and `_check_twin` say.
    """
    group = array.find_group(name)
    require_idle(group)
    require_primary(group)
    if not array.options.admit_to_started_group:
        require_not_started(group)
    if new.target != group.target:
        raise Refusal.RCOPY_GROUP_INV_TARGET.fault("targetName")
    volume = array.find_volume(new.volume)
    if volume.parent is not None:
        raise Refusal.VOL_IS_SNAPSHOT.fault()
    if volume.group is group:
        raise Refusal.VOL_IN_THIS_GROUP.fault()
    if volume.group is not None:
        raise Refusal.VOL_IN_OTHER_GROUP.fault()
    if len(group.members) >= array.personality.group_volumes_limit:
        raise Refusal.RCOPY_GROUP_MAX_VOLUMES.fault()
    view = require_peer_view(array, group)
    if view.role is not Role.SECONDARY:
        raise Refusal.SECONDARY_DOES_NOT_MATCH.fault()
    twin = (_make_twin if new.auto_create else _check_twin)(array, group, volume, new)
    mine = _join(group, volume, twin)
    mine.presynced = new.skip_initial_sync
    _join(view, twin, volume)
    if array.options.admit_mirrors_vluns:
        _mirror_vluns(array, volume, twin)
    if group.started:
        begin_member_sync(array, group, mine, skip=new.skip_initial_sync)


def _make_twin(array: Array, group: Group, volume: Volume, new: NewMember) -> Volume:
    """Same size, provisioning and WWN, in the group's CPG of the other array."""
    peer = array.peer
    if not group.remote_cpg:
        raise Refusal.RCOPY_GROUP_HAS_NO_CPG.fault()
    if new.twin in peer.volumes:
        raise Refusal.EXISTENT_VOL_ON_TARGET.fault(new.twin)
    if not new.different_wwn and any(other.wwn == volume.wwn for other in peer.volumes.values()):
        raise Refusal.EXISTENT_VOL_WWN_ON_TARGET.fault(new.twin)
    if new.different_wwn and group.policies.path_management:
        raise Refusal.WWN_NOT_MATCH.fault()
    wish = volumes.NewVolume(
        name=new.twin,
        cpg=group.remote_cpg,
        size_mib=volume.size_mib,
        snap_cpg=group.remote_snap_cpg,
        provisioning=volume.provisioning,
        compressed=volume.compressed,
        policies=dict(volume.policies),
    )
    twin = volumes.add(peer, wish)
    if not new.different_wwn:
        twin.wwn = volume.wwn
    return twin


def _check_twin(array: Array, group: Group, volume: Volume, new: NewMember) -> Volume:
    """A volume that exists there already: alike, unexported and free."""
    peer = array.peer
    twin = peer.volumes.get(new.twin)
    if twin is None:
        raise Refusal.NON_EXISTENT_VOL_ON_TARGET.fault(new.twin)
    if twin.parent is not None:
        raise Refusal.VOL_IS_SNAPSHOT.fault(new.twin)
    if twin.group is not None:
        raise Refusal.VOL_IN_OTHER_GROUP.fault(new.twin)
    if twin.size_mib != volume.size_mib:
        raise Refusal.VOL_SIZE_NOT_MATCH.fault(new.twin)
    if peer.vluns_of(twin):
        raise Refusal.TARGET_VOL_EXPORTED.fault(new.twin)
    if twin.wwn != volume.wwn and group.policies.path_management:
        raise Refusal.WWN_NOT_MATCH.fault(new.twin)
    return twin


def _join(group: Group, volume: Volume, twin: Volume) -> Member:
    generation = volume.blocks.generation
    member = Member(volume, twin.name, twin.id, generation=generation, synced_generation=generation)
    group.members[volume.name] = member
    volume.group = group
    return member


def _mirror_vluns(array: Array, volume: Volume, twin: Volume) -> None:
    """Host-sees templates get their like on the other array, where host and LUN allow it (wsapi.md 2.11)."""
    for vlun in array.vluns_of(volume):
        host = array.peer.hosts.get(vlun.host.name) if vlun.host is not None else None
        if host is not None and vlun.type is VlunType.HOST and not vluns.taken(array.peer, host, "", vlun.lun):
            vluns.add(array.peer, twin, vlun.lun, host, "")


@transition
def dismiss(
    array: Array, name: str, volume: str, *, keep_snapshot: bool = False, remove_secondary: bool = False
) -> None:
    """Take a volume out of its group; with `remove_secondary` its twin is deleted, else it stays, writable.

    With mirroring off only this array's view changes. ArrayFault: 404 187; 403 215 started, on the secondary side,
    failed over, busy, target not ready; 404 no member; 403 twin exported, 409 32 twin with snapshots.
    """
    group = array.find_group(name)
    require_idle(group)
    mirror = array.target.mirror_config
    if mirror:
        require_primary(group)
    require_not_started(group)
    member = group.members.get(volume)
    if member is None:
        raise Refusal.VOL_NOT_IN_RCOPY_GROUP.fault()
    if not mirror:
        view = peer_view(array, group)
        for each in (group, view):
            if each is not None:
                each.diverged = True
        release(array, group, member, keep_snapshot=keep_snapshot)
        return
    require_contact(array)
    view = require_peer_view(array, group)
    if view.role is not Role.SECONDARY:
        raise Refusal.RCOPY_GROUP_IN_FAILOVER_STATE.fault()
    twin = view.members.get(member.twin)
    if remove_secondary and twin is not None:
        if array.peer.vluns_of(twin.volume):
            raise Refusal.TARGET_VOL_EXPORTED.fault(twin.volume.name)
        volumes.refuse_children(array.peer, twin.volume, besides=twin.snapshot)
    release(array, group, member, keep_snapshot=keep_snapshot)
    if twin is not None:
        release(array.peer, view, twin, keep_snapshot=keep_snapshot)
        if remove_secondary:
            volumes.remove(array.peer, twin.volume)


def release(array: Array, group: Group, member: Member, *, keep_snapshot: bool) -> None:
    """Forget a membership in one view; the volume stays."""
    if not keep_snapshot:
        drop_resync_snapshot(array, member)
    del group.members[member.volume.name]
    member.volume.group = None
