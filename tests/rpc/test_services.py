"""Calls over a real socket: what a CO sees of each RPC, with fake desks behind the counter."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode, aio

from csi.rpc import controller as controller_module
from csi.rpc import node as node_module
from csi.spec.v1 import csi_pb2 as pb
from tests.rpc.fake_desks import NODE_ID, FakeNodeDesk, FakeVolumeDesk
from tests.rpc.messages import BLOCK, MOUNT, create
from tests.rpc.served import Served, served

TIMEOUT_SECONDS = 20.0
VOLUME_ID = "one:pvc-1"

Scenario = Callable[[Served], Coroutine[Any, Any, None]]


class Gate:
    """Holds up the desk's method `name` until opened; others pass."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.begun = 0
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self, name: str) -> None:
        if name == self._name:
            self.begun += 1
            self.entered.set()
            assert self.open.wait(TIMEOUT_SECONDS)

    async def reached(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, TIMEOUT_SECONDS)


def run(
    folder: Path,
    scenario: Scenario,
    *,
    before: Callable[[str], None] = lambda _: None,
    workers: int = 4,
    grace_seconds: float = 5.0,
) -> None:
    async def inside() -> None:
        desks = FakeVolumeDesk(before), FakeNodeDesk(before)
        async with served(folder, *desks, workers=workers, grace_seconds=grace_seconds) as both:
            await scenario(both)

    asyncio.run(asyncio.wait_for(inside(), TIMEOUT_SECONDS))


async def refused(call: Awaitable[object]) -> tuple[StatusCode, str]:
    with pytest.raises(aio.AioRpcError) as error:
        await call
    assert error.value.trailing_metadata() == aio.Metadata()
    return error.value.code(), error.value.details() or ""


def publish(**more: Any) -> pb.ControllerPublishVolumeRequest:
    given = {"volume_id": VOLUME_ID, "node_id": NODE_ID, "volume_capability": MOUNT, **more}
    return pb.ControllerPublishVolumeRequest(**given)


def test_identity_says_who_serves_and_that_it_is_ready(tmp_path: Path) -> None:
    async def scenario(both: Served) -> None:
        info = await both.identity.GetPluginInfo(pb.GetPluginInfoRequest())
        assert (info.name, info.vendor_version) == ("csi-3par.io", "1.2.3")
        offered = await both.identity.GetPluginCapabilities(pb.GetPluginCapabilitiesRequest())
        assert [one.service.type for one in offered.capabilities] == [pb.PluginCapability.Service.CONTROLLER_SERVICE]
        assert (await both.identity.Probe(pb.ProbeRequest())).ready.value is True

    run(tmp_path, scenario)


def test_only_rpcs_that_are_served_are_advertised(tmp_path: Path) -> None:
    async def scenario(both: Served) -> None:
        offered = await both.controller.ControllerGetCapabilities(pb.ControllerGetCapabilitiesRequest())
        assert tuple(one.rpc.type for one in offered.capabilities) == controller_module.OFFERED
        on_node = await both.node.NodeGetCapabilities(pb.NodeGetCapabilitiesRequest())
        assert tuple(one.rpc.type for one in on_node.capabilities) == node_module.OFFERED

    run(tmp_path, scenario)


def test_a_volume_lives_from_create_to_delete(tmp_path: Path) -> None:
    async def scenario(both: Served) -> None:
        made = (await both.controller.CreateVolume(create(required_bytes=1024))).volume
        assert (made.volume_id, made.capacity_bytes) == (VOLUME_ID, 1024)
        assert dict((await both.controller.ControllerPublishVolume(publish())).publish_context)["protocol"] == "iscsi"
        seen = await both.controller.ControllerGetVolume(pb.ControllerGetVolumeRequest(volume_id=VOLUME_ID))
        assert (seen.volume, list(seen.status.published_node_ids)) == (made, [NODE_ID])
        listed = await both.controller.ListVolumes(pb.ListVolumesRequest())
        assert [entry.volume for entry in listed.entries] == [made]
        assert await refused(both.controller.DeleteVolume(pb.DeleteVolumeRequest(volume_id=VOLUME_ID))) == (
            StatusCode.FAILED_PRECONDITION,
            f"{VOLUME_ID}: it is published to {NODE_ID}",
        )
        await both.controller.ControllerUnpublishVolume(pb.ControllerUnpublishVolumeRequest(volume_id=VOLUME_ID))
        await both.controller.DeleteVolume(pb.DeleteVolumeRequest(volume_id=VOLUME_ID))
        assert not (await both.controller.ListVolumes(pb.ListVolumesRequest())).entries

    run(tmp_path, scenario)


