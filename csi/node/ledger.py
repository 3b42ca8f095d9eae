"""What this node was asked to stage, kept on its disk.

The kernel is the truth about what exists. A record only tells what to look for, because NodeUnstageVolume brings
nothing but an id and a path. The order of writes: the record before the first session, device or node record of a
volume is made, and its removal after the last of them is gone. A crash in between leaves a record too many, never a
device that nobody knows.
"""

import hashlib
import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from csi.access import Capability
from csi.errors import BadSettings
from csi.node.context import Portal

log = logging.getLogger(__name__)

VERSION = 1


class Phase(StrEnum):
    """How far staging has come.

    FORMATTING: the device was found blank and a file system is being made; FORMATTED: it is made, its root has not got
    its owner and mode yet. Both are how a fresh file system is told from an old one.
    """

    CONNECTING = "connecting"
    FORMATTING = "formatting"
    FORMATTED = "formatted"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class StageRecord:
    """One staged volume. `usage` is a digest of the capability; `targets` maps target paths to their readonly flag."""

    volume_id: str
    staging_path: str
    wwn: str
    block: bool
    usage: str
    portals: tuple[Portal, ...] = ()
    phase: Phase = Phase.CONNECTING
    targets: Mapping[str, bool] = field(default_factory=dict)


def usage_of(capability: Capability) -> str:
    """A digest of how a volume is used. Mount flags may be sensitive, so they are compared without being kept."""
    parts = [capability.block, capability.mode.value, capability.fs_type, sorted(capability.mount_flags)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Ledger:
    """A folder of small JSON files, one a volume, and one list of the iSCSI node records that the driver made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()

    def get(self, volume_id: str) -> StageRecord | None:
        """The record of a volume; None if it is not staged here. BadSettings for a file that cannot be read."""
        return self._load(self._file(volume_id))

    def put(self, record: StageRecord) -> None:
        """Write a record; on return it is on disk."""
        with self._lock:
            self._save(self._file(record.volume_id), {"version": VERSION} | asdict(record))

    def drop(self, volume_id: str) -> None:
        """Forget a volume; nothing happens if it is not there."""
        try:
            self._file(volume_id).unlink(missing_ok=True)
        except OSError as error:
            raise BadSettings(f"the record of {volume_id} cannot be removed: {error.strerror}") from error

    def all(self) -> list[StageRecord]:
        """Every record that can be read; a damaged one is only logged, it must not stop other volumes."""
        return [record for record in self._each() if record is not None]

    def wanted_by_others(self, portal: Portal, volume_id: str) -> bool:
        """Whether another volume is, or is being, staged through `portal`; a damaged record may be one."""
        return any(
            record is None or (record.volume_id != volume_id and portal in record.portals) for record in self._each()
        )

    def own(self, portal: Portal) -> None:
        """Remember, before it is made, that the node record of `portal` is ours to delete."""
        with self._lock:
            self._save_portals(self._portals() | {portal})

    def owns(self, portal: Portal) -> bool:
        """Whether the driver made the node record of `portal`."""
        with self._lock:
            return portal in self._portals()

    def disown(self, portal: Portal) -> None:
        """The node record of `portal` is gone."""
        with self._lock:
            self._save_portals(self._portals() - {portal})

    def _file(self, volume_id: str) -> Path:
        return self._folder / f"volume-{hashlib.sha256(volume_id.encode()).hexdigest()[:40]}.json"

    def _each(self) -> Iterator[StageRecord | None]:
        """Each record, None for a damaged one."""
        for file in sorted(self._folder.glob("volume-*.json")):
            try:
                if (record := self._load(file)) is not None:
                    yield record
            except BadSettings as error:
                log.warning("%s", error)
                yield None

    def _load(self, file: Path) -> StageRecord | None:
        try:
            raw = file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadSettings(f"the state file {file} cannot be read: {error.strerror}") from error
        try:
            data = json.loads(raw)
            return StageRecord(
                volume_id=data["volume_id"],
                staging_path=data["staging_path"],
                wwn=data["wwn"],
                block=data["block"],
                usage=data["usage"],
                portals=tuple(Portal(**portal) for portal in data["portals"]),
                phase=Phase(data["phase"]),
                targets=dict(data["targets"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BadSettings(
                f"the stage record {file} is damaged: {error}",
                hint="Unmount and detach the volume by hand, then delete the file",
            ) from error

    def _portals(self) -> set[Portal]:
        file = self._folder / "portals.json"
        try:
            return {Portal(**portal) for portal in json.loads(file.read_bytes())}
        except FileNotFoundError:
            return set()
        except (ValueError, TypeError) as error:
            raise BadSettings(f"the list of node records {file} is damaged: {error}", hint="Delete the file") from error

    def _save_portals(self, portals: set[Portal]) -> None:
        self._save(self._folder / "portals.json", [asdict(portal) for portal in sorted(portals)])

    def _save(self, file: Path, data: object) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = file.with_suffix(".new")
            with open(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
                json.dump(data, stream)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(file)
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise BadSettings(
                f"the state file {file} cannot be written: {error.strerror}",
                done="Nothing was changed on the node",
                hint="Make room in the state folder, or make it writable",
            ) from error
