"""One array: what it keeps. The rules that change it live in a module per resource."""

from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, uuid5

from arraysim.core.clock import VirtualClock
from arraysim.core.faults import Refusal
from arraysim.core.objects import Cpg, Group, Host, Port, Target, Vlun, Volume
from arraysim.core.options import ArrayPlan, Options, PortPlan
from arraysim.core.personality import Personality

if TYPE_CHECKING:
    from arraysim.core.pair import Pair


class Array:
    """State of one array. `volumes`, `hosts`, `groups`, `cpgs`, `targets` and `ports` are by name (ports by position).

    `logins` maps an initiator to the port positions it is logged in to; power loss empties it.
    """

    def __init__(self, pair: "Pair", plan: ArrayPlan, target_name: str) -> None:
        self.pair = pair
        self.name = plan.name
        self.serial = plan.serial
        self.system_id = plan.system_id
        self.capacity_mib = plan.capacity_mib
        self.powered = True
        self.volumes: dict[str, Volume] = {}
        self.hosts: dict[str, Host] = {}
        self.vluns: list[Vlun] = []
        self.groups: dict[str, Group] = {}
        self.cpgs: dict[str, Cpg] = {}
        self.logins: dict[str, set[str]] = {}
        self._last_id: dict[str, int] = {}
        started = pair.options.witness_configured
        self.targets = {target_name: Target(self.next_id("target"), target_name, witness_started=started)}
        self.ports = {port.position: self._port(port) for port in plan.ports}
        for cpg in plan.cpgs:
            number = self.next_id("cpg")
            self.cpgs[cpg.name] = Cpg(number, cpg.name, self.uuid("cpg", number), cpg.limit_mib)

    def __repr__(self) -> str:
        return f"Array({self.name!r})"

    @property
    def options(self) -> Options:
        """The world's options."""
        return self.pair.options

    @property
    def personality(self) -> Personality:
        """Its family's data."""
        return self.pair.options.family

    @property
    def clock(self) -> VirtualClock:
        """The world's clock."""
        return self.pair.clock

    @property
    def peer(self) -> "Array":
        """The other array."""
        return self.pair.peer(self)

    @property
    def target(self) -> Target:
        """Its one Remote Copy target."""
        return next(iter(self.targets.values()))

    def next_id(self, kind: str) -> int:
        """A number never used before for this kind of object here."""
        self._last_id[kind] = self._last_id.get(kind, 0) + 1
        return self._last_id[kind]

    def uuid(self, kind: str, number: int) -> str:
        """The same object gets the same UUID in every run."""
        return str(uuid5(NAMESPACE_OID, f"{self.serial}/{kind}/{number}"))

    def free_volume_id(self) -> int:
        """A volume id that no volume has, nor had unless somebody chose it."""
        taken = {volume.id for volume in self.volumes.values()}
        while (number := self.next_id("volume")) in taken:
            pass
        return number

    def volume_uuid(self) -> str:
        """A UUID for a new volume; unlike ids, nobody can choose one twice."""
        return self.uuid("volume", self.next_id("volume-uuid"))

    def wwn(self, volume_id: int) -> str:
        """A volume's own WWN: vendor, generation and id, system id (wsapi.md 2.4)."""
        return f"60002AC000000000{volume_id:08X}{self.system_id:08X}"

    def find_volume(self, name: str) -> Volume:
        """ArrayFault 404 23 if there is none."""
        volume = self.volumes.get(name)
        if volume is None:
            raise Refusal.NON_EXISTENT_VOL.fault()
        return volume

    def find_host(self, name: str) -> Host:
        """ArrayFault 404 17, or 404 102 for a set: there are no sets yet."""
        if name.startswith("set:"):
            raise Refusal.NON_EXISTENT_SET.fault()
        host = self.hosts.get(name)
        if host is None:
            raise Refusal.NON_EXISTENT_HOST.fault()
        return host

    def find_group(self, name: str) -> Group:
        """ArrayFault 404 187 if there is none."""
        group = self.groups.get(name)
        if group is None:
            raise Refusal.NON_EXISTENT_RCOPY_GROUP.fault()
        return group

    def find_cpg(self, name: str, ref: str = "") -> Cpg:
        """ArrayFault 404 15 if there is none."""
        cpg = self.cpgs.get(name)
        if cpg is None:
            raise Refusal.NON_EXISTENT_CPG.fault(ref)
        return cpg

    def vluns_of(self, volume: Volume) -> list[Vlun]:
        """Its templates."""
        return [vlun for vlun in self.vluns if vlun.volume is volume]

    def owner_of(self, initiator: str) -> Host | None:
        """The host with this IQN or WWN."""
        return next((host for host in self.hosts.values() if initiator in host.initiators), None)

    def _port(self, plan: PortPlan) -> Port:
        """Names of ports follow from position and system id (wsapi.md 2.2)."""
        nsp = f"{plan.node}{plan.slot}{plan.card_port}"
        return Port(
            position=plan.position,
            kind=plan.kind,
            ready=plan.ready,
            address=plan.address,
            iqn=f"iqn.2000-05.com.3pardata:2{nsp}0002ac{self.system_id:06x}" if plan.kind == "iscsi" else "",
            wwn=f"2{nsp}0002AC{self.system_id:06X}" if plan.kind == "fc" else "",
        )
