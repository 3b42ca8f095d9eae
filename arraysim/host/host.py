"""SimHost: a simulated Linux host whose folder a node plugin takes as its host root."""

import hashlib
import logging
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from arraysim.core.pair import Pair
from arraysim.host import toolbox
from arraysim.host.blockio import Request
from arraysim.host.call import Answer, Call
from arraysim.host.door import Door
from arraysim.host.kernelmode import KernelMode, available, link_tools
from arraysim.host.launcher import install
from arraysim.host.machine import Machine
from arraysim.host.maps import Map
from arraysim.host.world import HostStopped, World

log = logging.getLogger(__name__)

#: Made anew at every start; everything else in the folder survives a reboot of the host.
_VOLATILE = ("dev", "proc", "sys", "run")
_INITIATOR_FILE = "etc/iscsi/initiatorname.iscsi"
_IQN_PREFIX = "iqn.1993-08.org.debian:01:"
MountMode = Literal["table", "kernel", "auto"]
_ISCSID_CONF = (
    "iscsid.startup = /bin/systemctl start iscsid.socket\nnode.startup = manual\nnode.leading_login = No\n"
    "node.session.timeo.replacement_timeout = 120\nnode.conn[0].timeo.login_timeout = 15\n"
    "node.conn[0].timeo.noop_out_interval = 5\nnode.conn[0].timeo.noop_out_timeout = 5\n"
    "node.session.initial_login_retry_max = 8\nnode.session.scan = auto\n"
)


