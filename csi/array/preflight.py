"""Is a backend fit for use? Everything that can be seen without changing anything, as a list of findings.

Each array is asked for all it knows at the same time; what one cannot tell becomes a finding, and the rest goes on.
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TypeVar

from csi.access import AccessProtocol
from csi.array.pair import Pair, Side
from csi.array.port import Array
from csi.array.records import Cpg, Port, System, Target
from csi.errors import DriverError
from csi.settings.model import ArraySettings, Backend

T = TypeVar("T")

#: Licences that Peer Persistence needs, as the array names them (wsapi.md 2.1); newer generations tell none.
_LICENSES = ("Remote Copy", "Peer Persistence")
_WITNESS_AT_WORK = ("active", "standby", "started")


class Level(StrEnum):
    """How bad a finding is: an ERROR keeps the backend from working, a WARNING keeps it from working well."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked: `where` names the array or backend, `hint` says what to do, "" if nothing."""

    level: Level
    where: str
    sentence: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one array told; a part it could not tell is the error it gave instead."""

    system: System | DriverError
    ports: tuple[Port, ...] | DriverError
    targets: tuple[Target, ...] | DriverError
    cpgs: dict[str, Cpg | DriverError | None]


def check(pair: Pair) -> tuple[Finding, ...]:
    """Look at everything the backend needs on its arrays; never raises for what an array does."""
    names = {side: _cpg_names(pair, side) for side in pair.sides}
    looks = pair.both(lambda array: _look(array, names[Side.SOURCE if array is pair.source else Side.TARGET]))
    findings: list[Finding] = []
    for side, look in looks.items():
        label = pair.array(side).label
        if isinstance(look, DriverError):
            findings.append(_failed(label, look))
            continue
        if isinstance(look.system, DriverError):
            findings.append(_failed(label, look.system))  # the other answers would only repeat it
            continue
        findings.append(_about(label, look.system))
        findings += _cpgs(label, look, names[side])
        findings += _ports(label, look, pair.backend, _settings(pair, side))
        if pair.target is not None:
            findings += _licenses(label, look.system)
            findings += _targets(label, look, pair.backend, _settings(pair, side))
    findings += _two_boxes(pair, looks)
    findings += _maps(pair.backend)
    return tuple(findings)


def _look(array: Array, cpgs: frozenset[str]) -> _Seen:
    system = _try(array.system)
    if isinstance(system, DriverError):
        return _Seen(system, (), (), {})
    found: dict[str, Cpg | DriverError | None] = {}
    for name in sorted(cpgs):
        found[name] = _try(partial(array.cpg, name))
    return _Seen(system, _try(array.ports), _try(array.targets), found)


def _try(ask: Callable[[], T]) -> T | DriverError:
    try:
        return ask()
    except DriverError as error:
        return error


def _failed(label: str, error: DriverError) -> Finding:
    """What an error says, without naming the array twice."""
    return Finding(Level.ERROR, label, error.what, error.hint)


def _about(label: str, system: System) -> Finding:
    told = (
        f"{system.model or 'array'} {system.name}, serial {system.serial}, id {system.system_id}, OS {system.version}"
    )
    return Finding(Level.OK, label, f"answers and accepts the login: {told}")


def _settings(pair: Pair, side: Side) -> ArraySettings:
    target = pair.backend.target
    return target if side is Side.TARGET and target is not None else pair.backend.source


def _cpg_names(pair: Pair, side: Side) -> frozenset[str]:
    backend = pair.backend
    if side is Side.TARGET:
        return frozenset({*backend.cpg_map.values(), *backend.snap_cpg_map.values()})
    return frozenset({backend.cpg, backend.snap_cpg, *backend.cpg_map, *backend.snap_cpg_map} - {""})


def _cpgs(label: str, look: _Seen, names: frozenset[str]) -> Iterator[Finding]:
    for name in sorted(names):
        cpg = look.cpgs[name]
        if isinstance(cpg, DriverError):
            yield _failed(label, cpg)
        elif cpg is None:
            hint = "Correct the CPG names and maps in the settings, or create the CPG"
            yield Finding(Level.ERROR, label, f"CPG {name} does not exist", hint)
        else:
            yield Finding(Level.OK, label, f"CPG {name} exists")


def _maps(backend: Backend) -> Iterator[Finding]:
    """The defaults need their counterparts: without them no group can be made."""
    if backend.target is None:
        return
    for what, default, names in (
        ("CPG", backend.cpg, backend.cpg_map),
        ("snapshot CPG", backend.snap_cpg, backend.snap_cpg_map),
    ):
        if default and default not in names:
            sentence = f"the map names no {what} on {backend.target.label} for the default {default}"
            yield Finding(Level.ERROR, backend.name, sentence, f"Add {default} to the backend's {what} map")


def _ports(label: str, look: _Seen, backend: Backend, settings: ArraySettings) -> Iterator[Finding]:
    if isinstance(look.ports, DriverError):
        yield _failed(label, look.ports)
        return
    of_kind = [port for port in look.ports if port.protocol == str(backend.protocol)]
    iscsi = backend.protocol is AccessProtocol.ISCSI
    ready = [port for port in of_kind if port.ready]
    if ready:
        names = ", ".join(f"{port.position} {port.address or port.wwpn}" for port in ready)
        yield Finding(Level.OK, label, f"{len(ready)} {backend.protocol} ports are ready: {names}")
    else:
        hint = "Cable and configure host ports, or choose the other protocol in the settings"
        yield Finding(Level.ERROR, label, f"no {backend.protocol} port is ready", hint)
    for wanted in settings.portals if iscsi else settings.fc_ports:
        of_name = [port for port in of_kind if _same(wanted, port, iscsi)]
        if not of_name:
            hint = "Compare the settings with showport -iscsi" if iscsi else "Compare the settings with showport"
            yield Finding(Level.ERROR, label, f"port {wanted} of the settings is not on this array", hint)
        elif not any(port.ready for port in of_name):
            hint = "Look at its link; until then nodes have fewer paths"
            yield Finding(Level.WARNING, label, f"port {wanted} of the settings is not ready", hint)


def _same(wanted: str, port: Port, iscsi: bool) -> bool:
    if not iscsi:
        return wanted == port.position
    try:
        return bool(port.address) and ipaddress.ip_address(_address(wanted)) == ipaddress.ip_address(port.address)
    except ValueError:
        return _address(wanted) == port.address


def _address(portal: str) -> str:
    """The address of "address", "address:port", "[v6]:port" or a bare v6 address."""
    if portal.startswith("["):
        return portal[1:].partition("]")[0]
    return portal.partition(":")[0] if portal.count(":") == 1 else portal


def _licenses(label: str, system: System) -> Iterator[Finding]:
    if not system.licenses:
        return  # newer generations have them all and list none (wsapi.md 2.1)
    for name in _LICENSES:
        if not any(name.lower() in license_name.lower() for license_name in system.licenses):
            hint = "Peer Persistence needs it on both arrays"
            yield Finding(Level.WARNING, label, f"the array lists no licence {name!r}", hint)


def _targets(label: str, look: _Seen, backend: Backend, settings: ArraySettings) -> Iterator[Finding]:
    """The Remote Copy target on this array that stands for the other one."""
    if isinstance(look.targets, DriverError):
        yield _failed(label, look.targets)
        return
    known = ", ".join(target.name for target in look.targets) or "none"
    name = settings.target_name
    chosen = [target for target in look.targets if target.name == name] if name else list(look.targets)
    if len(chosen) != 1:
        what = f"there is no Remote Copy target {name}" if name else "the settings name no Remote Copy target"
        yield Finding(Level.ERROR, label, what, f"Name this array's target for the other one; it has: {known}")
        return
    (target,) = chosen
    if target.ready:
        yield Finding(Level.OK, label, f"Remote Copy target {target.name} is ready")
    else:
        hint = "Look at the links and the other array (showrcopy targets)"
        yield Finding(Level.ERROR, label, f"Remote Copy target {target.name} is not ready", hint)
    if not target.mirror_config:
        hint = "Turn the target's policy mirror_config on; without it groups appear on one array only"
        yield Finding(Level.ERROR, label, f"Remote Copy target {target.name} does not mirror configuration", hint)
    yield from _witness(label, target, backend)


def _witness(label: str, target: Target, backend: Backend) -> Iterator[Finding]:
    if not backend.quorum_witness or not target.witness:
        return
    if target.witness in _WITNESS_AT_WORK:
        yield Finding(Level.OK, label, f"the quorum witness of target {target.name} is {target.witness}")
    else:
        hint = "Start it on both arrays (setrcopytarget witness start); without it no failover happens by itself"
        sentence = f"the quorum witness of target {target.name} is {target.witness}"
        yield Finding(Level.WARNING, label, sentence, hint)


def _two_boxes(pair: Pair, looks: Mapping[Side, _Seen | DriverError]) -> Iterator[Finding]:
    """Two settings that lead to one box: replication to itself."""
    systems = [look.system for look in looks.values() if not isinstance(look, DriverError)]
    known = [system for system in systems if not isinstance(system, DriverError)]
    if pair.target is None or len(known) != 2:
        return
    first, second = known
    if first.serial == second.serial or first.system_id == second.system_id:
        sentence = f"{pair.source.label} and {pair.target.label} are the same array, serial {first.serial}"
        yield Finding(Level.ERROR, pair.name, sentence, "Give the other array's url and credentials")
    else:
        yield Finding(Level.OK, pair.name, f"two different arrays, ids {first.system_id} and {second.system_id}")
