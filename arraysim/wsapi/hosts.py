"""/hosts (wsapi.md 2.10)."""

from arraysim.core import hosts
from arraysim.core.faults import Refusal
from arraysim.core.objects import is_wwn
from arraysim.wsapi import encode
from arraysim.wsapi.body import Body, conflict
from arraysim.wsapi.message import Reply, Request, created, members
from arraysim.wsapi.query import select

_CREATE = ("name", "domain", "FCWWNs", "iSCSINames", "persona", "forceTearDown", "descriptors")
_MODIFY = ("pathOperation", "FCWWNs", "iSCSINames", "forcePathRemoval", "newName", "persona", "descriptors")
_DESCRIPTORS = ("location", "IPAddr", "os", "model", "contact", "comment")
_DESCRIPTOR_LIMIT = 254
#: Length of an iSCSI name (RFC 3720).
_IQN_LIMIT = 223
_ADD, _REMOVE = 1, 2


def collection(request: Request) -> Reply:
    """GET /hosts, with `?query=`."""
    return members(select(request, [encode.host(request.array, host) for host in request.array.hosts.values()]))


def show(request: Request) -> Reply:
    """GET /hosts/{name}: 404 17."""
    return Reply(200, encode.host(request.array, request.array.find_host(request.path_params["name"])))


def create(request: Request) -> Reply:
    """POST /hosts: one kind of initiator at a time (400 44)."""
    body = Body(request, _CREATE)
    name = body.required_name("name")
    iqns, wwns = _paths(body)
    persona = body.number("persona")
    new = hosts.NewHost(
        name=name,
        iqns=iqns,
        wwns=wwns,
        persona=hosts.GENERIC_ALUA if persona is None else persona,
        descriptors=_descriptors(body),
        domain=body.name("domain") or "",
    )
    hosts.create(request.array, new)
    return created(f"/api/v1/hosts/{new.name}")


def _paths(body: Body) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """iSCSI names and WWNs: 400 44 both, 39 not 16 hex digits, 57 too long, 69 a space inside."""
    iqns, wwns = body.strings("iSCSINames"), body.strings("FCWWNs")
    if iqns and wwns:
        raise conflict("FCWWNs", "iSCSINames")
    if not all(is_wwn(wwn) for wwn in wwns):
        raise Refusal.WRONG_TYPE.fault("FCWWNs")
    for iqn in iqns:
        if not iqn:
            raise Refusal.EMPTY_STR.fault("iSCSINames")
        if len(iqn) > _IQN_LIMIT:
            raise Refusal.EXCEEDS_LENGTH.fault("iSCSINames")
        if is_wwn(iqn) or any(letter.isspace() for letter in iqn):
            raise Refusal.ILLEGAL_CHAR.fault("iSCSINames")
    return iqns, wwns


def _descriptors(body: Body) -> dict[str, str]:
    inner = body.within("descriptors", _DESCRIPTORS)
    if inner is None:
        return {}
    values = {key: inner.text(key, limit=_DESCRIPTOR_LIMIT) for key in _DESCRIPTORS}
    return {key: value for key, value in values.items() if value is not None}


def change(request: Request) -> Reply:
    """PUT /hosts/{name}: paths by `pathOperation`, or name, persona, descriptors."""
    body = Body(request, _MODIFY)
    name = request.path_params["name"]
    operation = body.number("pathOperation")
    iqns, wwns = _paths(body)
    if operation is None and (iqns or wwns):
        raise Refusal.MISSING_REQUIRED.fault("pathOperation")
    if operation is not None and operation not in (_ADD, _REMOVE):
        raise Refusal.BAD_ENUM_VALUE.fault("pathOperation")
    if operation is not None and not (iqns or wwns):
        raise Refusal.ONE_REQUIRED.fault("FCWWNs,iSCSINames")
    wanted = hosts.HostChange(
        new_name=body.name("newName"), persona=body.number("persona"), descriptors=_descriptors(body)
    )
    if operation is not None and wanted != hosts.HostChange():
        raise conflict("newName", "pathOperation")
    if operation == _ADD:
        hosts.add_paths(request.array, name, iqns, wwns)
    elif operation == _REMOVE:
        hosts.remove_paths(request.array, name, iqns, wwns, force=bool(body.flag("forcePathRemoval")))
    else:
        hosts.modify(request.array, name, wanted)
    return Reply(200)


def delete(request: Request) -> Reply:
    """DELETE /hosts/{name}."""
    hosts.delete(request.array, request.path_params["name"])
    return Reply(200)
