"""A scripted node with two arrays of two ports each, and a desk on it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from csi.access import AccessMode, AccessProtocol, Capability
from csi.node.desk import NodeDesk
from csi.node.ledger import Ledger
from csi.node.requests import PublishVolume, StageVolume
from tests.unit.node.timing import InlineExecutor, JumpingClock
from tests.unit.node.world import Unit, World

WWN = "60002ac0000000000000000010001a3f"
OTHER_WWN = "60002ac0000000000000000020001a3f"
VOLUME = "pair:pvc-1"
PORTS = {"array-a": ("192.0.2.11", "192.0.2.12"), "array-b": ("192.0.2.21", "192.0.2.22")}
LUNS = {"array-a": 1, "array-b": 300}


def iqn(address: str) -> str:
    return f"iqn.2000-05.com.3pardata:{address}"


def context(wwn: str = WWN, luns: dict[str, int | None] | None = None, **more: str) -> dict[str, str]:
    given: dict[str, int | None] = {**LUNS, **(luns or {})}
    arrays = [
        {"array": array, "lun": given[array], "portals": [[f"{one}:3260", iqn(one)] for one in addresses]}
        for array, addresses in PORTS.items()
    ]
    return {"protocol": "iscsi", "wwn": wwn, "arrays": json.dumps(arrays), **more}


@dataclass
class Node:
    """The desk, the world under it, and requests that differ only where a test says so."""

    world: World
    clock: JumpingClock
    desk: NodeDesk
    ledger: Ledger
    unit: Unit
    staging: str
    target: str

    def staging_request(
        self,
        *,
        block: bool = False,
        mode: AccessMode = AccessMode.SINGLE_NODE_MULTI_WRITER,
        fs_type: str = "",
        flags: tuple[str, ...] = (),
        volume_context: dict[str, str] | None = None,
        publish_context: dict[str, str] | None = None,
    ) -> StageVolume:
        capability = Capability(block=block, mode=mode, fs_type=fs_type, mount_flags=flags)
        return StageVolume(VOLUME, self.staging, capability, publish_context or context(), volume_context or {})

    def publishing_request(
        self,
        target: str = "",
        *,
        block: bool = False,
        mode: AccessMode = AccessMode.SINGLE_NODE_MULTI_WRITER,
        readonly: bool = False,
    ) -> PublishVolume:
        return PublishVolume(
            VOLUME, self.staging, target or self.target, Capability(block=block, mode=mode), readonly, context(), {}
        )

    def again(self) -> NodeDesk:
        """A desk as after a restart of the driver: same node, same state folder, no memory."""
        return NodeDesk(
            self.world,
            self.clock,
            "worker-1",
            [AccessProtocol.ISCSI],
            state_folder=self.world.folder / "state",
            pool=InlineExecutor(),
        )

    def export(self, unit: Unit, luns: dict[str, int]) -> None:
        for array, lun in luns.items():
            for address in PORTS[array]:
                self.world.exports[address][lun if lun < 256 else lun | 0x4000] = unit

    def staged_mounts(self) -> list[str]:
        return [row[4] for row in self.world.mounted if row[4] != "/"]

    def leftovers(self) -> dict[str, object]:
        """Everything that staging makes and unstaging must take away."""
        world = self.world
        seen = {
            "sessions": sorted(world.sessions),
            "node records": sorted(world.node_records),
            "disks": sorted(world.units),
            "maps": world.glob("/sys/block/dm-*"),
            "wwids": sorted(world.known),
            "mounts": self.staged_mounts(),
            "records": self.ledger.all(),
        }
        return {name: what for name, what in seen.items() if what}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    clock = JumpingClock()
    world = World(tmp_path / "host", clock)
    for addresses in PORTS.values():
        for address in addresses:
            world.exports[address] = {}
    staging = tmp_path / "kubelet" / "staging"
    staging.mkdir(parents=True)
    made = Node(
        world=world,
        clock=clock,
        desk=NodeDesk(
            world,
            clock,
            "worker-1",
            [AccessProtocol.ISCSI],
            state_folder=world.folder / "state",
            pool=InlineExecutor(),
        ),
        ledger=Ledger(world.folder / "state"),
        unit=Unit(WWN),
        staging=str(staging),
        target=str(tmp_path / "kubelet" / "pods" / "target"),
    )
    made.export(made.unit, LUNS)
    yield replace(made)
    made.desk.close()
