"""Multipath maps: the kernel says which map is a volume's and what is in it, multipathd says which paths work."""

import json
import logging
from dataclasses import dataclass

from csi.clock import Clock, poll
from csi.errors import PathsMissing
from csi.node import scsi
from csi.node.port import Host

log = logging.getLogger(__name__)

ASK_SECONDS = 10.0
POLL_SECONDS = 0.25
#: Without news for this long multipathd is told of the disks itself; normally the kernel's events do that.
NUDGE_SECONDS = 3.0
_UUID = "mpath-3"


@dataclass(frozen=True, slots=True)
class Map:
    """A map: its name under /dev/mapper, its kernel name (dm-0), its "major:minor", and the disks in it."""

    name: str
    kernel: str
    number: str
    disks: tuple[str, ...]

    @property
    def device(self) -> str:
        """Its device file on the host."""
        return f"/dev/mapper/{self.name}"


@dataclass(frozen=True, slots=True)
class PathState:
    """What multipathd says of a path: `checker` is ready, ghost (standby), faulty, ...; `active` in the map."""

    disk: str
    checker: str
    active: bool

    @property
    def serves(self) -> bool:
        """Whether I/O on it succeeds now."""
        return self.active and self.checker == "ready"

    @property
    def dead(self) -> bool:
        """Whether nobody answers on it; a ghost answers, and may serve at any moment."""
        return self.checker not in ("ready", "ghost")


def find(host: Host, wwn: str) -> Map | None:
    """The map of a volume."""
    for path in host.glob("/sys/block/dm-*/dm/uuid"):
        if host.read(path) == _UUID + wwn:
            kernel = path.split("/")[3]
            name, number = host.read(f"/sys/block/{kernel}/dm/name"), host.read(f"/sys/block/{kernel}/dev")
            if name and number:
                disks = tuple(slave.rpartition("/")[2] for slave in host.glob(f"/sys/block/{kernel}/slaves/*"))
                return Map(name, kernel, number, disks)
    return None


def wwn_of(host: Host, *, kernel: str = "", number: str = "") -> str | None:
    """The WWN of the map with this kernel name or "major:minor"; None if it is no map of a NAA-named volume."""
    for path in host.glob("/sys/block/dm-*/dev"):
        name = path.split("/")[3]
        if name == kernel or (number and host.read(path) == number):
            uuid = host.read(f"/sys/block/{name}/dm/uuid") or ""
            return uuid.removeprefix(_UUID) if uuid.startswith(_UUID) else None
    return None


def paths(host: Host, found: Map) -> tuple[PathState, ...]:
    """The state of each path of a map; empty if multipathd does not know the map or does not answer."""
    result = host.run(["multipathd", "show", "map", found.name, "json"], timeout_seconds=ASK_SECONDS, check=False)
    try:
        groups = json.loads(result.out)["map"]["path_groups"]
        return tuple(
            PathState(path["dev"], path["chk_st"], path["dm_st"] == "active")
            for group in groups
            for path in group["paths"]
        )
    except (ValueError, KeyError, TypeError):
        log.debug("multipathd does not tell of map %s: %s", found.name, result.reason)
        return ()


def announce(host: Host, wwn: str) -> None:
    """Put a volume into multipathd's list of known ones, so that its very first path becomes a map."""
    host.run(["multipath", "-a", f"3{wwn}"], timeout_seconds=ASK_SECONDS)


def assemble(host: Host, clock: Clock, wwn: str, disks: list[str], timeout_seconds: float) -> Map:
    """Wait for the volume's map with all of `disks` in it and a path that serves.

    When time is up, a map that serves through fewer paths will do. PathsMissing if there is no map, if a stranger's
    disk is in it, or if none of its paths serves.
    """

    def complete() -> bool:
        found = find(host, wwn)
        return found is not None and set(disks) <= set(found.disks) and any(path.serves for path in paths(host, found))

    first = min(NUDGE_SECONDS, timeout_seconds)
    if not poll(clock, complete, timeout_seconds=first, every_seconds=POLL_SECONDS):
        _nudge(host, wwn, disks)
        poll(clock, complete, timeout_seconds=timeout_seconds - first, every_seconds=POLL_SECONDS)
    found = find(host, wwn)
    where = f"volume with WWN {wwn}"
    if found is None:
        raise PathsMissing(
            f"multipathd made no map out of {', '.join(disks)}",
            where=where,
            hint="Check that multipathd runs and that its configuration does not blacklist 3PARdata",
        )
    check_identities(host, found, wwn)
    states = paths(host, found)
    if not any(path.serves for path in states):
        seen = ", ".join(f"{path.disk} {path.checker}" for path in states) or "no path known to multipathd"
        raise PathsMissing(
            f"no path of map {found.name} serves I/O now ({seen})",
            where=where,
            hint="While a group switches sides all paths are ghosts for a moment; the call can be repeated",
        )
    if missing := set(disks) - set(found.disks):
        log.warning(
            "map %s works without %s, which multipathd did not take in time", found.name, ", ".join(sorted(missing))
        )
    return found


def check_identities(host: Host, found: Map, wwn: str) -> None:
    """Raise PathsMissing if the map holds a disk whose page 0x83 is not `wwn` (the wrong-LUN-behind-a-map class)."""
    wrong = [disk for disk in found.disks if scsi.identity_of(host, disk) != wwn]
    if wrong:
        raise PathsMissing(
            f"map {found.name} holds {', '.join(wrong)}, which is not a path of this volume by its page 0x83",
            where=f"volume with WWN {wwn}",
            done="The map was not used",
            hint="Remove the stale paths (multipathd del path) after finding out what they are",
        )


def stop_queueing(host: Host, found: Map) -> None:
    """Make I/O on a map without paths fail instead of waiting for ever."""
    host.run(["multipathd", "disablequeueing", "map", found.name], timeout_seconds=ASK_SECONDS, check=False)


def flush(host: Host, found: Map, timeout_seconds: float) -> str:
    """Try to remove a map; "" if it went, else why it did not."""
    result = host.run(["multipath", "-f", found.name], timeout_seconds=timeout_seconds, check=False)
    return result.reason if host.exists(f"/sys/block/{found.kernel}") else ""


def forget(host: Host, wwn: str) -> None:
    """Take a volume off multipathd's list of known ones; one left there does no harm, so a refusal is only logged."""
    result = host.run(["multipath", "-w", f"3{wwn}"], timeout_seconds=ASK_SECONDS, check=False)
    if result.code != 0:
        log.info("multipath did not forget 3%s: %s", wwn, result.reason)


def _nudge(host: Host, wwn: str, disks: list[str]) -> None:
    found = find(host, wwn)
    for disk in disks:
        if found is None or disk not in found.disks:
            host.run(["multipathd", "add", "path", disk], timeout_seconds=ASK_SECONDS, check=False)
