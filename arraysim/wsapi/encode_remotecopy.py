"""Shapes of Remote Copy (wsapi.md 2.12.3, 2.12.9)."""

from arraysim.core.array import Array
from arraysim.core.objects import Group, GroupState, Member, Mode, Port, SyncStatus, Target
from arraysim.core.starting import group_last_sync
from arraysim.wsapi.encode import Shape, iso8601

TARGET_READY, TARGET_FAILED = 2, 5
LINK_UP, LINK_DOWN = 1, 2


def group(array: Array, item: Group) -> Shape:
    """`volumes` is always there; `roleReversed` is told by the target entry."""
    shape: Shape = {
        "id": item.id,
        "name": item.name,
        "role": int(item.role),
        "remoteGroupName": item.remote_name,
        "targets": [_group_target(item)],
        "volumes": [member(array, item, each) for each in item.members.values()],
        "links": [
            {"href": f"/api/v1/remotecopygroups/{item.name}", "rel": "self"},
            {"href": f"/api/v1/remotecopygroups/{item.name}/volumes", "rel": "volumes"},
        ],
    }
    if item.local_cpg:
        shape["localUserCPG"] = item.local_cpg
    if item.local_snap_cpg:
        shape["localSnapCPG"] = item.local_snap_cpg
    return shape


def _group_target(item: Group) -> Shape:
    shape: Shape = {
        "targetName": item.target,
        "roleReversed": item.reversed,
        "state": int(item.state),
        "mode": int(item.mode),
        "policies": {
            "autoRecover": item.policies.auto_recover,
            "overPeriodAlert": item.policies.over_period_alert,
            "autoFailover": item.policies.auto_failover,
            "pathManagement": item.policies.path_management,
        },
    }
    if item.mode is not Mode.SYNC:
        shape["syncPeriod"] = item.period_seconds
    last = group_last_sync(item)
    if last is not None:
        shape |= {"groupLastSyncTime": iso8601(last), "groupLastSyncTimeSec": int(last)}
    if item.remote_cpg:
        shape["remoteUserCPG"] = item.remote_cpg
    if item.remote_snap_cpg:
        shape["remoteSnapCPG"] = item.remote_snap_cpg
    return shape


def member(array: Array, item: Group, each: Member) -> Shape:
    """One entry of `volumes`."""
    remote: Shape = {
        "targetName": item.target,
        "remoteVolumeName": each.twin,
        "remoteVolumeID": each.twin_id,
        "syncStatus": _sync_status(array, item, each),
    }
    if each.last_sync_at is not None:
        remote |= {"volumeLastSyncTime": iso8601(each.last_sync_at), "volumeLastSyncTimeSec": int(each.last_sync_at)}
    if each.snapshot is not None:
        remote["resyncSnapshotName"] = each.snapshot.name
    shape: Shape = {"localVolumeName": each.volume.name, "localVolumeID": each.volume.id, "remoteVolumes": [remote]}
    if array.personality.group_sets:
        shape["localVolumeSetName"] = f"RCP_{item.name}"
        remote["remoteVolumeSetName"] = f"RCP_{item.remote_name}"
    return shape


def _sync_status(array: Array, item: Group, each: Member) -> int:
    if item.state is GroupState.STOPPED and each.status is SyncStatus.NOT_SYNCED:
        return array.options.stopped_sync_status
    return int(each.status)


def target(array: Array, item: Target) -> Shape:
    """2.12.9; the names of the fields are inferred there. Contact is told by `status`."""
    shape: Shape = {
        "id": item.id,
        "name": item.name,
        "type": 1,
        "status": TARGET_READY if array.pair.contact else TARGET_FAILED,
        "policies": {"mirrorConfig": item.mirror_config},
        "remoteSystemId": array.peer.system_id,
    }
    if item.witness_started:
        reached = array.pair.reaches_witness(array)
        shape["quorumWitness"] = {
            "witnessIP": "192.0.2.10",
            "status": "Active" if reached else "Restarting",
            "quorumATFTimeout": array.options.failover_after_seconds,
        }
    return shape


def link(array: Array, mine: Port, theirs: Port) -> Shape:
    """2.12.9: named after target and port."""
    return {
        "name": f"{array.target.name}_{mine.position.replace(':', '_')}",
        "targetName": array.target.name,
        "localInterface": mine.position,
        "address": theirs.address,
        "status": LINK_UP if array.pair.contact else LINK_DOWN,
        "options": "-",
    }
