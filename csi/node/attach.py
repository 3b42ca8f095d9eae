"""From a connection to disks: every path of both arrays at once, without letting a dead one hold up the living.

A path that answers late (its login is bounded by open-iscsi's own settings, iscsi.py) is still carried through in the
background, and multipathd adds it to the map; unstaging waits for such stragglers first.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from csi.access import AccessProtocol
from csi.clock import Deadline
from csi.errors import DriverError, PathsMissing
from csi.node import fc, iscsi, multipath, scsi
from csi.node.bench import Bench
from csi.node.context import Connection, Portal
from csi.node.multipath import Map
from csi.node.port import ToolFailed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Approach:
    """One way to a volume: port `label` of `array`. `reach` makes it ready and returns where its LUN appears."""

    array: str
    label: str
    reach: Callable[[], scsi.Locate]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Disks found, and a sentence for each port through which none was found."""

    disks: tuple[str, ...]
    failures: tuple[str, ...]


class Attacher:
    """Brings up the paths of volumes and remembers which are still on their way."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._running: defaultdict[str, set[Future[str]]] = defaultdict(set)
        self._lock = threading.Lock()

    def attach(self, volume_id: str, connection: Connection) -> Map:
        """The volume's multipath map, checked path by path. PathsMissing names the ports that failed and why."""
        bench, wwn = self._bench, connection.wwn
        multipath.announce(bench.host, wwn)
        outcome = self._bring_up(volume_id, connection)
        for failure in outcome.failures:
            log.warning("volume %s: %s", volume_id, failure)
        if not outcome.disks:
            raise PathsMissing(
                f"no path to the volume (WWN {wwn}): {'; '.join(outcome.failures)}",
                where=f"volume {volume_id}",
                hint="Check the arrays' ports and this node's network or fabric; the call can be repeated",
            )
        sizes = {disk: scsi.size_bytes(bench.host, disk) for disk in outcome.disks}
        if len(set(sizes.values())) != 1 or 0 in sizes.values():
            listed = ", ".join(f"{disk} {size} bytes" for disk, size in sorted(sizes.items()))
            raise PathsMissing(
                f"the paths of WWN {wwn} differ in size ({listed})",
                where=f"volume {volume_id}",
                done="The volume was not used",
                hint="An expansion may be under way; the call can be repeated",
            )
        try:
            return multipath.assemble(bench.host, bench.clock, wwn, list(outcome.disks), bench.times.map_seconds)
        except PathsMissing as error:
            if outcome.failures:
                error.hint = f"{error.hint}. Ports that failed: {'; '.join(outcome.failures)}"
            raise

    def settle(self, volume_id: str, timeout_seconds: float) -> None:
        """Wait for paths of a volume that are still on their way; ToolFailed if they do not end in time."""
        with self._lock:
            running = list(self._running.get(volume_id, ()))
        ended = threading.Event()
        deadline = Deadline(self._bench.clock, timeout_seconds)
        for future in running:
            future.add_done_callback(lambda _future: ended.set())
        while any(not future.done() for future in running):
            ended.clear()
            if all(future.done() for future in running):
                return
            if not self._bench.clock.wait(ended, deadline.left_seconds()):
                raise ToolFailed(
                    "a login that began while the volume was staged has not ended yet", where=f"volume {volume_id}"
                )

    def _bring_up(self, volume_id: str, connection: Connection) -> Outcome:
        approaches = list(self._approaches(connection))
        changed = threading.Event()
        futures: list[Future[str]] = []
        for approach in approaches:
            future = self._bench.pool.submit(self._walk, approach, connection.wwn)
            self._remember(volume_id, future)
            future.add_done_callback(lambda _future: changed.set())
            futures.append(future)
        self._wait(approaches, futures, changed)
        return self._collect(connection, approaches, futures)

    def _remember(self, volume_id: str, future: Future[str]) -> None:
        with self._lock:
            self._running[volume_id].add(future)

        def forget(ended: Future[str]) -> None:
            with self._lock:
                left = self._running[volume_id]
                left.discard(ended)
                if not left:
                    del self._running[volume_id]

        future.add_done_callback(forget)

    def _wait(self, approaches: Sequence[Approach], futures: Sequence[Future[str]], changed: threading.Event) -> None:
        """Until all have ended, or all of one array are there and nothing has happened for a while, or time is up."""
        times, clock = self._bench.times, self._bench.clock
        deadline = Deadline(clock, times.login_seconds + times.disk_seconds)
        while True:
            changed.clear()
            if all(future.done() for future in futures):
                return
            left = deadline.left_seconds()
            if _one_side_is_full(approaches, futures):
                left = min(left, times.straggler_seconds)
            if left <= 0 or not clock.wait(changed, left):
                return

    def _walk(self, approach: Approach, wwn: str) -> str:
        bench = self._bench
        locate = approach.reach()
        return scsi.surface(bench.host, bench.clock, locate, wwn, bench.times.disk_seconds)

    def _approaches(self, connection: Connection) -> list[Approach]:
        found = []
        for side in connection.sides:
            if side.lun is None:
                continue
            found += [
                Approach(side.array, f"{portal} {portal.iqn}", self._through_portal(portal, side.lun))
                for portal in side.portals
            ]
            for wwpn in side.wwpns:
                lanes = fc.lanes_to(self._bench.host, wwpn, side.lun)
                found += [Approach(side.array, f"{wwpn} from host{lane.host}", _known(lane)) for lane in lanes]
                if not lanes:
                    found.append(Approach(side.array, wwpn, _unseen))
        return found

    def _through_portal(self, portal: Portal, lun: int) -> Callable[[], scsi.Locate]:
        bench = self._bench
        asked_at = bench.clock.monotonic()

        def reach() -> scsi.Locate:
            session = bench.initiator.login(portal, asked_at=asked_at, timeout_seconds=bench.times.login_seconds)
            return lambda: iscsi.lane_of(bench.host, session, lun)

        return reach

    def _collect(
        self, connection: Connection, approaches: Sequence[Approach], futures: Sequence[Future[str]]
    ) -> Outcome:
        disks: list[str] = []
        failures = [
            f"{side.array}: gave no LUN number when the volume was published"
            if side.lun is None
            # An array with no port listed is told apart from one whose ports failed.
            else f"{side.array}: the publish context names no port of it"
            for side in connection.sides
            if side.lun is None or not (side.portals if connection.protocol is AccessProtocol.ISCSI else side.wwpns)
        ]
        for approach, future in zip(approaches, futures, strict=True):
            where = f"{approach.array} {approach.label}"
            if not future.done():
                failures.append(f"{where}: no answer yet")
                continue
            error = future.exception()
            if error is None:
                disks.append(future.result())
            elif isinstance(error, DriverError):
                failures.append(f"{where}: {error.what}")
            else:
                raise error
        return Outcome(tuple(dict.fromkeys(disks)), tuple(failures))


def _known(lane: scsi.Lane) -> Callable[[], scsi.Locate]:
    return lambda: lambda: lane


def _unseen() -> scsi.Locate:
    raise PathsMissing("no FC port of this node sees it online")


def _one_side_is_full(approaches: Sequence[Approach], futures: Sequence[Future[str]]) -> bool:
    """Whether every port of some array has given its disk."""
    there: defaultdict[str, bool] = defaultdict(lambda: True)
    for approach, future in zip(approaches, futures, strict=True):
        there[approach.array] &= future.done() and future.exception() is None
    return any(there.values())
