"""Remote Copy targets and links (wsapi.md 2.12.9)."""

from arraysim.core.array import Array
from arraysim.core.faults import Refusal
from arraysim.core.objects import Port, Target
from arraysim.core.transition import transition


def find(array: Array, name: str) -> Target:
    """ArrayFault 404 if there is none."""
    target = array.targets.get(name)
    if target is None:
        raise Refusal.NON_EXISTENT_RCOPY_TARGET.fault()
    return target


@transition
def set_mirror_config(array: Array, name: str, on: bool) -> None:
    """Whether changes to groups are made on the other array too. ArrayFault 404."""
    find(array, name).mirror_config = on


def link_ports(array: Array) -> list[tuple[Port, Port]]:
    """The Remote Copy links: each of this array's RCIP ports with the other's in the same order."""
    mine = [port for port in array.ports.values() if port.kind == "rcip"]
    theirs = [port for port in array.peer.ports.values() if port.kind == "rcip"]
    return list(zip(mine, theirs, strict=False))
