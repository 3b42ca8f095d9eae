"""/vluns (wsapi.md 2.11)."""

from arraysim.core import vluns
from arraysim.core.faults import Refusal
from arraysim.core.objects import Vlun
from arraysim.wsapi import encode, ports
from arraysim.wsapi.body import Body
from arraysim.wsapi.message import Reply, Request, created, members
from arraysim.wsapi.query import select

_CREATE = (
    "volumeName",
    "lun",
    "hostname",
    "portPos",
    "noVcn",
    "overrideLowerPriority",
    "autoLun",
    "maxAutoLun",
)


def collection(request: Request) -> Reply:
    """GET /vluns: templates and active rows, with `?query=`."""
    rows = [row for vlun in request.array.vluns for row in encode.vlun_rows(request.array, vlun)]
    return members(select(request, rows))


def show(request: Request) -> Reply:
    """GET /vluns/{key}: the template. 404 17, 404 19, 400 55."""
    return Reply(200, encode.vlun(vluns.find(request.array, _key(request.path_params["key"]))))


def create(request: Request) -> Reply:
    """POST /vluns: the LUN chosen is in the Location (1.3)."""
    body = Body(request, _CREATE)
    volume = body.required_text("volumeName")
    automatic = bool(body.flag("autoLun"))
    lun = body.number("lun", least=0)
    if lun is None and not automatic:
        raise Refusal.MISSING_REQUIRED.fault("lun")
    body.number("maxAutoLun", least=0)
    body.flag("noVcn")
    body.flag("overrideLowerPriority")
    new = vluns.NewVlun(
        volume=volume,
        host=body.text("hostname") or "",
        position=_position(body),
        lun=None if automatic else lun,
    )
    return created(f"/api/v1/vluns/{_name(vluns.create(request.array, new))}")


def _position(body: Body) -> str:
    inner = body.within("portPos", ("node", "slot", "cardPort"))
    if inner is None:
        return ""
    node = inner.required_number("node")
    slot = inner.required_number("slot")
    card_port = inner.required_number("cardPort")
    return ports.parse_position(f"{node}:{slot}:{card_port}")


def _name(vlun: Vlun) -> str:
    """`volume,lun,host[,n:s:p]`, the host empty for port-presents."""
    name = f"{vlun.volume.name},{vlun.lun},{vlun.host.name if vlun.host is not None else ''}"
    return f"{name},{vlun.position}" if vlun.position else name


def _key(text: str) -> vluns.VlunKey:
    """What `_name` made. ArrayFault 400 40 for too few parts, 39 for a LUN that is no number, 43 too large, 55."""
    parts = text.split(",")
    if len(parts) not in (3, 4):
        raise Refusal.MISSING_REQUIRED.fault("hostname")
    volume, lun, host = parts[:3]
    if not lun.isdecimal():
        raise Refusal.WRONG_TYPE.fault("lun")
    if int(lun) > vluns.HIGHEST_LUN:
        raise Refusal.EXCEEDS_RANGE.fault("lun")
    position = ports.parse_position(parts[3]) if len(parts) == 4 else ""
    if not host and not position:
        raise Refusal.MISSING_REQUIRED.fault("hostname")
    return vluns.VlunKey(volume, int(lun), host, position)


def delete(request: Request) -> Reply:
    """DELETE /vluns/{key}."""
    vluns.delete(request.array, _key(request.path_params["key"]))
    return Reply(200)
