"""Two arrays with volume `v` in a started group, and a host that sees them; time moves by `advance` only."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from arraysim.core import disaster, hosts, vluns
from arraysim.core.objects import Port
from arraysim.host.call import Answer
from arraysim.host.host import SimHost
from arraysim.host.maps import Map
from tests.arraysim.core.world import World

DEADLINE_SECONDS = 10.0
LUN = {"array-a": 5, "array-b": 7}
PORTS = ("0:2:1", "1:2:1")


@dataclass
class Blocked:
    """Something that runs in a thread of its own, and how it ended."""

    thread: threading.Thread
    result: list[object] = field(default_factory=list)
    error: list[BaseException] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return bool(self.result or self.error)

    def value(self) -> object:
        """What it returned; its exception is raised here."""
        self.thread.join(DEADLINE_SECONDS)
        assert not self.thread.is_alive(), "still waiting"
        if self.error:
            raise self.error[0]
        return self.result[0]


class Scene:
    def __init__(
        self, folder: Path, *, wwpns: tuple[str, ...] = (), name: str = "node-1", mounts: str = "table"
    ) -> None:
        self.world = World()
        self.world.replicated()
        self.lock = threading.RLock()
        self.host = SimHost(self.world.pair, self.lock, folder, name, wwpns=wwpns, mounts=mounts)

    @property
    def wwn(self) -> str:
        return self.world.a.volumes["v"].wwn.lower()

    @property
    def wwid(self) -> str:
        return f"3{self.wwn}"

    @property
    def device(self) -> str:
        return str(self.host.folder / "dev/mapper" / self.wwid)

    @property
    def map(self) -> Map:
        return self.host.machine.multipathd.maps[self.wwid]

    def admit(self) -> None:
        """The host is known on both arrays and `v` is exported to it, with other LUN numbers."""
        for array in self.world.pair.arrays:
            hosts.create(array, hosts.NewHost("h", (self.host.iqn,), self.host.wwpns))
            self.export("v", array.name, LUN[array.name])

    def export(self, volume: str, array_name: str, lun: int) -> None:
        with self.lock:
            vluns.create(self.world.pair.array(array_name), vluns.NewVlun(volume, "h", lun=lun))

    def unexport(self, volume: str, array_name: str, lun: int) -> None:
        with self.lock:
            vluns.delete(self.world.pair.array(array_name), vluns.VlunKey(volume, lun, "h", ""))

    def portals(self, array_name: str) -> list[Port]:
        array = self.world.pair.array(array_name)
        return [array.ports[position] for position in PORTS]

    def tool(self, *argv: str, code: int = 0) -> str:
        """Standard output of a tool that must end with `code`."""
        answer = self.answer(*argv)
        assert answer.code == code, f"{argv}: {answer}"
        return answer.out.decode()

    def answer(self, *argv: str) -> Answer:
        return self.host.run(*argv)

    def record(self, port: Port, **settings: str) -> tuple[str, ...]:
        """Make a node record; the arguments that name it."""
        node = ("iscsiadm", "-m", "node", "-T", port.iqn, "-p", f"{port.address}:3260")
        self.tool(*node, "-o", "new")
        for name, value in settings.items():
            self.tool(*node, "-o", "update", "-n", f"node.session.{name}", "-v", value)
        return node

    def log_in(self, array_name: str, *, scan: str = "auto") -> None:
        for port in self.portals(array_name):
            self.tool(*self.record(port, scan=scan), "--login")

    def attach(self) -> None:
        """Four paths and a map."""
        self.tool("multipath", "-a", self.wwid)
        self.log_in("array-a")
        self.log_in("array-b")

    def start(self, act: Callable[[], object]) -> Blocked:
        """Run something that will wait for the clock, and come back when it does (or is over)."""
        waiting = self.host.machine.world.waiting
        blocked = Blocked(threading.Thread(target=lambda: work()))

        def work() -> None:
            try:
                blocked.result.append(act())
            except Exception as error:  # noqa: BLE001 (handed to whoever asks for the value)
                blocked.error.append(error)
            with self.lock:
                self.host.machine.world.notify()

        blocked.thread.start()
        assert self.watch(lambda: blocked.over or self.host.machine.world.waiting > waiting)
        return blocked

    def watch(self, ready: Callable[[], bool]) -> bool:
        """Wait in real time for something that needs no clock."""
        return self.host.machine.world.watch(ready, DEADLINE_SECONDS)

    def advance(self, seconds: float) -> None:
        with self.lock:
            self.world.clock.advance(seconds)

    def switchover(self) -> None:
        with self.lock:
            disaster.switchover(self.world.a, "g")

    def power_off(self, array_name: str) -> None:
        with self.lock:
            self.world.pair.power_off(array_name)

    def power_on(self, array_name: str) -> None:
        with self.lock:
            self.world.pair.power_on(array_name)

    def read_sys(self, path: str) -> str:
        return (self.host.folder / "sys" / path).read_text().strip()

    def write_sys(self, path: str, text: str) -> None:
        (self.host.folder / "sys" / path).write_text(text)
        with self.lock:
            self.host.machine.tree.attributes.drain()

    def paths(self) -> list[str]:
        """What multipathd says of each path: kernel state, checker state, priority."""
        return self.tool("multipathd", "show", "paths", "raw", "format", "%d %t %T %p").splitlines()
