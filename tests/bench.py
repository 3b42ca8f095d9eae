"""A controller's parts on a running lab, put together as wiring does, with hands on each of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from arraysim import admin
from arraysim.control.client import ControlClient
from arraysim.lab import Lab
from csi.access import AccessMode, AccessProtocol, Capability
from csi.array.pair import Pair
from csi.array.port import Array
from csi.array.wsapi import WsapiArray
from csi.clock import SystemClock
from csi.replication.bound import Binder
from csi.saga.journal import Journal
from csi.saga.locks import Locks
from csi.saga.runner import Runner
from csi.settings.model import ArraySettings, Backend, Secret, Settings
from csi.store.memory import MemoryStore
from csi.store.port import Store
from csi.volumes.desk import VolumeDesk
from csi.volumes.office import Office
from csi.volumes.requests import CreateVolume, PublishVolume

A, B = "array-a", "array-b"
CPG = "SSD_r6"
GIB = 1024**3
MOUNT = Capability(block=False, mode=AccessMode.SINGLE_NODE_WRITER)
NODE_1 = "node-1;iqn.1993-08.org.debian:01:node-1;"
NODE_2 = "node-2;iqn.1993-08.org.debian:01:node-2;"
CREATE = CreateVolume("vol-1", GIB, 0, (MOUNT,), {"replicationGroup": "metro-1"})

Wrap = Callable[[Array], Array]


def backend_of(lab: Lab, name: str = "DEFAULT") -> Backend:
    """The lab's pair as a backend with Peer Persistence."""

    def settings(label: str, other: str) -> ArraySettings:
        endpoint = lab.endpoints[label]
        return ArraySettings(
            label,
            endpoint.url,
            endpoint.user,
            Secret(endpoint.password),
            ca_bundle=str(endpoint.ca_file),
            target_name=other,
        )

    return Backend(
        name=name,
        protocol=AccessProtocol.ISCSI,
        source=settings(A, B),
        cpg=CPG,
        target=settings(B, A),
        quorum_witness="192.0.2.10",
        cpg_map={CPG: CPG},
        snap_cpg_map={CPG: CPG},
    )


@dataclass
class Controller:
    """One controller process: what it keeps in memory is lost with it, `store` is not."""

    lab: Lab
    store: Store = field(default_factory=MemoryStore)
    wrap: Wrap = lambda array: array
    remove_groups: str = "made"

    def __post_init__(self) -> None:
        clock = SystemClock()
        backend = backend_of(self.lab)
        assert backend.target is not None
        self.plain = (WsapiArray(backend.source, clock), WsapiArray(backend.target, clock))
        pair = Pair(backend, self.wrap(self.plain[0]), self.wrap(self.plain[1]))
        binder = Binder({backend.name: pair}, clock)
        self.journal = Journal(self.store)
        self.runner = Runner(self.journal, Locks(clock), clock, binder.rebuild)
        settings = Settings({backend.name: backend})
        self.office = Office(settings, {backend.name: pair}, self.runner, binder, self.store, clock, self.remove_groups)
        self.desk = VolumeDesk(self.office)

    def close(self) -> None:
        for array in self.plain:
            array.close()

    def publish(self, volume_id: str, node_id: str = NODE_1, **changes: Any) -> dict[str, str]:
        wanted = {"capability": MOUNT, "readonly": False, "volume_context": {}, **changes}
        return self.desk.publish(PublishVolume(volume_id, node_id, **wanted))


def objects(lab: Lab) -> dict[str, Any]:
    """Everything on both arrays that the driver may change, as plain data that can be compared."""
    state = lab.state()
    kinds = ("volumes", "groups", "hosts", "vluns")
    return {name: {kind: row[kind] for kind in kinds} for name, row in state["arrays"].items()}


def sweep(lab: Lab) -> None:
    """Take the driver's volumes off both arrays by its own use cases; fails if anything else was left there."""
    controller = Controller(lab, remove_groups="any")
    for row in controller.desk.list(0, "").volumes:
        for node in ("", NODE_1, NODE_2):
            controller.desk.unpublish(row.volume.volume_id, node)
        controller.desk.delete(row.volume.volume_id)
    controller.close()
    left = {name: rows for name, rows in objects(lab).items() if any(rows.values())}
    assert not left, text(lab)


def text(lab: Lab) -> str:
    """The same for a message."""
    return json.dumps(objects(lab), indent=1, sort_keys=True, default=str)


def switch_over(lab: Lab, group: str, to: str) -> None:
    """What an administrator does: POST action 8 on the array that serves; returns when array `to` serves."""
    description = json.loads((lab.folder / "lab.json").read_text())
    halves = [
        (array, name, row["role"])
        for array, kinds in objects(lab).items()
        for name, row in kinds["groups"].items()
        if group in (name, row["remote_name"])
    ]
    there, local = next((array, name) for array, name, _ in halves if array != to)
    control = ControlClient(lab.control_url)
    control.wait(f"arrays/{there}/groups/{local}/synced=true")
    admin.switch_over(description, there, local)
    places = [(f"arrays/{array}/groups/{name}", role) for array, name, role in halves]
    control.wait(
        *(f"{place}/role!={role}" for place, role in places), *(f"{place}/state=Started" for place, _ in places)
    )
