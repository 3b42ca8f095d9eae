"""NodePublishVolume and NodeUnpublishVolume: bind mounts of a staged volume."""

from dataclasses import replace

from csi.errors import AlreadyExistsDifferently, NotFound, OutOfOrder, PathsMissing, StillInUse
from csi.names import parse_volume_id
from csi.node import mounts, multipath
from csi.node.bench import Bench
from csi.node.ledger import StageRecord
from csi.node.mounts import Mount
from csi.node.port import PathKind
from csi.node.requests import PublishVolume
from csi.node.stage import is_staged
from csi.node.unstage import published_targets


def publish(bench: Bench, request: PublishVolume) -> None:
    """Make a staged volume appear at a target path: a folder, or for raw block a file that is the device.

    The answers to a second call follow the CSI table (csi.md 1.2): same target and arguments is fine, same target with
    other arguments AlreadyExistsDifferently, another target StillInUse for modes with one target a node. OutOfOrder if
    the volume is not staged here, or staged elsewhere or otherwise; NotFound for an id that is not one of ours.
    """
    where = f"volume {request.volume_id}"
    record = bench.ledger.get(request.volume_id)
    if record is None:
        if parse_volume_id(request.volume_id) is None:
            raise NotFound("there is no such volume", where=where)
        raise OutOfOrder("it is not staged on this node", where=where, hint="NodeStageVolume comes first")
    _check_staged(bench, request, record)
    target = bench.host.resolve(request.target_path)
    read_only = request.readonly or request.capability.mode.read_only
    mount = mounts.at(bench.host, target)
    if mount is not None:
        _check_same(bench, record, mount, target=target, read_only=read_only)
        if mount.read_only == read_only:
            return
    elif request.capability.mode.one_target_per_node and (
        others := [one for one in published_targets(bench, record) if one != target]
    ):
        raise StillInUse(
            f"access mode {request.capability.mode} allows one target, and it is published at {', '.join(others)}",
            where=where,
            hint="Unpublish it there first",
        )
    record = replace(record, targets={**record.targets, target: read_only})
    bench.ledger.put(record)
    if mount is None:
        _bind(bench, record, target)
    if read_only:
        mounts.make_read_only(bench.host, target, timeout_seconds=bench.times.mount_seconds)


def unpublish(bench: Bench, volume_id: str, target_path: str) -> None:
    """Take the volume away from a target path and remove the path; one that is not there is fine.

    Nothing is done to a path that holds another volume's mount (StillInUse), and for a volume that this node does not
    know only a mount of a multipath map is undone. Busy if the mount is in use.
    """
    record = bench.ledger.get(volume_id)
    target = bench.host.resolve(target_path)
    mount = mounts.at(bench.host, target)
    wwn = mounts.wwn_of(bench.host, mount) if mount is not None else None
    if mount is not None:
        claimed = {other.wwn for other in bench.ledger.all() if other.volume_id != volume_id}
        if wwn is None or (record.wwn != wwn if record is not None else wwn in claimed):
            raise StillInUse(
                f"another device ({mount.number}) is mounted at {target}",
                where=f"volume {volume_id}",
                done="It was left mounted",
                hint="Unmount it by hand if nobody needs it",
            )
        mounts.unmount(
            bench.host,
            bench.clock,
            target,
            ours=lambda seen: mounts.wwn_of(bench.host, seen) == wwn,
            # A bind mount that goes writes nothing: the file system stays mounted at the staging path.
            stuck=lambda: None,
            timeout_seconds=bench.times.release_seconds,
            each_seconds=bench.times.unmount_seconds,
        )
    elif record is None:
        return
    if target != (record.staging_path if record is not None else ""):
        bench.host.remove(target)
    if record is not None and target in record.targets:
        left = {path: read_only for path, read_only in record.targets.items() if path != target}
        bench.ledger.put(replace(record, targets=left))


def _check_staged(bench: Bench, request: PublishVolume, record: StageRecord) -> None:
    where = f"volume {request.volume_id}"
    staging = bench.host.resolve(request.staging_path)
    if record.staging_path != staging:
        raise OutOfOrder(f"it is staged at {record.staging_path}, not at {staging}", where=where)
    if record.block != request.capability.block:
        staged, asked = ("raw block", "a file system") if record.block else ("a file system", "raw block")
        raise OutOfOrder(f"it is staged as {staged} and cannot be published as {asked}", where=where)
    if not is_staged(bench, record):
        raise OutOfOrder(
            f"it is no longer staged at {staging}", where=where, hint="The node was restarted; stage it again"
        )


def _check_same(bench: Bench, record: StageRecord, mount: Mount, *, target: str, read_only: bool) -> None:
    """Whether what is mounted at the target is what this call would have made."""
    where = f"volume {record.volume_id}"
    if mounts.wwn_of(bench.host, mount) != record.wwn:
        raise AlreadyExistsDifferently(
            f"something else (device {mount.number}) is mounted at {target}", where=where, done="It was left mounted"
        )
    # An earlier call may have been cut off between the bind and its read-only remount: what it was asked decides.
    if record.targets.get(target, mount.read_only) != read_only:
        raise AlreadyExistsDifferently(
            f"it is published at {target} {'writable' if read_only else 'read-only'} already",
            where=where,
            hint="Unpublish it first",
        )


def _bind(bench: Bench, record: StageRecord, target: str) -> None:
    host = bench.host
    kind = host.kind(target)
    wrong = PathKind.FOLDER if record.block else PathKind.FILE
    if kind in (wrong, PathKind.OTHER):
        raise AlreadyExistsDifferently(
            f"its target {target} is there already and is not a {'file' if record.block else 'folder'}",
            where=f"volume {record.volume_id}",
        )
    if not record.block:
        host.make_folder(target)
        mounts.bind(host, record.staging_path, target, timeout_seconds=bench.times.mount_seconds)
        return
    found = multipath.find(host, record.wwn)
    if found is None:
        raise PathsMissing("its multipath map is gone", where=f"volume {record.volume_id}", hint="Stage it again")
    multipath.check_identities(host, found, record.wwn)
    host.make_file(target)
    mounts.bind(host, host.device(found.device), target, timeout_seconds=bench.times.mount_seconds)
