"""The parts list of the running program: the one place that picks implementations and starts servers."""

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from csi.array.pair import Pair
from csi.array.preflight import Finding, Level, check
from csi.array.wsapi import WsapiArray
from csi.clock import Clock, SystemClock
from csi.node.desk import NodeDesk
from csi.node.host import ExecMode, LinuxHost
from csi.replication.bound import Binder
from csi.rpc import server
from csi.rpc.controller import Controller
from csi.rpc.identity import Identity, driver_version
from csi.rpc.node import Node
from csi.rpc.operations import Operations
from csi.rpc.pools import Pools
from csi.saga.journal import Journal
from csi.saga.locks import Locks
from csi.saga.recovery import Recovery
from csi.saga.runner import Runner
from csi.settings.load import load_settings
from csi.settings.model import Backend, Settings
from csi.settings.options import MEMORY, BackendOptions, CheckOptions, ControllerOptions, NodeOptions
from csi.store.memory import MemoryStore
from csi.store.port import Store
from csi.store.sqlite import SqliteStore
from csi.volumes.desk import VolumeDesk
from csi.volumes.office import Office

_log = logging.getLogger(__name__)


def run_controller(options: ControllerOptions) -> int:
    """Serve the controller until a signal; the answer is the exit code."""
    clock = SystemClock()
    settings = _settings(options.backends)
    store: Store = MemoryStore() if options.journal == MEMORY else SqliteStore(Path(options.journal))
    pairs = {name: _pair(backend, clock) for name, backend in settings.backends.items()}
    binder = Binder(pairs, clock)
    runner = Runner(Journal(store), Locks(clock), clock, binder.rebuild)
    office = Office(settings, pairs, runner, binder, store, clock, options.remove_groups)
    recovery = Recovery(runner, clock)
    controller = Controller(VolumeDesk(office), Operations(Pools(options.serve.workers)))
    recovery.start()
    try:
        services = server.Services(Identity(driver_version()), controller=controller)
        server.run(services, options.serve.endpoint, grace_seconds=options.serve.grace_seconds)
    finally:
        recovery.stop()
        for pair in pairs.values():
            pair.close()
        store.close()
    return 0


def run_node(options: NodeOptions) -> int:
    """Serve this node until a signal; the answer is the exit code."""
    host = LinuxHost(options.host_root, ExecMode(options.exec_mode))
    desk = NodeDesk(
        host,
        SystemClock(),
        options.node_name,
        options.protocols,
        state_folder=options.state_folder,
        max_volumes=options.max_volumes,
    )
    try:
        services = server.Services(
            Identity(driver_version()), node=Node(desk, Operations(Pools(options.serve.workers)))
        )
        server.run(services, options.serve.endpoint, grace_seconds=options.serve.grace_seconds)
    finally:
        desk.close()
    return 0


def run_check(options: CheckOptions) -> int:
    """Print what is wrong with the settings or the arrays; 0 if nothing keeps the driver from working, else 1."""
    settings, clock = _settings(options.backends), SystemClock()
    worst = Level.OK
    for name, backend in sorted(settings.backends.items()):
        pair = _pair(backend, clock)
        sys.stdout.write(f"backend {name}: asking {' and '.join(pair.array(side).label for side in pair.sides)}\n")
        sys.stdout.flush()
        findings = check(pair)
        pair.close()
        sys.stdout.writelines(_line(finding) for finding in findings)
        levels = {finding.level for finding in findings} | {worst}
        worst = next(level for level in (Level.ERROR, Level.WARNING, Level.OK) if level in levels)
    verdicts = {
        Level.OK: "Everything is as the driver needs it.",
        Level.WARNING: "The driver will work; see the warnings.",
        Level.ERROR: "The driver cannot work with all of these; see the errors.",
    }
    sys.stdout.write(f"{verdicts[worst]}\n")
    return 1 if worst is Level.ERROR else 0


def _line(finding: Finding) -> str:
    hint = f" {finding.hint}" if finding.hint else ""
    return f"  {finding.level.value:8}{finding.where}: {finding.sentence}{hint}\n"


def _settings(options: BackendOptions, environ: Mapping[str, str] = os.environ) -> Settings:
    settings = load_settings(
        options.config, environ=environ, passphrase_file=options.passphrase_file, ca_bundle=options.ca_bundle
    )
    for warning in settings.warnings:
        _log.warning("%s", warning)
    return settings


def _pair(backend: Backend, clock: Clock) -> Pair:
    target = WsapiArray(backend.target, clock) if backend.target is not None else None
    return Pair(backend, WsapiArray(backend.source, clock), target)
