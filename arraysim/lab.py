"""A running lab: two arrays on HTTPS, the control port, the clock, and everything that belongs to them."""

import logging
import random
import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from arraysim.certificates import make_certificates
from arraysim.config import LabConfig
from arraysim.control.api import SERVER_NAME as CONTROL_NAME
from arraysim.control.api import control_app
from arraysim.control.state import describe
from arraysim.core.clock import VirtualClock
from arraysim.core.pair import Pair
from arraysim.labfolder import PASSWORD_FILE, LabFolder
from arraysim.listener import Listener, tls_context
from arraysim.loopthread import LoopThread
from arraysim.ticker import Ticker
from arraysim.wsapi.calllog import CallLog
from arraysim.wsapi.faulthooks import FaultBook
from arraysim.wsapi.panel import Panel, Parts
from arraysim.wsapi.router import Router
from arraysim.wsapi.routes import ROUTES
from arraysim.wsapi.server import SERVER_NAME, ArrayServer
from arraysim.wsapi.sessions import Account, Sessions

if TYPE_CHECKING:
    from arraysim.host.host import SimHost

_log = logging.getLogger(__name__)


class LabBroken(AssertionError):
    """The simulator itself failed: an invariant did not hold, or a handler has a bug. Its cause is the first one."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How a client reaches one array. `url` ends in `/api/v1`. The password does not print."""

    url: str
    ca_file: Path
    user: str
    password: str

    def __repr__(self) -> str:
        return f"Endpoint(url={self.url!r}, ca_file={str(self.ca_file)!r}, user={self.user!r}, password=***)"


