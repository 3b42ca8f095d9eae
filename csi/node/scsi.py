"""SCSI disks as sysfs shows them: scan for one LUN, tell a disk by its page 0x83, remove a disk."""

from collections.abc import Callable
from dataclasses import dataclass

from csi.clock import Clock, poll
from csi.errors import PathsMissing
from csi.node.port import Host, ToolFailed

SECTOR_BYTES = 512
POLL_SECONDS = 0.1
#: The kernel keeps the two address method bits of a LUN: flat addressing shows LUN 300 as 0x4000 + 300.
FLAT_ADDRESSING = 0x4000
_NAA = 3
_BINARY = 1


@dataclass(frozen=True, slots=True)
class Lane:
    """Where a LUN appears: SCSI host, channel and target (None while the kernel has not numbered them), LUN."""

    host: int
    channel: int | None
    target: int | None
    lun: int


Locate = Callable[[], Lane]


def surface(host: Host, clock: Clock, locate: Locate, wwn: str, timeout_seconds: float) -> str:
    """The disk behind one lane, made by a scan for just that LUN if need be; its page 0x83 says `wwn`.

    `locate` is asked again after the scan, which is what numbers channel and target. A disk that was there before is
    rescanned first: its cached page 0x83 may be that of a volume that had the LUN number earlier (peers.md pain 6).
    Raises PathsMissing if no disk appears or the disk is another volume; that one is left as it is.
    """
    found = disks_of(host, locate())
    if found:
        for disk in found:
            host.write(f"/sys/block/{disk}/device/rescan", "1", timeout_seconds=timeout_seconds)
    else:
        _scan(host, locate(), timeout_seconds)
    poll(clock, lambda: bool(disks_of(host, locate())), timeout_seconds=timeout_seconds, every_seconds=POLL_SECONDS)
    found = disks_of(host, locate())
    if not found:
        raise PathsMissing(f"LUN {locate().lun} did not appear")
    for disk in found:
        identity = identity_of(host, disk)
        if identity == wwn:
            return disk
    said = identity_of(host, found[0]) or "nothing readable"
    raise PathsMissing(
        f"LUN {locate().lun} is {found[0]}, whose page 0x83 says {said}, not {wwn}",
        done="The path was not used and not changed",
    )


def disks_of(host: Host, lane: Lane) -> list[str]:
    """Names (sda) of the disks on a lane, none or one; two if a target answers in both addressing methods."""
    channel = "*" if lane.channel is None else lane.channel
    target = "*" if lane.target is None else lane.target
    found = []
    for lun in _kernel_luns(lane.lun):
        found += host.glob(f"/sys/class/scsi_device/{lane.host}:{channel}:{target}:{lun}/device/block/*")
    return [path.rpartition("/")[2] for path in found]


def identity_of(host: Host, disk: str) -> str | None:
    """What page 0x83 of a disk says: the NAA name of the logical unit in lower-case hex; None if there is none."""
    page = host.read_bytes(f"/sys/block/{disk}/device/vpd_pg83")
    return None if page is None else naa_of(page)


def naa_of(page: bytes) -> str | None:
    """The logical unit's NAA designator in a Device Identification page (SPC-4, 7.8.6); the longest one."""
    if len(page) < 4 or page[1] != 0x83:
        return None
    best = b""
    position, end = 4, min(len(page), 4 + int.from_bytes(page[2:4], "big"))
    while position + 4 <= end:
        code_set, kind, length = page[position] & 0x0F, page[position + 1], page[position + 3]
        value = page[position + 4 : position + 4 + length]
        belongs_to_unit = kind >> 4 & 0x3 == 0
        if code_set == _BINARY and belongs_to_unit and kind & 0x0F == _NAA and len(value) == length > len(best):
            best = value
        position += 4 + length
    return best.hex() or None


def disks_with(host: Host, wwn: str) -> list[str]:
    """Every disk of this node whose page 0x83 says `wwn`."""
    names = [path.rpartition("/")[2] for path in host.glob("/sys/block/sd*")]
    return [name for name in names if identity_of(host, name) == wwn]


def size_bytes(host: Host, device: str) -> int:
    """The size of a block device (sda, dm-0); 0 if it is gone."""
    return int(host.read(f"/sys/block/{device}/size") or 0) * SECTOR_BYTES


def remove(host: Host, disk: str, wwn: str, timeout_seconds: float) -> None:
    """Take one disk away from the kernel if it is a path of `wwn`; ToolFailed if the kernel does not do it."""
    if identity_of(host, disk) != wwn:
        return
    try:
        host.write(f"/sys/block/{disk}/device/delete", "1", timeout_seconds=timeout_seconds)
    except ToolFailed:
        if host.exists(f"/sys/block/{disk}"):
            raise


def _scan(host: Host, lane: Lane, timeout_seconds: float) -> None:
    channel = "-" if lane.channel is None else lane.channel
    target = "-" if lane.target is None else lane.target
    for lun in _kernel_luns(lane.lun):
        host.write(
            f"/sys/class/scsi_host/host{lane.host}/scan", f"{channel} {target} {lun}", timeout_seconds=timeout_seconds
        )


def _kernel_luns(lun: int) -> tuple[int, ...]:
    return (lun,) if lun < 256 else (FLAT_ADDRESSING | lun, lun)
