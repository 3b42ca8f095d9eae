"""Shapes of the arrays' JSON (wsapi.md 2)."""

from datetime import UTC, datetime
from typing import Any

from arraysim.core import cpgs, vluns
from arraysim.core.array import Array
from arraysim.core.objects import Cpg, Host, Port, Provisioning, Vlun, Volume

Shape = dict[str, Any]

#: The policies of a volume and how they stand when nobody says otherwise.
VOLUME_POLICIES = {
    "staleSS": True,
    "oneHost": False,
    "zeroDetect": True,
    "system": False,
    "caching": True,
    "fsvc": False,
}
_NORMAL: Shape = {"state": 1, "failedStates": [], "degradedStates": [], "additionalStates": []}
_PORT_TYPES = {"fc": 1, "rcip": 7, "iscsi": 8}
_PORT_PROTOCOLS = {"fc": 1, "iscsi": 2, "rcip": 4}
_READY, _OFFLINE = 4, 10
#: How an array prints an address that it does not have (2.2, 2.10).
NO_ADDRESS = "0.0.0.0"  # noqa: S104  printed only, nothing binds to it
_TARGET_MODE, _PEER_MODE = 2, 4


def iso8601(at: float) -> str:
    """A clock time as the arrays print it, here always in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def position(text: str) -> Shape:
    """`n:s:p` as `portPos`."""
    node, slot, card_port = (int(part) for part in text.split(":"))
    return {"node": node, "slot": slot, "cardPort": card_port}


def _space(reserved: int, used: int) -> Shape:
    return {"reservedMiB": reserved, "rawReservedMiB": reserved * 2, "usedMiB": used, "freeMiB": reserved - used}


def volume(array: Array, item: Volume) -> Shape:
    """2.4. `copyOf` and the group's fields only where they apply."""
    reduced = item.provisioning is Provisioning.DEDUP
    reserved, used = cpgs.reserved_mib(item), cpgs.used_mib(item)
    shape: Shape = {
        "id": item.id,
        "name": item.name,
        "deduplicationState": 1 if reduced else 2,
        "compressionState": 1 if item.compressed else 2,
        "provisioningType": int(item.provisioning),
        "copyType": 1 if item.parent is None else 3,
        "baseId": _base(item).id,
        "readOnly": item.read_only,
        **_NORMAL,
        "adminSpace": _space(0, 0),
        "snapshotSpace": _space(0, 0),
        "userSpace": _space(reserved, used),
        "totalReservedMiB": reserved,
        "totalUsedMiB": used,
        "sizeMiB": item.size_mib,
        "hostWriteMiB": used,
        "wwn": item.wwn,
        "creationTimeSec": int(item.created_at),
        "creationTime8601": iso8601(item.created_at),
        "policies": {**VOLUME_POLICIES, **item.policies},
        "userCPG": item.cpg,
        "uuid": item.uuid,
        "udid": item.id,
        "capacityEfficiency": {"compaction": round(item.size_mib / max(used, 1), 2)},
        "rcopyStatus": 1 if item.group is None else array.options.volume_in_group_status,
        "links": [{"href": f"/api/v1/volumes/{item.name}", "rel": "self"}],
        **item.alerts,
    }
    if item.parent is not None:
        shape |= {"copyOf": item.parent.name, "parentId": item.parent.id, "physParentId": _base(item).id}
    if item.group is not None:
        shape["rcopyGroup"] = item.group.name
    if item.snap_cpg:
        shape["snapCPG"] = item.snap_cpg
    if item.comment:
        shape["comment"] = item.comment
    for key, at in (("expirationTime", item.expires_at), ("retentionTime", item.retained_until)):
        if at is not None:
            shape |= {f"{key}Sec": int(at), f"{key}8601": iso8601(at)}
    return shape


def _base(item: Volume) -> Volume:
    while item.parent is not None:
        item = item.parent
    return item


def cpg(array: Array, item: Cpg) -> Shape:
    """2.3. Raw space counts RAID as twice the usable."""
    inside = cpgs.volumes_in(array, item)
    used = sum(cpgs.used_mib(each) for each in inside)
    total = sum(cpgs.reserved_mib(each) for each in inside)
    free = total - used
    layout = {"RAIDType": 4, "setSize": 8, "HA": 3, "diskPatterns": [{"diskType": 3}]}
    growth: Shape = {"incrementMiB": item.growth_mib, "LDLayout": layout}
    if item.limit_mib is not None:
        growth["limitMiB"] = item.limit_mib
    if item.warning_mib is not None:
        growth["warningMiB"] = item.warning_mib
    usage = {"totalMiB": total, "rawTotalMiB": 2 * total, "usedMiB": used, "rawUsedMiB": 2 * used}
    nothing = dict.fromkeys(usage, 0)
    kinds = [each.provisioning for each in inside]
    return {
        "id": item.id,
        "uuid": item.uuid,
        "name": item.name,
        "numFPVVs": kinds.count(Provisioning.FULL),
        "numTPVVs": kinds.count(Provisioning.THIN),
        "numTDVVs": kinds.count(Provisioning.DEDUP),
        "UsrUsage": usage,
        "SAUsage": nothing,
        "SDUsage": nothing,
        "privateSpaceMiB": {"base": total, "rawBase": 2 * total, "snapshot": 0, "rawSnapshot": 0},
        "sharedSpaceMiB": 0,
        "rawSharedSpaceMiB": 0,
        "freeSpaceMiB": free,
        "rawFreeSpaceMiB": 2 * free,
        "totalSpaceMiB": total,
        "rawTotalSpaceMiB": 2 * total,
        "SAGrowth": {"incrementMiB": 8 * 1024, "LDLayout": layout},
        "SDGrowth": growth,
        **_NORMAL,
        "dedupCapable": True,
    }


