"""NodeUnstageVolume: unmount, take the map and exactly its own paths away, leave sessions that nobody uses any more.

It ends in bounded time even when no array answers, and whatever it could not do is done by the next call.
"""

import logging

from csi.clock import Deadline, poll
from csi.errors import Busy, DriverError, StillInUse
from csi.node import iscsi, mounts, multipath, scsi
from csi.node.attach import Attacher
from csi.node.bench import Bench
from csi.node.context import Portal
from csi.node.ledger import StageRecord
from csi.node.multipath import Map
from csi.node.port import ToolFailed

log = logging.getLogger(__name__)


def unstage(bench: Bench, attacher: Attacher, volume_id: str, staging_path: str) -> None:
    """Undo a stage; a volume that is not staged is fine.

    Raises StillInUse while the volume is published here or the path holds somebody else's mount, Busy (and its heir
    ToolFailed) if something did not let go in time: then the record stays, and the call can be repeated.
    """
    record = bench.ledger.get(volume_id)
    staging = bench.host.resolve(staging_path)
    wwn = record.wwn if record is not None else _wwn_without_record(bench, volume_id, staging)
    if wwn is None:
        return
    if record is not None and (still := published_targets(bench, record)):
        raise StillInUse(
            f"it is still published at {', '.join(still)}", where=f"volume {volume_id}", hint="Unpublish it there first"
        )
    attacher.settle(volume_id, bench.times.release_seconds)
    found = multipath.find(bench.host, wwn)
    disks = _disks(bench, found, wwn)
    portals = set(record.portals if record is not None else ()) | iscsi.portals_of(bench.host, disks)
    _free_if_dead(bench, found)
    for path in dict.fromkeys((staging, record.staging_path if record is not None else staging)):
        _unmount(bench, path, wwn, found)
    if found is not None:
        _flush(bench, found)
    # Forgotten first: an event of a path that is still there must not make the map anew.
    multipath.forget(bench.host, wwn)
    _remove_disks(bench, disks, wwn)
    if (again := multipath.find(bench.host, wwn)) is not None:
        _flush(bench, again)
    _leave(bench, volume_id, portals)
    bench.ledger.drop(volume_id)


def published_targets(bench: Bench, record: StageRecord) -> list[str]:
    """Target paths at which the kernel still shows the volume."""
    found = []
    for target in record.targets:
        mount = mounts.at(bench.host, target)
        if mount is not None and mounts.wwn_of(bench.host, mount) == record.wwn:
            found.append(target)
    return found


def _wwn_without_record(bench: Bench, volume_id: str, staging: str) -> str | None:
    """The volume mounted at a staging path that no record tells of (a lost state folder); None without a mount."""
    mount = mounts.at(bench.host, staging)
    if mount is None:
        return None
    wwn = mounts.wwn_of(bench.host, mount)
    if wwn is None or any(record.wwn == wwn for record in bench.ledger.all()):
        raise StillInUse(
            f"another device ({mount.number}) is mounted at {staging}",
            where=f"volume {volume_id}",
            done="It was left mounted",
            hint="This node has no record of the volume; unmount the path by hand if nobody needs it",
        )
    return wwn


def _disks(bench: Bench, found: Map | None, wwn: str) -> list[str]:
    """The volume's paths: disks in its map or outside that say they are the volume, never one that says otherwise."""
    names = {*(found.disks if found is not None else ()), *scsi.disks_with(bench.host, wwn)}
    own = sorted(name for name in names if scsi.identity_of(bench.host, name) == wwn)
    for stranger in sorted(names.difference(own)):
        log.warning("disk %s in the map of WWN %s is not that volume by its page 0x83; left alone", stranger, wwn)
    return own


def _free_if_dead(bench: Bench, found: Map | None) -> None:
    """Let I/O on a map that no path answers for fail, else nothing on it would ever end."""
    if found is None:
        return
    states = multipath.paths(bench.host, found)
    if all(path.dead for path in states) if states else not found.disks:
        log.warning("no path of map %s answers; what was not written yet is lost", found.name)
        multipath.stop_queueing(bench.host, found)


def _unmount(bench: Bench, path: str, wwn: str, found: Map | None) -> None:
    mounts.unmount(
        bench.host,
        bench.clock,
        path,
        ours=lambda mount: mounts.wwn_of(bench.host, mount) == wwn,
        # The arrays may have gone after the first look, or multipathd noticed only now.
        stuck=lambda: _free_if_dead(bench, found),
        timeout_seconds=bench.times.release_seconds,
        each_seconds=bench.times.unmount_seconds,
    )


def _flush(bench: Bench, found: Map) -> None:
    times = bench.times
    deadline = Deadline(bench.clock, times.release_seconds)
    reason = ""

    def gone() -> bool:
        nonlocal reason
        reason = multipath.flush(bench.host, found, max(1.0, deadline.left_seconds()))
        if reason:
            _free_if_dead(bench, found)
        return not reason

    if not poll(bench.clock, gone, timeout_seconds=times.release_seconds, every_seconds=times.poll_seconds):
        raise Busy(
            f"map {found.name} cannot be removed ({reason})",
            done="Its paths were left in place",
            hint="Something on the node still has it open; the call can be repeated",
        )


def _remove_disks(bench: Bench, disks: list[str], wwn: str) -> None:
    times = bench.times
    work = [bench.pool.submit(scsi.remove, bench.host, disk, wwn, times.release_seconds) for disk in disks]
    failures = [failure for future in work if (failure := future.exception()) is not None]
    for failure in failures:
        raise failure

    def gone() -> bool:
        return not any(scsi.identity_of(bench.host, disk) == wwn for disk in disks)

    if not poll(bench.clock, gone, timeout_seconds=times.release_seconds, every_seconds=times.poll_seconds):
        raise ToolFailed(f"disks of WWN {wwn} are still there after their removal: {', '.join(disks)}")


def _leave(bench: Bench, volume_id: str, portals: set[Portal]) -> None:
    """Log out of every portal, also after one of them failed, then raise the first failure."""
    work = [bench.pool.submit(bench.initiator.logout, portal, volume_id) for portal in sorted(portals)]
    failures = [failure for future in work if (failure := future.exception()) is not None]
    for failure in failures:
        if not isinstance(failure, DriverError):
            raise failure
        log.warning("volume %s: %s", volume_id, failure)
    if failures:
        raise failures[0]
