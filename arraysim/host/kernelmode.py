"""Root mode: maps are real block devices of this machine, so that its own mkfs, fsck, blkid and mount work on them.

A map is a file in our FUSE file system, a loop device lies over that file, and FOLDER/dev/dm-N is a node of that loop
device (FOLDER/dev is a tmpfs that shows itself as `udev`). So a map's major:minor is the loop device's (7:N), in
/sys/block/dm-N/dev as in mountinfo, and a bound device file shows the root /dm-N as on a real host; only the source of
a mount reads FOLDER/dev/dm-N. /proc/1/mountinfo is this process's own. Single disks (sdX) stay placeholder files.

Nothing that may touch such a device is done with the host's lock held: its I/O comes back to us and needs the lock.
"""

import contextlib
import errno
import logging
import os
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path

from arraysim.host import loops
from arraysim.host.blockio import Request
from arraysim.host.fuse import Done, FuseServer, ServedFile, detach_mount, mount
from arraysim.host.machine import Machine
from arraysim.host.maps import LOOP_MAJOR, Map
from arraysim.host.toolbox import CANNOT_RUN

log = logging.getLogger(__name__)

_DEV_OPTIONS = "mode=755,size=1m"
BACKING = "run/mapper-backing"


def available() -> str:
    """Why this machine cannot do it; "" if it can."""
    if os.geteuid() != 0:
        return "not root"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
        loops.free()
    except OSError as error:
        return f"{error.filename or 'loop devices'}: {error.strerror}"
    return "" if shutil.which("mount") else "no mount command"


def link_tools(folder: Path, tools: list[str]) -> list[str]:
    """This machine's own tools in place of ours; the names of those it does not have, which then say so."""
    missing = []
    for tool in tools:
        place, name = folder / tool, tool.rpartition("/")[2]
        real = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        if real is not None:
            place.symlink_to(real)
        else:
            missing.append(name)
            text = f"{name}: this machine has no {name}, and in kernel mode its own tools are used"
            place.write_text(f"#!/bin/sh\necho '{text}' >&2\nexit {CANNOT_RUN}\n")
            place.chmod(0o755)
    return missing


class KernelMode:
    """The block devices behind a machine's maps. Threads do what may block; `jobs` counts those under way."""

    def __init__(self, machine: Machine) -> None:
        self.jobs = 0
        self._machine = machine
        self._world = machine.world
        self._sizes: dict[str, int] = {}
        self._dev = machine.tree.at("/dev")
        for stale in (machine.tree.folder / BACKING, self._dev):
            detach_mount(stale)  # left by a host that was killed
        self._dev.mkdir(parents=True, exist_ok=True)
        mount("udev", self._dev, "tmpfs", _DEV_OPTIONS)
        try:
            self._server = FuseServer(machine.tree.folder / BACKING)
        except OSError:
            detach_mount(self._dev)
            raise
        mountinfo = machine.tree.at("/proc/1/mountinfo")
        mountinfo.parent.mkdir(parents=True, exist_ok=True)
        mountinfo.symlink_to("/proc/self/mountinfo")

    def settle(self) -> None:
        """Wait, with the lock held, until every device is as its map is: what `udevadm settle` waits for."""
        self._world.wait(lambda: self.jobs == 0)

    # -- hooks of the machine, called with the lock held ---------------------------------------------------------------

    def publish(self, found: Map) -> bool:
        """Whether the map has its device; if not, one is made and the map shown when it is there."""
        if found.loop is None:
            if found.wwid not in self._sizes:
                self._sizes[found.wwid] = found.size_bytes
                self._work(lambda: self._attach(found))
            return False
        if self._sizes[found.wwid] != found.size_bytes:
            self._sizes[found.wwid] = found.size_bytes
            number, backing = found.loop, self._backing(found)
            self._work(lambda: loops.refresh_size(number, backing))
        return True

    def release(self, found: Map) -> bool:
        """Take the device away before its map goes; False if it is in use. Waits, so the lock is let go meanwhile."""
        self.settle()
        number = found.loop
        if number is None:
            return found.wwid not in self._sizes
        answers: list[bool] = []

        def ask() -> None:
            used = loops.in_use(number)
            if not used:
                loops.detach(number)
            answers.append(not used)

        self._work(ask)
        self.settle()
        if answers != [True]:
            return False
        found.loop = None
        self._server.remove(found.wwid)
        del self._sizes[found.wwid]
        return True

    def make_node(self, path: str, found: Map) -> None:
        """The device file of a map."""
        node = self._machine.tree.at(path)
        if not node.exists() and found.loop is not None:
            os.mknod(node, 0o660 | stat.S_IFBLK, os.makedev(LOOP_MAJOR, found.loop))

    # -- threads -------------------------------------------------------------------------------------------------------

    def _backing(self, found: Map) -> Path:
        return self._server.folder / found.wwid

    def _work(self, act: Callable[[], None]) -> None:
        """Do something that may block, without the lock."""
        self.jobs += 1

        def run() -> None:
            try:
                act()
            except (OSError, loops.NoLoopDevice):
                log.exception("a block device could not be made or changed")
            finally:
                with self._world.lock:
                    self.jobs -= 1
                    self._world.notify()

        threading.Thread(target=run, name="simhost-device", daemon=True).start()

    def _attach(self, found: Map) -> None:
        try:
            number = loops.attach(self._server.add(found.wwid, self._served(found)))
        except (OSError, loops.NoLoopDevice):
            with self._world.lock:  # the next reload of the map tries again, and the map may go without a device
                self._server.remove(found.wwid)
                del self._sizes[found.wwid]
            raise
        with self._world.lock:
            if not found.removed and not self._world.closed:
                found.loop = number
                self._machine.nodes.map_changed(found)
                return
        loops.detach(number)

    def _served(self, found: Map) -> ServedFile:
        def read(offset: int, length: int, done: Done) -> None:
            with self._world.lock:
                length = max(0, min(length, found.size_bytes - offset))
                self._submit(Request(found, offset, length, on_done=done))

        def write(offset: int, data: bytes, done: Done) -> None:
            with self._world.lock:
                self._submit(Request(found, offset, len(data), data, on_done=done))

        return ServedFile(lambda: found.size_bytes, read, write)

    def _submit(self, request: Request) -> None:
        if self._world.closed:
            request.on_done(errno.EIO, b"")
        else:
            self._machine.io.submit(request)

    # -- the end -------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Like a power failure. All I/O fails by now (`BlockIo.abort`), so nothing waits; called without the lock."""
        numbers = {found.loop for found in self._machine.multipathd.maps.values() if found.loop is not None}
        devices = {f"{LOOP_MAJOR}:{number}" for number in numbers}
        for point in reversed(self._points(devices)):
            detach_mount(point)
        for number in numbers:
            loops.detach(number)
        self._server.close()
        detach_mount(self._dev)
        with contextlib.suppress(OSError):
            self._machine.tree.at("/proc/1/mountinfo").unlink()

    def _points(self, devices: set[str]) -> list[str]:
        """Mount points of our devices and of their bound device files, oldest first."""
        points = []
        number = os.stat(self._dev).st_dev
        own = f"{os.major(number)}:{os.minor(number)}"
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            fields = line.split(" ")
            point = fields[4].encode().decode("unicode_escape")
            if fields[2] in devices or (fields[2] == own and fields[3] != "/"):
                points.append(point)
        return points
