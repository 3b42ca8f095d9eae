"""NodeStageVolume: the volume's multipath device on this node and, unless it is raw block, a mount of it.

Every step looks first, so a repeated call goes on where the last one was, and a call for what is already there changes
nothing.
"""

import logging
from dataclasses import replace

from csi.errors import (
    AlreadyExistsDifferently,
    CallerError,
    DriverError,
    InvalidRequest,
    OperatorError,
    StillInUse,
    UnfinishedError,
)
from csi.node import filesystem, mounts, multipath, scsi
from csi.node.attach import Attacher
from csi.node.bench import Bench
from csi.node.context import Connection, Layout, connection_of, layout_of
from csi.node.ledger import Phase, StageRecord, usage_of
from csi.node.multipath import Map
from csi.node.requests import StageVolume
from csi.node.unstage import unstage

log = logging.getLogger(__name__)


def stage(bench: Bench, attacher: Attacher, request: StageVolume) -> None:
    """Stage a volume.

    Raises InvalidRequest (contexts), AlreadyExistsDifferently (staged otherwise, or content that does not fit),
    StillInUse (staged at another path), PathsMissing (no usable path; naming the ports that failed), ToolFailed.
    After an error that repeating cannot cure, everything this call made is taken away again.
    """
    connection = connection_of(request.publish_context)
    layout = None if request.capability.block else layout_of(request.capability, request.volume_context)
    record = _agree(bench, request, connection)
    if record.phase is Phase.READY and is_staged(bench, record):
        bench.ledger.put(record)
        return
    bench.ledger.put(record)
    try:
        found = attacher.attach(request.volume_id, connection)
        if layout is not None:
            record = _mount(bench, request, record, _Work(found, layout, check_first=connection.check_first))
    except (CallerError, OperatorError) as error:
        _take_back(bench, attacher, request, error)
        raise
    bench.ledger.put(replace(record, phase=Phase.READY))


def is_staged(bench: Bench, record: StageRecord) -> bool:
    """Whether the kernel shows what a record says: the map and, for a file system, its mount at the staging path."""
    if record.block:
        return record.phase is Phase.READY and multipath.find(bench.host, record.wwn) is not None
    mount = mounts.at(bench.host, record.staging_path)
    return mount is not None and mounts.wwn_of(bench.host, mount) == record.wwn


class _Work:
    """The device to mount and what is wanted on it."""

    def __init__(self, found: Map, layout: Layout, *, check_first: bool) -> None:
        self.map = found
        self.layout = layout
        self.check_first = check_first


def _agree(bench: Bench, request: StageVolume, connection: Connection) -> StageRecord:
    """The record to go on with, after comparing the request with what is staged already."""
    where = f"volume {request.volume_id}"
    staging = bench.host.resolve(request.staging_path)
    usage = usage_of(request.capability)
    record = bench.ledger.get(request.volume_id)
    if record is not None and is_staged(bench, record):
        if record.staging_path != staging:
            raise StillInUse(f"it is staged at {record.staging_path}", where=where, hint="Unstage it there first")
        if (record.wwn, record.usage) != (connection.wwn, usage):
            raise AlreadyExistsDifferently(
                f"it is staged at {staging} with another capability or as another device (WWN {record.wwn})",
                where=where,
                hint="Unstage it first",
            )
        return replace(record, portals=tuple(dict.fromkeys(record.portals + connection.portals)))
    mount = mounts.at(bench.host, staging)
    if mount is not None and (request.capability.block or mounts.wwn_of(bench.host, mount) != connection.wwn):
        raise AlreadyExistsDifferently(
            f"something else (device {mount.number}) is mounted at its staging path {staging}",
            where=where,
            done="It was left mounted",
            hint="Unmount it, or have the volume staged elsewhere",
        )
    fresh = StageRecord(
        request.volume_id, staging, connection.wwn, request.capability.block, usage, portals=connection.portals
    )
    if record is None:
        return fresh
    if record.wwn != connection.wwn:
        if multipath.find(bench.host, record.wwn) is not None or scsi.disks_with(bench.host, record.wwn):
            raise AlreadyExistsDifferently(
                f"this node still holds it as another device (WWN {record.wwn})", where=where, hint="Unstage it first"
            )
        return fresh
    # Of an interrupted call or a reboot only the state of formatting and the ports to log out of still count. After a
    # forced move not even the former: data without a name may be another node's.
    formatting = record.phase in (Phase.FORMATTING, Phase.FORMATTED) and not connection.check_first
    return replace(
        fresh,
        phase=record.phase if formatting else Phase.CONNECTING,
        portals=tuple(dict.fromkeys(record.portals + connection.portals)),
    )


def _mount(bench: Bench, request: StageVolume, record: StageRecord, work: _Work) -> StageRecord:
    """Prepare the file system and mount it; returns the record as far as it has come."""
    host, times, capability = bench.host, bench.times, request.capability
    mount = mounts.at(host, record.staging_path)
    if mount is None:
        record, name = _prepare(bench, request, record, work)
        host.make_folder(record.staging_path)
        options = [*capability.mount_flags, *(["ro"] if capability.mode.read_only else [])]
        if name == "xfs":
            # Snapshots and clones carry the file system id of their source.
            options.append("nouuid")
        fs_type = "ext4" if name in filesystem.MOUNTED_AS_EXT4 else name
        mounts.mount_device(
            host,
            work.map.device,
            record.staging_path,
            fs_type=fs_type,
            options=options,
            timeout_seconds=times.mount_seconds,
        )
    if record.phase is Phase.FORMATTED:
        if work.layout.owner is not None:
            host.set_owner(record.staging_path, *work.layout.owner)
        if work.layout.mode is not None:
            host.set_mode(record.staging_path, work.layout.mode)
    return record


def _prepare(bench: Bench, request: StageVolume, record: StageRecord, work: _Work) -> tuple[StageRecord, str]:
    """See that the device holds a file system that may be mounted: the record so far, and the type found or made."""
    host, times, device = bench.host, bench.times, work.map.device
    wanted = work.layout.fs_type
    seen = filesystem.probe(host, device, scsi.size_bytes(host, work.map.kernel), times.read_seconds)
    if filesystem.needs_making(seen, wanted, unfinished=record.phase is Phase.FORMATTING):
        if request.capability.mode.read_only:
            raise InvalidRequest(
                "the volume is blank and is to be used read-only",
                where=f"volume {request.volume_id}",
                done="It was not formatted",
                hint="Use it once in a writing mode, or make it from a snapshot",
            )
        record = replace(record, phase=Phase.FORMATTING)
        bench.ledger.put(record)
        multipath.check_identities(host, work.map, record.wwn)
        filesystem.make(host, device, wanted, times.make_seconds)
        log.info("volume %s: made a file system of type %s on WWN %s", record.volume_id, wanted, record.wwn)
        record = replace(record, phase=Phase.FORMATTED)
        bench.ledger.put(record)
        return record, wanted
    if record.phase is Phase.FORMATTING:
        record = replace(record, phase=Phase.FORMATTED)
        bench.ledger.put(record)
    if work.check_first:
        filesystem.check(host, device, seen.name, times.check_seconds)
    return record, seen.name


def _take_back(bench: Bench, attacher: Attacher, request: StageVolume, error: DriverError) -> None:
    try:
        unstage(bench, attacher, request.volume_id, request.staging_path)
    except DriverError as left:
        raise UnfinishedError(error, [str(left)]) from error
