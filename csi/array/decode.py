"""From WSAPI's JSON to records: every field is checked once, here, and a wrong one is named.

Numbers are those of wsapi.md section 4. A field the driver cannot do without and that is missing or of another type
raises OddAnswer with its name; what real arrays leave out at times has a default.
"""

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

from csi.array.codes import OddAnswer
from csi.array.records import (
    Cpg,
    Group,
    GroupState,
    Host,
    Member,
    Policies,
    Port,
    Provisioning,
    ReplicationMode,
    Role,
    SyncState,
    System,
    Target,
    Vlun,
    Volume,
)

T = TypeVar("T")

MIB = 1024 * 1024
_PROVISIONING = {
    1: Provisioning.FULL,
    2: Provisioning.THIN,
    3: Provisioning.SNAPSHOT,
    6: Provisioning.DEDUP,
    7: Provisioning.DEDUP,
}
_COMPRESSED = 1
_ROLES = {1: Role.PRIMARY, 2: Role.SECONDARY}
_MODES = {
    1: ReplicationMode.SYNC,
    2: ReplicationMode.PERIODIC,
    3: ReplicationMode.PERIODIC,
    4: ReplicationMode.STREAMING,
}
_STATES = dict(enumerate(GroupState, start=1))
_SYNC = {
    1: SyncState.NEW,
    2: SyncState.SYNCING,
    3: SyncState.SYNCED,
    4: SyncState.NOT_SYNCED,
    5: SyncState.STALE,
    8: SyncState.FAILSAFE,
}
_PROTOCOLS = {1: "fc", 2: "iscsi"}
_INITIATOR_MODES = (3, 4)
#: Port types that never face a host: disk, initiator, RCFC, peer, RCIP, file services (wsapi.md 4.4).
_INNER_TYPES = (2, 4, 5, 6, 7, 10)
_TARGET_MODE = 2
_LINK_READY = 4
#: Status of a Remote Copy target; the words are documented, the numbers inferred from their order (wsapi.md 4.5).
_TARGET_READY = (2, "ready")
_WITNESS_WORDS = ("Uninitialized", "Initializing", "Standby", "Active", "Failsafe", "Failover", "Restarting")


