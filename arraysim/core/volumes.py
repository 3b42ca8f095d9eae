"""Base volumes: make, change, grow, remove (wsapi.md 2.4)."""

from dataclasses import dataclass, field

from arraysim.core import cpgs, snapshots
from arraysim.core.array import Array
from arraysim.core.faults import Refusal
from arraysim.core.objects import Provisioning, Role, Volume
from arraysim.core.replication import peer_view
from arraysim.core.transition import transition

#: Sizes are multiples of this.
GRANULE_MIB = 256


@dataclass(frozen=True, slots=True)
class NewVolume:
    """A base volume to make; `size_mib` is rounded up to 256 MiB, `id` None lets the array choose."""

    name: str
    cpg: str
    size_mib: int
    provisioning: Provisioning = Provisioning.THIN
    compressed: bool = False
    snap_cpg: str = ""
    comment: str = ""
    id: int | None = None
    expiration_hours: int | None = None
    retention_hours: int | None = None
    policies: dict[str, bool] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VolumeChange:
    """What to change; None leaves as it is. `wwn` "auto" gives the volume its own again."""

    new_name: str | None = None
    comment: str | None = None
    wwn: str | None = None
    cpg: str | None = None
    snap_cpg: str | None = None
    expiration_hours: int | None = None
    retention_hours: int | None = None
    policies: dict[str, bool] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)


