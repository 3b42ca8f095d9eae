"""The catalogue, continued: hosts and VLUNs."""

from dataclasses import dataclass

from csi.array.port import Array
from csi.array.records import Vlun
from csi.replication.steps import Action, Place


@dataclass(frozen=True)
class MakeHost(Action):
    """Create a host object for a node; `comment` is the node id, by which it is recognised as the driver's."""

    host: str
    iqns: tuple[str, ...]
    wwpns: tuple[str, ...]
    comment: str

    def title(self, array: Array) -> str:
        return f"create host {self.host} on {array.label}"

    def done(self, array: Array) -> bool:
        host = array.host(self.host)
        return host is not None and host.comment == self.comment

    def do(self, at: Place) -> None:
        at.array.create_host(self.host, self.iqns, self.wwpns, self.comment)

    def undo(self, array: Array) -> None:
        if self.done(array) and not _exports_to(array, self.host):
            array.delete_host(self.host)


@dataclass(frozen=True)
class AddInitiators(Action):
    """Let more initiators of the same node into its host. Stays: they are the node's own."""

    host: str
    iqns: tuple[str, ...]
    wwpns: tuple[str, ...]

    def title(self, array: Array) -> str:
        return f"add initiators to host {self.host} on {array.label}"

    def done(self, array: Array) -> bool:
        host = array.host(self.host)
        return host is not None and set(self.iqns) <= set(host.iqns) and set(self.wwpns) <= set(host.wwpns)

    def do(self, at: Place) -> None:
        at.array.add_initiators(self.host, self.iqns, self.wwpns)


@dataclass(frozen=True)
class Export(Action):
    """Export a volume to a host with a host-sees VLUN; the array chooses the LUN."""

    volume: str
    host: str

    def title(self, array: Array) -> str:
        return f"export {self.volume} to host {self.host} on {array.label}"

    def done(self, array: Array) -> bool:
        return bool(templates(array, self.volume, self.host))

    def do(self, at: Place) -> None:
        at.array.export(self.volume, self.host)

    def undo(self, array: Array) -> None:
        for vlun in templates(array, self.volume, self.host):
            array.unexport(vlun)


@dataclass(frozen=True)
class Unexport(Action):
    """Remove every VLUN of a volume to a host. Only forward."""

    volume: str
    host: str

    def title(self, array: Array) -> str:
        return f"remove the export of {self.volume} to host {self.host} on {array.label}"

    def done(self, array: Array) -> bool:
        return not templates(array, self.volume, self.host)

    def do(self, at: Place) -> None:
        for vlun in templates(at.array, self.volume, self.host):
            at.array.unexport(vlun)


@dataclass(frozen=True)
class RemoveUnusedHost(Action):
    """Delete a host that the driver made, once nothing is exported to it. Only forward."""

    host: str
    comment: str

    def title(self, array: Array) -> str:
        return f"delete host {self.host} on {array.label}"

    def done(self, array: Array) -> bool:
        host = array.host(self.host)
        return host is None or host.comment != self.comment or _exports_to(array, self.host)

    def do(self, at: Place) -> None:
        at.array.delete_host(self.host)


EXPORT_ACTIONS: tuple[type[Action], ...] = (MakeHost, AddInitiators, Export, Unexport, RemoveUnusedHost)


def templates(array: Array, volume: str, host: str) -> tuple[Vlun, ...]:
    """The template VLUNs of a volume to a host."""
    return tuple(vlun for vlun in array.vluns(volume) if not vlun.active and vlun.host == host)


def _exports_to(array: Array, host: str) -> bool:
    return any(not vlun.active and vlun.host == host for vlun in array.vluns())
