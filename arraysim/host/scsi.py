"""The SCSI middle layer: nexuses to array ports, the disks found behind them, and how sysfs shows both."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from arraysim.host.fabric import Access, DataPathDown, Fabric, LunView, TargetPort
from arraysim.host.sysfs import Tree

SECTOR_BYTES = 512
#: LUNs from 256 on are shown with flat addressing (SAM-5 4.7.7.3), as the kernel keeps the method bits.
FLAT_ADDRESSING = 0x4000
VENDOR, PRODUCT = "3PARdata", "VV"
#: What the kernel calls an ALUA state in `access_state`.
ACCESS_WORDS = {
    Access.ACTIVE: "active/optimized",
    Access.STANDBY: "standby",
    Access.TRANSITION: "transitioning",
    Access.UNAVAILABLE: "unavailable",
}
#: Majors of SCSI disks, 16 disks each (the kernel's devices.txt).
_MAJORS = (8, *range(65, 72), *range(128, 136))


class Transport(StrEnum):
    """What the transport lets through, in the kernel's words for a disk's `state`."""

    RUNNING = "running"
    BLOCKED = "blocked"
    OFFLINE = "transport-offline"


@dataclass(eq=False, slots=True)
class Nexus:
    """One initiator port seeing one array port: an iSCSI session or an FC remote port.

    `folder` is its folder in /sys/devices; `host_no` and `target_id` are in H:C:T:L, the channel is always 0.
    """

    port: TargetPort
    initiator: str
    host_no: int
    folder: str
    protocol: str
    target_id: int = 0
    transport: Transport = Transport.RUNNING

    @property
    def target(self) -> str:
        """H:C:T."""
        return f"{self.host_no}:0:{self.target_id}"


@dataclass(eq=False, slots=True)
class Disk:
    """One LUN seen through one nexus: sdX. Identity and size are what the last inquiry said."""

    name: str
    number: str
    nexus: Nexus
    lun: int
    wwn: str
    size_bytes: int
    access: Access | None = None
    holder: str = ""
    removed: bool = False

    @property
    def address(self) -> str:
        """H:C:T:L with the kernel's LUN number."""
        return f"{self.nexus.target}:{kernel_lun(self.lun)}"

    @property
    def folder(self) -> str:
        """Its folder in /sys/devices."""
        return f"{self.nexus.folder}/target{self.nexus.target}/{self.address}"

    @property
    def block_folder(self) -> str:
        """The folder of its block device."""
        return f"{self.folder}/block/{self.name}"

    @property
    def serial(self) -> str:
        """Unit serial number (page 0x80)."""
        return self.nexus.port.array.serial


def kernel_lun(lun: int) -> int:
    """How the kernel numbers the array's LUN."""
    return lun if lun < 256 else FLAT_ADDRESSING | lun


def array_lun(number: int) -> int | None:
    """The array's LUN for a number of the kernel's; None if the array would not understand the addressing."""
    if number < 256:
        return number
    return number ^ FLAT_ADDRESSING if number & FLAT_ADDRESSING and number < 2 * FLAT_ADDRESSING else None


def disk_name(index: int) -> str:
    """sda, ..., sdz, sdaa, ..."""
    letters = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        letters = chr(ord("a") + digit) + letters
    return f"sd{letters}"


def disk_number(index: int) -> str:
    """major:minor."""
    return f"{_MAJORS[index // 16 % len(_MAJORS)]}:{index % 16 * 16}"


def page_83(disk: Disk) -> bytes:
    """Device Identification (SPC-4 7.8.6): NAA name, relative target port, target port group."""
    port = disk.nexus.port
    naa = bytes((0x01, 0x03, 0, 16)) + bytes.fromhex(disk.wwn)
    relative = bytes((0x01, 0x14, 0, 4)) + port.relative_id.to_bytes(4, "big")
    group = bytes((0x01, 0x15, 0, 4)) + port.group_id.to_bytes(4, "big")
    body = naa + relative + group
    return bytes((0, 0x83)) + len(body).to_bytes(2, "big") + body


def page_80(disk: Disk) -> bytes:
    """Unit Serial Number."""
    serial = disk.serial.encode()
    return bytes((0, 0x80)) + len(serial).to_bytes(2, "big") + serial