def test_pages_go_on_after_their_last_volume_is_gone(tmp_path: Path) -> None:
    async def scenario(both: Served) -> None:
        for number in range(3):
            await both.controller.CreateVolume(create(f"v{number}"))
        first = await both.controller.ListVolumes(pb.ListVolumesRequest(max_entries=2))
        assert len(first.entries) == 2
        await both.controller.DeleteVolume(pb.DeleteVolumeRequest(volume_id=first.entries[-1].volume.volume_id))
        rest = await both.controller.ListVolumes(pb.ListVolumesRequest(starting_token=first.next_token))
        assert ([entry.volume.volume_id for entry in rest.entries], rest.next_token) == (["one:v2"], "")

    run(tmp_path, scenario)


def test_capacity_is_told_with_the_largest_volume(tmp_path: Path) -> None:
    async def scenario(both: Served) -> None:
        answer = await both.controller.GetCapacity(pb.GetCapacityRequest(parameters={"cpg": "fast"}))
        assert answer.available_capacity > answer.maximum_volume_size.value > 0

    run(tmp_path, scenario)


def test_validation_says_no_in_words_and_not_found_as_an_error(tmp_path: Path) -> None:
    def request(volume_id: str, capability: pb.VolumeCapability) -> pb.ValidateVolumeCapabilitiesRequest:
        return pb.ValidateVolumeCapabilitiesRequest(volume_id=volume_id, volume_capabilities=[capability])

    shared = pb.VolumeCapability(mount=MOUNT.mount, access_mode=BLOCK.access_mode)

    async def scenario(both: Served) -> None:
        validate = both.controller.ValidateVolumeCapabilities
        await both.controller.CreateVolume(create())
        assert list((await validate(request(VOLUME_ID, BLOCK))).confirmed.volume_capabilities) == [BLOCK]
        refusal = await validate(request(VOLUME_ID, shared))
        assert not refusal.HasField("confirmed")
        assert "MULTI_NODE_MULTI_WRITER" in refusal.message
        assert (await refused(validate(request("one:gone", shared))))[0] is StatusCode.NOT_FOUND

    run(tmp_path, scenario)


def test_a_volume_is_staged_published_measured_and_undone_on_the_node(tmp_path: Path) -> None:
    staging, target = str(tmp_path / "staging"), tmp_path / "target"

    async def scenario(both: Served) -> None:
        node = both.node
        stats = pb.NodeGetVolumeStatsRequest(volume_id=VOLUME_ID, volume_path=str(target))
        assert (await refused(node.NodeGetVolumeStats(stats)))[0] is StatusCode.NOT_FOUND
        stage = pb.NodeStageVolumeRequest(volume_id=VOLUME_ID, staging_target_path=staging, volume_capability=MOUNT)
        await node.NodeStageVolume(stage)
        await node.NodePublishVolume(
            pb.NodePublishVolumeRequest(
                volume_id=VOLUME_ID, staging_target_path=staging, target_path=str(target), volume_capability=MOUNT
            )
        )
        assert [usage.unit for usage in (await node.NodeGetVolumeStats(stats)).usage] == [
            pb.VolumeUsage.BYTES,
            pb.VolumeUsage.INODES,
        ]
        await node.NodeUnpublishVolume(pb.NodeUnpublishVolumeRequest(volume_id=VOLUME_ID, target_path=str(target)))
        assert not target.exists()
        await node.NodeUnstageVolume(pb.NodeUnstageVolumeRequest(volume_id=VOLUME_ID, staging_target_path=staging))
        info = await node.NodeGetInfo(pb.NodeGetInfoRequest())
        assert (info.node_id, info.max_volumes_per_node) == (NODE_ID, 200)

    run(tmp_path, scenario)


def test_what_is_not_offered_is_unimplemented_and_says_so(tmp_path: Path) -> None:
    async def scenario(both: Served) -> None:
        calls: dict[str, Awaitable[object]] = {
            "CreateSnapshot": both.controller.CreateSnapshot(pb.CreateSnapshotRequest()),
            "ControllerExpandVolume": both.controller.ControllerExpandVolume(pb.ControllerExpandVolumeRequest()),
            "NodeExpandVolume": both.node.NodeExpandVolume(pb.NodeExpandVolumeRequest()),
        }
        for name, call in calls.items():
            code, words = await refused(call)
            assert code is StatusCode.UNIMPLEMENTED
            assert words.startswith(f"{name} is not offered")

    run(tmp_path, scenario)


