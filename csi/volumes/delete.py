"""DeleteVolume: both copies, and the group with its last volume."""

from csi.array.pair import Pair
from csi.array.records import Volume
from csi.errors import Busy
from csi.replication.group import base_name, is_absent, look, look_for_member
from csi.replication.label import read_label
from csi.replication.plan import SeenForDelete, plan_delete
from csi.replication.roles import Halves
from csi.saga.step import Step
from csi.volumes.office import Office, copies_of, forget_volume, group_scope, volume_scope


def delete(office: Office, volume_id: str) -> None:
    """Remove the volume; one that is not there is fine. StillInUse changes nothing."""
    found = office.find(volume_id)
    if found is None:
        return
    pair, parsed = found
    volume = parsed.volume
    scopes = {volume_scope(pair, volume)}
    group = _group_name(pair, _look(pair, volume))
    if group:
        scopes.add(group_scope(pair, group))

    def plan() -> list[Step]:
        seen = _look(pair, volume)
        if _group_name(pair, seen) not in ("", group):
            raise Busy(f"volume {volume} was put into a group just now", hint="Repeat the call")
        return list(office.binder.bind(pair, plan_delete(pair, volume, seen, remove_groups=office.remove_groups)))

    office.runner.run(f"delete {volume} on {pair.name}", scopes, plan)
    forget_volume(office, pair, volume)


def _group_name(pair: Pair, seen: SeenForDelete) -> str:
    """The group to lock: the one it is in, or the one that its label names."""
    for halves in (seen.halves, seen.named):
        for side in pair.sides:
            group = halves.of(side).group
            if group is not None:
                return base_name(group)
    return ""


def _look(pair: Pair, volume: str) -> SeenForDelete:
    copies = copies_of(pair, volume)
    existing = [copy for copy in copies.values() if isinstance(copy, Volume)]
    if not existing:
        return SeenForDelete(copies, {}, {}, Halves.none())
    vluns = pair.both(lambda array: array.vluns(volume))
    snapshots = pair.both(lambda array: array.snapshots_of(volume))
    halves = look_for_member(pair, volume)
    labels = [label for copy in existing if (label := read_label(copy.comment)) is not None]
    named = next((label.context["replicationGroup"] for label in labels if "replicationGroup" in label.context), "")
    is_outside = named and is_absent(halves)
    return SeenForDelete(copies, vluns, snapshots, halves, look(pair, named) if is_outside else Halves.none())
