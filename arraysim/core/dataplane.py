"""What an initiator sees. The only way to data, and where writes are replicated (wsapi.md 5.4)."""

from dataclasses import dataclass
from enum import Enum

from arraysim.core import invariants
from arraysim.core.array import Array
from arraysim.core.blocks import pages_of
from arraysim.core.objects import Group, GroupState, Role, Volume, canonical, is_wwn
from arraysim.core.replication import MIRRORED_MODES, peer_view


class Access(Enum):
    """Asymmetric access state of a volume's target ports on one array."""

    ACTIVE = "active"
    STANDBY = "standby"
    TRANSITION = "transition"
    UNAVAILABLE = "unavailable"


class DataPathDown(Exception):
    """Nothing answers: array off, port unknown or without link, or no login."""


class LoginRefused(Exception):
    """The array does not know the initiator."""


class NoSuchLun(Exception):
    """The initiator has no such LUN (REPORT LUNS does not list it)."""


class OutsideVolume(Exception):
    """The bytes asked for are not all inside the volume."""


class NotServing(Exception):
    """The volume's ports are not active here now; `access` says what they are."""

    def __init__(self, access: Access) -> None:
        super().__init__(f"target ports are {access.value}")
        self.access = access


@dataclass(frozen=True, slots=True)
class LunView:
    """A LUN as an initiator sees it: volume name, WWN of 32 upper-case hex digits (page 0x83), size in bytes."""

    lun: int
    volume: str
    wwn: str
    size_bytes: int


def login(array: Array, initiator: str, port_position: str) -> None:
    """Log an IQN or WWN in at a port; twice is once. DataPathDown, LoginRefused."""
    _require_power(array)
    port = array.ports.get(port_position)
    if port is None or not port.ready or port.kind not in ("iscsi", "fc"):
        raise DataPathDown(f"{array.name} has no ready host port {port_position}")
    name = canonical(initiator)
    if array.owner_of(name) is None:
        raise LoginRefused(f"{array.name} has no host with initiator {initiator}")
    if (port.kind == "fc") != is_wwn(name):
        raise DataPathDown(f"{initiator} cannot reach {port.kind} port {port_position} of {array.name}")
    array.logins.setdefault(name, set()).add(port_position)
    array.pair.check()


def logout(array: Array, initiator: str, port_position: str) -> None:
    """End a login; one that is not there is fine, as is an array without power."""
    name = canonical(initiator)
    positions = array.logins.get(name, set())
    positions.discard(port_position)
    if not positions:
        array.logins.pop(name, None)


def luns(array: Array, initiator: str) -> tuple[LunView, ...]:
    """Every LUN the initiator sees through its logins, in LUN order. DataPathDown when off or not logged in."""
    seen = {
        lun: LunView(lun, volume.name, volume.wwn, volume.size_bytes) for lun, volume in _seen(array, initiator).items()
    }
    return tuple(seen[lun] for lun in sorted(seen))


def access(array: Array, volume: str) -> Access:
    """The ALUA state of a volume on this array. DataPathDown when off, KeyError for an unknown volume."""
    _require_power(array)
    return _access(array, array.volumes[volume])


def read(array: Array, initiator: str, lun: int, offset: int, length: int) -> bytes:
    """Bytes of a LUN. DataPathDown, NoSuchLun, OutsideVolume, NotServing unless the array serves the volume."""
    return _serving(array, initiator, lun, offset, length).blocks.read(offset, length)


def write(array: Array, initiator: str, lun: int, offset: int, data: bytes) -> None:
    """Write to a LUN; returns when a started group's twin has it too.

    Raises as `read`, and NotServing for a read-only snapshot.
    """
    volume = _serving(array, initiator, lun, offset, len(data))
    if volume.read_only:
        raise NotServing(Access.UNAVAILABLE)
    if not data:
        return
    volume.blocks.write(offset, data)
    group = volume.group
    if group is None:
        return
    member = group.members[volume.name]
    member.generation = volume.blocks.generation
    view = peer_view(array, group)
    twin = view.members.get(member.twin) if view is not None else None
    if twin is not None and group.started and group.mode in MIRRORED_MODES:
        twin.volume.blocks.write(offset, data)
        twin.generation = twin.volume.blocks.generation
    else:
        member.dirty.update(pages_of(offset, len(data)))
    invariants.check_member(array, group, member)


def _require_power(array: Array) -> None:
    if not array.powered:
        raise DataPathDown(f"{array.name} does not answer")


def _seen(array: Array, initiator: str) -> dict[int, Volume]:
    """Volumes by LUN; a template bound to a port counts if the initiator is logged in there."""
    _require_power(array)
    name = canonical(initiator)
    positions = array.logins.get(name)
    if not positions:
        raise DataPathDown(f"{initiator} is not logged in to {array.name}")
    host = array.owner_of(name)
    return {
        vlun.lun: vlun.volume
        for vlun in array.vluns
        if vlun.host in (None, host) and (not vlun.position or vlun.position in positions)
    }


def _serving(array: Array, initiator: str, lun: int, offset: int, length: int) -> Volume:
    volume = _seen(array, initiator).get(lun)
    if volume is None:
        raise NoSuchLun(f"{initiator} has no LUN {lun} on {array.name}")
    if offset < 0 or length < 0 or offset + length > volume.size_bytes:
        raise OutsideVolume(f"{length} bytes at {offset} of {volume.name}, which has {volume.size_bytes}")
    state = _access(array, volume)
    if state is not Access.ACTIVE:
        raise NotServing(state)
    return volume


def _access(array: Array, volume: Volume) -> Access:
    group = volume.group
    if group is None:
        return Access.ACTIVE
    if group.role is Role.SECONDARY:
        return _silent(group)
    if group.state is GroupState.FAILSAFE:
        return Access.UNAVAILABLE if array.options.failsafe_is_unavailable else _silent(group)
    if group.held or group.switching is not None:
        return Access.TRANSITION
    return Access.ACTIVE


def _silent(group: Group) -> Access:
    """A side that does not serve: standby with path management, else not ready (wsapi.md 5.4)."""
    return Access.STANDBY if group.policies.path_management else Access.UNAVAILABLE