def space(array: Array, item: Cpg) -> Shape:
    """`POST /spacereporter`, 2.3."""
    free = cpgs.free_mib(array, item)
    used = sum(cpgs.reserved_mib(each) for each in cpgs.volumes_in(array, item))
    virtual = cpgs.virtual_mib(array, item)
    return {
        "cpg": item.name,
        "rawFreeMiB": 2 * free,
        "usableFreeMiB": free,
        "overProvisionedVirtualSizeMiB": virtual,
        "overProvisionedUsedMiB": used,
        "overProvisionedAllocatedMiB": used,
        "overProvisionedFreeMiB": free,
        "capacityEfficiency": {"compaction": round(virtual / max(used, 1), 2), "deduplication": 1.0},
    }


def port(item: Port) -> Shape:
    """2.2."""
    shape: Shape = {
        "portPos": position(item.position),
        "mode": _PEER_MODE if item.kind == "rcip" else _TARGET_MODE,
        "linkState": _READY if item.ready else _OFFLINE,
        "type": _PORT_TYPES[item.kind],
        "protocol": _PORT_PROTOCOLS[item.kind],
        "label": f"{item.kind.upper()}_{item.position.replace(':', '_')}",
        "device": [],
        "failoverState": 1,
    }
    mac = "0002AC" + "".join(f"{int(part):02X}" for part in item.position.split(":"))
    if item.kind == "fc":
        shape |= {"portWWN": item.wwn, "nodeWWN": "2FF7" + item.wwn[4:]}
    elif item.kind == "rcip":
        shape |= {"IPAddr": item.address, "HWAddr": mac}
    else:
        shape |= {"IPAddr": item.address, "iSCSIName": item.iqn, "HWAddr": mac, "iSCSIPortInfo": _iscsi(item)}
    return shape


def _iscsi(item: Port) -> Shape:
    """`vlan` 0: no VLAN tagging."""
    place = position(item.position)
    return {
        "IPAddr": item.address,
        "iSCSIName": item.iqn,
        "iSNSAddr": NO_ADDRESS,
        "iSNSPort": 3205,
        "tpgt": 100 * place["node"] + 10 * place["slot"] + place["cardPort"],
        "stgt": 0,
        "vlan": 0,
        "mtu": 1500,
        "rate": "10Gbps",
        "netmask": "255.255.255.0",
        "gateway": NO_ADDRESS,
    }


def host(array: Array, item: Host) -> Shape:
    """2.10: `portPos` only on paths that are logged in, one element per port."""
    shape: Shape = {
        "id": item.id,
        "name": item.name,
        "FCPaths": [{"wwn": wwn, "hostSpeed": 0} | place for wwn in item.wwns for place in _places(array, wwn)],
        "iSCSIPaths": [
            {"name": iqn, "IPAddr": "127.0.0.1" if place else NO_ADDRESS, "hostSpeed": 0} | place
            for iqn in item.iqns
            for place in _places(array, iqn)
        ],
        "persona": item.persona,
        "initiatorChapEnabled": False,
        "targetChapEnabled": False,
        "links": [
            {"href": f"/api/v1/hosts/{item.name}", "rel": "self"},
            {"href": f'/api/v1/hostpersonas?query="wsapiAssignedId EQ {item.persona}"', "rel": "personaInfo"},
        ],
    }
    if item.descriptors:
        shape["descriptors"] = dict(item.descriptors)
    return shape


def _places(array: Array, initiator: str) -> list[Shape]:
    return [{"portPos": position(each)} for each in sorted(array.logins.get(initiator, ()))] or [{}]


def vlun(item: Vlun) -> Shape:
    """A template row, 2.11."""
    shape = _vlun(item, item.host)
    shape["active"] = False
    if item.position:
        shape["portPos"] = position(item.position)
    return shape


def vlun_rows(array: Array, item: Vlun) -> list[Shape]:
    """The template row and its active rows, 2.11."""
    rows = [vlun(item)]
    for active in vluns.active_rows(array, item):
        row = _vlun(item, active.host)
        row |= {"active": True, "remoteName": active.initiator, "portPos": position(active.position)}
        rows.append(row)
    return rows


def _vlun(item: Vlun, owner: Host | None) -> Shape:
    shape: Shape = {
        "lun": item.lun,
        "volumeName": item.volume.name,
        "type": int(item.type),
        "volumeWWN": item.volume.wwn,
        "multipathing": 2 if item.type == 3 else 1,
        "failedPathPol": 1,
        "failedPathInterval": 0,
    }
    if owner is not None:
        shape["hostname"] = owner.name
    return shape
