"""multipathd: which disks become maps, the path checker, priorities, queueing (rules of multipath-tools 0.9.4)."""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator

from arraysim.host.devnodes import DeviceNodes
from arraysim.host.fabric import Access
from arraysim.host.maps import PRIORITIES, USABLE, Check, Map, Path
from arraysim.host.mpconfig import RETRY_FAIL, MultipathConfig, load
from arraysim.host.scsi import Disk, Midlayer, Nexus, Transport
from arraysim.host.sysfs import Tree
from arraysim.host.world import World

WWIDS = "/etc/multipath/wwids"
BINDINGS = "/etc/multipath/bindings"
_WWIDS_HEADER = (
    "# Multipath wwids, Version : 1.0\n"
    "# NOTE: This file is automatically maintained by multipath and multipathd.\n"
    "# You should not need to edit this file in normal circumstances.\n"
    "#\n"
    "# Valid WWIDs:\n"
)
_BINDINGS_HEADER = (
    "# Multipath bindings, Version : 1.0\n"
    "# NOTE: this file is automatically maintained by the multipath program.\n"
    "# You should not need to edit this file in normal circumstances.\n"
    "#\n"
    "# Format:\n"
    "# alias wwid\n"
    "#\n"
)


class Multipathd:
    """The daemon. `kick` is called when I/O may go on; `tune` applies fast_io_fail_tmo to a path's nexus."""

    def __init__(self, world: World, midlayer: Midlayer, tree: Tree, nodes: DeviceNodes) -> None:
        self.paths: dict[str, Path] = {}
        self.maps: dict[str, Map] = {}
        self.kick: Callable[[], None] = lambda: None
        self.tune: Callable[[Nexus, float], None] = lambda _nexus, _seconds: None
        #: In kernel mode: take a map's device away, unless it is in use.
        self.release: Callable[[Map], bool] = lambda _found: True
        self.config: MultipathConfig = load(tree)
        self._midlayer = midlayer
        self._tree = tree
        self._nodes = nodes
        world.every(1.0, self._loop)

    # -- finding ------------------------------------------------------------------------------------------------------

    def find(self, name: str) -> Map | None:
        """A map by alias, WWID, dm-N, or any of its device files."""
        name = name.removeprefix("/dev/").removeprefix("mapper/")
        for found in self.maps.values():
            if name in (found.alias, found.wwid, found.kernel, found.number):
                return found
        return None

    def path(self, name: str) -> Path | None:
        """A path by disk name, device file or major:minor."""
        name = name.removeprefix("/dev/")
        return next((path for path in self.paths.values() if name in (path.disk.name, path.disk.number)), None)

    # -- the wwids file -----------------------------------------------------------------------------------------------

    def known_wwids(self) -> list[str]:
        """WWIDs that are multipath devices by decree."""
        path = self._tree.at(WWIDS)
        lines = path.read_text().splitlines() if path.exists() else []
        return [line[1:-1] for line in lines if len(line) > 2 and line[0] == line[-1] == "/"]

    def remember(self, wwid: str) -> bool:
        """Add a WWID; False if it was there."""
        known = self.known_wwids()
        if wwid in known:
            return False
        self.write_wwids([*known, wwid])
        return True

    def forget(self, wwid: str) -> bool:
        """Remove a WWID; False if it was not there."""
        known = self.known_wwids()
        if wwid not in known:
            return False
        self.write_wwids([other for other in known if other != wwid])
        return True

    def write_wwids(self, wwids: Iterable[str]) -> None:
        """Replace the list."""
        self._tree.drop(WWIDS)
        self._tree.put(WWIDS, (_WWIDS_HEADER + "".join(f"/{wwid}/\n" for wwid in wwids)).encode())

    # -- paths --------------------------------------------------------------------------------------------------------

    def disk_added(self, disk: Disk) -> None:
        """The uevent of a new disk."""
        self.add_path(disk)

    def disk_removed(self, disk: Disk) -> None:
        """The uevent of a disk that is gone."""
        path = self.paths.pop(disk.name, None)
        if path is not None and path.map is not None:
            self._take_out(path, path.map)

    def add_path(self, disk: Disk) -> str:
        """`add path`: "ok", "blacklisted" or "fail" (ev_add_path)."""
        wwid = f"3{disk.wwn}"
        if self.config.blacklists(wwid, disk.name):
            return "blacklisted"
        path = self.paths.get(disk.name)
        if path is None:
            path = Path(disk, disk.size_bytes, wwid, interval=self.config.polling_interval)
            self.paths[disk.name] = path
            self._examine(path)
        if path.map is not None:
            return "ok"
        found = self.maps.get(path.wwid)
        if found is not None:
            if found.size_bytes != path.disk.size_bytes:
                del self.paths[disk.name]
                return "fail"
            self._reload(found, [*found.members, path])
        elif self._should_multipath(path):
            self.create(path.wwid)
        return "ok"

    def del_path(self, path: Path) -> None:
        """`del path`."""
        del self.paths[path.disk.name]
        if path.map is not None:
            self._take_out(path, path.map)

    def _should_multipath(self, path: Path) -> bool:
        """Whether a path becomes a map unasked (should_multipath)."""
        mode = self.config.find_multipaths
        if mode in ("no", "off", "greedy") or path.wwid in self.known_wwids():
            return True
        others = sum(other.wwid == path.wwid for other in self.paths.values())
        return mode in ("yes", "on", "smart") and others > 1

    def _take_out(self, path: Path, found: Map) -> None:
        """A path leaves its map; the last one takes the map along unless it is in use (ev_remove_path)."""
        path.map = None
        rest = [other for other in found.members if other is not path]
        self._reload(found, rest)
        if not rest and found.openers == 0:
            self.flush(found)
        found.update_queueing(self.config.polling_interval)
        self.kick()

    # -- maps ---------------------------------------------------------------------------------------------------------

    def create(self, wwid: str) -> Map | None:
        """Make the map of a WWID out of all its paths, asked or not; None if there are none."""
        paths = [path for path in self.paths.values() if path.wwid == wwid and not path.disk.removed]
        if not paths:
            return None
        size = paths[0].disk.size_bytes
        taken = {found.minor for found in self.maps.values()}
        minor = next(number for number in itertools.count() if number not in taken)
        found = Map(wwid, self._alias(wwid), minor, size, self.config.no_path_retry)
        found.queueing = found.no_path_retry != RETRY_FAIL
        self.maps[wwid] = found
        self.remember(wwid)
        self._reload(found, [path for path in paths if path.disk.size_bytes == size])
        return found

    def flush(self, found: Map) -> bool:
        """Remove a map; False if it is in use."""
        if found.openers or not self.release(found) or found.removed:
            return found.removed
        for path in found.paths:
            path.map, path.failed = None, False
        del self.maps[found.wwid]
        found.removed = True
        self._nodes.map_removed(found)
        self.kick()
        return True

    def resize(self, found: Map) -> bool:
        """`resize map`: take the size of the first path. False if the map has no path, or the paths do not agree."""
        sizes = {path.disk.size_bytes for path in found.paths}
        if len(sizes) != 1:
            return False
        found.size_bytes = sizes.pop()
        self._reload(found, found.members)
        return True

    def reconfigure(self) -> None:
        """Read the configuration again, and look at all disks anew."""
        self.config = load(self._tree)
        for found in list(self.maps.values()):
            if not found.disabled:
                found.no_path_retry = self.config.no_path_retry
            self._reload(found, found.members)
        for disk in list(self._midlayer.disks.values()):
            self.add_path(disk)

    def set_queueing(self, found: Map, *, disabled: bool) -> None:
        """`disablequeueing map` and `restorequeueing map`."""
        found.disabled = disabled
        found.in_recovery, found.retry_left = False, 0
        if disabled:
            found.no_path_retry = RETRY_FAIL
        else:
            found.no_path_retry = self.config.no_path_retry
        found.update_queueing(self.config.polling_interval)
        self.kick()

    def suspend(self, found: Map, suspended: bool) -> None:
        """Hold back all I/O, or let it go."""
        found.suspended = suspended
        self._nodes.map_changed(found)
        self.kick()

    def reload(self, found: Map) -> None:
        """`reload map`."""
        self._reload(found, found.members)

    def _alias(self, wwid: str) -> str:
        if wwid in self.config.aliases:
            return self.config.aliases[wwid]
        if not self.config.user_friendly_names:
            return wwid
        path = self._tree.at(BINDINGS)
        text = path.read_text() if path.exists() else _BINDINGS_HEADER
        pairs = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
        bound = {name: alias for alias, name in pairs}
        if wwid not in bound:
            taken = set(bound.values())
            bound[wwid] = next(name for name in map(_friendly, itertools.count()) if name not in taken)
            self._tree.put(BINDINGS, (text + f"{bound[wwid]} {wwid}\n").encode())
        return bound[wwid]

    def _reload(self, found: Map, paths: list[Path]) -> None:
        for path in paths:
            if path.map is None:
                path.map = found
                self.tune(path.disk.nexus, self.config.fast_io_fail_seconds)
                if not path.usable:
                    path.failed = path.check is Check.FAULTY
        found.regroup(paths)
        found.update_queueing(self.config.polling_interval)
        self._nodes.map_changed(found)
        self.kick()

    # -- the checker --------------------------------------------------------------------------------------------------

    def check_state(self, disk: Disk) -> Check:
        """What the tur checker finds now; PENDING for a disk that is held back or does not answer."""
        transport = disk.nexus.transport
        if disk.removed or transport is Transport.OFFLINE:
            return Check.FAULTY
        if not self._midlayer.live(disk.nexus):
            return Check.PENDING
        self._midlayer.refresh(disk)
        if disk.access is Access.ACTIVE:
            return Check.READY
        return Check.GHOST if disk.access is Access.STANDBY else Check.FAULTY

    @contextlib.contextmanager
    def fresh_look(self, maps: Iterable[Map]) -> Iterator[None]:
        """For a while, states and priorities as `multipath -ll` finds them itself; the daemon's own come back after."""
        before = [(path, path.check, path.priority) for found in maps for path in found.paths]
        for path, check, _ in before:
            state = self.check_state(path.disk)
            path.check = check if state is Check.PENDING else state
            path.priority = self._priority(path)
        yield
        for path, check, priority in before:
            path.check, path.priority = check, priority

    def fail_path(self, path: Path) -> None:
        """The kernel failed a path: note it, look again soon (update_multipath)."""
        path.failed = True
        path.failures += 1
        if path.map is not None:
            path.map.path_faults += 1
        if path.check is not Check.FAULTY:
            path.check = Check.FAULTY
            path.tick = min(path.tick, self.config.polling_interval)
        if path.map is not None:
            path.map.update_queueing(self.config.polling_interval)

    def pin(self, path: Path, failed: bool) -> None:
        """`fail path` and `reinstate path`: the first also stops the checker from reinstating it."""
        path.pinned = failed
        if failed:
            self.fail_path(path)
        else:
            path.failed = False
        self.kick()

    def nexus_changed(self, nexus: Nexus) -> None:
        """A transport gave up, or came back: I/O that it held goes on."""
        for path in self.paths.values():
            if path.disk.nexus is nexus and nexus.transport is Transport.RUNNING:
                path.tick = min(path.tick, self.config.polling_interval)
        self.kick()

    def _examine(self, path: Path) -> None:
        """First look at a new path."""
        path.check = self.check_state(path.disk)
        path.priority = self._priority(path)
        path.tick = path.interval

    def _priority(self, path: Path) -> int:
        if not path.usable and path.check is not Check.FAULTY:
            return path.priority
        return PRIORITIES.get(path.disk.access, 0) if path.disk.access is not None else path.priority

    def _loop(self) -> None:
        """One second of the checker loop."""
        for path in list(self.paths.values()):
            path.tick -= 1
            if path.tick <= 0 and path.map is not None:
                self._check(path, path.map)
        counting = [found for found in self.maps.values() if found.retry_left > 0]
        for found in counting:
            found.tick()
            if not found.queueing:
                self.kick()

    def _check(self, path: Path, found: Map) -> None:
        """One check of one path (check_path)."""
        path.tick = path.interval
        state = self.check_state(path.disk)
        if state is Check.PENDING:
            path.tick = 1
            return
        # A ghost is not reinstated while nothing else is active: I/O would only fail on it again.
        hold = (state is Check.GHOST and found.active_paths == 0) or path.pinned
        came_up = state in USABLE and not path.usable
        if state is not path.check:
            path.check, path.interval = state, self.config.polling_interval
            path.tick = path.interval
            if state in USABLE:
                path.failed = path.failed and hold
            else:
                path.failed = True
                path.failures += 1
                found.path_faults += 1
        elif state in USABLE:
            if path.failed and not hold:
                path.failed = False
            else:
                path.interval = path.tick = min(2 * path.interval, self.config.longest_interval)
        else:
            path.failed = True
        found.update_queueing(self.config.polling_interval)
        self._update_priorities(path, found, came_up)
        self.kick()

    def _update_priorities(self, path: Path, found: Map, came_up: bool) -> None:
        """Group anew when a priority changed, else go back to the best group (failback immediate)."""
        changed = False
        for other in found.paths if came_up else [path]:
            fresh = self._priority(other)
            changed = changed or fresh != other.priority
            other.priority = fresh
        best = found.best
        if changed:
            self._reload(found, found.members)
        elif best is not None and best is not found.current and self.config.failback == "immediate":
            found.current = best
            found.switches += 1


def _friendly(index: int) -> str:
    letters = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        letters = chr(ord("a") + digit) + letters
    return f"mpath{letters}"
