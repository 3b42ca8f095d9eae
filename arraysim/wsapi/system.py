"""/system and /capacity (wsapi.md 2.1)."""

from typing import Any

from arraysim.core import cpgs
from arraysim.core.array import Array
from arraysim.wsapi.encode import iso8601
from arraysim.wsapi.message import Reply, Request

#: Licences that clients look for by name.
LICENCES = (
    "3PAR OS Suite",
    "Virtual Copy",
    "Remote Copy",
    "Thin Provisioning (102400T)",
    "Thin Deduplication",
    "Compression",
    "Priority Optimization",
    "System Reporter",
    "Peer Persistence",
    "Peer Motion",
    "Virtual Domains",
    "Online Import",
)


def _nodes(array: Array) -> list[int]:
    return sorted({int(position.split(":")[0]) for position in array.ports})


def show(request: Request) -> Reply:
    """GET /system: `id` is the decimal system id that ends the peer group's name."""
    array = request.array
    allocated = cpgs.allocated_mib(array)
    nodes = _nodes(array)
    issued = 1_483_228_800
    return Reply(
        200,
        {
            "id": array.system_id,
            "name": array.name,
            "systemVersion": array.personality.system_version,
            "IPv4Addr": "127.0.0.1",
            "model": array.personality.model,
            "serialNumber": array.serial,
            "totalNodes": len(nodes),
            "masterNode": nodes[0],
            "onlineNodes": nodes,
            "clusterNodes": nodes,
            "chunkletSizeMiB": 1024,
            "totalCapacityMiB": float(array.capacity_mib),
            "allocatedCapacityMiB": float(allocated),
            "freeCapacityMiB": float(array.capacity_mib - allocated),
            "failedCapacityMiB": 0.0,
            "timeZone": "UTC",
            "licenseInfo": {
                "issueTimeSec": issued,
                "issueTime8601": iso8601(issued),
                "diskCount": 48,
                "licenses": [{"name": name} for name in LICENCES],
                "licenseState": {"virtualCopy": True, "remoteCopy": True, "thinProvisioing": True, "domains": True},
            },
            "parameters": {
                "sessionTimeout": 3600,
                "portFailoverEnabled": True,
                "failoverMatchedSet": True,
                "hostDIF": True,
                "disableDedup": False,
            },
        },
    )


def capacity(request: Request) -> Reply:
    """GET /capacity: everything is SSD."""
    array = request.array
    used = cpgs.allocated_mib(array)
    return Reply(
        200,
        {
            "allCapacity": _capacity(array.capacity_mib, used),
            "FCCapacity": _capacity(0, 0),
            "NLCapacity": _capacity(0, 0),
            "SSDCapacity": _capacity(array.capacity_mib, used),
        },
    )


def _capacity(total: int, used: int) -> dict[str, Any]:
    free = total - used
    system = dict.fromkeys(("totalSystemMiB", "internalMiB", "spareMiB", "spareUsedMiB", "spareUnusedMiB"), 0)
    volumes = {
        "totalVolumesMiB": used,
        "nonCPGsMiB": 0,
        "CPGsMiB": used,
        "CPGUserMiB": used,
        "CPGUserUsedMiB": used,
        "CPGUserUnusedMiB": 0,
        "CPGSnapshotMiB": 0,
        "CPGAdminMiB": 0,
        "unmappedMiB": 0,
        "capacityEfficiency": {"compaction": 1.0, "deduplication": 1.0},
    }
    return {
        "totalMiB": total,
        "allocated": {"totalAllocatedMiB": used, "volumes": volumes, "system": system},
        "freeMiB": free,
        "freeInitializedMiB": free,
        "freeUninitializedMiB": 0,
        "unavailableCapacityMiB": 0,
        "failedCapacityMiB": 0,
    }
