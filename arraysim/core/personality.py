"""What differs between the families of arrays, as data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Personality:
    """One family: versions as `GET /system` and `GET /api` tell them, and the rules that differ.

    Sizes are MiB. `unknown_key_code` is what an unknown field of a body gets (wsapi.md 2.4: 12 on 3PAR, 42 on newer).
    `reduce`: volumes are made with `tpvv` or `reduce`, one of which is required, and `tdvv` and `compression` are
    unknown names; otherwise `tpvv`, `tdvv`, `compression`, or none of them for full provisioning (wsapi.md 2.4, 4.2).
    `group_sets`: a group brings the volume set `RCP_<group>` (wsapi.md 5.1).
    """

    name: str
    model: str
    system_version: str
    major: int
    minor: int
    revision: int
    build: int
    reduce: bool
    unknown_key_code: int
    group_sets: bool
    largest_volume_mib: int
    dedup_floor_mib: int
    compression_floor_mib: int
    group_volumes_limit: int


PERSONALITIES: dict[str, Personality] = {
    row.name: row
    for row in (
        Personality(
            name="3par-3.3.1",
            model="HP_3PAR 7400",
            system_version="3.3.1.410",
            major=1,
            minor=6,
            revision=3,
            build=30301418,  # [live] 1.1
            reduce=False,
            unknown_key_code=12,
            group_sets=True,
            largest_volume_mib=16 * 1024 * 1024,  # [test] 5.9: 16777218 MiB is refused
            dedup_floor_mib=1024,  # [doc/inferred] 2.4
            compression_floor_mib=16 * 1024,  # [doc/inferred] 2.4
            group_volumes_limit=300,  # [inferred] 5.9
        ),
        Personality(
            name="primera-4.x",
            model="HPE_3PAR A650",
            system_version="4.5.8.3",
            major=1,
            minor=7,
            revision=0,
            build=40500000,  # [inferred] 1.1: 40500xxx
            reduce=True,
            unknown_key_code=42,
            group_sets=False,
            largest_volume_mib=64 * 1024 * 1024,  # [inferred] 5.9
            dedup_floor_mib=1024,
            compression_floor_mib=1024,
            group_volumes_limit=300,
        ),
    )
}
