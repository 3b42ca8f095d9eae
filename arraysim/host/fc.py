"""Fibre Channel: host bus adapters, and the array ports that the fabric shows them."""

from collections.abc import Callable, Sequence

from arraysim.host.fabric import DataPathDown, Fabric, LoginRefused, TargetPort
from arraysim.host.scsi import Midlayer, Nexus, Transport
from arraysim.host.sysfs import Tree
from arraysim.host.world import World

#: How soon the fabric reports (RSCN) that a port came or went.
NOTICE_SECONDS = 1.0
_NODE_NAME_PREFIX = "2000"


class RemotePort:
    """One array port as one of our ports sees it. Nothing but `fast_io_fail_seconds` limits how long it may be blocked:
    multipathd sets dev_loss_tmo of 3PAR paths to the maximum."""

    def __init__(self, nexus: Nexus, name: str) -> None:
        self.nexus = nexus
        self.name = name
        self.online = False
        self.fast_io_fail_seconds: float | None = None


class Adapters:
    """All FC ports of the host. The fabric lets every one of them see every FC port of both arrays."""

    def __init__(self, world: World, fabric: Fabric, midlayer: Midlayer, tree: Tree) -> None:
        self.on_change: list[Callable[[Nexus], None]] = []
        self._world = world
        self._fabric = fabric
        self._midlayer = midlayer
        self._tree = tree
        self._remotes: list[RemotePort] = []

    def add(self, wwpns: Sequence[str], next_host: Callable[[], int]) -> None:
        """Plug in the adapters; log in everywhere; watch the fabric."""
        for number, wwpn in enumerate(wwpns):
            host_no = next_host()
            top = f"/sys/devices/pci0000:00/0000:00:{5 + number:02x}.0/host{host_no}"
            self._make_host(top, host_no, wwpn.upper())
            for target_id, port in enumerate(self._fabric.ports("fc")):
                name = f"rport-{host_no}:0-{target_id}"
                nexus = Nexus(port, wwpn.upper(), host_no, f"{top}/{name}", "fcp", target_id, Transport.BLOCKED)
                remote = RemotePort(nexus, name)
                self._remotes.append(remote)
                self._midlayer.attach(nexus)
                self._make_remote(remote, port)
        if self._remotes:
            self._look()
            self._world.every(NOTICE_SECONDS, self._look)

    def set_fast_io_fail(self, nexus: Nexus, seconds: float) -> None:
        """multipathd's fast_io_fail_tmo: how long commands to a lost port are held back."""
        for remote in self._remotes:
            if remote.nexus is nexus:
                remote.fast_io_fail_seconds = seconds
                self._show(remote)

    def _look(self) -> None:
        for remote in self._remotes:
            answers = self._fabric.answers(remote.nexus.port)
            if answers:
                self._log_in(remote)
            if answers != remote.online:
                remote.online = answers
                self._arrived(remote) if answers else self._left(remote)

    def _log_in(self, remote: RemotePort) -> None:
        """An array that does not know us shows no LUNs; that is no reason for the port to be away."""
        nexus = remote.nexus
        if not self._fabric.logged_in(nexus.port, nexus.initiator):
            try:
                self._fabric.login(nexus.port, nexus.initiator)
            except (LoginRefused, DataPathDown):
                return

    def _arrived(self, remote: RemotePort) -> None:
        """The kernel scans a remote port when it comes."""
        remote.nexus.transport = Transport.RUNNING
        self._midlayer.scan(remote.nexus)
        self._changed(remote)

    def _left(self, remote: RemotePort) -> None:
        remote.nexus.transport = Transport.BLOCKED
        if remote.fast_io_fail_seconds is not None:
            self._world.later(remote.fast_io_fail_seconds, lambda: self._give_up(remote))
        self._changed(remote)

    def _give_up(self, remote: RemotePort) -> None:
        if not remote.online:
            remote.nexus.transport = Transport.OFFLINE
            self._changed(remote)

    def _changed(self, remote: RemotePort) -> None:
        self._show(remote)
        for told in self.on_change:
            told(remote.nexus)

    def _scan(self, host_no: int, text: str) -> None:
        channel, target, lun = ([*text.split(), "", "", ""])[:3]
        for remote in self._remotes:
            here = remote.nexus.host_no == host_no and target in ("-", str(remote.nexus.target_id))
            if here and channel in ("-", "0"):
                self._log_in(remote)
                if lun == "-":
                    self._midlayer.scan(remote.nexus)
                elif lun.isdecimal():
                    self._midlayer.scan(remote.nexus, int(lun))

    def _make_host(self, top: str, host_no: int, wwpn: str) -> None:
        put = self._tree.put
        for kind in ("fc_host", "scsi_host"):
            self._tree.link(f"{top}/{kind}/host{host_no}/device", top)
            self._tree.link(f"/sys/class/{kind}/host{host_no}", f"{top}/{kind}/host{host_no}")
        fixed = {
            "port_name": f"0x{wwpn.lower()}",
            "node_name": f"0x{_NODE_NAME_PREFIX}{wwpn[4:].lower()}",
            "port_state": "Online",
            "port_type": "NPort (fabric via point-to-point)",
            "port_id": f"0x{0x010000 + host_no:06x}",
            "speed": "32 Gbit",
            "supported_classes": "Class 3",
        }
        for name, value in fixed.items():
            put(f"{top}/fc_host/host{host_no}/{name}", value)
        put(f"{top}/scsi_host/host{host_no}/proc_name", "qla2xxx")
        put(f"{top}/scsi_host/host{host_no}/state", "running")
        self._tree.trigger(f"{top}/scsi_host/host{host_no}/scan", lambda text: self._scan(host_no, text))

    def _make_remote(self, remote: RemotePort, port: TargetPort) -> None:
        put, nexus = self._tree.put, remote.nexus
        folder = f"{nexus.folder}/fc_remote_ports/{remote.name}"
        names = {"port_name": f"0x{port.wwpn.lower()}", "node_name": f"0x{port.wwnn.lower()}"}
        names["port_id"] = f"0x{0x020000 + nexus.target_id:06x}"
        for name, value in names.items():
            put(f"{folder}/{name}", value)
            put(f"{nexus.folder}/target{nexus.target}/fc_transport/target{nexus.target}/{name}", value)
        put(f"{folder}/roles", "FCP Target")
        put(f"{folder}/scsi_target_id", str(nexus.target_id))
        self._tree.link(f"{folder}/device", nexus.folder)
        self._tree.link(f"/sys/class/fc_remote_ports/{remote.name}", folder)
        target = f"{nexus.folder}/target{nexus.target}"
        self._tree.link(f"{target}/fc_transport/target{nexus.target}/device", target)
        self._tree.link(f"/sys/class/fc_transport/target{nexus.target}", f"{target}/fc_transport/target{nexus.target}")
        self._show(remote)

    def _show(self, remote: RemotePort) -> None:
        folder = f"{remote.nexus.folder}/fc_remote_ports/{remote.name}"
        self._tree.put(f"{folder}/port_state", "Online" if remote.online else "Blocked")
        limit = remote.fast_io_fail_seconds
        self._tree.put(f"{folder}/fast_io_fail_tmo", "off" if limit is None else f"{limit:g}")
        self._tree.put(f"{folder}/dev_loss_tmo", "30" if limit is None else "2147483647")
        for disk in self._midlayer.of(remote.nexus):
            self._midlayer.refresh(disk)