class Lab:
    """Two arrays that can be talked to. Made by `Lab.start`, ended by `close` or a `with` block.

    `pair` is the world, only to be touched while holding `lock`. `endpoints` and `sessions` are by array name, `hosts`
    by host name. `calls` is the log of all WSAPI calls, `faults` what is armed against them. `folder` holds ca.pem,
    lab.json and the password, and belongs to the lab alone. `broken` is set when the simulator itself fails.
    """

    def __init__(self, config: LabConfig, folder: Path | None) -> None:
        self._closing = ExitStack()
        with ExitStack() as undo:
            undo.push(self._closing)
            self._start(config, folder)
            undo.pop_all()

    @classmethod
    def start(cls, config: LabConfig | None = None, *, folder: Path | None = None) -> Self:
        """Start a lab and return when it answers.

        `folder` None: a temporary one. Raises FolderInUse, and PortTaken for a port of the configuration.
        """
        return cls(config or LabConfig(), folder)

    def _start(self, config: LabConfig, folder: Path | None) -> None:
        self.config = config
        self.lock = threading.RLock()
        self.failures: list[BaseException] = []
        self.broken = threading.Event()
        self._place = LabFolder(folder)
        self._closing.callback(self._place.close)
        self.folder = self._place.path
        self._random_hex = _random_hex(config.seed)
        self.account = Account(config.user, self._password())
        self.pair = Pair(VirtualClock(config.clock.epoch_seconds), config.options())
        self.calls = CallLog()
        self.faults = FaultBook()
        self.hosts: dict[str, SimHost] = {}
        self._loop = LoopThread("arraysim-loop")
        self._closing.callback(self._loop.close)
        # One worker: calls are carried out one by one in the order in which they came.
        self._worker = ThreadPoolExecutor(1, "arraysim-worker")
        self._closing.callback(self._worker.shutdown)
        self._panels: dict[str, Panel] = {}
        self._listeners: dict[str, Listener] = {}
        self._make_arrays()
        control = Listener(control_app(self, self._worker), port=config.control_port, server_name=CONTROL_NAME)
        self._closing.callback(lambda: self._loop.run(control.close()))
        self.control_url = control.url
        self._closing.callback(self._drop_calls)
        self._set_scene()
        self._answering: set[str] = set()
        self.follow_power()
        self._loop.run(control.up())
        self._ticker = Ticker(self.advance, self.failed, speed=config.clock.speed)
        self._closing.callback(self._ticker.close)
        if config.clock.mode == "realtime":
            self._ticker.start()
        for name in config.hosts:
            self._add_host(name)
        self._publish()

    def _make_arrays(self) -> None:
        config = self.config
        certificates = make_certificates(self.folder, [array.name for array in self.pair.arrays])
        parts = Parts(
            lock=self.lock,
            log=self.calls,
            faults=self.faults,
            router=Router(ROUTES),
            power_off=lambda name: self.power(name, on=False),
            failed=self.failed,
        )
        self.sessions: dict[str, Sessions] = {}
        self.endpoints: dict[str, Endpoint] = {}
        for array, plan in zip(self.pair.arrays, config.arrays, strict=True):
            sessions = Sessions(
                self.pair.clock,
                self.account,
                random_hex=self._random_hex,
                cap=config.sessions.cap,
                idle_seconds=config.sessions.idle_seconds,
            )
            panel = Panel(array, sessions, parts)
            paths = certificates.arrays[array.name]
            listener = Listener(
                ArrayServer(panel, self.faults, self._worker),
                port=plan.port,
                server_name=SERVER_NAME,
                tls=tls_context(str(paths.certificate_file), str(paths.key_file)),
            )
            self._closing.callback(self._close_listener, listener)
            self.sessions[array.name] = sessions
            self._panels[array.name] = panel
            self._listeners[array.name] = listener
            self.endpoints[array.name] = Endpoint(
                f"{listener.url}/api/v1", certificates.ca_file, self.account.user, self.account.password
            )

    def _close_listener(self, listener: Listener) -> None:
        self._loop.run(listener.close())

    def _set_scene(self) -> None:
        """Bring link and witness to where the configuration wants them at the start."""
        with self.lock:
            if not self.config.link.up:
                self.pair.cut_link()
            if not self.config.witness.up:
                self.pair.set_witness(False)

    def _password(self) -> str:
        """The configured one, the one of the seed, that of the lab that was here before, or a new one."""
        if self.config.password:
            return self.config.password
        if self.config.seed is not None:
            return self._random_hex(12)
        return self._place.password() or self._random_hex(12)

    def advance(self, seconds: float) -> None:
        """Let simulated time pass, running what becomes due."""
        with self.lock:
            self.pair.clock.advance(seconds)
        self.follow_power()

    def power(self, name: str, *, on: bool) -> None:
        """Switch an array on or off: its port refuses connections while it is off. KeyError for the name."""
        with self.lock:
            if on:
                self.pair.power_on(name)
            else:
                self.pair.power_off(name)
        self.follow_power()

    def follow_power(self) -> None:
        """Make the arrays' ports agree with their power, in case somebody switched `pair` itself."""
        with self.lock:
            for array in self.pair.arrays:
                if array.powered == (array.name in self._answering):
                    continue
                # The loop's thread never takes the lock, so it may be waited for here.
                listener = self._listeners[array.name]
                if array.powered:
                    self._answering.add(array.name)
                    self._loop.run(listener.up())
                else:
                    self._answering.discard(array.name)
                    self._panels[array.name].lost_power()
                    self._loop.run(listener.down())

    def add_host(self, name: str, folder: Path | None = None, *, wwpns: Sequence[str] = ()) -> "SimHost":
        """A simulated Linux host that is running, its files in `folder` or in the lab's own.

        `wwpns` are its FC initiators, 16 hex digits each. ValueError if the name is taken.
        """
        host = self._add_host(name, folder, wwpns)
        self._publish()
        return host

    def _add_host(self, name: str, folder: Path | None = None, wwpns: Sequence[str] = ()) -> "SimHost":
        # Late: most labs have no host.
        from arraysim.host.host import SimHost

        if name in self.hosts:
            raise ValueError(f"the lab has a host {name!r} already")
        folder = folder or self.folder / "hosts" / name
        host = SimHost(self.pair, self.lock, folder, name, wwpns=wwpns, mounts=self.config.mounts)
        self._closing.callback(host.close)
        self.hosts[name] = host.start()
        return host

    def _hosts(self) -> dict[str, Any]:
        return {
            name: {"folder": str(host.folder), "iqn": host.iqn, "wwpns": list(host.wwpns)}
            for name, host in self.hosts.items()
        }

    def state(self) -> dict[str, Any]:
        """Everything worth seeing, in words."""
        with self.lock:
            state = describe(self.pair)
            for name, sessions in self.sessions.items():
                state["arrays"][name]["url"] = self.endpoints[name].url
                state["arrays"][name]["sessions"] = {"open": len(sessions), "opened_so_far": sessions.opened}
        state["clock"] |= {"mode": self.config.clock.mode, "speed": self.config.clock.speed}
        state["hosts"] = self._hosts()
        state["failures"] = [f"{type(failure).__name__}: {failure}" for failure in self.failures]
        return state

    def _publish(self) -> None:
        """Write lab.json and the password file."""
        arrays = {
            array.name: {"url": self.endpoints[array.name].url, "serial": array.serial, "system_id": array.system_id}
            for array in self.pair.arrays
        }
        description = {
            "control_url": self.control_url,
            "ca_file": str(self.endpoints[self.pair.arrays[0].name].ca_file),
            "user": self.account.user,
            "password_file": str(self.folder / PASSWORD_FILE),
            "personality": self.config.personality,
            "arrays": arrays,
            "hosts": self._hosts(),
        }
        self._place.publish(self.account.password, description)

    def check(self) -> None:
        """Raise LabBroken if the simulator itself failed since the start."""
        if self.failures:
            first = self.failures[0]
            raise LabBroken(f"the simulator failed: {type(first).__name__}: {first}") from first

    def close(self) -> None:
        """End everything: threads, sockets, the files that say a lab is here. Harmless when repeated."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if error is None:
            self.check()

    def _drop_calls(self) -> None:
        """Calls that are held now never happen."""
        with self.lock:
            for panel in self._panels.values():
                panel.lost_power()
        self.faults.clear()

    def failed(self, failure: BaseException) -> None:
        """Keep what went wrong in a thread or a request of the lab, for `check`."""
        _log.error("the simulator failed", exc_info=failure)
        self.failures.append(failure)
        self.broken.set()


def _random_hex(seed: int | None) -> Callable[[int], str]:
    """A source of that many bytes in hexadecimal; the same ones in every run for a seed."""
    if seed is None:
        return secrets.token_hex
    source = random.Random(seed)  # noqa: S311  predictable on purpose: the seed asks for the same lab again
    return lambda size: source.randbytes(size).hex()
