"""What every controller use case works with, gathered once by the wiring."""

from collections.abc import Mapping
from dataclasses import dataclass

from csi.array.pair import Pair, Side
from csi.array.records import Volume
from csi.clock import Clock
from csi.errors import DriverError, NotFound
from csi.names import VolumeId, parse_volume_id
from csi.replication.bound import Binder
from csi.saga.runner import Runner
from csi.settings.model import Settings
from csi.store.port import Store

#: A volume as each side told it: there, not there, or no answer.
Copies = Mapping[Side, Volume | DriverError | None]


@dataclass(frozen=True)
class Office:
    """`remove_groups`: which emptied groups DeleteVolume removes, "made" by the driver, "any", or "never"."""

    settings: Settings
    pairs: Mapping[str, Pair]
    runner: Runner
    binder: Binder
    store: Store
    clock: Clock
    remove_groups: str = "made"

    def find(self, volume_id: str) -> tuple[Pair, VolumeId] | None:
        """The pair and the parsed id; None for an id that this driver with these settings did not issue."""
        parsed = parse_volume_id(volume_id)
        pair = self.pairs.get(parsed.backend) if parsed is not None else None
        return (pair, parsed) if parsed is not None and pair is not None else None

    def require(self, volume_id: str) -> tuple[Pair, VolumeId]:
        """The same; NotFound instead of None."""
        found = self.find(volume_id)
        if found is None:
            raise NotFound(
                f"volume {volume_id!r} does not exist", hint=f"Known backends: {', '.join(sorted(self.pairs))}"
            )
        return found


def forget_volume(office: Office, pair: Pair, volume: str) -> None:
    """Drop what the store remembers of a volume's nodes: how it was published, who waits for it, who lost it."""
    for kind in ("published", "conflict", "fenced"):
        for entry in office.store.list(f"{kind}/{pair.name}/{volume}/"):
            office.store.delete(entry.key)


def volume_scope(pair: Pair, volume: str) -> str:
    """The lock of one volume."""
    return f"volume {volume} of {pair.name}"


def group_scope(pair: Pair, group: str) -> str:
    """The lock of one Remote Copy group."""
    return f"group {group} of {pair.name}"


def host_scope(pair: Pair, node: str) -> str:
    """The lock of one node's host objects."""
    return f"node {node} on {pair.name}"


def copies_of(pair: Pair, volume: str) -> Copies:
    """The volume of that name on each side."""
    return pair.both(lambda array: array.volume(volume))