def rounded(size_mib: int) -> int:
    """Up to a multiple of 256 MiB."""
    return -(-size_mib // GRANULE_MIB) * GRANULE_MIB


@transition
def create(array: Array, new: NewVolume) -> Volume:
    """Make a volume. ArrayFault: 409 22 name, 409 59 id, 404 15 CPG, 400 28 and 115 for the size, 400 24 space."""
    if new.name in array.volumes:
        raise Refusal.EXISTENT_VOL.fault()
    if new.id is not None and any(volume.id == new.id for volume in array.volumes.values()):
        raise Refusal.EXISTENT_ID.fault()
    if new.size_mib < 1:
        raise Refusal.BELOW_RANGE.fault("sizeMiB")
    if new.size_mib > array.personality.largest_volume_mib:
        raise Refusal.TOO_LARGE.fault("sizeMiB")
    floor = array.personality.dedup_floor_mib if new.provisioning is Provisioning.DEDUP else 0
    if new.compressed:
        floor = max(floor, array.personality.compression_floor_mib)
    if rounded(new.size_mib) < floor:
        raise Refusal.BELOW_RANGE.fault("sizeMiB")
    return add(array, new)


def add(array: Array, new: NewVolume) -> Volume:
    """The volume itself; checks only CPGs and space, for rules that checked the rest. ArrayFault: 404 15, 400 24."""
    array.find_cpg(new.cpg, "cpg")
    if new.snap_cpg:
        array.find_cpg(new.snap_cpg, "snapCPG")
    size_mib = rounded(new.size_mib)
    if new.provisioning is Provisioning.FULL and size_mib > cpgs.free_mib(array, array.cpgs[new.cpg]):
        raise Refusal.NO_SPACE.fault()
    number = new.id if new.id is not None else array.free_volume_id()
    volume = Volume(
        id=number,
        name=new.name,
        uuid=array.volume_uuid(),
        wwn=array.wwn(number),
        size_mib=size_mib,
        cpg=new.cpg,
        snap_cpg=new.snap_cpg,
        provisioning=new.provisioning,
        created_at=array.clock.now,
        compressed=new.compressed,
        comment=new.comment,
        policies=dict(new.policies),
        alerts=dict(new.alerts),
    )
    if any(other.wwn == volume.wwn for other in array.volumes.values()):
        raise Refusal.EXISTENT_WWN.fault()
    _set_times(array, volume, new.expiration_hours, new.retention_hours)
    array.volumes[volume.name] = volume
    return volume


def _set_times(array: Array, volume: Volume, expiration_hours: int | None, retention_hours: int | None) -> None:
    if expiration_hours is not None:
        volume.expires_at = array.clock.now + expiration_hours * 3600
    if retention_hours is not None:
        volume.retained_until = array.clock.now + retention_hours * 3600


@transition
def modify(array: Array, name: str, change: VolumeChange) -> Volume:
    """Rename or change attributes.

    ArrayFault: 404 23, 409 22, 404 15, 403 150 for the CPG of a thin volume; for a WWN 403 120 in a group, 409 26
    exported, 409 in use; for a member's name 403 without contact.
    """
    volume = array.find_volume(name)
    if change.new_name is not None and change.new_name != name and change.new_name in array.volumes:
        raise Refusal.EXISTENT_VOL.fault("newName")
    for cpg in (change.cpg, change.snap_cpg):
        if cpg:
            array.find_cpg(cpg)
    if change.cpg not in (None, volume.cpg) and volume.provisioning is not Provisioning.FULL:
        raise Refusal.UNSUPPORTED_VV_TYPE.fault("userCPG")
    if change.wwn is not None:
        _change_wwn(array, volume, change.wwn)
    if change.new_name is not None and change.new_name != name:
        _rename(array, volume, change.new_name)
    if change.comment is not None:
        volume.comment = change.comment
    volume.cpg = change.cpg or volume.cpg
    if change.snap_cpg is not None:
        volume.snap_cpg = change.snap_cpg
    volume.policies.update(change.policies)
    volume.alerts.update(change.alerts)
    _set_times(array, volume, change.expiration_hours, change.retention_hours)
    return volume


def _change_wwn(array: Array, volume: Volume, wwn: str) -> None:
    if volume.group is not None:
        raise Refusal.VV_IN_REMOTE_COPY.fault()
    if array.vluns_of(volume):
        raise Refusal.EXPORTED_VLUN.fault()
    wanted = array.wwn(volume.id) if wwn == "auto" else wwn.upper()
    if any(other.wwn == wanted and other is not volume for other in array.volumes.values()):
        raise Refusal.EXISTENT_WWN.fault("WWN")
    volume.wwn = wanted


def _rename(array: Array, volume: Volume, name: str) -> None:
    """A member's twin learns the new name, so the other array must be in contact (403 otherwise)."""
    group = volume.group
    if group is not None:
        if not array.pair.contact:
            raise Refusal.RCOPY_TARGET_IS_NOT_READY.fault()
        view = peer_view(array, group)
        member = group.members.pop(volume.name)
        group.members[name] = member
        if view is not None and member.twin in view.members:
            view.members[member.twin].twin = name
    del array.volumes[volume.name]
    volume.name = name
    array.volumes[name] = volume


@transition
def grow(array: Array, name: str, increment_mib: int) -> Volume:
    """Add MiB, rounded up to 256; the twin of a stopped group's member grows along (wsapi.md 5.8).

    ArrayFault: 404 23, 403 150 snapshot, 400 152 not positive, 400 28 too large, 403 in a started group or on the
    secondary side, 403 153 CPG limit, 400 24 space.
    """
    volume = array.find_volume(name)
    if volume.parent is not None:
        raise Refusal.UNSUPPORTED_VV_TYPE.fault()
    if increment_mib < 1:
        raise Refusal.VV_GROW_SIZE.fault("sizeMiB")
    size_mib = volume.size_mib + rounded(increment_mib)
    if size_mib > array.personality.largest_volume_mib:
        raise Refusal.TOO_LARGE.fault("sizeMiB")
    group = volume.group
    if group is not None:
        if group.started:
            raise Refusal.VV_IN_STARTED_GROUP.fault(detail=f": VV {name} is currently in a started remote copy group")
        if group.role is not Role.PRIMARY:
            raise Refusal.ONLY_ON_PRIMARY_SIDE.fault()
    cpg = array.cpgs[volume.cpg]
    if volume.provisioning is Provisioning.FULL:
        if cpg.limit_mib is not None and size_mib - volume.size_mib > cpgs.free_mib(array, cpg):
            raise Refusal.GROW_EXCEEDS_CPG_LIMIT.fault()
        if size_mib - volume.size_mib > cpgs.free_mib(array, cpg):
            raise Refusal.NO_SPACE.fault()
    volume.size_mib = size_mib
    if group is not None and array.pair.contact:
        view = peer_view(array, group)
        twin = view.members.get(group.members[name].twin) if view is not None and view.role is Role.SECONDARY else None
        if twin is not None:
            twin.volume.size_mib = max(twin.volume.size_mib, size_mib)
    return volume


@transition
def delete(array: Array, name: str) -> None:
    """Remove a volume or snapshot. ArrayFault: 404 23, 403 120 in a group, 409 26 exported, 409 32, 403 retained."""
    volume = array.find_volume(name)
    if volume.group is not None:
        raise Refusal.VV_IN_REMOTE_COPY.fault()
    if array.vluns_of(volume):
        raise Refusal.EXPORTED_VLUN.fault()
    refuse_children(array, volume)
    if volume.retained_until is not None and volume.retained_until > array.clock.now:
        raise Refusal.VV_RETAINED.fault()
    remove(array, volume)


def refuse_children(array: Array, volume: Volume, *, besides: Volume | None = None) -> None:
    """ArrayFault 409 32 if a snapshot of it exists, other than `besides`."""
    if any(child is not besides for child in snapshots.children(array, volume)):
        raise Refusal.HAS_CHILD.fault()


def remove(array: Array, volume: Volume) -> None:
    """Forget it, unchecked."""
    del array.volumes[volume.name]


@transition
def add_key(array: Array, name: str, key: str, value: str) -> None:
    """Object metadata. ArrayFault: 404 23, 409 181."""
    keys = array.find_volume(name).keys
    if key in keys:
        raise Refusal.EXISTENT_OBJECT_KEY.fault()
    keys[key] = value


@transition
def set_key(array: Array, name: str, key: str, value: str) -> None:
    """Change metadata. ArrayFault: 404 23, 404 180."""
    find_key(array, name, key)
    array.find_volume(name).keys[key] = value


def find_key(array: Array, name: str, key: str) -> str:
    """The value. ArrayFault: 404 23, 404 180."""
    value = array.find_volume(name).keys.get(key)
    if value is None:
        raise Refusal.NON_EXISTENT_OBJECT_KEY.fault()
    return value


@transition
def drop_key(array: Array, name: str, key: str) -> None:
    """Remove metadata. ArrayFault: 404 23, 404 180."""
    find_key(array, name, key)
    del array.find_volume(name).keys[key]
