"""Exports: templates that are asked for, and active rows that follow from logins (wsapi.md 2.11)."""

from collections.abc import Iterator
from dataclasses import dataclass

from arraysim.core.array import Array
from arraysim.core.faults import Refusal
from arraysim.core.objects import Host, Vlun, Volume
from arraysim.core.transition import transition

HIGHEST_LUN = 16383
#: The enclosure-services LUN is never handed out (wsapi.md 2.11).
SES_LUN = 254


@dataclass(frozen=True, slots=True)
class NewVlun:
    """What to export; `host` "" for port-presents, `position` "" for host-sees, `lun` None for the lowest free one."""

    volume: str
    host: str = ""
    position: str = ""
    lun: int | None = None


@dataclass(frozen=True, slots=True)
class VlunKey:
    """What names a template in a URL."""

    volume: str
    lun: int
    host: str
    position: str


@dataclass(frozen=True, slots=True)
class ActiveRow:
    """A template as one logged-in path shows it. `initiator` is the IQN or WWN, `position` the port."""

    template: Vlun
    host: Host
    initiator: str
    position: str


@transition
def create(array: Array, new: NewVlun) -> Vlun:
    """ArrayFault: 404 23, 404 17, 404 20 port, 400 78 neither, 400 28 LUN too large, 409 18 taken, 409 none free."""
    if new.volume.startswith("set:"):
        raise Refusal.NON_EXISTENT_SET.fault("volumeName")
    volume = array.find_volume(new.volume)
    if not new.host and not new.position:
        raise Refusal.ONE_REQUIRED.fault("hostname,portPos")
    host = array.find_host(new.host) if new.host else None
    if new.position and new.position not in array.ports:
        raise Refusal.NON_EXISTENT_PORT.fault("portPos")
    if new.lun is None:
        lun = _free_lun(array, host, new.position)
    else:
        lun = new.lun
        if lun > HIGHEST_LUN or lun < 0:
            raise Refusal.TOO_LARGE.fault("lun")
        if taken(array, host, new.position, lun):
            raise Refusal.EXISTENT_LUN.fault("lun")
    again = any(vlun.host is host and vlun.position == new.position for vlun in array.vluns_of(volume))
    if again and array.options.second_export_refused:
        raise Refusal.EXISTENT_LUN.fault()
    return add(array, volume, lun, host, new.position)


def add(array: Array, volume: Volume, lun: int, host: Host | None, position: str) -> Vlun:
    """The template itself, unchecked."""
    vlun = Vlun(volume, lun, host, position)
    array.vluns.append(vlun)
    return vlun


def _overlap(one: Vlun, host: Host | None, position: str) -> bool:
    """Whether some initiator may meet both on some port; port-presents meets every host on its port."""
    hosts = one.host is None or host is None or one.host is host
    ports = not one.position or not position or one.position == position
    return hosts and ports


def taken(array: Array, host: Host | None, position: str, lun: int) -> bool:
    """Whether the LUN is in use where the new template would show it."""
    return any(vlun.lun == lun and _overlap(vlun, host, position) for vlun in array.vluns)


def _free_lun(array: Array, host: Host | None, position: str) -> int:
    used = {vlun.lun for vlun in array.vluns if _overlap(vlun, host, position)} | {SES_LUN}
    for lun in range(HIGHEST_LUN + 1):
        if lun not in used:
            return lun
    raise Refusal.NO_FREE_LUN.fault()


def find(array: Array, key: VlunKey) -> Vlun:
    """ArrayFault: 404 17 for the host, 404 19."""
    host = array.find_host(key.host) if key.host else None
    for vlun in array.vluns:
        if (vlun.volume.name, vlun.lun, vlun.position) == (key.volume, key.lun, key.position) and vlun.host is host:
            return vlun
    raise Refusal.NON_EXISTENT_VLUN.fault()


@transition
def delete(array: Array, key: VlunKey) -> None:
    """Remove a template and with it its active rows. ArrayFault as `find`."""
    array.vluns.remove(find(array, key))


def active_rows(array: Array, template: Vlun) -> Iterator[ActiveRow]:
    """One row per logged-in initiator and port that the template reaches."""
    hosts = [template.host] if template.host is not None else list(array.hosts.values())
    for host in hosts:
        for initiator in host.initiators:
            for position in sorted(array.logins.get(initiator, ())):
                if template.position in ("", position):
                    yield ActiveRow(template, host, initiator, position)
