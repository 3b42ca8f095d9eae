"""Make, change and remove Remote Copy groups; the other array gets its view by itself (wsapi.md 2.12.2-4, 2.12.8)."""

from dataclasses import dataclass, field

from arraysim.core.admission import release
from arraysim.core.array import Array
from arraysim.core.faults import Refusal
from arraysim.core.objects import Group, GroupPolicies, Mode, Role
from arraysim.core.replication import (
    forget_recovery,
    peer_view,
    require_contact,
    require_idle,
    require_not_started,
    require_primary,
)
from arraysim.core.transition import transition

#: With mirroring the name must leave room for the other array's suffix (wsapi.md 5.1).
MIRRORED_NAME_LIMIT = 22
NAME_LIMIT = 31
SHORTEST_PERIOD_SECONDS = 300
LONGEST_PERIOD_SECONDS = 31_622_400


@dataclass(frozen=True, slots=True)
class NewGroup:
    """A group to make on the array where it will be primary. CPG names "" are left open."""

    name: str
    target: str
    mode: Mode = Mode.SYNC
    local_cpg: str = ""
    local_snap_cpg: str = ""
    remote_cpg: str = ""
    remote_snap_cpg: str = ""


@dataclass(frozen=True, slots=True)
class GroupChange:
    """What to change: None or an absent policy leaves as it is, a CPG of "" unsets. `policies` by field name."""

    target: str | None = None
    local_cpg: str | None = None
    local_snap_cpg: str | None = None
    remote_cpg: str | None = None
    remote_snap_cpg: str | None = None
    period_seconds: int | None = None
    mode: Mode | None = None
    policies: dict[str, bool] = field(default_factory=dict)

    @property
    def touches_cpgs(self) -> bool:
        """Whether any CPG changes."""
        cpgs = (self.local_cpg, self.local_snap_cpg, self.remote_cpg, self.remote_snap_cpg)
        return any(cpg is not None for cpg in cpgs)


@transition
def create(array: Array, new: NewGroup) -> Group:
    """Make an empty group here and, with mirroring, its secondary view `<name>.r<system id>` there.

    ArrayFault: 400 57 name too long, 409 237, 404 target, 404 15 CPG, 501 for a mode beside Peer Persistence groups,
    403 target not ready.
    """
    target = array.targets.get(new.target)
    mirrored = target is None or target.mirror_config
    if len(new.name) > (MIRRORED_NAME_LIMIT if mirrored else NAME_LIMIT):
        raise Refusal.EXCEEDS_LENGTH.fault("name")
    if new.name in array.groups:
        raise Refusal.EXISTENT_RCOPY_GROUP.fault()
    if target is None:
        raise Refusal.NON_EXISTENT_RCOPY_TARGET.fault("targetName")
    _require_cpgs(array, new.local_cpg, new.local_snap_cpg)
    if new.mode is not Mode.SYNC and any(group.policies.path_management for group in array.groups.values()):
        raise Refusal.RCOPY_TARGET_PP_SYNC_ONLY.fault()
    remote_name = f"{new.name}.r{array.system_id}"
    if mirrored:
        require_contact(array)
        _require_cpgs(array.peer, new.remote_cpg, new.remote_snap_cpg)
        if remote_name in array.peer.groups:
            raise Refusal.EXISTENT_RCOPY_GROUP.fault()
    policies = GroupPolicies(over_period_alert=new.mode in (Mode.PERIODIC, Mode.PERIODIC_OLD))
    group = Group(
        id=array.next_id("group"),
        name=new.name,
        remote_name=remote_name,
        natural=Role.PRIMARY,
        role=Role.PRIMARY,
        target=target.name,
        mode=new.mode,
        policies=policies,
        local_cpg=new.local_cpg,
        local_snap_cpg=new.local_snap_cpg,
        remote_cpg=new.remote_cpg,
        remote_snap_cpg=new.remote_snap_cpg,
        mirrored=mirrored,
    )
    array.groups[group.name] = group
    if mirrored:
        array.peer.groups[remote_name] = _secondary_of(array, group)
    return group


def _secondary_of(array: Array, group: Group) -> Group:
    peer = array.peer
    return Group(
        id=peer.next_id("group"),
        name=group.remote_name,
        remote_name=group.name,
        natural=Role.SECONDARY,
        role=Role.SECONDARY,
        target=peer.target.name,
        mode=group.mode,
        policies=GroupPolicies(over_period_alert=group.policies.over_period_alert),
        local_cpg=group.remote_cpg,
        local_snap_cpg=group.remote_snap_cpg,
        remote_cpg=group.local_cpg,
        remote_snap_cpg=group.local_snap_cpg,
    )


def _require_cpgs(array: Array, *names: str) -> None:
    for name in names:
        if name:
            array.find_cpg(name)


