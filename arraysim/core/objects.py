"""The things an array keeps. Numbers of the enumerations are the vendor's (wsapi.md 4). Sizes are MiB."""

from dataclasses import dataclass, field
from enum import IntEnum

from arraysim.core.blocks import Blocks
from arraysim.core.clock import Timer


class Provisioning(IntEnum):
    """`provisioningType`."""

    FULL = 1
    THIN = 2
    SNAPSHOT = 3
    DEDUP = 6


class VlunType(IntEnum):
    """`type` of a VLUN."""

    PORT = 2
    HOST = 3
    MATCHED_SET = 4


class Role(IntEnum):
    """A group's role on one array."""

    PRIMARY = 1
    SECONDARY = 2


class Mode(IntEnum):
    """A group's mode towards its target; 2 is the older number of periodic."""

    SYNC = 1
    PERIODIC_OLD = 2
    PERIODIC = 3
    ASYNC = 4


class GroupState(IntEnum):
    """`targets[].state`: 3 and 5 are known, the others inferred from the order of the words (wsapi.md 4.5)."""

    NEW = 1
    STARTING = 2
    STARTED = 3
    RESTART = 4
    STOPPED = 5
    BACKUP = 6
    FAILSAFE = 7
    UNKNOWN = 8
    LOGGING = 9


class SyncStatus(IntEnum):
    """`syncStatus` of a member; 3 is known, the others inferred from the order of the words (wsapi.md 4.5)."""

    NEW = 1
    SYNCING = 2
    SYNCED = 3
    NOT_SYNCED = 4
    STALE = 5
    FAILSAFE = 8


def is_wwn(initiator: str) -> bool:
    """Whether an initiator is a Fibre Channel WWN: 16 hex digits. Anything else is an iSCSI name."""
    return len(initiator) == 16 and all(digit in "0123456789abcdefABCDEF" for digit in initiator)


def canonical(initiator: str) -> str:
    """As the array keeps it: WWNs in upper case, iSCSI names as they are."""
    return initiator.upper() if is_wwn(initiator) else initiator


@dataclass(slots=True)
class Cpg:
    """A common provisioning group; `limit_mib` None grows without limit."""

    id: int
    name: str
    uuid: str
    limit_mib: int | None = None
    warning_mib: int | None = None
    growth_mib: int = 32 * 1024


@dataclass(slots=True, eq=False)
class Volume:
    """A base volume or, with `parent`, a snapshot. `wwn` is 32 upper-case hex digits; times are clock seconds.

    `policies` and `alerts` (space warnings and limits, per cent) are kept and shown under the vendor's names.
    """

    id: int
    name: str
    uuid: str
    wwn: str
    size_mib: int
    cpg: str
    snap_cpg: str
    provisioning: Provisioning
    created_at: float
    compressed: bool = False
    comment: str = ""
    parent: "Volume | None" = None
    read_only: bool = False
    expires_at: float | None = None
    retained_until: float | None = None
    policies: dict[str, bool] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    blocks: Blocks = field(default_factory=Blocks)
    group: "Group | None" = None

    @property
    def size_bytes(self) -> int:
        """Size in bytes."""
        return self.size_mib * 2**20


@dataclass(slots=True, eq=False)
class Host:
    """Who may be exported to. IQNs as given, WWNs 16 upper-case hex digits."""

    id: int
    name: str
    iqns: list[str] = field(default_factory=list)
    wwns: list[str] = field(default_factory=list)
    persona: int = 2
    descriptors: dict[str, str] = field(default_factory=dict)

    @property
    def initiators(self) -> list[str]:
        """WWNs and IQNs."""
        return [*self.wwns, *self.iqns]


@dataclass(slots=True, eq=False)
class Vlun:
    """A VLUN template: `host` None for port-presents, `position` "" for host-sees."""

    volume: Volume
    lun: int
    host: Host | None
    position: str

    @property
    def type(self) -> VlunType:
        """Derived from what is given (wsapi.md 2.11)."""
        if self.host is None:
            return VlunType.PORT
        return VlunType.MATCHED_SET if self.position else VlunType.HOST


@dataclass(frozen=True, slots=True)
class Port:
    """A port; `wwn` for FC, `iqn` and `address` for iSCSI, `address` for RCIP."""

    position: str
    kind: str
    ready: bool
    address: str = ""
    iqn: str = ""
    wwn: str = ""


@dataclass(slots=True)
class Target:
    """This array's Remote Copy target: the other array. `witness_started`: arbitration is set up for it here."""

    id: int
    name: str
    mirror_config: bool = True
    witness_started: bool = True


@dataclass(slots=True)
class GroupPolicies:
    """Policies towards the target, with the defaults of wsapi.md 2.12.4."""

    auto_recover: bool = False
    over_period_alert: bool = False
    auto_failover: bool = False
    path_management: bool = False


@dataclass(slots=True, eq=False)
class Member:
    """One volume of a group, as this array sees it.

    `dirty`: pages changed here that the twin may lack. `full`: everything must be copied once. `trusted`: the operator
    said that no copy was needed. `generation`: the last change of the blocks here that replication or the serving
    side made, so that any other is noticed. `synced_generation`: `generation` when the two were last made equal.
    """

    volume: Volume
    twin: str
    twin_id: int
    status: SyncStatus = SyncStatus.NEW
    last_sync_at: float | None = None
    dirty: set[int] = field(default_factory=set)
    full: bool = True
    trusted: bool = False
    presynced: bool = False
    generation: int = 0
    synced_generation: int = 0
    syncing: Timer | None = None
    snapshot: Volume | None = None


@dataclass(slots=True, eq=False)
class Group:
    """A Remote Copy group, as this array sees it.

    `natural` is the role it was made with here. `link_stopped`: contact loss stopped it, not a person. `took_over`:
    this side was promoted while the other was primary too. `overridden`: a person allowed both sides to be writable.
    `held`: I/O waits for the decision of 5.6. `switching`: I/O waits for a switchover. `mirrored`: it was made with
    mirror configuration on. `diverged`: changes were made here or there with it off.
    """

    id: int
    name: str
    remote_name: str
    natural: Role
    role: Role
    target: str
    mode: Mode
    state: GroupState = GroupState.NEW
    policies: GroupPolicies = field(default_factory=GroupPolicies)
    local_cpg: str = ""
    local_snap_cpg: str = ""
    remote_cpg: str = ""
    remote_snap_cpg: str = ""
    period_seconds: int = 0
    members: dict[str, Member] = field(default_factory=dict)
    link_stopped: bool = False
    took_over: bool = False
    overridden: bool = False
    held: bool = False
    mirrored: bool = True
    diverged: bool = False
    switching: Timer | None = None
    recovering: Timer | None = None

    @property
    def reversed(self) -> bool:
        """`roleReversed`."""
        return self.role is not self.natural

    @property
    def started(self) -> bool:
        """Whether writes are replicated, as far as this array knows."""
        return self.state in (GroupState.STARTED, GroupState.STARTING)

    @property
    def synced(self) -> bool:
        """Whether every member is."""
        return all(member.status is SyncStatus.SYNCED for member in self.members.values())
