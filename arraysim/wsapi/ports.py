"""/ports (wsapi.md 2.2)."""

import re

from arraysim.core.faults import Refusal
from arraysim.wsapi import encode
from arraysim.wsapi.message import Reply, Request, members
from arraysim.wsapi.query import select

_POSITION = re.compile(r"[0-7]:[0-9]{1,2}:[0-9]{1,2}")
#: Nodes 0-7, slots and ports 0-9: what 8:8:8 is outside of (wsapi.md 2.11).
HIGHEST_NODE = 7
HIGHEST_SLOT = 9


def parse_position(text: str) -> str:
    """`n:s:p` as it is in a URL. ArrayFault 400 55 if it cannot be a port's."""
    if not _POSITION.fullmatch(text):
        raise Refusal.PORT_SPECIFICATION.fault("portPos")
    return ":".join(str(int(part)) for part in text.split(":"))


def collection(request: Request) -> Reply:
    """GET /ports, with `?query=`."""
    return members(select(request, [encode.port(port) for port in request.array.ports.values()]))


def show(request: Request) -> Reply:
    """GET /ports/{position}: 400 55, 404 20."""
    port = request.array.ports.get(parse_position(request.path_params["position"]))
    if port is None:
        raise Refusal.NON_EXISTENT_PORT.fault()
    return Reply(200, encode.port(port))


def vlans(request: Request) -> Reply:
    """GET /ports/{position}/iSCSIVlans: there are none, `vlan` is 0 on every port."""
    show(request)
    return Reply(200, {"iSCSIVlans": []})
