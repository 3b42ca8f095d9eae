"""What the node's use cases work with, in one record, and how long they may take."""

from concurrent.futures import Executor
from dataclasses import dataclass

from csi.clock import Clock
from csi.node.iscsi import Initiator
from csi.node.ledger import Ledger
from csi.node.port import Host


@dataclass(frozen=True, slots=True)
class Times:
    """Bounds, in seconds. With an array down staging takes at most `login` + `disk` + `map` before it says why."""

    login_seconds: float = 12.0
    #: How long ports that have not answered may hold up a stage for which one array is fully there.
    straggler_seconds: float = 3.0
    disk_seconds: float = 10.0
    map_seconds: float = 30.0
    read_seconds: float = 30.0
    make_seconds: float = 600.0
    check_seconds: float = 600.0
    mount_seconds: float = 60.0
    #: For taking a busy mount or map apart before the call gives up and asks to be repeated.
    release_seconds: float = 30.0
    #: For one attempt to unmount; it hangs for as long as a map without paths queues.
    unmount_seconds: float = 10.0
    poll_seconds: float = 0.25


@dataclass(frozen=True, slots=True)
class Bench:
    """The node, its memory, and the pool in which work on paths runs side by side."""

    host: Host
    clock: Clock
    ledger: Ledger
    initiator: Initiator
    pool: Executor
    times: Times