class Fields:
    """One JSON object and what it describes, for the message when a field is not as it should be."""

    __slots__ = ("_of", "_raw")

    def __init__(self, raw: object, of: str) -> None:
        if not isinstance(raw, Mapping):
            raise OddAnswer(f"the array's answer for {of} is not a JSON object")
        self._raw: Mapping[str, object] = raw
        self._of = of

    def _get(self, key: str, kind: type[T], default: T | None) -> T:
        value = self._raw.get(key, default)
        if value is None:
            value = default
        if value is None:
            raise OddAnswer(f"field {key!r} of {self._of} is missing in the array's answer")
        # a bool is an int in Python, never in WSAPI
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise OddAnswer(f"field {key!r} of {self._of} is of the wrong type in the array's answer")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A string; a missing one is an error unless there is a default."""
        return self._get(key, str, default)

    def number(self, key: str, default: int | None = None) -> int:
        """A whole number; the same. Space is told with decimals at times (wsapi.md 2.1) and cut to whole units."""
        value = self._raw.get(key)
        if isinstance(value, float) and math.isfinite(value):
            return int(value)
        return self._get(key, int, default)

    def flag(self, key: str, default: bool | None = None) -> bool:
        """true or false; the same."""
        return self._get(key, bool, default)

    def inner(self, key: str) -> "Fields":
        """An object inside; an empty one where it is missing."""
        return Fields(self._get(key, dict, {}), f"{key} of {self._of}")

    def rows(self, key: str) -> tuple["Fields", ...]:
        """The objects of a list inside; none where it is missing."""
        return tuple(Fields(row, f"{key} of {self._of}") for row in self._get(key, list, []))

    def word(self, key: str) -> int | str | None:
        """A status that is a number on some systems and a word on others; words in lower case, None if missing."""
        value = self._raw.get(key)
        if isinstance(value, str):
            return value.lower()
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def has(self, key: str) -> bool:
        """Whether the field is there and not null."""
        return self._raw.get(key) is not None


def members(body: object, of: str) -> tuple[Fields, ...]:
    """The rows of a collection. Arrays never page (wsapi.md 1.3), so fewer rows than `total` means a torn answer."""
    fields = Fields(body, of)
    if not fields.has("members"):
        if fields.number("total", 0):
            raise OddAnswer(f"field 'members' of {of} is missing in the array's answer")
        return ()
    rows = fields.rows("members")
    if fields.number("total", 0) > len(rows):
        raise OddAnswer(f"the array lists {len(rows)} of its {fields.number('total')} {of}")
    return rows


def system(body: object) -> System:
    """wsapi.md 2.1."""
    raw = Fields(body, "system")
    names = (row.text("name", "") for row in raw.inner("licenseInfo").rows("licenses"))
    return System(
        system_id=raw.number("id"),
        name=raw.text("name"),
        serial=raw.text("serialNumber"),
        model=raw.text("model", ""),
        version=raw.text("systemVersion", ""),
        licenses=tuple(name for name in names if name),
    )


def build(body: object) -> int:
    """The WSAPI build number of `GET /api` (wsapi.md 1.1)."""
    return Fields(body, "api version").number("build")


def position(raw: Fields, key: str = "portPos") -> str:
    """`portPos` as node:slot:port, "" if missing; the last part is called cardPort or port (wsapi.md 6, fault 18)."""
    if not raw.has(key):
        return ""
    pos = raw.inner(key)
    card = "cardPort" if pos.has("cardPort") else "port"
    return f"{pos.number('node')}:{pos.number('slot')}:{pos.number(card)}"


def host_ports(raw: Fields, vlans: Callable[[str], tuple[str, ...]]) -> tuple[Port, ...]:
    """What hosts may use of a port: nothing, the port, or one entry for each of its addresses (wsapi.md 2.2).

    `vlans` tells the addresses of a tagged port, given its position; they are listed under a path of their own.
    """
    protocol = _PROTOCOLS.get(raw.number("protocol", 0))
    mode = raw.number("mode", 0)
    if protocol is None or mode in _INITIATOR_MODES or raw.number("type", 0) in _INNER_TYPES:
        return ()
    ready = mode == _TARGET_MODE and raw.number("linkState", 0) == _LINK_READY
    where = position(raw)
    if protocol == "fc":
        return (Port(where, protocol, ready, wwpn=raw.text("portWWN", None if ready else "").lower()),)
    info = raw.inner("iSCSIPortInfo")
    iqn = raw.text("iSCSIName", info.text("iSCSIName", ""))
    own = raw.text("IPAddr", info.text("IPAddr", ""))
    addresses = [own] if _is_address(own) else []
    if info.number("vlan", 0) == 1:
        addresses += [address for address in vlans(where) if address not in addresses]
    if not addresses:
        return (Port(where, protocol, ready=False, iqn=iqn),)
    return tuple(Port(where, protocol, ready, address, iqn) for address in addresses)


def vlan_addresses(body: object) -> tuple[str, ...]:
    """The addresses of a tagged port."""
    rows = Fields(body, "iSCSI VLANs").rows("iSCSIVlans")
    return tuple(row.text("IPAddr") for row in rows if _is_address(row.text("IPAddr", "")))


def _is_address(text: str) -> bool:
    return text not in ("", "0.0.0.0", "::", "-")  # noqa: S104  # compared, not bound


def target(raw: Fields) -> Target:
    """wsapi.md 2.12.9; names and numbers there are partly inferred, so a target without a status counts as ready."""
    status = raw.word("status")
    witness = raw.inner("quorumWitness")
    word = next((found for key in ("status", "state") if (found := witness.word(key)) is not None), None)
    if word is None:
        word = raw.word("quorumStatus")
    if isinstance(word, int):
        word = _WITNESS_WORDS[word - 1].lower() if 0 < word <= len(_WITNESS_WORDS) else f"status {word}"
    return Target(
        name=raw.text("name"),
        ready=status is None or status in _TARGET_READY,
        mirror_config=raw.inner("policies").flag("mirrorConfig", False),
        witness=word or "",
    )


def cpg(body: object) -> Cpg:
    """wsapi.md 2.3."""
    raw = Fields(body, "CPG")
    return Cpg(raw.text("name"), raw.text("domain", ""))


def free_bytes(body: object) -> int:
    """Usable free bytes of a space report (wsapi.md 2.3)."""
    return Fields(body, "space report").number("usableFreeMiB") * MIB


def volume(raw: Fields) -> Volume:
    """wsapi.md 2.4."""
    return Volume(
        name=raw.text("name"),
        wwn=raw.text("wwn").lower(),
        size_bytes=raw.number("sizeMiB") * MIB,
        provisioning=_PROVISIONING.get(raw.number("provisioningType"), Provisioning.OTHER),
        compressed=raw.number("compressionState", 0) == _COMPRESSED,
        cpg=raw.text("userCPG", ""),
        snap_cpg=raw.text("snapCPG", ""),
        comment=raw.text("comment", ""),
        copy_of=raw.text("copyOf", ""),
    )


def host(raw: Fields) -> Host | None:
    """wsapi.md 2.10. Rows without a name are initiators that nobody has put into a host: None."""
    if not raw.has("name"):
        return None
    # a path has a row per port it is logged in to
    iqns = dict.fromkeys(path.text("name") for path in raw.rows("iSCSIPaths"))
    wwpns = dict.fromkeys(path.text("wwn").lower() for path in raw.rows("FCPaths"))
    return Host(
        name=raw.text("name"),
        iqns=tuple(iqns),
        wwpns=tuple(wwpns),
        persona=raw.number("persona", 0),
        comment=raw.inner("descriptors").text("comment", ""),
    )


def vlun(raw: Fields) -> Vlun:
    """wsapi.md 2.11: templates have no `remoteName`; only those bound to a port have `portPos`."""
    active = raw.flag("active")
    initiator = raw.text("remoteName", "")
    return Vlun(
        volume=raw.text("volumeName"),
        host=raw.text("hostname", ""),
        lun=raw.number("lun"),
        active=active,
        position="" if active else position(raw),
        initiator=initiator if "." in initiator else initiator.lower(),
    )


def group(raw: Fields) -> Group:
    """wsapi.md 2.12.3. A group that lost its target has none: `target_count` 0, state UNKNOWN."""
    role = _ROLES.get(raw.number("role"))
    if role is None:
        raise OddAnswer(f"field 'role' of the group is {raw.number('role')} in the array's answer")
    targets = raw.rows("targets")
    first = targets[0] if targets else Fields({}, "targets")
    policies = first.inner("policies")
    name = first.text("targetName") if targets else ""
    return Group(
        name=raw.text("name"),
        remote_name=raw.text("remoteGroupName", ""),
        role=role,
        reversed=first.flag("roleReversed", None if targets else False),
        state=_STATES.get(first.number("state", None if targets else 0), GroupState.UNKNOWN),
        mode=_mode(first.number("mode", None if targets else 1)),
        target=name,
        target_count=len(targets),
        policies=Policies(
            auto_failover=policies.flag("autoFailover", False),
            path_management=policies.flag("pathManagement", False),
            auto_recover=policies.flag("autoRecover", False),
        ),
        local_cpg=raw.text("localUserCPG", ""),
        # the name differs between what is written and what is read (wsapi.md 2.12.2)
        remote_cpg=first.text("remoteUserCPG", first.text("userCPG", "")),
        members=tuple(_member(row, name) for row in raw.rows("volumes")),
    )


def _mode(number: int) -> ReplicationMode:
    mode = _MODES.get(number)
    if mode is None:
        raise OddAnswer(f"field 'mode' of the group's target is {number} in the array's answer")
    return mode


def _member(raw: Fields, target_name: str) -> Member:
    remotes = raw.rows("remoteVolumes")
    mine = next((row for row in remotes if row.text("targetName", target_name) == target_name), None)
    if mine is None:
        return Member(raw.text("localVolumeName"), "", SyncState.OTHER)
    return Member(
        volume=raw.text("localVolumeName"),
        twin=mine.text("remoteVolumeName", ""),
        sync=_SYNC.get(mine.number("syncStatus", 0), SyncState.OTHER),
    )


def lun_of(location: str) -> int | None:
    """The LUN in a VLUN's Location, `/api/v1/vluns/<volume>,<lun>,<host>` (wsapi.md 1.3); None if it is not there."""
    parts = location.rpartition("/")[2].split(",")
    return int(parts[1]) if len(parts) > 1 and parts[1].isascii() and parts[1].isdigit() else None
