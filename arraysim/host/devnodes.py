"""What udev and device-mapper show of maps and disks: /dev, /sys/block/dm-N, holders and slaves."""

from collections.abc import Callable

from arraysim.host.maps import Map
from arraysim.host.scsi import SECTOR_BYTES, Disk, Midlayer
from arraysim.host.sysfs import Tree

BY_ID = "/dev/disk/by-id"


class DeviceNodes:
    """Keeps /dev in step. The nodes are empty placeholder files, except for maps in kernel mode."""

    def __init__(self, tree: Tree, midlayer: Midlayer) -> None:
        self._tree = tree
        self._midlayer = midlayer
        self._maps: dict[str, Map] = {}
        #: In kernel mode: whether a map has its device yet, and its node.
        self.publish: Callable[[Map], bool] = lambda _found: True
        self.make_node: Callable[[str, Map], None] = lambda path, _found: tree.put(path, b"")
        for folder in ("/dev/mapper", BY_ID):
            tree.at(folder).mkdir(parents=True, exist_ok=True)

    def disk_added(self, disk: Disk) -> None:
        """A node and, while no map takes it, the links by name."""
        self._tree.put(f"/dev/{disk.name}", b"")
        self._link(disk.wwn)

    def disk_removed(self, disk: Disk) -> None:
        """The node goes, and the links to it."""
        self._tree.drop(f"/dev/{disk.name}")
        self._unhold(disk)
        self._link(disk.wwn)

    def map_changed(self, found: Map) -> None:
        """Show a map that was made or reloaded; in kernel mode as soon as it has a device."""
        if not self.publish(found):
            return
        folder = f"/sys/devices/virtual/block/{found.kernel}"
        put = self._tree.put
        put(f"{folder}/dm/name", found.alias)
        put(f"{folder}/dm/uuid", f"mpath-{found.wwid}")
        put(f"{folder}/dm/suspended", str(int(found.suspended)))
        put(f"{folder}/size", str(found.size_bytes // SECTOR_BYTES))
        put(f"{folder}/dev", found.number)
        put(f"{folder}/ro", "0")
        put(f"{folder}/queue/logical_block_size", str(SECTOR_BYTES))
        self._tree.at(f"{folder}/holders").mkdir(parents=True, exist_ok=True)
        self._tree.link(f"/sys/block/{found.kernel}", folder)
        self._tree.link(f"/sys/class/block/{found.kernel}", folder)
        self._slaves(found, folder)
        self.make_node(f"/dev/{found.kernel}", found)
        self._tree.link(f"/dev/mapper/{found.alias}", f"/dev/{found.kernel}")
        self._tree.link(f"{BY_ID}/dm-name-{found.alias}", f"/dev/{found.kernel}")
        self._tree.link(f"{BY_ID}/dm-uuid-mpath-{found.wwid}", f"/dev/{found.kernel}")
        self._maps[found.wwid] = found
        self._link(found.wwid[1:])

    def map_removed(self, found: Map) -> None:
        """Everything of a map goes; its disks are held no more."""
        self._maps.pop(found.wwid, None)
        for disk in self._midlayer.disks.values():
            if disk.holder == found.kernel:
                self._unhold(disk)
        for path in (
            f"/dev/mapper/{found.alias}",
            f"/dev/{found.kernel}",
            f"{BY_ID}/dm-name-{found.alias}",
            f"{BY_ID}/dm-uuid-mpath-{found.wwid}",
            f"/sys/block/{found.kernel}",
            f"/sys/class/block/{found.kernel}",
            f"/sys/devices/virtual/block/{found.kernel}",
        ):
            self._tree.drop(path)
        self._link(found.wwid[1:])

    def _slaves(self, found: Map, folder: str) -> None:
        slaves = self._tree.at(f"{folder}/slaves")
        slaves.mkdir(parents=True, exist_ok=True)
        wanted = {path.disk.name: path.disk for path in found.paths}
        for name in [entry.name for entry in slaves.iterdir()]:
            if name not in wanted:
                self._tree.drop(f"{folder}/slaves/{name}")
        for name, disk in wanted.items():
            self._tree.link(f"{folder}/slaves/{name}", disk.block_folder)
            self._tree.link(f"{disk.block_folder}/holders/{found.kernel}", folder)
            disk.holder = found.kernel
        for disk in self._midlayer.disks.values():
            if disk.holder == found.kernel and disk.name not in wanted:
                self._unhold(disk)

    def _unhold(self, disk: Disk) -> None:
        if disk.holder:
            if not disk.removed:
                self._tree.drop(f"{disk.block_folder}/holders/{disk.holder}")
            disk.holder = ""

    def _link(self, wwn: str) -> None:
        """The links by WWN lead to the map if there is one, else to a disk, else nowhere."""
        found = self._maps.get(f"3{wwn}")
        disk = next(self._midlayer.with_wwn(wwn), None)
        to = found.kernel if found is not None else disk.name if disk is not None else ""
        for name in (f"wwn-0x{wwn}", f"scsi-3{wwn}"):
            if to:
                self._tree.link(f"{BY_ID}/{name}", f"/dev/{to}")
            else:
                self._tree.drop(f"{BY_ID}/{name}")
