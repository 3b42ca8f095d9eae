"""Which tools the host has, and running one of them."""

import logging
from collections.abc import Callable

from arraysim.host.blocktools import blkid, blockdev, dd, dmsetup, udevadm
from arraysim.host.call import Answer, Call, ToolFailed, say
from arraysim.host.fstools import e2fsck, fsck_xfs, mkfs_ext4, mkfs_xfs, resize2fs, xfs_growfs, xfs_repair
from arraysim.host.iscsiadm import iscsiadm
from arraysim.host.machine import Machine
from arraysim.host.mounttools import mount, umount
from arraysim.host.multipathtools import multipath, multipathd
from arraysim.host.world import HostStopped

log = logging.getLogger(__name__)

Tool = Callable[[Machine, Call], Answer]
#: Tools for devices and sessions, and where they are installed.
DEVICE_TOOLS: dict[str, Tool] = {
    "usr/sbin/iscsiadm": iscsiadm,
    "usr/sbin/multipath": multipath,
    "usr/sbin/multipathd": multipathd,
    "usr/sbin/dmsetup": dmsetup,
    "usr/bin/udevadm": udevadm,
}
#: Tools for file systems, mounts and blocks.
FILE_TOOLS: dict[str, Tool] = {
    "usr/sbin/blkid": blkid,
    "usr/sbin/blockdev": blockdev,
    "usr/sbin/mkfs.ext4": mkfs_ext4,
    "usr/sbin/mkfs.xfs": mkfs_xfs,
    "usr/sbin/e2fsck": e2fsck,
    "usr/sbin/fsck.ext4": e2fsck,
    "usr/sbin/fsck.xfs": fsck_xfs,
    "usr/sbin/xfs_repair": xfs_repair,
    "usr/sbin/resize2fs": resize2fs,
    "usr/sbin/xfs_growfs": xfs_growfs,
    "usr/bin/mount": mount,
    "usr/bin/umount": umount,
    "usr/bin/dd": dd,
}
#: What a shell reports for a command that could not run.
CANNOT_RUN = 126


def run(tools: dict[str, Tool], machine: Machine, call: Call, settle: Callable[[], None] | None = None) -> Answer:
    """Run a tool with the lock held. Whatever was written to sysfs before is done first; `settle` waits for devices."""
    machine.tree.attributes.drain()
    try:
        answer = tools[call.tool](machine, call)
        if settle is not None:
            settle()
    except ToolFailed as failure:
        return say(failure.out, code=failure.code, err=failure.err)
    except HostStopped:
        return say(code=CANNOT_RUN, err=f"{call.tool}: the simulated host was closed\n")
    except OSError as error:
        return say(code=1, err=f"{call.tool}: {error.strerror}\n")
    except Exception:  # the request ends here, and the caller must learn that the tool is broken, not hang
        log.exception("%s %s broke", call.tool, " ".join(call.argv))
        return say(code=CANNOT_RUN, err=f"{call.tool}: broken in the simulated host, see its log\n")
    return answer
