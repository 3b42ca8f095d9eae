"""Host objects: names for sets of initiators (wsapi.md 2.10)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from arraysim.core.array import Array
from arraysim.core.faults import Refusal
from arraysim.core.objects import Host
from arraysim.core.transition import transition

PATHS_LIMIT = 1024
PERSONAS = range(1, 13)
GENERIC_ALUA = 2


@dataclass(frozen=True, slots=True)
class NewHost:
    """A host to make. WWNs are 16 hex digits in any case."""

    name: str
    iqns: tuple[str, ...] = ()
    wwns: tuple[str, ...] = ()
    persona: int = GENERIC_ALUA
    descriptors: dict[str, str] = field(default_factory=dict)
    domain: str = ""


@dataclass(frozen=True, slots=True)
class HostChange:
    """What to change; None leaves as it is."""

    new_name: str | None = None
    persona: int | None = None
    descriptors: dict[str, str] = field(default_factory=dict)


@transition
def create(array: Array, new: NewHost) -> Host:
    """ArrayFault: 404 38 domain, 409 16 name, 400 46 persona, 409 73 path in use, 400 98 path twice, 400 43 many."""
    if new.domain:
        raise Refusal.NON_EXISTENT_DOMAIN.fault("domain")
    if new.name in array.hosts:
        raise Refusal.EXISTENT_HOST.fault()
    if new.persona not in PERSONAS:
        raise Refusal.BAD_ENUM_VALUE.fault("persona")
    host = Host(id=array.next_id("host"), name=new.name, persona=new.persona, descriptors=dict(new.descriptors))
    _refuse_taken(array, host, new.iqns, new.wwns)
    _take(host, new.iqns, new.wwns)
    array.hosts[host.name] = host
    return host


def _refuse_taken(array: Array, host: Host, iqns: Iterable[str], wwns: Iterable[str]) -> None:
    """A path in use is refused even when it is this host's own (wsapi.md 2.10)."""
    wanted = [*iqns, *(wwn.upper() for wwn in wwns)]
    if len(set(wanted)) != len(wanted):
        raise Refusal.DUP_PATH.fault()
    for path in wanted:
        if array.owner_of(path) is not None:
            raise Refusal.EXISTENT_PATH.fault(path)
    if len(wanted) + len(host.initiators) > PATHS_LIMIT:
        raise Refusal.EXCEEDS_RANGE.fault()


def _take(host: Host, iqns: Iterable[str], wwns: Iterable[str]) -> None:
    host.iqns += iqns
    host.wwns += (wwn.upper() for wwn in wwns)


@transition
def modify(array: Array, name: str, change: HostChange) -> Host:
    """ArrayFault: 404 17, 409 16 for a name in use, 400 46 persona, 409 26 for a persona while exported."""
    host = array.find_host(name)
    if change.new_name is not None and change.new_name != name and change.new_name in array.hosts:
        raise Refusal.EXISTENT_HOST.fault("newName")
    if change.persona is not None and change.persona not in PERSONAS:
        raise Refusal.BAD_ENUM_VALUE.fault("persona")
    if change.persona not in (None, host.persona) and any(vlun.host is host for vlun in array.vluns):
        raise Refusal.EXPORTED_VLUN.fault("persona")
    host.persona = change.persona or host.persona
    host.descriptors.update(change.descriptors)
    if change.new_name is not None:
        del array.hosts[name]
        host.name = change.new_name
        array.hosts[host.name] = host
    return host


@transition
def add_paths(array: Array, name: str, iqns: tuple[str, ...], wwns: tuple[str, ...]) -> None:
    """ArrayFault: 404 17, 409 73 path in use by any host, 400 98."""
    host = array.find_host(name)
    _refuse_taken(array, host, iqns, wwns)
    _take(host, iqns, wwns)


@transition
def remove_paths(array: Array, name: str, iqns: tuple[str, ...], wwns: tuple[str, ...], *, force: bool = False) -> None:
    """Take initiators from the host and log them out.

    ArrayFault: 404 17, 404 80 no such path, 409 26 exported and not forced.
    """
    host = array.find_host(name)
    upper = tuple(wwn.upper() for wwn in wwns)
    for path in (*iqns, *upper):
        if path not in host.initiators:
            raise Refusal.NON_EXISTENT_PATH.fault(path)
    if not force and any(vlun.host is host for vlun in array.vluns):
        raise Refusal.EXPORTED_VLUN.fault()
    host.iqns = [iqn for iqn in host.iqns if iqn not in iqns]
    host.wwns = [wwn for wwn in host.wwns if wwn not in upper]
    for path in (*iqns, *upper):
        array.logins.pop(path, None)


@transition
def delete(array: Array, name: str) -> None:
    """ArrayFault: 404 17, 409 26 while anything is exported to it."""
    host = array.find_host(name)
    if any(vlun.host is host for vlun in array.vluns):
        raise Refusal.EXPORTED_VLUN.fault()
    for path in host.initiators:
        array.logins.pop(path, None)
    del array.hosts[name]
