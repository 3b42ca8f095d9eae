"""I/O on a map: which path it takes, what happens when that path fails, and who waits for how long."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from arraysim.core.clock import Timer
from arraysim.host.fabric import Access, Fabric, NoSuchLun, NotServing, OutsideVolume
from arraysim.host.maps import Map, Path
from arraysim.host.scsi import Midlayer, Transport
from arraysim.host.world import World

#: How soon the SCSI layer tries again while target ports are in transition.
TRANSITION_RETRY_SECONDS = 0.25


class Outcome(Enum):
    """What became of an I/O on one path. HELD: nobody answers or gives up yet. LATER: target ports in transition."""

    DONE = auto()
    HELD = auto()
    LATER = auto()
    PATH_FAILED = auto()
    REFUSED = auto()


@dataclass(eq=False, slots=True)
class Request:
    """One I/O. `data` None reads `length` bytes; `stuck` is the path that holds it; `error` an errno or 0.

    `on_done(error, result)` is called at the end, with the host's lock held.
    """

    map: Map
    offset: int
    length: int
    data: bytes | None = None
    stuck: Path | None = None
    done: bool = False
    error: int = 0
    result: bytes = b""
    on_done: Callable[[int, bytes], None] = lambda _error, _result: None


class BlockIo:
    """All I/O of the host.

    `fail_path` is multipathd's reaction to a path that the kernel failed, `reset` the transport's to an array that
    answers but has forgotten the connection.
    """

    def __init__(self, world: World, fabric: Fabric, midlayer: Midlayer) -> None:
        self._world = world
        self._fabric = fabric
        self._midlayer = midlayer
        self._pending: list[Request] = []
        self._retry: Timer | None = None
        self.fail_path: Callable[[Path], None] = lambda _path: None
        self.reset: Callable[[Path], None] = lambda _path: None

    def run(self, request: Request) -> bytes:
        """Do an I/O and wait for its end, with the host's lock held. OSError (EIO, ENXIO) if it failed."""
        self.submit(request)
        self._world.wait(lambda: request.done)
        if request.error:
            raise OSError(request.error, os.strerror(request.error), request.map.alias)
        return request.result

    def submit(self, request: Request) -> None:
        """Begin an I/O, with the host's lock held; `request.done` and `request.on_done` tell of its end."""
        self._attempt(request)
        if not request.done:
            self._pending.append(request)
            self._world.notify()

    def abort(self) -> None:
        """Fail whatever waits: the host is switched off."""
        for request in self._pending:
            self._end(request, errno.EIO)
        self._pending.clear()

    def kick(self) -> None:
        """Something about paths or queueing changed: try everything that waits again."""
        for request in list(self._pending):
            if not request.done:
                self._attempt(request)
        self._pending = [request for request in self._pending if not request.done]
        self._world.notify()

    def waiting(self, found: Map) -> int:
        """How many I/Os wait on a map."""
        return sum(request.map is found for request in self._pending)

    def _attempt(self, request: Request) -> None:
        found = request.map
        if found.removed:
            self._end(request, errno.ENXIO)
        elif request.offset < 0 or request.offset + request.length > found.size_bytes:
            self._end(request, errno.EIO)
        elif not found.suspended:
            self._on_paths(request)

    def _on_paths(self, request: Request) -> None:
        found = request.map
        while not request.done:
            path = request.stuck if request.stuck in found.paths else None
            path = path if path is not None and not path.failed else found.choose()
            if path is None:
                if not found.queueing:
                    self._end(request, errno.EIO)
                return
            request.stuck = None
            match self._send(path, request):
                case Outcome.DONE:
                    self._end(request, 0)
                case Outcome.REFUSED:
                    self._end(request, errno.EIO)
                case Outcome.HELD:
                    request.stuck = path
                    return
                case Outcome.LATER:
                    self._retry_later()
                    return
                case Outcome.PATH_FAILED:
                    self.fail_path(path)

    def _send(self, path: Path, request: Request) -> Outcome:
        nexus = path.disk.nexus
        if path.disk.removed or nexus.transport is Transport.OFFLINE:
            return Outcome.PATH_FAILED
        if not self._midlayer.live(nexus):
            if nexus.transport is Transport.RUNNING and self._fabric.answers(nexus.port):
                self.reset(path)
            return Outcome.HELD
        try:
            if request.data is None:
                request.result = self._fabric.read(
                    nexus.port, nexus.initiator, path.disk.lun, request.offset, request.length
                )
            else:
                self._fabric.write(nexus.port, nexus.initiator, path.disk.lun, request.offset, request.data)
        except NotServing as refusal:
            self._midlayer.refresh(path.disk)
            return Outcome.LATER if refusal.access is Access.TRANSITION else Outcome.PATH_FAILED
        except NoSuchLun:
            return Outcome.PATH_FAILED
        except OutsideVolume:
            return Outcome.REFUSED  # LBA out of range is the caller's fault, so no other path is tried
        return Outcome.DONE

    def _end(self, request: Request, error: int) -> None:
        request.done, request.error, request.stuck = True, error, None
        request.on_done(error, request.result)

    def _retry_later(self) -> None:
        if self._retry is None:
            self._retry = self._world.later(TRANSITION_RETRY_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self.kick()
