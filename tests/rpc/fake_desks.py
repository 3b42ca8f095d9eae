"""In-memory desks that keep the CSI rules, for tests of the counter alone: no array, no kernel."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from csi.access import AccessMode, Capability
from csi.errors import AlreadyExistsDifferently, BadToken, NotFound, OutOfRange, StillInUse
from csi.node.requests import NodeInfo, StageVolume, VolumeStats
from csi.node.requests import PublishVolume as PublishOnNode
from csi.volumes.capabilities import refusal
from csi.volumes.requests import (
    Capacity,
    CreateVolume,
    ListedVolume,
    PublishVolume,
    Validation,
    VolumeAnswer,
    VolumePage,
)

GIB = 1024**3
NODE_ID = "node-1;iqn.1993-08.org.debian:01:abc;"
LARGEST_BYTES = 64 * 1024 * GIB


@dataclass
class Made:
    """A volume of the fake array; `nodes` maps node ids to what was published there."""

    request: CreateVolume
    answer: VolumeAnswer
    nodes: dict[str, PublishVolume] = field(default_factory=dict)


class FakeVolumeDesk:
    """Keeps volumes in a dictionary by id. `before` is called first in every method, for tests that hold calls up."""

    def __init__(self, before: Callable[[str], None] = lambda _: None) -> None:
        self.made: dict[str, Made] = {}
        self.before = before
        self._lock = threading.Lock()

    def backend_of(self, subject: CreateVolume | str) -> str:
        if isinstance(subject, CreateVolume):
            return subject.parameters.get("backend", "one")
        return subject.partition(":")[0] if subject in self.made else ""

    def create(self, request: CreateVolume) -> VolumeAnswer:
        self.before("create")
        size = request.required_bytes or min(GIB, request.limit_bytes or GIB)
        if size > LARGEST_BYTES:
            raise OutOfRange(f"{size} bytes are more than {LARGEST_BYTES}")
        volume_id = f"{self.backend_of(request)}:{request.name}"
        with self._lock:
            found = self.made.get(volume_id)
            if found is None:
                answer = VolumeAnswer(volume_id, size, {"fsType": request.parameters.get("fsType", "")})
                found = self.made[volume_id] = Made(request, answer)
        fits = request.required_bytes <= found.answer.capacity_bytes <= (request.limit_bytes or LARGEST_BYTES)
        if not fits or found.request.parameters != request.parameters:
            raise AlreadyExistsDifferently("the name is taken", where=volume_id)
        return found.answer

    def delete(self, volume_id: str) -> None:
        self.before("delete")
        with self._lock:
            found = self.made.get(volume_id)
            if found and found.nodes:
                raise StillInUse(f"it is published to {', '.join(found.nodes)}", where=volume_id)
            self.made.pop(volume_id, None)

    def publish(self, request: PublishVolume) -> dict[str, str]:
        self.before("publish")
        found = self._require(request.volume_id)
        if request.node_id != NODE_ID:
            raise NotFound(f"node {request.node_id!r} is not known")
        with self._lock:
            earlier = found.nodes.setdefault(request.node_id, request)
        if (earlier.readonly, earlier.capability) != (request.readonly, request.capability):
            raise AlreadyExistsDifferently("it is published otherwise", where=request.volume_id)
        return {"wwn": "60002ac0000000000000000100012345", "protocol": "iscsi"}

    def unpublish(self, volume_id: str, node_id: str) -> None:
        self.before("unpublish")
        found = self.made.get(volume_id)
        for node in [node_id] if node_id else list(found.nodes if found else ()):
            if found:
                found.nodes.pop(node, None)

    def validate(
        self, volume_id: str, capabilities: tuple[Capability, ...], parameters: Mapping[str, str]
    ) -> Validation:
        self.before("validate")
        self._require(volume_id)
        return Validation(refusal(capabilities))

    def list(self, max_entries: int, starting_token: str) -> VolumePage:
        self.before("list")
        if starting_token and ":" not in starting_token:
            raise BadToken(f"token {starting_token!r}")
        ids = sorted(volume_id for volume_id in self.made if volume_id > starting_token)
        page = ids[: max_entries or 500]
        return VolumePage(tuple(map(self.get, page)), page[-1] if len(page) < len(ids) else "")

    def get(self, volume_id: str) -> ListedVolume:
        self.before("get")
        found = self._require(volume_id)
        return ListedVolume(found.answer, tuple(found.nodes))

    def capacity(self, parameters: Mapping[str, str], capabilities: tuple[Capability, ...]) -> Capacity:
        self.before("capacity")
        return Capacity(100 * GIB, 16 * GIB)

    def _require(self, volume_id: str) -> Made:
        try:
            return self.made[volume_id]
        except KeyError:
            raise NotFound(f"volume {volume_id!r} does not exist") from None


@dataclass
class Staged:
    """A staged volume and the target paths it is shown at."""

    request: StageVolume
    targets: dict[str, PublishOnNode] = field(default_factory=dict)


class FakeNodeDesk:
    """Stages in a dictionary; targets are real files and folders, as a CO looks for them."""

    def __init__(self, before: Callable[[str], None] = lambda _: None) -> None:
        self.staged: dict[str, Staged] = {}
        self.before = before

    def stage(self, request: StageVolume) -> None:
        self.before("stage")
        found = self.staged.setdefault(request.volume_id, Staged(request))
        if found.request != request:
            raise AlreadyExistsDifferently("it is staged otherwise", where=request.volume_id)

    def unstage(self, volume_id: str, staging_path: str) -> None:
        self.before("unstage")
        self.staged.pop(volume_id, None)

    def publish(self, request: PublishOnNode) -> None:
        self.before("publish")
        found = self._require(request.volume_id)
        one_only = request.capability.mode is not AccessMode.SINGLE_NODE_WRITER
        if one_only and request.capability.mode.one_target_per_node and set(found.targets) - {request.target_path}:
            raise StillInUse("it is published elsewhere on this node", where=request.volume_id)
        if found.targets.setdefault(request.target_path, request) != request:
            raise AlreadyExistsDifferently("it is published otherwise", where=request.volume_id)
        target = Path(request.target_path)
        if request.capability.block:
            target.touch()
        else:
            target.mkdir(exist_ok=True)

    def unpublish(self, volume_id: str, target_path: str) -> None:
        self.before("unpublish")
        if volume_id in self.staged:
            self.staged[volume_id].targets.pop(target_path, None)
        target = Path(target_path)
        if target.is_dir():
            target.rmdir()
        else:
            target.unlink(missing_ok=True)

    def stats(self, volume_id: str, path: str, staging_path: str = "") -> VolumeStats:
        self.before("stats")
        found = self._require(volume_id)
        if path not in {*found.targets, found.request.staging_path}:
            raise NotFound(f"it is not at {path}", where=volume_id)
        return VolumeStats(GIB, 3, GIB - 3, 100, 90, 10)

    def info(self) -> NodeInfo:
        self.before("info")
        return NodeInfo(NODE_ID, 200)

    def _require(self, volume_id: str) -> Staged:
        try:
            return self.staged[volume_id]
        except KeyError:
            raise NotFound("it is not staged on this node", where=volume_id) from None
