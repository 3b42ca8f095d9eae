"""/remotecopytargets and /remotecopylinks (wsapi.md 2.12.1, 2.12.9)."""

from arraysim.core import targets
from arraysim.core.faults import Refusal
from arraysim.wsapi import encode_remotecopy as encode
from arraysim.wsapi.body import Body
from arraysim.wsapi.message import Reply, Request, members
from arraysim.wsapi.query import select


def collection(request: Request) -> Reply:
    """GET /remotecopytargets."""
    array = request.array
    return members(select(request, [encode.target(array, target) for target in array.targets.values()]))


def show(request: Request) -> Reply:
    """GET /remotecopytargets/{name}."""
    return Reply(200, encode.target(request.array, targets.find(request.array, request.path_params["name"])))


def change(request: Request) -> Reply:
    """PUT /remotecopytargets/{name}: the policy `mirrorConfig`. Witness actions and renaming are not here yet (501)."""
    name = request.path_params["name"]
    targets.find(request.array, name)
    if "action" in (request.body or {}) or "name" in (request.body or {}):
        raise Refusal.UNSUP_OP.fault()
    policies = Body(request, ("policies",)).flags("policies", ("mirrorConfig",))
    if not policies:
        raise Refusal.MISSING_REQUIRED.fault("policies")
    targets.set_mirror_config(request.array, name, policies["mirrorConfig"])
    return Reply(200)


def links(request: Request) -> Reply:
    """GET /remotecopylinks."""
    return members([encode.link(request.array, *ends) for ends in targets.link_ports(request.array)])


def link(request: Request) -> Reply:
    """GET /remotecopylinks/{name}."""
    for ends in targets.link_ports(request.array):
        shape = encode.link(request.array, *ends)
        if shape["name"] == request.path_params["name"]:
            return Reply(200, shape)
    raise Refusal.NON_EXISTENT_RCOPY_LINK.fault()