@dataclass(eq=False)
class Midlayer:
    """All nexuses and disks of the host. `on_add` and `on_remove` are the uevents; `on_remove` comes after the fact."""

    fabric: Fabric
    tree: Tree
    on_add: list[Callable[[Disk], None]] = field(default_factory=list)
    on_remove: list[Callable[[Disk], None]] = field(default_factory=list)
    disks: dict[str, Disk] = field(default_factory=dict)
    nexuses: list[Nexus] = field(default_factory=list)
    _used: set[int] = field(default_factory=set)

    def attach(self, nexus: Nexus) -> None:
        """A nexus exists now; its LUNs appear by `scan` only."""
        self.nexuses.append(nexus)

    def detach(self, nexus: Nexus) -> None:
        """The nexus is gone, and its disks with it."""
        for disk in self.of(nexus):
            self.remove(disk)
        self.nexuses.remove(nexus)

    def of(self, nexus: Nexus) -> list[Disk]:
        """Its disks."""
        return [disk for disk in self.disks.values() if disk.nexus is nexus]

    def with_wwn(self, wwn: str) -> Iterator[Disk]:
        """Every disk that said it is this volume."""
        return (disk for disk in self.disks.values() if disk.wwn == wwn)

    def live(self, nexus: Nexus) -> bool:
        """Whether a command sent now would be answered."""
        return nexus.transport is Transport.RUNNING and self.fabric.logged_in(nexus.port, nexus.initiator)

    def scan(self, nexus: Nexus, number: int | None = None) -> None:
        """Look for all LUNs, or for one (by the kernel's number); known disks stay as they are."""
        if not self.live(nexus):
            return
        known = {disk.lun for disk in self.of(nexus)}
        for lun, view in self.fabric.luns(nexus.port, nexus.initiator).items():
            if lun not in known and (number is None or array_lun(number) == lun):
                self._add(nexus, view)

    def remove(self, disk: Disk) -> None:
        """Take a disk away; LUN and log-in stay."""
        disk.removed = True
        del self.disks[disk.name]
        self._used.discard(_index(disk.name))
        for path in (
            f"/sys/block/{disk.name}",
            f"/sys/class/block/{disk.name}",
            f"/sys/class/scsi_device/{disk.address}",
            f"/sys/class/scsi_disk/{disk.address}",
            f"/sys/bus/scsi/devices/{disk.address}",
            disk.folder,
        ):
            self.tree.drop(path)
        if disk.nexus.protocol == "iscsi" and not self.of(disk.nexus):
            self.tree.drop(f"/sys/bus/scsi/devices/target{disk.nexus.target}")
            self.tree.drop(f"{disk.nexus.folder}/target{disk.nexus.target}")
        for told in self.on_remove:
            told(disk)

    def rescan(self, disk: Disk) -> None:
        """Ask the disk again who and how large it is; without an answer nothing changes."""
        view = self._view(disk)
        if view is not None:
            disk.wwn, disk.size_bytes = view.wwn.lower(), view.size_bytes
            self.refresh(disk)

    def refresh(self, disk: Disk) -> None:
        """Ask for the ALUA state and show in sysfs what is known of the disk."""
        if self.live(disk.nexus):
            disk.access = self._access(disk)
        self._show(disk)

    def _view(self, disk: Disk) -> LunView | None:
        if not self.live(disk.nexus):
            return None
        return self.fabric.luns(disk.nexus.port, disk.nexus.initiator).get(disk.lun)

    def _access(self, disk: Disk) -> Access | None:
        try:
            return self.fabric.access(disk.nexus.port, disk.nexus.initiator, disk.lun)
        except DataPathDown:
            return None

    def _add(self, nexus: Nexus, view: LunView) -> None:
        index = next(number for number in range(len(self._used) + 1) if number not in self._used)
        self._used.add(index)
        disk = Disk(disk_name(index), disk_number(index), nexus, view.lun, view.wwn.lower(), view.size_bytes)
        disk.access = self._access(disk)
        self.disks[disk.name] = disk
        self._make(disk)
        for told in self.on_add:
            told(disk)

    def _make(self, disk: Disk) -> None:
        put, folder = self.tree.put, disk.folder
        fixed = {"type": "0", "scsi_level": "7", "timeout": "30", "queue_depth": "32", "device_blocked": "0"}
        fixed |= {
            "vendor": f"{VENDOR:8}",
            "model": f"{PRODUCT:16}",
            "rev": disk.nexus.port.revision,
            "dh_state": "alua",
        }
        fixed |= {"queue_type": "simple", "preferred_path": "0"}
        for name, value in fixed.items():
            put(f"{folder}/{name}", value)
        block = disk.block_folder
        self.tree.at(f"{block}/holders").mkdir(parents=True, exist_ok=True)
        self.tree.at(f"{block}/slaves").mkdir(parents=True, exist_ok=True)
        put(f"{block}/dev", disk.number)
        put(f"{block}/ro", "0")
        put(f"{block}/removable", "0")
        put(f"{block}/queue/logical_block_size", str(SECTOR_BYTES))
        put(f"{block}/queue/rotational", "0")
        self._show(disk)
        self.tree.trigger(f"{folder}/delete", lambda _text: None if disk.removed else self.remove(disk))
        self.tree.trigger(f"{folder}/rescan", lambda _text: None if disk.removed else self.rescan(disk))
        self.tree.link(f"{block}/device", folder)
        self.tree.link(f"/sys/block/{disk.name}", block)
        self.tree.link(f"/sys/class/block/{disk.name}", block)
        for kind in ("scsi_device", "scsi_disk"):
            self.tree.link(f"{folder}/{kind}/{disk.address}/device", folder)
            self.tree.link(f"/sys/class/{kind}/{disk.address}", f"{folder}/{kind}/{disk.address}")
        self.tree.link(f"/sys/bus/scsi/devices/{disk.address}", folder)
        self.tree.link(
            f"/sys/bus/scsi/devices/target{disk.nexus.target}", f"{disk.nexus.folder}/target{disk.nexus.target}"
        )

    def _show(self, disk: Disk) -> None:
        put, folder = self.tree.put, disk.folder
        put(f"{folder}/state", str(disk.nexus.transport))
        put(f"{folder}/access_state", ACCESS_WORDS[disk.access] if disk.access else "<unknown>")
        put(f"{folder}/wwid", f"naa.{disk.wwn}")
        put(f"{folder}/vpd_pg80", page_80(disk))
        put(f"{folder}/vpd_pg83", page_83(disk))
        put(f"{disk.block_folder}/size", str(disk.size_bytes // SECTOR_BYTES))


def _index(name: str) -> int:
    index = 0
    for letter in name.removeprefix("sd"):
        index = index * 26 + ord(letter) - ord("a") + 1
    return index - 1
