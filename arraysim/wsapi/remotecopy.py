"""/remotecopy and /remotecopygroups (wsapi.md 2.12)."""

from collections.abc import Callable

from arraysim.core import admission, disaster, groups, starting
from arraysim.core.faults import Refusal
from arraysim.core.objects import Mode
from arraysim.wsapi import encode_remotecopy as encode
from arraysim.wsapi.body import Body, conflict, query_flag
from arraysim.wsapi.message import Reply, Request, created, members
from arraysim.wsapi.query import select

_CREATE = ("name", "targets", "localUserCPG", "localSnapCPG", "domain")
_CREATE_TARGET = ("targetName", "mode", "userCPG", "snapCPG")
_MODIFY = ("localUserCPG", "localSnapCPG", "unsetUserCPG", "unsetSnapCPG", "targets")
_MODIFY_TARGET = ("targetName", "remoteUserCPG", "remoteSnapCPG", "syncPeriod", "rmSyncPeriod", "mode", "policies")
_POLICIES = {
    "autoRecover": "auto_recover",
    "overPeriodAlert": "over_period_alert",
    "autoFailover": "auto_failover",
    "pathManagement": "path_management",
}
_ADMIT = (
    "action",
    "volumeName",
    "targets",
    "volumeAutoCreation",
    "skipInitialSync",
    "differentSecondaryWWN",
)
_ADMIT_TARGET = ("targetName", "secVolumeName")
_DISASTER = ("action", "targetName", "skipStart", "skipSync", "discardNewData", "skipPromote", "noSnapshot")
_NAME_LIMIT = 31


def service(_request: Request) -> Reply:
    """GET /remotecopy: started, normal."""
    links = [
        {"href": f"/api/v1/{name}", "rel": name}
        for name in ("remotecopygroups", "remotecopytargets", "remotecopylinks")
    ]
    own = {"href": "/api/v1/remotecopy", "rel": "self"}
    return Reply(200, {"mode": 2, "status": 1, "asyncEnabled": False, "links": [own, *links]})


def collection(request: Request) -> Reply:
    """GET /remotecopygroups, with `?query=`."""
    array = request.array
    return members(select(request, [encode.group(array, group) for group in array.groups.values()]))


def show(request: Request) -> Reply:
    """GET /remotecopygroups/{name}: 404 187."""
    return Reply(200, encode.group(request.array, request.array.find_group(request.path_params["name"])))


def create(request: Request) -> Reply:
    """POST /remotecopygroups: one target, since an array has one here."""
    body = Body(request, _CREATE)
    name = body.required_name("name", limit=_NAME_LIMIT)
    entries = body.each("targets", _CREATE_TARGET, required=True)
    if not entries:
        raise Refusal.MISSING_REQUIRED.fault("targets")
    named = [entry.required_text("targetName") for entry in entries]
    if len(set(named)) != len(named):
        raise Refusal.RCOPY_GROUP_TARGET_NOT_UNIQUE.fault("targetName")
    if len(entries) > 1:
        raise Refusal.RCOPY_GROUP_TOO_MANY_TARGETS.fault("targets")
    if body.text("domain"):
        raise Refusal.NON_EXISTENT_DOMAIN.fault("domain")
    entry = entries[0]
    new = groups.NewGroup(
        name=name,
        target=named[0],
        mode=_mode(entry.required_number("mode")),
        local_cpg=body.text("localUserCPG") or "",
        local_snap_cpg=body.text("localSnapCPG") or "",
        remote_cpg=entry.text("userCPG") or "",
        remote_snap_cpg=entry.text("snapCPG") or "",
    )
    groups.create(request.array, new)
    return created(f"/api/v1/remotecopygroups/{new.name}")


def _mode(number: int) -> Mode:
    try:
        return Mode(number)
    except ValueError:
        raise Refusal.BAD_ENUM_VALUE.fault("mode") from None


def change(request: Request) -> Reply:
    """PUT /remotecopygroups/{name}: actions 1 to 5, or attributes."""
    action = (request.body or {}).get("action")
    if action is None:
        return _modify(request)
    act = _ACTIONS.get(action) if isinstance(action, int) and not isinstance(action, bool) else None
    if act is None:
        raise Refusal.BAD_ENUM_VALUE.fault("action")
    act(request)
    return Reply(200)


def _modify(request: Request) -> Reply:
    """`targetName` may be left out (2.12.4); `syncPeriod` and `policies` exclude each other."""
    body = Body(request, _MODIFY)
    entries = body.each("targets", _MODIFY_TARGET)
    if len(entries) > 1:
        raise Refusal.RCOPY_GROUP_INV_TARGET.fault("targets")
    entry = entries[0] if entries else None
    if entry is not None and "syncPeriod" in entry and "policies" in entry:
        raise conflict("policies", "syncPeriod")
    policies = entry.flags("policies", tuple(_POLICIES)) if entry is not None else {}
    mode = entry.number("mode") if entry is not None else None
    period = entry.number("syncPeriod") if entry is not None else None
    if entry is not None and entry.flag("rmSyncPeriod"):
        period = 0
    wanted = groups.GroupChange(
        target=entry.text("targetName") if entry is not None else None,
        local_cpg="" if body.flag("unsetUserCPG") else body.text("localUserCPG"),
        local_snap_cpg="" if body.flag("unsetSnapCPG") else body.text("localSnapCPG"),
        remote_cpg=entry.text("remoteUserCPG") if entry is not None else None,
        remote_snap_cpg=entry.text("remoteSnapCPG") if entry is not None else None,
        period_seconds=period,
        mode=_mode(mode) if mode is not None else None,
        policies={_POLICIES[key]: value for key, value in policies.items()},
    )
    groups.modify(request.array, request.path_params["name"], wanted)
    return Reply(200)


