"""The node's desk: the use cases under one roof, one call at a time for each volume."""

import threading
from collections.abc import Collection, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from csi.access import AccessProtocol
from csi.clock import Clock
from csi.errors import BadSettings, Busy
from csi.names import NODE_ID_LIMIT, NodeId
from csi.node import fc, iscsi
from csi.node.attach import Attacher
from csi.node.bench import Bench, Times
from csi.node.iscsi import Initiator
from csi.node.ledger import Ledger
from csi.node.port import Host
from csi.node.publish import publish, unpublish
from csi.node.requests import NodeInfo, PublishVolume, StageVolume, VolumeStats
from csi.node.stage import stage
from csi.node.stats import stats
from csi.node.unstage import unstage

#: Threads for work on paths; nearly all of their time is spent waiting for a tool.
PATH_WORKERS = 64


class NodeDesk:
    """All node use cases. Synchronous, to be called from a thread pool; calls for different volumes run side by side.

    `state_folder` is a folder on the node's disk that survives a restart of the driver. A call for a volume on which
    another call is at work raises Busy at once.
    """

    def __init__(
        self,
        host: Host,
        clock: Clock,
        node_name: str,
        protocols: Collection[AccessProtocol],
        *,
        state_folder: Path,
        max_volumes: int = 200,
        times: Times | None = None,
        pool: Executor | None = None,
    ) -> None:
        ledger = Ledger(state_folder)
        self._pool = pool or ThreadPoolExecutor(PATH_WORKERS, thread_name_prefix="paths")
        self._bench = Bench(host, clock, ledger, Initiator(host, clock, ledger), self._pool, times or Times())
        self._attacher = Attacher(self._bench)
        self._node_name = node_name
        self._protocols = frozenset(protocols)
        self._max_volumes = max_volumes
        self._busy: set[str] = set()
        self._busy_lock = threading.Lock()

    def stage(self, request: StageVolume) -> None:
        """See stage.stage."""
        with self._alone(request.volume_id):
            stage(self._bench, self._attacher, request)

    def unstage(self, volume_id: str, staging_path: str) -> None:
        """See unstage.unstage."""
        with self._alone(volume_id):
            unstage(self._bench, self._attacher, volume_id, staging_path)

    def publish(self, request: PublishVolume) -> None:
        """See publish.publish."""
        with self._alone(request.volume_id):
            publish(self._bench, request)

    def unpublish(self, volume_id: str, target_path: str) -> None:
        """See publish.unpublish."""
        with self._alone(volume_id):
            unpublish(self._bench, volume_id, target_path)

    def stats(self, volume_id: str, path: str, staging_path: str = "") -> VolumeStats:
        """See stats.stats. It only reads, so it needs no lock."""
        return stats(self._bench, volume_id, path, staging_path)

    def info(self) -> NodeInfo:
        """Who this node is. BadSettings if it has no initiator, or too many for a node id."""
        iqn = iscsi.initiator_name(self._bench.host) if AccessProtocol.ISCSI in self._protocols else None
        wwpns = fc.port_names(self._bench.host) if AccessProtocol.FC in self._protocols else ()
        if not iqn and not wwpns:
            raise BadSettings(
                f"node {self._node_name} has no initiator for {', '.join(sorted(self._protocols)) or 'any protocol'}",
                hint=f"iSCSI needs InitiatorName in {iscsi.INITIATOR_FILE}, FC a port under /sys/class/fc_host",
            )
        text = str(NodeId(self._node_name, (iqn,) if iqn else (), wwpns))
        if (length := len(text.encode())) > NODE_ID_LIMIT:
            raise BadSettings(
                f"the id of node {self._node_name} would have {length} bytes, Kubernetes keeps {NODE_ID_LIMIT}",
                hint="Restrict the node to one protocol, or shorten its initiator name",
            )
        return NodeInfo(text, self._max_volumes)

    def close(self) -> None:
        """Wait for logins still under way and stop the pool."""
        self._pool.shutdown()

    @contextmanager
    def _alone(self, volume_id: str) -> Iterator[None]:
        with self._busy_lock:
            if volume_id in self._busy:
                raise Busy("another call on it is at work on this node", where=f"volume {volume_id}")
            self._busy.add(volume_id)
        try:
            yield
        finally:
            with self._busy_lock:
                self._busy.discard(volume_id)
