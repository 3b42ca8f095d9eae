"""Virtual copies: local to their array, sharing the parent's pages until either is written (wsapi.md 2.5)."""

from dataclasses import dataclass

from arraysim.core.array import Array
from arraysim.core.faults import Refusal
from arraysim.core.objects import Provisioning, Volume
from arraysim.core.transition import transition


@dataclass(frozen=True, slots=True)
class NewSnapshot:
    """What to take: hours from now until it expires or may be removed; None for neither."""

    name: str
    comment: str = ""
    read_only: bool = False
    expiration_hours: int | None = None
    retention_hours: int | None = None


@transition
def take(array: Array, source: str, new: NewSnapshot) -> Volume:
    """Snapshot a base volume or another snapshot. ArrayFault 404 23, 409 22, 403 for read-only of read-only."""
    parent = array.find_volume(source)
    if new.name in array.volumes:
        raise Refusal.EXISTENT_VOL.fault()
    if parent.parent is not None and parent.read_only and new.read_only:
        raise Refusal.READ_ONLY_OF_READ_ONLY.fault()
    if not array.personality.reduce and not parent.snap_cpg:
        raise Refusal.NO_SNAP_CPG.fault()
    snapshot = make(array, parent, new.name, read_only=new.read_only)
    snapshot.comment = new.comment
    if new.expiration_hours is not None:
        snapshot.expires_at = array.clock.now + new.expiration_hours * 3600
    if new.retention_hours is not None:
        snapshot.retained_until = array.clock.now + new.retention_hours * 3600
    return snapshot


def make(array: Array, parent: Volume, name: str, *, read_only: bool) -> Volume:
    """The snapshot itself, unchecked: for rules that have checked, and for the array's own resync snapshots."""
    number = array.free_volume_id()
    snapshot = Volume(
        id=number,
        name=name,
        uuid=array.volume_uuid(),
        wwn=array.wwn(number),
        size_mib=parent.size_mib,
        cpg=parent.cpg,
        snap_cpg=parent.snap_cpg,
        provisioning=Provisioning.SNAPSHOT,
        created_at=array.clock.now,
        parent=parent,
        read_only=read_only,
        policies=dict(parent.policies),
    )
    snapshot.blocks.copy_from(parent.blocks)
    array.volumes[name] = snapshot
    return snapshot


def drop(array: Array, snapshot: Volume) -> None:
    """Remove it, unchecked; snapshots of it become its parent's."""
    for child in children(array, snapshot):
        child.parent = snapshot.parent
    del array.volumes[snapshot.name]


def children(array: Array, volume: Volume) -> list[Volume]:
    """Snapshots taken of this very volume."""
    return [each for each in array.volumes.values() if each.parent is volume]