@transition
def modify(array: Array, name: str, change: GroupChange) -> None:
    """Change CPGs, period, mode or policies, here and, with mirroring, there.

    ArrayFault: 404 187; 403 on the secondary side; 403 215 for CPGs or mode of a started group; 403 for a policy or a
    period that the mode does not have; 400 115 and 43 for the period; 404 15; 403 for path management over unlike WWNs.
    """
    group = array.find_group(name)
    require_idle(group)
    require_primary(group)
    if change.target is not None and change.target != group.target:
        raise Refusal.RCOPY_GROUP_INV_TARGET.fault("targetName")
    _check_mode_rules(group, change)
    if change.touches_cpgs or change.mode not in (None, group.mode):
        require_not_started(group)
    mirrored = array.target.mirror_config
    if mirrored:
        require_contact(array)
    view = peer_view(array, group) if mirrored else None
    _require_cpgs(array, change.local_cpg or "", change.local_snap_cpg or "")
    if view is not None:
        _require_cpgs(array.peer, change.remote_cpg or "", change.remote_snap_cpg or "")
    if change.policies.get("path_management"):
        for member in group.members.values():
            twin = array.peer.volumes.get(member.twin)
            if twin is not None and twin.wwn != member.volume.wwn:
                raise Refusal.WWN_NOT_MATCH.fault(member.volume.name)
    _apply(group, change)
    if view is None:
        _diverge(array, group)
        return
    view.local_cpg, view.local_snap_cpg = group.remote_cpg, group.remote_snap_cpg
    view.remote_cpg, view.remote_snap_cpg = group.local_cpg, group.local_snap_cpg
    view.mode, view.period_seconds = group.mode, group.period_seconds
    for policy, value in change.policies.items():
        setattr(view.policies, policy, value)


def _check_mode_rules(group: Group, change: GroupChange) -> None:
    mode = change.mode or group.mode
    sync = mode is Mode.SYNC
    if change.period_seconds is not None:
        if sync:
            raise Refusal.RCOPY_GROUP_IS_NOT_PERIODIC.fault("syncPeriod")
        if 0 < change.period_seconds < SHORTEST_PERIOD_SECONDS or change.period_seconds < 0:
            raise Refusal.BELOW_RANGE.fault("syncPeriod")
        if change.period_seconds > LONGEST_PERIOD_SECONDS:
            raise Refusal.EXCEEDS_RANGE.fault("syncPeriod")
    if sync and change.policies.get("over_period_alert"):
        raise Refusal.INV_POLICY_FOR_SYNC_GROUP.fault("overPeriodAlert")
    if not sync and (change.policies.get("auto_failover") or change.policies.get("path_management")):
        raise Refusal.INV_POLICY_FOR_PERIODIC_GROUP.fault()


def _apply(group: Group, change: GroupChange) -> None:
    for field_name in ("local_cpg", "local_snap_cpg", "remote_cpg", "remote_snap_cpg", "period_seconds", "mode"):
        value = getattr(change, field_name)
        if value is not None:
            setattr(group, field_name, value)
    for policy, wanted in change.policies.items():
        setattr(group.policies, policy, wanted)


def _diverge(array: Array, group: Group) -> None:
    """From now on the two views may differ: that is what turning mirroring off is for."""
    group.diverged = True
    view = peer_view(array, group)
    if view is not None:
        view.diverged = True


@transition
def delete(array: Array, name: str, *, keep_snapshots: bool = False) -> None:
    """Dismiss the members, keep the volumes on both arrays, and remove the group here and, with mirroring, there.

    Without mirroring only this array's view goes, whatever its role (wsapi.md 2.12.8). ArrayFault: 404 187; 403 215
    started, on the secondary side, failed over, target not ready; 409 if it was made without mirroring.
    """
    group = array.find_group(name)
    require_idle(group)
    require_not_started(group)
    mirror = array.target.mirror_config
    view = peer_view(array, group)
    if mirror:
        require_primary(group)
        require_contact(array)
        if view is None or not group.mirrored:
            raise Refusal.RCOPY_GROUP_MIRROR_CONFIG_OFF.fault()
        if view.role is Role.PRIMARY:
            raise Refusal.RCOPY_GROUP_IN_FAILOVER_STATE.fault()
        exported = any(array.peer.vluns_of(member.volume) for member in view.members.values())
        if exported and array.options.group_delete_refused_while_secondary_exported:
            raise Refusal.TARGET_VOL_EXPORTED.fault(detail=". Please unexport the secondary volume")
    else:
        _diverge(array, group)
    _remove(array, group, keep_snapshots)
    if mirror and view is not None:
        _remove(array.peer, view, keep_snapshots)


def _remove(array: Array, group: Group, keep_snapshots: bool) -> None:
    forget_recovery(group)
    for member in list(group.members.values()):
        release(array, group, member, keep_snapshot=keep_snapshots)
    del array.groups[group.name]
