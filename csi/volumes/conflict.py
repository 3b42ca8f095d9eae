"""mountConflictDelay: a volume for one node is wanted on another one while it is still exported elsewhere.

The Docker plugin waited so many seconds and then took the volume away from the other node, whatever that was doing.
Here the waiting is between calls, not in them: the first refusal is remembered, later calls measure from it. Without
the parameter the volume is never taken away.
"""

import json

from csi.array.pair import Pair
from csi.errors import StillInUse
from csi.volumes.office import Office


def require_evictable(
    office: Office, pair: Pair, volume: str, node: str, *, owners: tuple[str, ...], delay_seconds: int | None
) -> None:
    """Return if the `owners` (array host names) may lose the volume to `node` now; StillInUse if not.

    `delay_seconds` is the volume's mountConflictDelay in seconds, None for "never".
    """
    names = ", ".join(owners)
    if delay_seconds is None:
        raise StillInUse(
            f"volume {volume} is published to {names}",
            where=f"backend {pair.name}",
            hint="Detach it there first; a StorageClass with mountConflictDelay lets the driver do it after a while",
        )
    key = f"conflict/{pair.name}/{volume}/{node}"
    now = office.clock.now()
    entry = office.store.get(key)
    remembered = json.loads(entry.text) if entry else {}
    if remembered.get("owners") != list(owners):
        remembered = {"owners": list(owners), "since": now}
        office.store.put(key, json.dumps(remembered), expect=None)
    waited = now - float(remembered["since"])
    if waited < delay_seconds:
        raise StillInUse(
            f"volume {volume} is published to {names}, which has {delay_seconds - waited:.0f} s left to let go of it",
            where=f"backend {pair.name}",
            hint="The call may be repeated; after mountConflictDelay the driver removes the other node's exports",
        )


def require_not_fenced(office: Office, pair: Pair, volume: str, node: str) -> None:
    """StillInUse if the volume was taken away from `node` and the CO has not detached it there since."""
    entry = office.store.get(f"fenced/{pair.name}/{volume}/{node}")
    if entry is not None:
        raise StillInUse(
            f"volume {volume} was taken away from node {node} in favour of node {json.loads(entry.text)['for']}",
            where=f"backend {pair.name}",
            hint="Detach it from this node (delete its VolumeAttachment), then attach it again",
        )


def remember_fence(office: Office, pair: Pair, volume: str, owner: str, node: str) -> None:
    """Note that `owner` lost the volume to `node`."""
    text = json.dumps({"for": node, "at": office.clock.now()})
    office.store.put(f"fenced/{pair.name}/{volume}/{owner}", text, expect=None)


def was_taken_for(office: Office, pair: Pair, volume: str, node: str) -> bool:
    """Whether the volume was taken from another node for this one: what that node had in memory may be missing."""
    entries = office.store.list(f"fenced/{pair.name}/{volume}/")
    return any(json.loads(entry.text)["for"] == node for entry in entries)


def forget(office: Office, pair: Pair, volume: str, node: str) -> None:
    """The node has let go of the volume, or has it undisputed."""
    for kind in ("conflict", "fenced"):
        office.store.delete(f"{kind}/{pair.name}/{volume}/{node}")
