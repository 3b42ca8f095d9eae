"""The state of both arrays as one JSON object in words, for people and for waiting on."""

from datetime import UTC, datetime
from typing import Any

from arraysim.core import dataplane
from arraysim.core.array import Array
from arraysim.core.objects import Group, GroupPolicies, Host, Vlun, Volume
from arraysim.core.pair import Pair


def describe(pair: Pair) -> dict[str, Any]:
    """Everything worth seeing. Needs the lab's lock.

    Collections are objects keyed by name, so that a condition can name a path in them: `arrays` > array > `volumes`,
    `hosts`, `vluns` (keyed "volume,lun,host[,port]" as in the WSAPI) and `groups`.
    """
    return {
        "clock": {"seconds": pair.clock.now, "time": _time(pair.clock.now)},
        "link": {"up": pair.link.up},
        "witness": {"up": pair.witness.up, "reachable_from": dict(pair.witness.reach)},
        "arrays": {array.name: _array(array) for array in pair.arrays},
    }


def _array(array: Array) -> dict[str, Any]:
    return {
        "powered": array.powered,
        "serial": array.serial,
        "system_id": array.system_id,
        "personality": array.personality.name,
        "groups": {name: _group(group) for name, group in sorted(array.groups.items())},
        "volumes": {name: _volume(array, volume) for name, volume in sorted(array.volumes.items())},
        "vluns": {_vlun_key(vlun): {"lun": vlun.lun, "type": vlun.type.name.lower()} for vlun in array.vluns},
        "hosts": {name: _host(array, host) for name, host in sorted(array.hosts.items())},
        "cpgs": sorted(array.cpgs),
        "portals": {
            port.position: {"address": port.address, "iqn": port.iqn, "ready": port.ready}
            for port in array.ports.values()
            if port.kind == "iscsi"
        },
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "role": group.role.name.capitalize() + ("-Rev" if group.reversed else ""),
        "state": group.state.name.capitalize(),
        "mode": group.mode.name.capitalize(),
        "target": group.target,
        "remote_name": group.remote_name,
        "policies": _policies(group.policies),
        "synced": group.synced,
        "volumes": {
            name: {"remote_volume": member.twin, "sync": member.status.name.replace("_", " ").title().replace(" ", "")}
            for name, member in sorted(group.members.items())
        },
    }


def _policies(policies: GroupPolicies) -> list[str]:
    """Those that are on, in the words of the vendor's CLI (wsapi.md 2.12.4)."""
    words = ("auto_recover", "over_period_alert", "auto_failover", "path_management")
    return [word for word in words if getattr(policies, word)]


def _volume(array: Array, volume: Volume) -> dict[str, Any]:
    return {
        "size_mib": volume.size_mib,
        "wwn": volume.wwn,
        "cpg": volume.cpg,
        "provisioning": volume.provisioning.name.lower(),
        "snapshot_of": volume.parent.name if volume.parent else None,
        "group": volume.group.name if volume.group else None,
        "access": dataplane.access(array, volume.name).value if array.powered else "no power",
    }


def _vlun_key(vlun: Vlun) -> str:
    parts = [vlun.volume.name, str(vlun.lun), vlun.host.name if vlun.host else ""]
    return ",".join([*parts, vlun.position] if vlun.position else parts)


def _host(array: Array, host: Host) -> dict[str, Any]:
    return {
        "persona": host.persona,
        "logged_in": {initiator: sorted(array.logins.get(initiator, ())) for initiator in host.initiators},
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
