"""How the world of two arrays is set up, and a switch for every fact that is only inferred."""

from dataclasses import dataclass, field

from arraysim.core.personality import PERSONALITIES, Personality


@dataclass(frozen=True, slots=True)
class PortPlan:
    """One port: `kind` is "iscsi", "fc" or "rcip"; `address` is an IPv4 address (iSCSI and RCIP); `ready` its link."""

    node: int
    slot: int
    card_port: int
    kind: str
    address: str = ""
    ready: bool = True

    @property
    def position(self) -> str:
        """`node:slot:port`."""
        return f"{self.node}:{self.slot}:{self.card_port}"


@dataclass(frozen=True, slots=True)
class CpgPlan:
    """A CPG of the start; `limit_mib` is its growth limit, None for none."""

    name: str
    limit_mib: int | None = None


def default_ports(number: int) -> tuple[PortPlan, ...]:
    """Two nodes with two iSCSI, two FC and one Remote Copy port each; loopback addresses 127.0.`number`.x."""
    ports = []
    for node in (0, 1):
        for card in (1, 2):
            ports.append(PortPlan(node, 1, card, "fc"))
            ports.append(PortPlan(node, 2, card, "iscsi", f"127.0.{number}.{10 * (node + 1) + card}"))
        ports.append(PortPlan(node, 3, 1, "rcip", f"127.0.{number}.{100 + node}"))
    return tuple(sorted(ports, key=lambda port: port.position))


@dataclass(frozen=True, slots=True)
class ArrayPlan:
    """One array. `target_name` is what it calls its Remote Copy target, "" for the other array's name."""

    name: str
    serial: str
    system_id: int
    ports: tuple[PortPlan, ...]
    cpgs: tuple[CpgPlan, ...] = (CpgPlan("SSD_r6"), CpgPlan("NL_r6"))
    capacity_mib: int = 100 * 1024 * 1024
    target_name: str = ""


def default_arrays() -> tuple[ArrayPlan, ArrayPlan]:
    """array-a and array-b; the last five digits of the serial number are the system id (wsapi.md 2.1)."""
    return (
        ArrayPlan("array-a", "1646750", 46750, default_ports(1)),
        ArrayPlan("array-b", "1646751", 46751, default_ports(2)),
    )


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that can be chosen. Times are simulated seconds."""

    arrays: tuple[ArrayPlan, ArrayPlan] = field(default_factory=default_arrays)
    personality: str = "primera-4.x"

    #: From losing contact with the other array to the decision of 5.6; I/O of protected groups is held meanwhile.
    failover_after_seconds: float = 10.0
    #: How long both arrays need to agree that the witness is gone, which suspends automatic failover (5.6).
    witness_notice_seconds: float = 5.0
    #: Transition state of a switchover (5.5).
    switchover_seconds: float = 2.0
    #: From regained contact to the automatic restart or recovery of a group with autoRecover.
    auto_recover_after_seconds: float = 5.0
    #: Speed of initial syncs (the volume's size) and resyncs (what differs), and the least time of either.
    sync_bytes_per_second: float = 16.0 * 2**30
    sync_floor_seconds: float = 0.1

    # Switches: facts that wsapi.md marks [inferred] or leaves open. The comment names the section.

    #: 2.12.6: documents refuse starting an empty group, the vendor's own tests do it.
    start_of_empty_group_refused: bool = False
    #: 2.12.5: newer arrays may admit into a started synchronous group; clients stop first.
    admit_to_started_group: bool = False
    #: 2.12.6: stopping a stopped group.
    stop_of_stopped_group_refused: bool = True
    #: 2.12.7: action 8 on the side that is secondary now.
    switchover_from_secondary: bool = False
    #: 2.12.7: action 8 wants volumes that are exported here exported to the same initiators there.
    switchover_needs_exports: bool = True
    #: 5.5: roles after a switchover count as natural (roleReversed false).
    switchover_naturalises: bool = False
    #: 5.4: after a failover with links up, the old primary is fenced (failsafe) instead of staying writable.
    failover_fences_peer: bool = False
    #: 5.6: after an automatic failover, autoRecover also reverses and restarts the group ("newer" arrays).
    recover_automatically: bool = True
    #: 5.4: a failsafe side answers "unavailable" instead of "standby".
    failsafe_is_unavailable: bool = False
    #: 2.12.6: a stop takes resync snapshots `rcpy.<n>...` on the primary side.
    resync_snapshots: bool = True
    #: 2.12.8: deleting a group while the secondary volumes are exported (seen on Alletra MP only).
    group_delete_refused_while_secondary_exported: bool = False
    #: 2.11: admitting an exported volume copies its VLUNs to the secondary.
    admit_mirrors_vluns: bool = False
    #: 2.11: a second host-sees VLUN of the same volume to the same host with another LUN.
    second_export_refused: bool = False
    #: 4.5: `syncStatus` of members of a stopped group (the CLI says Stopped, the numbers have no such word).
    stopped_sync_status: int = 4
    #: 4.2: `rcopyStatus` of a volume in a group.
    volume_in_group_status: int = 2
    #: 5.3: a quorum witness is set up and started for the target on both arrays.
    witness_configured: bool = True

    @property
    def family(self) -> Personality:
        """The row of `personality`. KeyError for an unknown name."""
        return PERSONALITIES[self.personality]