def _admit(request: Request) -> None:
    body = Body(request, _ADMIT)
    volume = body.required_text("volumeName")
    entries = body.each("targets", _ADMIT_TARGET, required=True)
    if len(entries) != 1:
        raise Refusal.RCOPY_GROUP_INV_TARGET.fault("targets")
    new = admission.NewMember(
        volume=volume,
        target=entries[0].required_text("targetName"),
        twin=entries[0].required_name("secVolumeName"),
        auto_create=bool(body.flag("volumeAutoCreation")),
        skip_initial_sync=bool(body.flag("skipInitialSync")),
        different_wwn=bool(body.flag("differentSecondaryWWN")),
    )
    admission.admit(request.array, request.path_params["name"], new)


def _dismiss(request: Request) -> None:
    body = Body(request, ("action", "volumeName", "keepSnap", "removeSecondaryVolume"))
    _leave(
        request, body.required_text("volumeName"), keep=body.flag("keepSnap"), remove=body.flag("removeSecondaryVolume")
    )


def _leave(request: Request, volume: str, *, keep: bool | None, remove: bool | None) -> None:
    if keep and remove:
        raise conflict("keepSnap", "removeSecondaryVolume")
    admission.dismiss(
        request.array,
        request.path_params["name"],
        volume,
        keep_snapshot=bool(keep),
        remove_secondary=bool(remove),
    )


def _start(request: Request) -> None:
    body = Body(request, ("action", "targetName", "skipInitialSync"))
    _require_target(request, body)
    starting.start(request.array, request.path_params["name"], skip_initial_sync=bool(body.flag("skipInitialSync")))


def _stop(request: Request) -> None:
    body = Body(request, ("action", "targetName", "noSnapshot"))
    _require_target(request, body)
    starting.stop(request.array, request.path_params["name"], snapshot=not body.flag("noSnapshot"))


def _sync(request: Request) -> None:
    body = Body(request, ("action", "targetName", "fullSync", "noResyncSnapshot"))
    _require_target(request, body)
    starting.synchronize(request.array, request.path_params["name"], full=bool(body.flag("fullSync")))


def _require_target(request: Request, body: Body) -> None:
    """ArrayFault 404 187 for the group, 400 when it names a target that the group does not have."""
    group = request.array.find_group(request.path_params["name"])
    if body.text("targetName") not in (None, group.target):
        raise Refusal.RCOPY_GROUP_INV_TARGET.fault("targetName")


_ACTIONS: dict[int, Callable[[Request], None]] = {1: _admit, 2: _dismiss, 3: _start, 4: _stop, 5: _sync}
_FAILOVER, _SWITCHOVER, _RECOVER, _RESTORE, _OVERRIDE = 7, 8, 9, 10, 11
#: Reverse and CLX: known to the vendor, not yet here.
_OTHER_DISASTER_ACTIONS = (6, 12)


def disaster_action(request: Request) -> Reply:
    """POST /remotecopygroups/{name}: actions 7 to 11 (2.12.7)."""
    body = Body(request, _DISASTER)
    action = body.required_number("action")
    _require_target(request, body)
    array, name = request.array, request.path_params["name"]
    flow = {"start": not body.flag("skipStart"), "skip_sync": bool(body.flag("skipSync"))}
    for flag in ("discardNewData", "skipPromote", "noSnapshot"):
        body.flag(flag)
    if action == _FAILOVER:
        disaster.failover(array, name)
    elif action == _SWITCHOVER:
        disaster.switchover(array, name)
    elif action == _RECOVER:
        disaster.recover(array, name, **flow)
    elif action == _RESTORE:
        disaster.restore(array, name, **flow)
    elif action == _OVERRIDE:
        disaster.override(array, name)
    elif action in _OTHER_DISASTER_ACTIONS:
        raise Refusal.UNSUP_OP.fault("action")
    else:
        raise Refusal.BAD_ENUM_VALUE.fault("action")
    return Reply(200)


def delete(request: Request) -> Reply:
    """DELETE /remotecopygroups/{name}: 202, the volumes stay on both arrays (2.12.8)."""
    groups.delete(request.array, request.path_params["name"], keep_snapshots=query_flag(request, "keepSnap"))
    return Reply(202)


def volumes(request: Request) -> Reply:
    """GET /remotecopygroups/{name}/volumes."""
    group = request.array.find_group(request.path_params["name"])
    return members([encode.member(request.array, group, member) for member in group.members.values()])


def volume(request: Request) -> Reply:
    """GET /remotecopygroups/{name}/volumes/{volume}."""
    group = request.array.find_group(request.path_params["name"])
    member = group.members.get(request.path_params["volume"])
    if member is None:
        raise Refusal.VOL_NOT_IN_RCOPY_GROUP.fault()
    return Reply(200, encode.member(request.array, group, member))


def add_volume(request: Request) -> Reply:
    """POST /remotecopygroups/{name}/volumes: as PUT action 1; an `action` of 1 is tolerated."""
    if (request.body or {}).get("action", 1) != 1:
        raise Refusal.BAD_ENUM_VALUE.fault("action")
    _admit(request)
    return Reply(200)


def drop_volume(request: Request) -> Reply:
    """DELETE /remotecopygroups/{name}/volumes/{volume}: options in the query string or in the body (2.12.1)."""
    body = Body(request, ("keepSnap", "removeSecondaryVolume"))
    keep = query_flag(request, "keepSnap") or body.flag("keepSnap")
    remove = query_flag(request, "removeSecondaryVolume") or body.flag("removeSecondaryVolume")
    _leave(request, request.path_params["volume"], keep=keep, remove=remove)
    return Reply(200)
