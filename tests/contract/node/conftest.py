"""A simulated pair, a simulated Linux host on it, and the driver's node desk on that host. Simulated time runs fast."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from arraysim.core import admission, groups, hosts, starting, vluns, volumes
from arraysim.core.clock import VirtualClock
from arraysim.core.options import ArrayPlan, Options, default_ports
from arraysim.core.pair import Pair
from arraysim.host.host import SimHost
from arraysim.ticker import Ticker
from csi.access import AccessMode, AccessProtocol, Capability
from csi.clock import SystemClock
from csi.names import parse_node_id
from csi.node.bench import Times
from csi.node.desk import NodeDesk
from csi.node.host import LinuxHost
from csi.node.requests import PublishVolume, StageVolume

#: Simulated seconds in one real second: a login that takes 5 s to fail costs an eighth of a second.
SPEED = 40.0
PEER_PERSISTENCE = {"auto_failover": True, "path_management": True, "auto_recover": True}
LUNS = {"array-a": 3, "array-b": 300}
VOLUME = "pair:v"


@dataclass
class Lab:
    """The pair and its host. All changes of the pair are made under `lock`."""

    pair: Pair
    lock: threading.RLock
    folder: Path
    host: SimHost
    desk: NodeDesk
    linux: LinuxHost
    protocol: AccessProtocol

    @property
    def staging(self) -> str:
        return str(self.folder / "kubelet" / "staging")

    @property
    def target(self) -> str:
        return str(self.folder / "kubelet" / "target")

    def wwn(self, volume: str = "v") -> str:
        return self.pair.arrays[0].volumes[volume].wwn.lower()

    def context(self, wwn: str = "", luns: dict[str, int] | None = None, **more: str) -> dict[str, str]:
        """The publish context of `v`: all ports of both arrays."""
        arrays = []
        for array in self.pair.arrays:
            ports = [port for port in array.ports.values() if port.kind == self.protocol and port.ready]
            offered: dict[str, object] = {"portals": [[f"{port.address}:3260", port.iqn] for port in ports]}
            if self.protocol is AccessProtocol.FC:
                offered = {"wwpns": [port.wwn for port in ports]}
            arrays.append({"array": array.name, "lun": (luns or LUNS)[array.name], **offered})
        return {"protocol": self.protocol.value, "wwn": wwn or self.wwn(), "arrays": json.dumps(arrays), **more}

    def staging_request(self, context: dict[str, str] | None = None, **capability: object) -> StageVolume:
        given = {"block": False, "mode": AccessMode.SINGLE_NODE_MULTI_WRITER, **capability}
        return StageVolume(VOLUME, self.staging, Capability(**given), context or self.context(), {})  # type: ignore[arg-type]  # keywords of Capability

    def publishing_request(self, *, readonly: bool = False, **capability: object) -> PublishVolume:
        given = {"block": False, "mode": AccessMode.SINGLE_NODE_MULTI_WRITER, **capability}
        return PublishVolume(
            VOLUME,
            self.staging,
            self.target,
            Capability(**given),  # type: ignore[arg-type]  # keywords of Capability
            readonly,
            self.context(),
            {},
        )

    def power(self, name: str, *, on: bool) -> None:
        with self.lock:
            (self.pair.power_on if on else self.pair.power_off)(name)

    def leftovers(self) -> dict[str, list[str]]:
        """What the host's kernel, open-iscsi and multipath-tools still hold."""
        read = self.linux
        # With real mounts the table is the machine's, and holds those of everything that runs beside this test.
        ours = f"{self.folder / 'kubelet'}/"
        seen = {
            "sessions": read.glob("/sys/class/iscsi_session/session*"),
            "node records": read.glob("/etc/iscsi/nodes/*"),
            "disks": read.glob("/sys/block/sd*"),
            "maps": read.glob("/sys/block/dm-*"),
            "wwids": [line for line in (read.read("/etc/multipath/wwids") or "").splitlines() if line[:1] == "/"],
            "mounts": [line for line in (read.read("/proc/1/mountinfo") or "").splitlines() if ours in line],
            "records": read.glob("/var/lib/csi-3par/volume-*"),
        }
        return {name: found for name, found in seen.items() if found}


def plan(name: str, number: int) -> ArrayPlan:
    """An array with two iSCSI ports, one on each node."""
    ports = tuple(port for port in default_ports(number) if port.kind != "iscsi" or port.card_port == 1)
    return ArrayPlan(name, f"164675{number}", 46750 + number, ports)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Everything over iSCSI."""
    with running(tmp_path, AccessProtocol.ISCSI) as made:
        yield made


@pytest.fixture
def fc_lab(tmp_path: Path) -> Iterator[Lab]:
    """Everything over FC: two ports in the host."""
    with running(tmp_path, AccessProtocol.FC, wwpns=("10000090FA000001", "10000090FA000002")) as made:
        yield made


@contextmanager
def running(folder: Path, protocol: AccessProtocol, wwpns: tuple[str, ...] = ()) -> Iterator[Lab]:
    """A lab that runs while the block does; fails if the simulator itself failed."""
    pair, lock = Pair(VirtualClock(), Options(arrays=(plan("array-a", 1), plan("array-b", 2)))), threading.RLock()
    root = folder / "host"
    root.mkdir()
    (folder / "kubelet" / "staging").mkdir(parents=True)
    failures: list[BaseException] = []

    def advance(seconds: float) -> None:
        with lock:
            pair.clock.advance(seconds)

    host = SimHost(pair, lock, root, "node-1", wwpns=wwpns).start()
    ticker = Ticker(advance, failures.append, speed=SPEED)
    linux = LinuxHost(root)
    desk = NodeDesk(
        linux,
        SystemClock(),
        "node-1",
        [protocol],
        state_folder=root / "var" / "lib" / "csi-3par",
        times=Times(straggler_seconds=1, map_seconds=20, release_seconds=10),
    )
    ticker.start()
    try:
        with lock:
            _export_a_replicated_volume(pair, desk)
        yield Lab(pair, lock, folder, host, desk, linux, protocol)
    finally:
        desk.close()
        ticker.close()
        host.close()
    assert failures == []


def _export_a_replicated_volume(pair: Pair, desk: NodeDesk) -> None:
    """Group `g` with volume `v`, started, and exported to this node by both arrays under different LUN numbers."""
    here = parse_node_id(desk.info().node_id)
    assert here is not None
    source, target = pair.arrays
    volumes.create(source, volumes.NewVolume("v", "SSD_r6", 1024))
    groups.create(source, groups.NewGroup("g", target.name, local_cpg="SSD_r6", remote_cpg="SSD_r6"))
    groups.modify(source, "g", groups.GroupChange(policies=PEER_PERSISTENCE))
    admission.admit(source, "g", admission.NewMember("v", "v", target.name, auto_create=True))
    starting.start(source, "g")
    pair.clock.advance(1)
    for array in pair.arrays:
        hosts.create(array, hosts.NewHost("node-1", here.iqns, here.wwpns))
        vluns.create(array, vluns.NewVlun("v", "node-1", lun=LUNS[array.name]))
