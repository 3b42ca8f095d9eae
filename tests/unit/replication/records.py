"""Short makers of array records for tests."""

from csi.array.records import (
    PEER_PERSISTENCE,
    Group,
    GroupState,
    Member,
    Policies,
    Provisioning,
    ReplicationMode,
    Role,
    SyncState,
    Volume,
)

GIB = 1024**3
P, S = Role.PRIMARY, Role.SECONDARY


def group(
    name: str = "g",
    remote: str = "g.r2",
    role: Role = P,
    *,
    reversed_: bool = False,
    state: GroupState = GroupState.STARTED,
    mode: ReplicationMode = ReplicationMode.SYNC,
    target: str = "to-b",
    policies: Policies = PEER_PERSISTENCE,
    members: tuple[str, ...] = (),
) -> Group:
    """A group's half."""
    return Group(
        name=name,
        remote_name=remote,
        role=role,
        reversed=reversed_,
        state=state,
        mode=mode,
        target=target,
        target_count=1,
        policies=policies,
        local_cpg="cpg-a",
        remote_cpg="cpg-b",
        members=tuple(Member(volume, volume, SyncState.SYNCED) for volume in members),
    )


def volume(name: str = "v", *, wwn: str = "60002ac" + "1" * 25, size_bytes: int = GIB, comment: str = "") -> Volume:
    """A volume."""
    return Volume(name, wwn, size_bytes, Provisioning.THIN, compressed=False, cpg="cpg-a", snap_cpg="", comment=comment)
