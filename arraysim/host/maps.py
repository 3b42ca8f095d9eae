"""Multipath maps and their paths: what dm-multipath and multipathd share, by the rules of multipath-tools 0.9.4."""

from dataclasses import dataclass, field
from enum import StrEnum

from arraysim.host.fabric import Access
from arraysim.host.mpconfig import RETRY_FAIL, RETRY_QUEUE
from arraysim.host.scsi import Disk

DM_MAJOR, LOOP_MAJOR = 253, 7
#: Priorities of the alua prioritizer; other states are 0.
PRIORITIES = {Access.ACTIVE: 50, Access.STANDBY: 1}


class Check(StrEnum):
    """What the path checker (tur) last found, in multipath-tools' words."""

    READY = "ready"
    GHOST = "ghost"
    FAULTY = "faulty"
    PENDING = "i/o pending"
    UNDEF = "undef"


USABLE = (Check.READY, Check.GHOST)


@dataclass(eq=False, slots=True)
class Path:
    """A disk that multipathd knows. `failed` is the kernel's view in its map; `tick` counts down to the next check."""

    disk: Disk
    size_bytes: int
    wwid: str
    map: "Map | None" = None
    check: Check = Check.UNDEF
    priority: int = -1
    failed: bool = False
    pinned: bool = False
    tick: int = 1
    interval: int = 5
    failures: int = 0

    @property
    def usable(self) -> bool:
        """Whether it counts as an active path; a ghost does."""
        return self.check in USABLE


@dataclass(eq=False, slots=True)
class Group:
    """Paths of one priority."""

    paths: list[Path]

    @property
    def priority(self) -> int:
        """Average over usable paths, 0 without any (path_group_prio_update)."""
        usable = [path.priority for path in self.paths if path.usable]
        return sum(usable) // len(usable) if usable else 0

    @property
    def valid(self) -> bool:
        """Whether the kernel may still send I/O into it."""
        return any(not path.failed for path in self.paths)


@dataclass(eq=False, slots=True)
class Map:
    """One multipath device. `queueing` is the kernel's queue_if_no_path; `retry_left` counts seconds until it goes."""

    wwid: str
    alias: str
    minor: int
    size_bytes: int
    no_path_retry: int
    members: list[Path] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    current: Group | None = None
    queueing: bool = True
    in_recovery: bool = False
    retry_left: int = 0
    disabled: bool = False
    suspended: bool = False
    removed: bool = False
    openers: int = 0
    loop: int | None = None
    path_faults: int = 0
    switches: int = 0
    loads: int = 0
    queue_seconds: int = 0
    queue_timeouts: int = 0
    failures: int = 0

    @property
    def kernel(self) -> str:
        """dm-N."""
        return f"dm-{self.minor}"

    @property
    def number(self) -> str:
        """major:minor: device-mapper's, or in kernel mode those of the loop device behind it."""
        return f"{DM_MAJOR}:{self.minor}" if self.loop is None else f"{LOOP_MAJOR}:{self.loop}"

    @property
    def paths(self) -> list[Path]:
        """All paths, in the order of the groups."""
        return [path for group in self.groups for path in group.paths]

    @property
    def active_paths(self) -> int:
        """Paths that count as active."""
        return sum(path.usable for path in self.paths)

    def regroup(self, paths: list[Path]) -> None:
        """Put the paths into groups by priority, best first, and start with the best group: a reload of the table."""
        self.members = paths
        by_priority: dict[int, list[Path]] = {}
        for path in paths:
            by_priority.setdefault(path.priority, []).append(path)
        self.groups = [Group(by_priority[priority]) for priority in sorted(by_priority, reverse=True)]
        self.current = self.best or (self.groups[0] if self.groups else None)
        self.loads += 1

    @property
    def best(self) -> Group | None:
        """Highest priority, then most usable paths (select_path_group)."""
        usable = [group for group in self.groups if any(path.usable for path in group.paths)]
        return max(usable, key=lambda g: (g.priority, sum(p.usable for p in g.paths)), default=None)

    def choose(self) -> Path | None:
        """The path for the next I/O: the current group while it has one, else the first group that has."""
        groups = [self.current, *self.groups] if self.current is not None else self.groups
        for group in groups:
            if group is not None and group.valid:
                if group is not self.current:
                    self.current = group
                    self.switches += 1
                return next(path for path in group.paths if not path.failed)
        return None

    # -- queueing without paths (structs_vec.c: update_queue_mode_*, retry_count_tick) --------------------------------

    def update_queueing(self, interval_seconds: int) -> None:
        """Enter or leave recovery mode, as the number of active paths says."""
        if self.disabled or self.no_path_retry == RETRY_FAIL:
            self.queueing = False
        elif self.no_path_retry == RETRY_QUEUE:
            self.queueing = True
        elif self.active_paths:
            self.in_recovery, self.retry_left, self.queueing = False, 0, True
        elif not self.in_recovery:
            self.in_recovery = True
            self.queue_timeouts += 1
            self.failures += 1
            self.retry_left = self.no_path_retry * interval_seconds + 1

    def tick(self) -> None:
        """A second without paths has passed."""
        if self.retry_left > 0:
            self.queue_seconds += 1
            self.retry_left -= 1
            if self.retry_left == 0:
                self.failures += 1
                self.queueing = False