class SimHost:
    """One host.

    `mounts` says who mounts: "table" is a mount table of the host's own and needs no rights, "kernel" this machine's
    kernel and tools on real block devices (kernelmode.py; root only), "auto" the latter where it is possible.

    `lock` guards the pair and its clock; who advances the clock holds it. `iqn` and `wwpns` (16 hex digits each) are
    its initiators; without `iqn` one is made from the name. In `folder` appear the tools, /sys, /dev, /proc/1/mountinfo
    and /etc; `start` makes them, `close` stops the host like a power failure: nothing is unmounted, its log-ins are
    gone. Starting another SimHost in the same folder is its next boot.
    """

    def __init__(
        self,
        pair: Pair,
        lock: "threading.RLock",
        folder: Path,
        name: str,
        *,
        iqn: str | None = None,
        wwpns: Sequence[str] = (),
        mounts: MountMode = "auto",
    ) -> None:
        self.folder = Path(os.path.realpath(folder))
        self.name = name
        self.iqn = iqn or self._kept_iqn() or f"{_IQN_PREFIX}{hashlib.sha256(name.encode()).hexdigest()[:12]}"
        self.wwpns = tuple(wwpns)
        self._mounts = mounts
        self._world = World(pair, lock)
        self._machine: Machine | None = None
        self._door: Door | None = None
        self._watching: threading.Thread | None = None
        self._kernel: KernelMode | None = None
        self._tools: dict[str, toolbox.Tool] = {}

    @property
    def machine(self) -> Machine:
        """The parts of the running host, for whoever holds the lock. RuntimeError before `start`."""
        if self._machine is None:
            raise RuntimeError(f"host {self.name} is not started")
        return self._machine

    def start(self) -> Self:
        """Boot."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in _VOLATILE:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        self._write_etc()
        with self._world.lock:
            machine = Machine(self._world, self.folder, self.name, self.iqn)
        self._kernel = self._kernel_mode(machine)
        self._tools = (
            dict(toolbox.DEVICE_TOOLS) if self._kernel is not None else toolbox.DEVICE_TOOLS | toolbox.FILE_TOOLS
        )
        with self._world.lock:
            self._machine = machine
            machine.boot(self.wwpns, mount_table=self._kernel is None)
        self._door = Door(machine, self.folder / "run", self._run)
        install(self.folder, self.folder / "run", self._tools)
        self._watching = threading.Thread(target=self._watch, name=f"simhost-{self.name}", daemon=True)
        self._watching.start()
        return self

    def close(self) -> None:
        """Switch off. Whoever waits in a tool or an I/O is let go with an error; safe to call twice."""
        machine, self._machine = self._machine, None
        if machine is None:
            return
        self._world.stop()
        with self._world.lock:
            machine.io.abort()
        if self._door is not None:
            self._door.close()
        if self._kernel is not None:
            self._kernel.close()
        machine.tree.attributes.wake()
        if self._watching is not None:
            self._watching.join(5)
        with self._world.lock:
            for nexus in machine.midlayer.nexuses:
                machine.fabric.logout(nexus.port, nexus.initiator)
            machine.tree.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- data ---------------------------------------------------------------------------------------------------------

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Bytes of a map (by name, WWID or device file). OSError: EIO, ENOENT; waits as the device would."""
        with self._world.lock:
            return self.machine.io.run(Request(self._map(name), offset, length))

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write to a map; returns when an array has it. OSError as `read`."""
        with self._world.lock:
            self.machine.io.run(Request(self._map(name), offset, len(data), data))

    def flush(self, name: str) -> None:
        """Nothing is cached on the way, so this only says whether the map is there. OSError(ENOENT)."""
        with self._world.lock:
            self._map(name)

    def run(self, tool: str, *argv: str) -> Answer:
        """Run one of our own tools in this process, as its executable would. KeyError for a tool of this machine."""
        with self._world.lock:
            return self._run(Call(tool, argv, str(self.folder)))

    def _run(self, call: Call) -> Answer:
        by_name = {path.rpartition("/")[2]: tool for path, tool in self._tools.items()}
        settle = self._kernel.settle if self._kernel is not None else None
        return toolbox.run(by_name, self.machine, call, settle)

    def _kernel_mode(self, machine: Machine) -> KernelMode | None:
        """Root mode, if it is wanted and possible. RuntimeError if it is wanted and not possible."""
        reason = "not wanted" if self._mounts == "table" else available()
        if reason and self._mounts == "kernel":
            raise RuntimeError(f"host {self.name} cannot have real mounts: {reason}")
        if reason:
            return None
        try:
            kernel = KernelMode(machine)
        except OSError as error:
            if self._mounts == "kernel":
                raise RuntimeError(f"host {self.name} cannot have real mounts: {error}") from error
            log.warning("host %s has a mount table of its own instead of real mounts: %s", self.name, error)
            return None
        machine.nodes.publish, machine.nodes.make_node = kernel.publish, kernel.make_node
        machine.multipathd.release = kernel.release
        missing = link_tools(self.folder, list(toolbox.FILE_TOOLS))
        if missing:
            log.warning("host %s has no %s: this machine does not have them", self.name, ", ".join(missing))
        return kernel

    def _map(self, name: str) -> Map:
        found = self.machine.multipathd.find(self.machine.tree.strip(name))
        if found is None:
            raise FileNotFoundError(2, os.strerror(2), name)
        return found

    # -- the host's own threads and files -----------------------------------------------------------------------------

    def _watch(self) -> None:
        """Act on writes to sysfs as soon as they come."""
        machine = self.machine
        try:
            while machine.tree.attributes.wait():
                with self._world.lock:
                    if self._world.closed:
                        return
                    machine.tree.attributes.drain()
                    self._world.notify()
        except HostStopped:
            return  # switched off in the middle of a write
        except Exception:  # the thread ends here: without a word, writes to sysfs would just do nothing from now on
            log.exception("host %s no longer acts on writes to sysfs", self.name)

    def _kept_iqn(self) -> str:
        """The initiator name that an earlier boot, or somebody else, left in the folder."""
        path = self.folder / _INITIATOR_FILE
        lines = path.read_text().splitlines() if path.exists() else []
        names = (line.partition("=")[2].strip() for line in lines if line.startswith("InitiatorName="))
        return next(names, "")

    def _write_etc(self) -> None:
        etc = self.folder / "etc"
        (etc / "multipath").mkdir(parents=True, exist_ok=True)
        (etc / "iscsi").mkdir(parents=True, exist_ok=True)
        defaults = {
            "iscsi/iscsid.conf": _ISCSID_CONF,
            "multipath.conf": "",
            "hostname": f"{self.name}\n",
        }
        (self.folder / _INITIATOR_FILE).write_text(f"InitiatorName={self.iqn}\n")
        for name, text in defaults.items():
            if not (etc / name).exists():
                (etc / name).write_text(text)
