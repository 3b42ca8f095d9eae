"""The parts of one simulated host, wired together: what every tool is given."""

import os
import random
import uuid as uuids
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arraysim.host.blockio import BlockIo, Request
from arraysim.host.devnodes import DeviceNodes
from arraysim.host.fabric import Fabric, NoSuchLun, NotServing, OutsideVolume
from arraysim.host.fc import Adapters
from arraysim.host.iscsi import Initiator
from arraysim.host.maps import Map
from arraysim.host.maps import Path as MultipathPath
from arraysim.host.mounts import MountTable, Storage
from arraysim.host.multipathd import Multipathd
from arraysim.host.noderecords import NodeRecords
from arraysim.host.scsi import Disk, Midlayer, Nexus
from arraysim.host.sysfs import Tree
from arraysim.host.world import World


@dataclass(frozen=True, slots=True)
class Device:
    """A block device by its name: a map, or a single disk. `given` is what the user called it."""

    given: str
    machine: "Machine"
    map: Map | None = None
    disk: Disk | None = None

    @property
    def kernel(self) -> str:
        """dm-0 or sda."""
        return self.map.kernel if self.map is not None else self.disk.name if self.disk is not None else ""

    @property
    def canonical(self) -> str:
        """Its usual device file."""
        return f"/dev/mapper/{self.map.alias}" if self.map is not None else f"/dev/{self.kernel}"

    @property
    def size_bytes(self) -> int:
        """Its size as the kernel knows it."""
        return self.map.size_bytes if self.map is not None else self.disk.size_bytes if self.disk is not None else 0

    @property
    def in_use(self) -> bool:
        """Whether something has it open exclusively: a mount, or a map that the disk is in."""
        return self.map.openers > 0 if self.map is not None else bool(self.disk is not None and self.disk.holder)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes; fewer at the end. OSError(EIO)."""
        length = max(0, min(length, self.size_bytes - offset))
        if self.map is not None:
            return self.machine.io.run(Request(self.map, offset, length))
        return self.machine.disk_io(self.disk, offset, length)

    def write(self, offset: int, data: bytes) -> None:
        """OSError(EIO), OSError(ENOSPC) past the end."""
        if offset + len(data) > self.size_bytes:
            raise OSError(28, os.strerror(28), self.given)
        if self.map is not None:
            self.machine.io.run(Request(self.map, offset, len(data), data))
        else:
            self.machine.disk_io(self.disk, offset, len(data), data)

    @property
    def storage(self) -> Storage:
        """For a mount; only maps are mounted."""
        assert self.map is not None
        return Storage(self.map, self.read, self.write)


class Machine:
    """One host: kernel, daemons, files. Every method is called with the world's lock held."""

    def __init__(self, world: World, folder: Path, name: str, iqn: str) -> None:
        self.world = world
        self.name = name
        self.tree = Tree(folder)
        self.fabric = Fabric(world.pair)
        self.midlayer = Midlayer(self.fabric, self.tree)
        self.nodes = DeviceNodes(self.tree, self.midlayer)
        self.io = BlockIo(world, self.fabric, self.midlayer)
        self.multipathd = Multipathd(world, self.midlayer, self.tree, self.nodes)
        self.initiator = Initiator(world, self.fabric, self.midlayer, self.tree, iqn)
        self.adapters = Adapters(world, self.fabric, self.midlayer, self.tree)
        self.records = NodeRecords(self.tree)
        self.mounts = MountTable(self.tree)
        self._random = random.Random(f"{name} {iqn}")  # noqa: S311 (UUIDs that repeat from run to run are wanted)
        self._wire()

    def _wire(self) -> None:
        self.midlayer.on_add += [self.nodes.disk_added, self.multipathd.disk_added]
        self.midlayer.on_remove += [self.multipathd.disk_removed, self.nodes.disk_removed]
        self.initiator.on_change.append(self.multipathd.nexus_changed)
        self.adapters.on_change.append(self.multipathd.nexus_changed)
        self.multipathd.kick = self.io.kick
        self.multipathd.tune = self._tune
        self.io.fail_path = self.multipathd.fail_path
        self.io.reset = self._reset

    def boot(self, wwpns: Sequence[str], *, mount_table: bool) -> None:
        """Power on: adapters, and unless the kernel has one, the mount table."""
        if mount_table:
            self.mounts.boot()
        self.adapters.add(wwpns, self.initiator.next_host)

    def new_uuid(self) -> uuids.UUID:
        """A random UUID; the same ones in the same order in every run."""
        return uuids.UUID(int=self._random.getrandbits(128), version=4)

    def device(self, given: str, cwd: str = "/") -> Device | None:
        """The block device that a path names; None if there is none."""
        path = self.tree.strip(os.path.normpath(os.path.join(cwd, given)))
        if not path.startswith("/dev/"):
            return None
        local = self.tree.at(path)
        if local.is_symlink():
            path = self.tree.strip(os.path.realpath(local))
        found = self.multipathd.find(path)
        if found is not None:
            return Device(given, self, map=found)
        disk = self.midlayer.disks.get(path.removeprefix("/dev/"))
        return Device(given, self, disk=disk) if disk is not None else None

    def disk_io(self, disk: Disk | None, offset: int, length: int, data: bytes | None = None) -> bytes:
        """I/O on a single path, without multipath's help: whatever is wrong is EIO."""
        if disk is None or disk.removed:
            raise OSError(6, os.strerror(6))
        nexus = disk.nexus
        self.world.wait(lambda: nexus.transport == "transport-offline" or self.midlayer.live(nexus))
        try:
            if data is None:
                return self.fabric.read(nexus.port, nexus.initiator, disk.lun, offset, length)
            self.fabric.write(nexus.port, nexus.initiator, disk.lun, offset, data)
        except (NotServing, NoSuchLun, OutsideVolume, LookupError) as error:
            raise OSError(5, os.strerror(5), disk.name) from error
        return b""

    def _tune(self, nexus: Nexus, seconds: float) -> None:
        self.initiator.set_recovery(nexus, seconds)
        self.adapters.set_fast_io_fail(nexus, seconds)

    def _reset(self, path: MultipathPath) -> None:
        """The array is there but knows nothing of the session: the connection is reset at once."""
        for session in self.initiator.sessions.values():
            if session.nexus is path.disk.nexus:
                session.fail()
