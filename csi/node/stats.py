"""NodeGetVolumeStats."""

from csi.errors import NotFound
from csi.node import mounts, multipath, scsi
from csi.node.bench import Bench
from csi.node.requests import VolumeStats


def stats(bench: Bench, volume_id: str, path: str, staging_path: str) -> VolumeStats:
    """Sizes of a volume at a path where it is staged or published.

    statvfs asks the mounted file system, which answers from memory also when no path to the array is left. NotFound if
    the volume is not staged here or `path` does not show it.
    """
    record = bench.ledger.get(volume_id)
    where = f"volume {volume_id}"
    if record is None:
        raise NotFound("it is not staged on this node", where=where)
    if staging_path and bench.host.resolve(staging_path) != record.staging_path:
        raise NotFound(f"it is staged at {record.staging_path}, not at {staging_path}", where=where)
    mount = mounts.at(bench.host, path)
    shown = mount is not None and mounts.wwn_of(bench.host, mount) == record.wwn
    if record.block and (shown or bench.host.resolve(path) == record.staging_path):
        found = multipath.find(bench.host, record.wwn)
        if found is not None:
            return VolumeStats(total_bytes=scsi.size_bytes(bench.host, found.kernel))
    if record.block or not shown:
        raise NotFound(f"it is not at {path}", where=where)
    space = bench.host.space(path)
    return VolumeStats(
        total_bytes=space.total_bytes,
        available_bytes=space.available_bytes,
        used_bytes=space.used_bytes,
        total_inodes=space.total_inodes,
        available_inodes=space.available_inodes,
        used_inodes=space.used_inodes,
    )
