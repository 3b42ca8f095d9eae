"""Common provisioning groups and space (wsapi.md 2.3)."""

from dataclasses import dataclass

from arraysim.core.array import Array
from arraysim.core.faults import Refusal
from arraysim.core.objects import Cpg, Provisioning, Volume
from arraysim.core.transition import transition

_CEIL_MIB = 2**20 - 1


@dataclass(frozen=True, slots=True)
class NewCpg:
    """A CPG to make; None for no limit and no warning."""

    name: str
    limit_mib: int | None = None
    warning_mib: int | None = None
    growth_mib: int = 32 * 1024
    domain: str = ""


@transition
def create(array: Array, new: NewCpg) -> Cpg:
    """ArrayFault: 409 14; 404 38 for any domain, there are none."""
    if new.domain:
        raise Refusal.NON_EXISTENT_DOMAIN.fault("domain")
    if new.name in array.cpgs:
        raise Refusal.EXISTENT_CPG.fault()
    number = array.next_id("cpg")
    cpg = Cpg(number, new.name, array.uuid("cpg", number), new.limit_mib, new.warning_mib, new.growth_mib)
    array.cpgs[cpg.name] = cpg
    return cpg


@transition
def delete(array: Array, name: str) -> None:
    """ArrayFault: 404 15; 409 34 while a volume or a Remote Copy group uses it."""
    array.find_cpg(name)
    by_volume = any(name in (volume.cpg, volume.snap_cpg) for volume in array.volumes.values())
    by_group = any(name in (group.local_cpg, group.local_snap_cpg) for group in array.groups.values())
    if by_volume or by_group:
        raise Refusal.IN_USE.fault()
    del array.cpgs[name]


def used_mib(volume: Volume) -> int:
    """What a volume's data take."""
    return (volume.blocks.used_bytes + _CEIL_MIB) // 2**20


def reserved_mib(volume: Volume) -> int:
    """What a volume has been given: all of it when fully provisioned, its data when thin."""
    return volume.size_mib if volume.provisioning is Provisioning.FULL else used_mib(volume)


def volumes_in(array: Array, cpg: Cpg) -> list[Volume]:
    """Volumes with user space in the CPG."""
    return [volume for volume in array.volumes.values() if volume.cpg == cpg.name]


def allocated_mib(array: Array) -> int:
    """What all volumes of the array have been given."""
    return sum(reserved_mib(volume) for volume in array.volumes.values())


def free_mib(array: Array, cpg: Cpg) -> int:
    """What the CPG can still give: the array's free space, within the CPG's growth limit."""
    free = array.capacity_mib - allocated_mib(array)
    if cpg.limit_mib is not None:
        free = min(free, cpg.limit_mib - sum(reserved_mib(volume) for volume in volumes_in(array, cpg)))
    return max(free, 0)


def virtual_mib(array: Array, cpg: Cpg) -> int:
    """What its volumes would take if they were full."""
    return sum(volume.size_mib for volume in volumes_in(array, cpg))
