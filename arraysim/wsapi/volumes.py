"""/volumes: base volumes, snapshots, object metadata (wsapi.md 2.4, 2.5)."""

import re

from arraysim.core import snapshots, volumes
from arraysim.core.faults import Refusal
from arraysim.core.objects import Provisioning
from arraysim.wsapi import encode
from arraysim.wsapi.body import Body, conflict
from arraysim.wsapi.message import Reply, Request, created, members
from arraysim.wsapi.query import select

#: wsapi.md 5.9.
COMMENT_LIMIT = 511
LONGEST_HOURS = 43_800
_KEY_LIMIT = 255

_POLICIES = tuple(encode.VOLUME_POLICIES)
_ALERTS = ("ssSpcAllocWarningPct", "ssSpcAllocLimitPct", "usrSpcAllocWarningPct", "usrSpcAllocLimitPct")
_COMMON = ("comment", "snapCPG", "policies", "expirationHours", "retentionHours", *_ALERTS)
_CREATE = ("name", "cpg", "sizeMiB", "id", *_COMMON)
_PROVISIONING = {True: ("tpvv", "reduce"), False: ("tpvv", "tdvv", "compression")}
_MODIFY = ("newName", "WWN", "userCPG", *_COMMON)
_SNAPSHOT = ("name", "comment", "readOnly", "expirationHours", "retentionHours")
_WWN = re.compile(r"[0-9A-Fa-f]{32}|auto")
_GROW = 3
#: Copies, promotes and tunes: known to the vendor, not yet here.
_OTHER_ACTIONS = (1, 2, 4, 5, 6, 7)


def collection(request: Request) -> Reply:
    """GET /volumes, with `?query=` (`copyOf EQ x` lists snapshots)."""
    rows = [encode.volume(request.array, volume) for volume in request.array.volumes.values()]
    return members(select(request, rows))


def show(request: Request) -> Reply:
    """GET /volumes/{name}: 404 23."""
    return Reply(200, encode.volume(request.array, request.array.find_volume(request.path_params["name"])))


def create(request: Request) -> Reply:
    """POST /volumes."""
    reduce = request.array.personality.reduce
    body = Body(request, (*_CREATE, *_PROVISIONING[reduce]))
    name = body.required_name("name")
    cpg = body.required_text("cpg")
    provisioning, compressed = (_reduced if reduce else _classic)(body)
    new = volumes.NewVolume(
        name=name,
        cpg=cpg,
        size_mib=body.required_number("sizeMiB"),
        provisioning=provisioning,
        compressed=compressed,
        snap_cpg=body.text("snapCPG") or "",
        comment=body.text("comment", limit=COMMENT_LIMIT) or "",
        id=body.number("id", least=1),
        expiration_hours=body.number("expirationHours", least=1, most=LONGEST_HOURS),
        retention_hours=body.number("retentionHours", least=1, most=LONGEST_HOURS),
        policies=body.flags("policies", _POLICIES),
        alerts=_alerts(body),
    )
    volumes.create(request.array, new)
    return created(f"/api/v1/volumes/{new.name}")


def _reduced(body: Body) -> tuple[Provisioning, bool]:
    """Newer family: thin, or thin with data reduction; one of them must be asked for (wsapi.md 2.4)."""
    thin, reduce = body.flag("tpvv"), body.flag("reduce")
    if thin and reduce:
        raise conflict("tpvv", "reduce")
    if not thin and not reduce:
        raise Refusal.ONE_REQUIRED.fault("tpvv,reduce")
    return (Provisioning.DEDUP, True) if reduce else (Provisioning.THIN, False)


def _classic(body: Body) -> tuple[Provisioning, bool]:
    """3PAR: full unless thin or deduplicated; compression only of those two."""
    thin, dedup, compressed = body.flag("tpvv"), body.flag("tdvv"), bool(body.flag("compression"))
    if thin and dedup:
        raise conflict("tpvv", "tdvv")
    if compressed and not (thin or dedup):
        raise Refusal.ONE_REQUIRED.fault("tpvv,tdvv")
    if dedup:
        return Provisioning.DEDUP, compressed
    return (Provisioning.THIN if thin else Provisioning.FULL), compressed


def _alerts(body: Body) -> dict[str, int]:
    values = {key: body.number(key, least=0, most=100) for key in _ALERTS}
    return {key: value for key, value in values.items() if value is not None}


