"""ControllerUnpublishVolume: no VLUN of the volume to the node is left on any array."""

from csi.array.pair import Pair, Side
from csi.array.port import Array
from csi.array.records import Host
from csi.errors import DriverError
from csi.names import NodeId, parse_node_id
from csi.replication.exports import RemoveUnusedHost, Unexport
from csi.replication.steps import Action
from csi.saga.step import Step
from csi.volumes import conflict
from csi.volumes.office import Office, forget_volume, host_scope, volume_scope


def unpublish(office: Office, volume_id: str, node_id: str) -> None:
    """Remove the exports to one node, or with "" to all; what is not there is fine.

    An array that does not answer is an error (ArrayUnreachable) after the other one has been done: the call is
    repeated.
    """
    found = office.find(volume_id)
    node = parse_node_id(node_id) if node_id else None
    if found is None or (node_id and node is None):
        return  # nothing of this driver can be exported under such an id
    pair, parsed = found
    volume = parsed.volume
    dark: list[DriverError] = []

    def plan() -> list[Step]:
        dark.clear()
        actions: list[Action] = []
        answers = pair.both(lambda array: _exported_to(array, volume, node))
        for side, hosts in answers.items():
            if isinstance(hosts, DriverError):
                dark.append(hosts)
                continue
            actions += _removals(side, volume, hosts)
        return list(office.binder.bind(pair, actions))

    scopes = {volume_scope(pair, volume)}
    if node is not None:
        scopes.add(host_scope(pair, node.name))
    office.runner.run(f"unpublish {volume} from {node.name if node else 'all nodes'} on {pair.name}", scopes, plan)
    if dark:
        raise dark[0]
    _forget(office, pair, volume, node)


def _exported_to(array: Array, volume: str, node: NodeId | None) -> tuple[Host, ...]:
    """Hosts of the node (or all) that the volume is exported to, and the driver's own hosts of the node."""
    names = {vlun.host for vlun in array.vluns(volume) if not vlun.active}
    hosts = array.hosts_of(node.initiators) if node is not None else array.hosts()
    return tuple(host for host in hosts if host.name in names or (node is not None and _is_ours(host)))


def _is_ours(host: Host) -> bool:
    return parse_node_id(host.comment) is not None


def _removals(side: Side, volume: str, hosts: tuple[Host, ...]) -> list[Action]:
    actions: list[Action] = [Unexport(side, volume, host.name) for host in hosts]
    actions += [RemoveUnusedHost(side, host.name, host.comment) for host in hosts if _is_ours(host)]
    return actions


def _forget(office: Office, pair: Pair, volume: str, node: NodeId | None) -> None:
    if node is not None:
        office.store.delete(f"published/{pair.name}/{volume}/{node.name}")
        conflict.forget(office, pair, volume, node.name)
    else:
        forget_volume(office, pair, volume)
