"""Nodes and their host objects on the arrays: found by initiator, never by name."""

from collections.abc import Iterable

from csi.access import AccessProtocol
from csi.array.pair import Pair, Side
from csi.array.port import Array
from csi.array.records import Host
from csi.errors import BadSettings, StillInUse
from csi.names import NodeId, array_host_name, parse_node_id
from csi.replication.exports import AddInitiators, MakeHost
from csi.replication.steps import Action
from csi.volumes.office import Office

#: Generic-ALUA: the one persona with which Linux sees active and standby paths (wsapi.md 4.8).
ALUA_PERSONA = 2


def initiators_of(node: NodeId, protocol: AccessProtocol) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The node's IQNs and WWPNs that count for `protocol`; BadSettings if it has none."""
    iqns, wwpns = (node.iqns, ()) if protocol is AccessProtocol.ISCSI else ((), node.wwpns)
    if not iqns and not wwpns:
        raise BadSettings(
            f"node {node.name} has no {protocol} initiator",
            hint="Install open-iscsi there" if protocol is AccessProtocol.ISCSI else "Check its Fibre Channel ports",
        )
    return iqns, wwpns


def host_of(array: Array, node: NodeId, protocol: AccessProtocol) -> Host | None:
    """The host object that lets the node in; StillInUse if its initiators are spread over several."""
    iqns, wwpns = initiators_of(node, protocol)
    owners = array.hosts_of(iqns + wwpns)
    if len(owners) > 1:
        raise StillInUse(
            f"the initiators of node {node.name} belong to hosts {', '.join(sorted(host.name for host in owners))}",
            where=array.label,
            done="Nothing was changed",
            hint="Put them into one host with 'sethost', or remove the stale one",
        )
    return owners[0] if owners else None


def host_actions(
    side: Side, array: Array, host: Host | None, node: NodeId, protocol: AccessProtocol
) -> tuple[str, list[Action]]:
    """The name of the node's host on this array, and what makes it ready."""
    iqns, wwpns = initiators_of(node, protocol)
    if host is None:
        name = array_host_name(node.name, iqns + wwpns)
        return name, [MakeHost(side, name, iqns, wwpns, str(node))]
    if host.persona != ALUA_PERSONA:
        raise BadSettings(
            f"host {host.name} has persona {host.persona}, with which a node does not see standby paths",
            where=array.label,
            done="Nothing was changed",
            hint=f"Run 'sethost -persona {ALUA_PERSONA} {host.name}' while nothing is mounted from this array there",
        )
    new_iqns = tuple(iqn for iqn in iqns if iqn not in host.iqns)
    new_wwpns = tuple(wwpn for wwpn in wwpns if wwpn not in host.wwpns)
    missing: list[Action] = [AddInitiators(side, host.name, new_iqns, new_wwpns)] if new_iqns or new_wwpns else []
    return host.name, missing


def remember_node(office: Office, pair: Pair, host: Host, node: NodeId) -> None:
    """Note whose host this is, where the host object, not being the driver's, does not say so."""
    if host.comment != str(node):
        office.store.put(f"node/{pair.name}/{host.name}", str(node), expect=None)


def node_ids(office: Office, pair: Pair, hosts: Iterable[Host]) -> dict[str, str]:
    """CSI node ids by array host name, as far as they are known."""
    known = {entry.key.rpartition("/")[2]: entry.text for entry in office.store.list(f"node/{pair.name}/")}
    for host in hosts:
        if parse_node_id(host.comment) is not None:
            known[host.name] = host.comment
    return known
