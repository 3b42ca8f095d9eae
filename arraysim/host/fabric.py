"""The only door to the arrays: their ports, log-ins, LUNs, access states and data."""

from collections.abc import Iterator
from dataclasses import dataclass

from arraysim.core import dataplane
from arraysim.core.array import Array
from arraysim.core.dataplane import (
    Access,
    DataPathDown,
    LoginRefused,
    LunView,
    NoSuchLun,
    NotServing,
    OutsideVolume,
)
from arraysim.core.pair import Pair

__all__ = [
    "Access",
    "DataPathDown",
    "Fabric",
    "LoginRefused",
    "LunView",
    "NoSuchLun",
    "NotServing",
    "OutsideVolume",
    "TargetPort",
]

ISCSI_PORT = 3260
#: Revision in the standard INQUIRY answer, the first digits of the system's version (data-path.md 3: 3315).
_PRODUCT_REVISION_DIGITS = 4


@dataclass(frozen=True, slots=True)
class TargetPort:
    """A host-facing port. iSCSI: `address`, `tcp_port`, `iqn`, `tpgt`; FC: `wwpn`, `wwnn`."""

    array: Array
    position: str
    address: str = ""
    tcp_port: int = ISCSI_PORT
    iqn: str = ""
    wwpn: str = ""

    @property
    def tpgt(self) -> int:
        """Target portal group tag: node, slot and port as one number, 0:2:1 is 21 (wsapi.md 2.2)."""
        return int(self.position.replace(":", ""))

    @property
    def wwnn(self) -> str:
        """The array's node name (wsapi.md 2.2)."""
        return f"2FF70002AC{self.array.system_id:06X}"

    @property
    def relative_id(self) -> int:
        """Relative target port identifier, unique in the array."""
        node, slot, card = (int(part) for part in self.position.split(":"))
        return (node << 8) + (slot << 4) + card

    @property
    def group_id(self) -> int:
        """Target port group: one for each controller node; distinct across the two arrays (wsapi.md 5.4)."""
        first = self.array.pair.arrays.index(self.array) * 256
        return first + int(self.position.split(":")[0]) + 1

    @property
    def revision(self) -> str:
        """Product revision of the INQUIRY answer."""
        return self.array.personality.system_version.replace(".", "")[:_PRODUCT_REVISION_DIGITS]


class Fabric:
    """Both arrays' ports as the initiators of one host reach them."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair

    def ports(self, kind: str) -> Iterator[TargetPort]:
        """Ports of `kind` ("iscsi" or "fc") whose link is ready, of both arrays, powered or not."""
        for array in self._pair.arrays:
            for port in array.ports.values():
                if port.kind == kind and port.ready:
                    yield TargetPort(array, port.position, address=port.address, iqn=port.iqn, wwpn=port.wwn)

    def portal(self, address: str, tcp_port: int) -> TargetPort | None:
        """The iSCSI port at an address."""
        found = (port for port in self.ports("iscsi") if (port.address, port.tcp_port) == (address, tcp_port))
        return next(found, None)

    def answers(self, port: TargetPort) -> bool:
        """Whether anybody is there."""
        return port.array.powered and port.array.ports[port.position].ready

    def login(self, port: TargetPort, initiator: str) -> None:
        """Raises DataPathDown or LoginRefused."""
        dataplane.login(port.array, initiator, port.position)

    def logout(self, port: TargetPort, initiator: str) -> None:
        """Say good-bye; a dead array does not hear it."""
        if self.logged_in(port, initiator):
            dataplane.logout(port.array, initiator, port.position)

    def logged_in(self, port: TargetPort, initiator: str) -> bool:
        """Whether the array knows of this log-in (a power loss makes it forget)."""
        return self.answers(port) and port.position in port.array.logins.get(initiator, set())

    def luns(self, port: TargetPort, initiator: str) -> dict[int, LunView]:
        """REPORT LUNS on one port, by LUN number. DataPathDown if nobody is there."""
        exported = {(vlun.lun, vlun.volume.name) for vlun in port.array.vluns if vlun.position in ("", port.position)}
        views = dataplane.luns(port.array, initiator)
        return {view.lun: view for view in views if (view.lun, view.volume) in exported}

    def access(self, port: TargetPort, initiator: str, lun: int) -> Access | None:
        """ALUA state of a LUN; None if there is no such LUN. DataPathDown if nobody is there."""
        view = self.luns(port, initiator).get(lun)
        return None if view is None else dataplane.access(port.array, view.volume)

    def read(self, port: TargetPort, initiator: str, lun: int, offset: int, length: int) -> bytes:
        """READ. Raises NotServing, DataPathDown, NoSuchLun, OutsideVolume."""
        self._need(port, initiator, lun)
        return dataplane.read(port.array, initiator, lun, offset, length)

    def write(self, port: TargetPort, initiator: str, lun: int, offset: int, data: bytes) -> None:
        """WRITE. Raises as `read`."""
        self._need(port, initiator, lun)
        dataplane.write(port.array, initiator, lun, offset, data)

    def _need(self, port: TargetPort, initiator: str, lun: int) -> None:
        if lun not in self.luns(port, initiator):
            raise NoSuchLun(f"LUN {lun} is not there on port {port.position} of {port.array.name}")
