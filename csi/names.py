"""Names that must survive a restart without a database: array volume names, volume ids, node ids.

Limits: array volume names 31 characters, host names 31, group names 22 (facts: WSAPI guide, HPE's own client tests).
"""

import base64
import hashlib
import re
from dataclasses import dataclass

from csi.errors import InvalidRequest

VOLUME_NAME_LIMIT = 31
HOST_NAME_LIMIT = 31
GROUP_NAME_LIMIT = 22
#: Kubernetes keeps node ids of up to 192 bytes in CSINode objects.
NODE_ID_LIMIT = 192

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_GROUP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_BACKEND = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
_WITH_UUID = re.compile(r"[a-z]{1,8}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_IQN = re.compile(r"(iqn\.\d{4}-\d{2}\.[^\s;,]+|eui\.[0-9A-Fa-f]{16}|naa\.[0-9A-Fa-f]{16,32})")
_WWPN = re.compile(r"[0-9A-F]{16}")


def digest(text: str, length: int) -> str:
    """The first `length` characters of a lower-case base32 SHA-256 of `text`."""
    raw = hashlib.sha256(text.encode()).digest()
    return base64.b32encode(raw).decode().lower().rstrip("=")[:length]


def array_volume_name(csi_name: str) -> str:
    """The array's name for a CSI volume name; the same name always gives the same answer.

    A name the array accepts is kept. `pvc-<uuid>` is cut to 31 characters as HPE's own driver does, so that an
    administrator recognises it (92 random bits stay). Anything else keeps a readable head and ends in a hash. Two CSI
    names that meet in one array name are told apart by the volume's comment, which holds the CSI name.
    """
    if len(csi_name) <= VOLUME_NAME_LIMIT and _SAFE.fullmatch(csi_name):
        return csi_name
    if _WITH_UUID.fullmatch(csi_name):
        return csi_name[:VOLUME_NAME_LIMIT]
    head = re.sub(r"[^A-Za-z0-9_.-]+", "-", csi_name).strip("-._")[:14] or "v"
    return f"{head}-{digest(csi_name, 16)}"


def array_host_name(node_name: str, initiators: tuple[str, ...]) -> str:
    """A host name for the array: the node's first label and a hash of the full name and its initiators."""
    head = re.sub(r"[^A-Za-z0-9_-]+", "-", node_name.partition(".")[0]).strip("-_")[:20] or "node"
    return f"{head}-{digest(node_name + '|' + '|'.join(sorted(initiators)), 8)}"


def check_group_name(group: str) -> None:
    """Raise InvalidRequest unless the array would accept `group` and can append `.r<system id>` to it."""
    if not _GROUP.fullmatch(group):
        raise InvalidRequest(
            f"replicationGroup {group!r} has characters an array refuses",
            hint="Use letters, digits, '_', '-' and '.', beginning with a letter, a digit or '_'",
        )
    if len(group) > GROUP_NAME_LIMIT:
        raise InvalidRequest(
            f"replicationGroup {group!r} has {len(group)} characters, an array takes {GROUP_NAME_LIMIT}",
            hint="The array appends '.r<system id>' for the group's other half; choose a shorter name",
        )


@dataclass(frozen=True, slots=True)
class VolumeId:
    """What a CSI volume id says: the backend (an array pair) and the volume's name on its arrays."""

    backend: str
    volume: str

    def __str__(self) -> str:
        return f"{self.backend}:{self.volume}"


def is_backend_name(text: str) -> bool:
    """Whether `text` may name a backend."""
    return _BACKEND.fullmatch(text) is not None


def parse_volume_id(text: str) -> VolumeId | None:
    """Read a volume id; None for one this driver cannot have issued (CSI: that is "not found", not "invalid")."""
    backend, colon, volume = text.partition(":")
    if not colon or not is_backend_name(backend) or len(volume) > VOLUME_NAME_LIMIT or not _SAFE.fullmatch(volume):
        return None
    return VolumeId(backend, volume)


@dataclass(frozen=True, slots=True)
class NodeId:
    """What a CSI node id says: the node's name and the initiators an array must let in.

    `iqns` are iSCSI qualified names, `wwpns` Fibre Channel port names of 16 upper-case hex digits.
    """

    name: str
    iqns: tuple[str, ...] = ()
    wwpns: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ";".join((self.name, ",".join(self.iqns), ",".join(self.wwpns)))

    @property
    def initiators(self) -> tuple[str, ...]:
        """All initiator names, iSCSI first."""
        return self.iqns + self.wwpns


def parse_node_id(text: str) -> NodeId | None:
    """Read a node id; None for one this driver cannot have issued."""
    parts = text.split(";")
    if len(text.encode()) > NODE_ID_LIMIT or len(parts) != 3 or not parts[0]:
        return None
    iqns = tuple(item for item in parts[1].split(",") if item)
    wwpns = tuple(item for item in parts[2].split(",") if item)
    if not iqns and not wwpns:
        return None
    if not all(map(_IQN.fullmatch, iqns)) or not all(map(_WWPN.fullmatch, wwpns)):
        return None
    return NodeId(parts[0], iqns, wwpns)
