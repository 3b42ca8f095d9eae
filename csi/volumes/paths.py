"""The publish context: where a node finds a volume. Its form is described in `csi.node.requests`."""

import ipaddress
import json
import logging
from collections.abc import Collection, Mapping, Sequence

from csi.access import AccessProtocol
from csi.array.pair import Pair, Side
from csi.array.records import Host, Port, Vlun, Volume
from csi.errors import DriverError, PathsMissing
from csi.settings.model import ArraySettings

_log = logging.getLogger(__name__)

#: CSI limits a context to 4 KiB; some of it is left for the keys' framing.
CONTEXT_LIMIT_BYTES = 4096 - 64
ISCSI_PORT = 3260


def publish_context(
    pair: Pair,
    protocol: AccessProtocol,
    volumes: Mapping[Side, Volume],
    vluns: Mapping[Side, tuple[Vlun, ...]],
    hosts: Mapping[Side, Host | None],
    *,
    dark: Collection[Side],
    readonly: bool,
    fsck: bool,
) -> dict[str, str]:
    """What the node is told; ports that do not fit into 4 KiB are left out. PathsMissing if no port is ready.

    `dark` are sides that have a copy and did not answer: they are named without a LUN.
    """
    arrays: list[tuple[str, int | None, list[Port]]] = []
    for side in pair.sides:
        if side in dark:
            arrays.append((pair.array(side).label, None, []))
        elif side in volumes:
            host = hosts[side]
            luns = [vlun.lun for vlun in vluns[side] if not vlun.active and host is not None and vlun.host == host.name]
            arrays.append((pair.array(side).label, luns[0] if luns else None, _ports(pair, side, protocol)))
    if not any(ports for _, _, ports in arrays):
        raise PathsMissing(
            f"no array of backend {pair.name} has a ready {protocol} port",
            hint="See 'showport' on the arrays, and the portals in the settings",
        )
    context = {"protocol": protocol.value, "wwn": next(iter(volumes.values())).wwn}
    if readonly:
        context["readonly"] = "true"
    if fsck:
        context["fsck"] = "required"
    most = max(len(ports) for _, _, ports in arrays)
    for count in range(most, 0, -1):
        context["arrays"] = _arrays_text(protocol, arrays, count)
        if sum(len(key) + len(text) for key, text in context.items()) <= CONTEXT_LIMIT_BYTES:
            if count < most:
                _log.warning("backend %s has more ports than a publish context holds; %d an array", pair.name, count)
            break
    return context


def _arrays_text(protocol: AccessProtocol, arrays: Sequence[tuple[str, int | None, Sequence[Port]]], count: int) -> str:
    rows = []
    for label, lun, ports in arrays:
        row: dict[str, object] = {"array": label, "lun": lun}
        if protocol is AccessProtocol.ISCSI:
            row["portals"] = [[port.address, port.iqn] for port in ports[:count]]
        else:
            row["wwpns"] = [port.wwpn for port in ports[:count]]
        rows.append(row)
    return json.dumps(rows, separators=(",", ":"))


def _ports(pair: Pair, side: Side, protocol: AccessProtocol) -> list[Port]:
    """The array's ready ports that the settings allow, iSCSI addresses with their TCP port; none if it is dark."""
    settings = pair.backend.source if side is Side.SOURCE else pair.backend.target
    try:
        ports = pair.array(side).ports()
    except DriverError as error:
        _log.warning("%s: its ports are left out of the publish context: %s", pair.array(side).label, error)
        return []
    ready = [port for port in ports if port.ready and port.protocol == protocol.value]
    if settings is None:
        return ready
    if protocol is AccessProtocol.FC:
        return [port for port in ready if not settings.fc_ports or port.position in settings.fc_ports]
    return _allowed_portals(ready, settings)


def _allowed_portals(ready: Sequence[Port], settings: ArraySettings) -> list[Port]:
    allowed = dict(split_portal(portal) for portal in settings.portals)
    chosen = []
    for port in ready:
        if not allowed or port.address in allowed:
            tcp_port = allowed.get(port.address, ISCSI_PORT)
            chosen.append(Port(port.position, port.protocol, port.ready, join_portal(port.address, tcp_port), port.iqn))
    return chosen


def split_portal(text: str) -> tuple[str, int]:
    """Address and TCP port of "address", "address:port", "[v6]:port" or a bare IPv6 address."""
    if text.startswith("["):
        address, _, rest = text[1:].partition("]")
        return address, int(rest.removeprefix(":") or ISCSI_PORT)
    if text.count(":") > 1:
        return text, ISCSI_PORT
    address, _, port = text.partition(":")
    return address, int(port or ISCSI_PORT)


def join_portal(address: str, tcp_port: int) -> str:
    """The form open-iscsi takes: IPv6 addresses in brackets."""
    try:
        is_v6 = ipaddress.ip_address(address).version == 6
    except ValueError:
        is_v6 = False
    return f"[{address}]:{tcp_port}" if is_v6 else f"{address}:{tcp_port}"
