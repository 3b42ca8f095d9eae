"""The one table of what the arrays answer to."""

from collections.abc import Callable
from dataclasses import dataclass

from arraysim.wsapi import cpgs, hosts, ports, remotecopy, system, targets, tasks, vluns, volumes
from arraysim.wsapi.message import Reply, Request

Handler = Callable[[Request], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """`path` holds `{name}` fields, each one path segment after decoding; `handler` raises ArrayFault to refuse."""

    method: str
    path: str
    handler: Handler


_V1 = "/api/v1"
_GROUP = f"{_V1}/remotecopygroups/{{name}}"
_VOLUME = f"{_V1}/volumes/{{name}}"

ROUTES: tuple[Route, ...] = (
    Route("GET", f"{_V1}/system", system.show),
    Route("GET", f"{_V1}/capacity", system.capacity),
    Route("GET", f"{_V1}/tasks", tasks.collection),
    Route("GET", f"{_V1}/tasks/{{id}}", tasks.show),
    Route("GET", f"{_V1}/ports", ports.collection),
    Route("GET", f"{_V1}/ports/{{position}}", ports.show),
    Route("GET", f"{_V1}/ports/{{position}}/iSCSIVlans", ports.vlans),
    Route("GET", f"{_V1}/cpgs", cpgs.collection),
    Route("POST", f"{_V1}/cpgs", cpgs.create),
    Route("GET", f"{_V1}/cpgs/{{name}}", cpgs.show),
    Route("DELETE", f"{_V1}/cpgs/{{name}}", cpgs.delete),
    Route("POST", f"{_V1}/spacereporter", cpgs.space),
    Route("GET", f"{_V1}/volumes", volumes.collection),
    Route("POST", f"{_V1}/volumes", volumes.create),
    Route("GET", _VOLUME, volumes.show),
    Route("PUT", _VOLUME, volumes.change),
    Route("POST", _VOLUME, volumes.post),
    Route("DELETE", _VOLUME, volumes.delete),
    Route("GET", f"{_VOLUME}/objectKeyValues", volumes.keys),
    Route("POST", f"{_VOLUME}/objectKeyValues", volumes.add_key),
    Route("GET", f"{_VOLUME}/objectKeyValues/{{key}}", volumes.key),
    Route("PUT", f"{_VOLUME}/objectKeyValues/{{key}}", volumes.set_key),
    Route("DELETE", f"{_VOLUME}/objectKeyValues/{{key}}", volumes.drop_key),
    Route("GET", f"{_V1}/hosts", hosts.collection),
    Route("POST", f"{_V1}/hosts", hosts.create),
    Route("GET", f"{_V1}/hosts/{{name}}", hosts.show),
    Route("PUT", f"{_V1}/hosts/{{name}}", hosts.change),
    Route("DELETE", f"{_V1}/hosts/{{name}}", hosts.delete),
    Route("GET", f"{_V1}/vluns", vluns.collection),
    Route("POST", f"{_V1}/vluns", vluns.create),
    Route("GET", f"{_V1}/vluns/{{key}}", vluns.show),
    Route("DELETE", f"{_V1}/vluns/{{key}}", vluns.delete),
    Route("GET", f"{_V1}/remotecopy", remotecopy.service),
    Route("GET", f"{_V1}/remotecopygroups", remotecopy.collection),
    Route("POST", f"{_V1}/remotecopygroups", remotecopy.create),
    Route("GET", _GROUP, remotecopy.show),
    Route("PUT", _GROUP, remotecopy.change),
    Route("POST", _GROUP, remotecopy.disaster_action),
    Route("DELETE", _GROUP, remotecopy.delete),
    Route("GET", f"{_GROUP}/volumes", remotecopy.volumes),
    Route("POST", f"{_GROUP}/volumes", remotecopy.add_volume),
    Route("GET", f"{_GROUP}/volumes/{{volume}}", remotecopy.volume),
    Route("DELETE", f"{_GROUP}/volumes/{{volume}}", remotecopy.drop_volume),
    Route("GET", f"{_V1}/remotecopytargets", targets.collection),
    Route("GET", f"{_V1}/remotecopytargets/{{name}}", targets.show),
    Route("PUT", f"{_V1}/remotecopytargets/{{name}}", targets.change),
    Route("GET", f"{_V1}/remotecopylinks", targets.links),
    Route("GET", f"{_V1}/remotecopylinks/{{name}}", targets.link),
)