def test_a_method_that_a_desk_lacks_is_a_bug_not_unimplemented(tmp_path: Path) -> None:
    def before(name: str) -> None:
        if name == "list":
            raise NotImplementedError("inner secret")

    async def scenario(both: Served) -> None:
        code, words = await refused(both.controller.ListVolumes(pb.ListVolumesRequest()))
        assert code is StatusCode.INTERNAL
        assert "inner secret" not in words

    run(tmp_path, scenario, before=before)


def test_a_caller_s_deadline_does_not_kill_the_operation_and_the_retry_gets_its_result(tmp_path: Path) -> None:
    gate = Gate("create")

    async def scenario(both: Served) -> None:
        hasty = both.controller.CreateVolume(create(), timeout=0.2)
        await gate.reached()
        assert (await refused(hasty))[0] is StatusCode.DEADLINE_EXCEEDED
        assert both.operations.running == ("CreateVolume of new volume pvc-1",)
        retry = asyncio.ensure_future(both.controller.CreateVolume(create()))
        other = both.controller.CreateVolume(create(required_bytes=7))
        code, words = await refused(other)
        assert code is StatusCode.ABORTED
        assert "still running" in words
        gate.open.set()
        assert (await retry).volume.volume_id == VOLUME_ID
        assert gate.begun == 1

    run(tmp_path, scenario, before=gate)


def test_probe_answers_while_every_worker_is_stuck(tmp_path: Path) -> None:
    gate = Gate("create")

    async def scenario(both: Served) -> None:
        stuck = [asyncio.ensure_future(both.controller.CreateVolume(create(f"v{number}"))) for number in range(5)]
        await gate.reached()
        assert (await both.identity.Probe(pb.ProbeRequest(), timeout=5.0)).ready.value
        await both.controller.ControllerGetCapabilities(pb.ControllerGetCapabilitiesRequest(), timeout=5.0)
        await both.controller.CreateVolume(
            create("elsewhere", backend="two"), timeout=0.5
        ) if gate.open.is_set() else None
        gate.open.set()
        assert len(await asyncio.gather(*stuck)) == 5

    run(tmp_path, scenario, before=gate, workers=1)


def test_a_dead_backend_holds_up_no_other(tmp_path: Path) -> None:
    gate = Gate("publish")

    async def scenario(both: Served) -> None:
        await both.controller.CreateVolume(create())
        stuck = asyncio.ensure_future(both.controller.ControllerPublishVolume(publish()))
        await gate.reached()
        made = await both.controller.CreateVolume(create("elsewhere", backend="two"), timeout=5.0)
        assert made.volume.volume_id == "two:elsewhere"
        gate.open.set()
        await stuck

    run(tmp_path, scenario, before=gate, workers=1)


def test_a_stop_answers_the_calls_that_run(tmp_path: Path) -> None:
    gate = Gate("create")

    async def scenario(both: Served) -> None:
        running = asyncio.ensure_future(both.controller.CreateVolume(create()))
        await gate.reached()
        both.stop.set()
        gate.open.set()
        assert (await running).volume.volume_id == VOLUME_ID
        await both.server
        assert not (tmp_path / "csi.sock").exists()

    run(tmp_path, scenario, before=gate)


def test_a_stop_waits_for_an_operation_whose_caller_has_left(tmp_path: Path) -> None:
    gate = Gate("create")

    async def scenario(both: Served) -> None:
        hasty = both.controller.CreateVolume(create())
        await gate.reached()
        hasty.cancel()
        both.stop.set()
        # Once calls are refused, only the operation keeps the server.
        while await both.identity.Probe(pb.ProbeRequest()).code() is StatusCode.OK:
            pass
        assert not both.server.done()
        gate.open.set()
        await both.server
        assert both.operations.running == ()

    run(tmp_path, scenario, before=gate, grace_seconds=TIMEOUT_SECONDS)


def test_a_stop_does_not_wait_longer_than_its_grace(tmp_path: Path) -> None:
    gate = Gate("create")

    async def scenario(both: Served) -> None:
        running = asyncio.ensure_future(both.controller.CreateVolume(create()))
        await gate.reached()
        both.stop.set()
        await both.server
        with pytest.raises(aio.AioRpcError):
            await running
        gate.open.set()

    run(tmp_path, scenario, before=gate, grace_seconds=0.2)