def change(request: Request) -> Reply:
    """PUT /volumes/{name}: an `action`, or attributes."""
    action = (request.body or {}).get("action")
    name = request.path_params["name"]
    if action is not None:
        return _act(request, name, action)
    body = Body(request, _MODIFY)
    wwn = body.text("WWN")
    if wwn is not None and not _WWN.fullmatch(wwn):
        raise Refusal.WRONG_TYPE.fault("WWN")
    wanted = volumes.VolumeChange(
        new_name=body.name("newName"),
        comment=body.text("comment", limit=COMMENT_LIMIT),
        wwn=wwn,
        cpg=body.text("userCPG"),
        snap_cpg=body.text("snapCPG"),
        expiration_hours=body.number("expirationHours", least=1, most=LONGEST_HOURS),
        retention_hours=body.number("retentionHours", least=1, most=LONGEST_HOURS),
        policies=body.flags("policies", _POLICIES),
        alerts=_alerts(body),
    )
    volume = volumes.modify(request.array, name, wanted)
    renamed = {"Location": f"/api/v1/volumes/{volume.name}"} if wanted.new_name else {}
    return Reply(200, None, renamed)


def _act(request: Request, name: str, action: object) -> Reply:
    if action == _GROW:
        body = Body(request, ("action", "sizeMiB"))
        volumes.grow(request.array, name, body.required_number("sizeMiB"))
        return Reply(200)
    if action in _OTHER_ACTIONS:
        raise Refusal.UNSUP_OP.fault("action")
    raise Refusal.BAD_ENUM_VALUE.fault("action")


def post(request: Request) -> Reply:
    """POST /volumes/{name}: `createSnapshot`."""
    body = Body(request, ("action", "parameters"))
    action = body.required_text("action")
    if action == "createPhysicalCopy":
        raise Refusal.UNSUP_OP.fault("action")
    if action != "createSnapshot":
        raise Refusal.BAD_ENUM_VALUE.fault("action")
    parameters = body.within("parameters", _SNAPSHOT)
    if parameters is None:
        raise Refusal.MISSING_REQUIRED.fault("parameters")
    new = snapshots.NewSnapshot(
        name=parameters.required_name("name"),
        comment=parameters.text("comment", limit=COMMENT_LIMIT) or "",
        read_only=bool(parameters.flag("readOnly")),
        expiration_hours=parameters.number("expirationHours", least=1, most=LONGEST_HOURS),
        retention_hours=parameters.number("retentionHours", least=1, most=LONGEST_HOURS),
    )
    snapshots.take(request.array, request.path_params["name"], new)
    return created(f"/api/v1/volumes/{new.name}")


def delete(request: Request) -> Reply:
    """DELETE /volumes/{name}."""
    volumes.delete(request.array, request.path_params["name"])
    return Reply(200)


def keys(request: Request) -> Reply:
    """GET /volumes/{name}/objectKeyValues."""
    held = request.array.find_volume(request.path_params["name"]).keys
    return members([{"key": key, "value": value} for key, value in held.items()])


def key(request: Request) -> Reply:
    """GET /volumes/{name}/objectKeyValues/{key}."""
    name, wanted = request.path_params["name"], request.path_params["key"]
    return Reply(200, {"key": wanted, "value": volumes.find_key(request.array, name, wanted)})


def add_key(request: Request) -> Reply:
    """POST /volumes/{name}/objectKeyValues: 409 181 when it exists, then PUT changes it."""
    body = Body(request, ("key", "value"))
    name, new = request.path_params["name"], body.required_text("key", limit=_KEY_LIMIT)
    if "&" in new:
        raise Refusal.ILLEGAL_CHAR.fault("key")
    volumes.add_key(request.array, name, new, body.text("value", required=True) or "")
    return created(f"/api/v1/volumes/{name}/objectKeyValues/{new}")


def set_key(request: Request) -> Reply:
    """PUT /volumes/{name}/objectKeyValues/{key}."""
    value = Body(request, ("value",)).text("value", required=True) or ""
    volumes.set_key(request.array, request.path_params["name"], request.path_params["key"], value)
    return Reply(200)


def drop_key(request: Request) -> Reply:
    """DELETE /volumes/{name}/objectKeyValues/{key}."""
    volumes.drop_key(request.array, request.path_params["name"], request.path_params["key"])
    return Reply(200)
