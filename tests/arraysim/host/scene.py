"""Two arrays with volume `v` in a started group, and a host that sees them; time moves by `advance` only."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from arraysim.core import disaster, hosts, starting, vluns, volumes
from arraysim.core.objects import Port
from arraysim.host.call import Answer
from arraysim.host.host import MountMode, SimHost
from arraysim.host.maps import Map
from tests.arraysim.core.world import World

T = TypeVar("T")
DEADLINE_SECONDS = 10.0
LUN = {"array-a": 5, "array-b": 7}
PORTS = ("0:2:1", "1:2:1")


class Blocked(Generic[T]):
    """Something that runs in a thread of its own, and how it ended; `told` is called then."""

    def __init__(self, act: Callable[[], T], told: Callable[[], None]) -> None:
        self._act, self._told = act, told
        self._result: list[T] = []
        self._error: list[BaseException] = []
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    @property
    def over(self) -> bool:
        return bool(self._result or self._error)

    def value(self) -> T:
        """What it returned; its exception is raised here."""
        self.thread.join(DEADLINE_SECONDS)
        assert not self.thread.is_alive(), "still waiting"
        if self._error:
            raise self._error[0]
        return self._result[0]

    def _work(self) -> None:
        try:
            self._result.append(self._act())
        except Exception as error:  # noqa: BLE001 (handed to whoever asks for the value)
            self._error.append(error)
        self._told()


class Scene:
    def __init__(
        self, folder: Path, *, wwpns: tuple[str, ...] = (), name: str = "node-1", mounts: MountMode = "table"
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

    def start(self, act: Callable[[], T]) -> Blocked[T]:
        """Run something that will wait for the clock, and come back when it does (or is over)."""
        world = self.host.machine.world
        waiting = world.waiting

        def told() -> None:
            with self.lock:
                world.notify()

        blocked = Blocked(act, told)
        assert self.watch(lambda: blocked.over or world.waiting > waiting)
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

    def grow(self, mib: int) -> None:
        """Larger on both arrays; the host has not looked yet (a started group refuses growth, wsapi.md 5.8)."""
        with self.lock:
            starting.stop(self.world.a, "g")
            volumes.grow(self.world.a, "v", mib)
            starting.start(self.world.a, "g")

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
