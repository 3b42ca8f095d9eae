"""What the driver reads from an array, parsed once at the door and frozen. Sizes are bytes, WWNs lower-case hex."""

from dataclasses import dataclass
from enum import StrEnum


class Provisioning(StrEnum):
    """How a volume takes its space (WSAPI `provisioningType`, wsapi.md 4.2)."""

    THIN = "thin"
    DEDUP = "dedup"
    FULL = "full"
    SNAPSHOT = "snapshot"
    OTHER = "other"


class Role(StrEnum):
    """A Remote Copy group's role on one array (WSAPI 1 and 2, wsapi.md 4.5)."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


class GroupState(StrEnum):
    """A group's state towards its target (WSAPI `targets[].state`, wsapi.md 4.5)."""

    NEW = "new"
    STARTING = "starting"
    STARTED = "started"
    RESTART = "restart"
    STOPPED = "stopped"
    BACKUP = "backup"
    FAILSAFE = "failsafe"
    UNKNOWN = "unknown"
    LOGGING = "logging"


class SyncState(StrEnum):
    """A member's state (WSAPI `syncStatus`, wsapi.md 4.5); anything unlisted reads as OTHER."""

    NEW = "new"
    SYNCING = "syncing"
    SYNCED = "synced"
    NOT_SYNCED = "not-synced"
    STALE = "stale"
    FAILSAFE = "failsafe"
    OTHER = "other"


class ReplicationMode(StrEnum):
    """A group's mode towards its target (WSAPI 1, 2/3, 4)."""

    SYNC = "sync"
    PERIODIC = "periodic"
    STREAMING = "streaming"


@dataclass(frozen=True, slots=True)
class System:
    """One array: `system_id` is the decimal id that ends the peer group's name, `.r<id>`.

    `licenses` are the names the array tells; empty where it tells none.
    """

    system_id: int
    name: str
    serial: str
    model: str
    version: str
    licenses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Port:
    """A target port of the data path. `ready`: linked and in target mode. iSCSI has `address` and `iqn`, FC `wwpn`."""

    position: str
    protocol: str
    ready: bool
    address: str = ""
    iqn: str = ""
    wwpn: str = ""


@dataclass(frozen=True, slots=True)
class Cpg:
    """A common provisioning group; `domain` is "" outside virtual domains."""

    name: str
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """A virtual volume. `wwn` has 32 hex digits; `copy_of` names a snapshot's parent; `uuid` is the array's own."""

    name: str
    wwn: str
    size_bytes: int
    provisioning: Provisioning
    compressed: bool
    cpg: str
    snap_cpg: str
    comment: str
    copy_of: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """A host object: who may be exported to. `comment` is its descriptor's comment."""

    name: str
    iqns: tuple[str, ...]
    wwpns: tuple[str, ...]
    persona: int
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Vlun:
    """An export of a volume. A template (`active` False) is what was asked for; active rows come from logged-in paths.

    `host` is a host's name or `set:<host set>`; `position` is node:slot:port for templates bound to a port, else "".
    """

    volume: str
    host: str
    lun: int
    active: bool
    position: str = ""
    initiator: str = ""


@dataclass(frozen=True, slots=True)
class Policies:
    """The three policies that make a synchronous group a Peer Persistence group (wsapi.md 2.12.4)."""

    auto_failover: bool
    path_management: bool
    auto_recover: bool


PEER_PERSISTENCE = Policies(auto_failover=True, path_management=True, auto_recover=True)


@dataclass(frozen=True, slots=True)
class Member:
    """One volume of a group as one array tells it."""

    volume: str
    twin: str
    sync: SyncState


@dataclass(frozen=True, slots=True)
class Group:
    """A Remote Copy group as one array tells it; the other array has its own view under `remote_name`.

    `target` is this array's name for the other one. `reversed` is `roleReversed`: the roles are not those the group was
    made with. CPG names are "" where the group has none.
    """

    name: str
    remote_name: str
    role: Role
    reversed: bool
    state: GroupState
    mode: ReplicationMode
    target: str
    target_count: int
    policies: Policies
    local_cpg: str
    remote_cpg: str
    members: tuple[Member, ...]

    def has(self, volume: str) -> bool:
        """Whether the local volume of that name is a member."""
        return any(member.volume == volume for member in self.members)


@dataclass(frozen=True, slots=True)
class Target:
    """A Remote Copy target: the other array, by the name this one gives it. `ready`: contact is there.

    `witness` is the quorum witness's state as the array words it, in lower case; "" where the array does not tell.
    """

    name: str
    ready: bool
    mirror_config: bool
    witness: str = ""


@dataclass(frozen=True, slots=True)
class VolumeWish:
    """What to create: `size_bytes` is a multiple of 256 MiB; `snap_cpg` "" lets the array choose."""

    name: str
    size_bytes: int
    cpg: str
    snap_cpg: str
    provisioning: Provisioning
    compressed: bool
    comment: str


@dataclass(frozen=True, slots=True)
class GroupWish:
    """A synchronous group to create on this array, towards `target`."""

    name: str
    target: str
    local_cpg: str
    local_snap_cpg: str
    remote_cpg: str
    remote_snap_cpg: str
    domain: str = ""
