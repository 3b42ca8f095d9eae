"""Reading the publish and volume contexts: strings in, checked records out. The contract is in requests.py."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from csi.access import FILE_SYSTEMS, AccessProtocol, Capability
from csi.errors import InvalidRequest

DEFAULT_FILE_SYSTEM = "ext4"
_WWN = re.compile(r"[0-9a-f]{32}")
_WWPN = re.compile(r"[0-9A-Fa-f]{16}")
_OWNER = re.compile(r"(\d{1,10}):(\d{1,10})")
_MODE = re.compile(r"[0-7]{3,4}")
#: Peripheral plus flat addressing: what an array of this family may hand out (SAM-5, 14 bits).
LUN_LIMIT = 16384


@dataclass(frozen=True, slots=True, order=True)
class Portal:
    """One iSCSI port of an array: `address` without brackets, TCP `port`, target name."""

    address: str
    port: int
    iqn: str

    def __str__(self) -> str:
        """As iscsiadm takes it after -p."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Side:
    """What one array offers: the LUN number this node sees there (None: not known), and its iSCSI or FC ports.

    `wwpns` are 16 lower-case hex digits, as sysfs prints them after "0x".
    """

    array: str
    lun: int | None
    portals: tuple[Portal, ...] = ()
    wwpns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a volume is to be found: its WWN (32 lower-case hex digits) and the arrays that export it."""

    wwn: str
    protocol: AccessProtocol
    sides: tuple[Side, ...]
    check_first: bool = False

    @property
    def portals(self) -> tuple[Portal, ...]:
        """All iSCSI ports of all arrays."""
        return tuple(portal for side in self.sides for portal in side.portals)


@dataclass(frozen=True, slots=True)
class Layout:
    """What a fresh file system gets: its type, and the owner and permission bits of its root (None: left alone)."""

    fs_type: str
    owner: tuple[int, int] | None = None
    mode: int | None = None


def connection_of(context: Mapping[str, str]) -> Connection:
    """Read a publish context; InvalidRequest says which key is wrong."""
    wwn = _need(context, "wwn").lower()
    if not _WWN.fullmatch(wwn):
        raise _wrong("wwn", f"{wwn!r} is not 32 hex digits")
    try:
        protocol = AccessProtocol(_need(context, "protocol"))
    except ValueError:
        raise _wrong("protocol", "it is neither 'iscsi' nor 'fc'") from None
    try:
        listed = json.loads(_need(context, "arrays"))
    except ValueError:
        raise _wrong("arrays", "it is not JSON") from None
    if not isinstance(listed, list) or not listed:
        raise _wrong("arrays", "it is not a list of arrays")
    sides = tuple(_side(item, protocol) for item in listed)
    if all(side.lun is None for side in sides):
        raise _wrong("arrays", "no array gave a LUN number")
    return Connection(wwn, protocol, sides, check_first=context.get("fsck") == "required")


def layout_of(capability: Capability, context: Mapping[str, str]) -> Layout:
    """The file system wanted: the capability's type, else the volume's `fsType`, else ext4."""
    fs_type = capability.fs_type or context.get("fsType", "") or DEFAULT_FILE_SYSTEM
    if fs_type not in FILE_SYSTEMS:
        raise InvalidRequest(
            f"file system type {fs_type!r} is not made by this driver", hint=f"Use one of {', '.join(FILE_SYSTEMS)}"
        )
    owner = mode = None
    if text := context.get("fsOwner", ""):
        if not (found := _OWNER.fullmatch(text)):
            raise _wrong("fsOwner", f"{text!r} is not uid:gid in numbers")
        owner = (int(found[1]), int(found[2]))
    if text := context.get("fsMode", ""):
        if not _MODE.fullmatch(text):
            raise _wrong("fsMode", f"{text!r} is not three or four octal digits")
        mode = int(text, 8)
    return Layout(fs_type, owner, mode)


def _need(context: Mapping[str, str], key: str) -> str:
    if not context.get(key):
        raise InvalidRequest(
            f"the publish context has no {key!r}",
            hint="It is made by ControllerPublishVolume of this driver and has to be passed on unchanged",
        )
    return context[key]


def _wrong(key: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"{key!r} in the request's context is wrong: {why}")


def _side(item: object, protocol: AccessProtocol) -> Side:
    if not isinstance(item, dict) or not isinstance(item.get("array"), str):
        raise _wrong("arrays", "an entry has no array label")
    array, lun = item["array"], item.get("lun")
    if lun is not None and (type(lun) is not int or not 0 <= lun < LUN_LIMIT):
        raise _wrong("arrays", f"LUN {lun!r} of {array} is not a number from 0 to {LUN_LIMIT - 1}")
    if protocol is AccessProtocol.FC:
        wwpns = item.get("wwpns", [])
        if not isinstance(wwpns, list) or not all(isinstance(one, str) and _WWPN.fullmatch(one) for one in wwpns):
            raise _wrong("arrays", f"a port name of {array} is not 16 hex digits")
        return Side(array, lun, wwpns=tuple(one.lower() for one in wwpns))
    portals = item.get("portals", [])
    if not isinstance(portals, list):
        raise _wrong("arrays", f"the portals of {array} are not a list")
    return Side(array, lun, portals=tuple(_portal(pair, array) for pair in portals))


def _portal(pair: object, array: str) -> Portal:
    if isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair):
        address, _colon, port = pair[0].rpartition(":")
        address = address.removeprefix("[").removesuffix("]")
        if address and port.isdecimal() and int(port) < 65536 and pair[1] and not pair[1].startswith("-"):
            return Portal(address, int(port), pair[1])
    raise _wrong("arrays", f"{pair!r} of {array} is not an address:port and a target name")
