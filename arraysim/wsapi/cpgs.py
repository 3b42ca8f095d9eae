"""/cpgs and /spacereporter (wsapi.md 2.3)."""

from arraysim.core import cpgs
from arraysim.wsapi import encode
from arraysim.wsapi.body import Body
from arraysim.wsapi.message import Reply, Request, created, members
from arraysim.wsapi.query import select

_FIELDS = ("name", "domain", "growthIncrementMiB", "growthLimitMiB", "usedLDWarningAlertMiB", "LDLayout")
_LAYOUT = ("RAIDType", "setSize", "HA", "chunkletPosPref", "diskPatterns")
_DISKS = (
    "diskType",
    "nodes",
    "slots",
    "ports",
    "cagePos",
    "magPos",
    "diskPos",
    "totalChunklets",
    "freeChunklets",
    "RPM",
)
_DEFAULT_GROWTH_MIB = 32 * 1024


def collection(request: Request) -> Reply:
    """GET /cpgs, with `?query=`."""
    return members(select(request, [encode.cpg(request.array, cpg) for cpg in request.array.cpgs.values()]))


def show(request: Request) -> Reply:
    """GET /cpgs/{name}: 404 15."""
    return Reply(200, encode.cpg(request.array, request.array.find_cpg(request.path_params["name"])))


def create(request: Request) -> Reply:
    """POST /cpgs."""
    body = Body(request, _FIELDS)
    layout = body.within("LDLayout", _LAYOUT)
    if layout is not None:
        layout.each("diskPatterns", _DISKS)
    new = cpgs.NewCpg(
        name=body.required_name("name"),
        limit_mib=body.number("growthLimitMiB", least=1),
        warning_mib=body.number("usedLDWarningAlertMiB", least=1),
        growth_mib=body.number("growthIncrementMiB", least=1) or _DEFAULT_GROWTH_MIB,
        domain=body.text("domain") or "",
    )
    cpgs.create(request.array, new)
    return created(f"/api/v1/cpgs/{new.name}")


def delete(request: Request) -> Reply:
    """DELETE /cpgs/{name}."""
    cpgs.delete(request.array, request.path_params["name"])
    return Reply(200)


def space(request: Request) -> Reply:
    """POST /spacereporter {cpg}."""
    body = Body(request, ("cpg",))
    return Reply(200, encode.space(request.array, request.array.find_cpg(body.required_text("cpg"), "cpg")))
