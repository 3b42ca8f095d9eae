"""The driver's own controller process on a lab: what a CO sees over the socket when much happens, or things break."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message

from csi.spec.v1 import csi_pb2 as pb
from deploy.demo.scene import Scene

GIB = 1024**3
CAPABILITY = pb.VolumeCapability(
    mount=pb.VolumeCapability.MountVolume(),
    access_mode=pb.VolumeCapability.AccessMode(mode=pb.VolumeCapability.AccessMode.SINGLE_NODE_MULTI_WRITER),
)
Eventually = Callable[..., None]


@pytest.fixture(scope="module")
def running() -> Iterator[Scene]:
    scene = Scene()
    try:
        scene.start_lab()
        scene.start_controller()
        yield scene
    finally:
        scene.stop()


@pytest.fixture
def scene(running: Scene) -> Iterator[Scene]:
    yield running
    running.control.reset_faults()
    for entry in running.controller.call("ListVolumes", pb.ListVolumesRequest(), pb.ListVolumesResponse).entries:
        delete(running, entry.volume.volume_id)
    assert objects(running) == 0, running.state()


def wanted(name: str, group: str = "metro") -> pb.CreateVolumeRequest:
    return pb.CreateVolumeRequest(
        name=name,
        capacity_range=pb.CapacityRange(required_bytes=GIB),
        volume_capabilities=[CAPABILITY],
        parameters={"replicationGroup": group},
    )


def create(scene: Scene, name: str, group: str = "metro", seconds: float = 60.0) -> pb.Volume:
    return scene.controller.call("CreateVolume", wanted(name, group), pb.CreateVolumeResponse, seconds).volume


def delete(scene: Scene, volume_id: str) -> None:
    scene.controller.call("DeleteVolume", pb.DeleteVolumeRequest(volume_id=volume_id), pb.DeleteVolumeResponse)


def held(scene: Scene, number: int) -> bool:
    """Whether a fault holds a call now."""
    return any(row["number"] == number and row["held"] for row in scene.control.faults())


def objects(scene: Scene) -> int:
    kinds = ("volumes", "groups", "hosts", "vluns")
    return sum(len(row[kind]) for row in scene.state()["arrays"].values() for kind in kinds)


def code(scene: Scene, method: str, request: Message, reply: type[Message], seconds: float = 60.0) -> tuple[str, str]:
    """The status of a call that is to fail, and its message."""
    with pytest.raises(grpc.RpcError) as caught:
        scene.controller.call(method, request, reply, seconds)
    return caught.value.code().name, caught.value.details() or ""


def test_thirty_volumes_at_once_share_two_groups_and_leave_nothing(scene: Scene) -> None:
    names = [f"vol-{number}" for number in range(30)]
    with ThreadPoolExecutor(30) as pool:
        made = list(pool.map(lambda n: create(scene, n, f"metro-{int(n[4:]) % 2}", 110), names))
        state = scene.state()["arrays"]["array-a"]
        assert {name: len(group["volumes"]) for name, group in state["groups"].items()} == {
            "metro-0": 15,
            "metro-1": 15,
        }
        list(pool.map(lambda volume: delete(scene, volume.volume_id), made))
    assert objects(scene) == 0


def test_a_caller_that_gave_up_finds_its_volume_when_it_comes_back(scene: Scene) -> None:
    number = scene.control.arm("delay", array="array-a", method="POST", path="/volumes$")
    assert code(scene, "CreateVolume", wanted("slow"), pb.CreateVolumeResponse, 0.5)[0] == "DEADLINE_EXCEEDED"
    scene.control.remove_fault(number)
    assert create(scene, "slow").volume_id == "DEFAULT:slow"
    assert list(scene.state()["arrays"]["array-a"]["volumes"]) == ["slow"]


def test_another_request_for_a_name_at_work_is_told_to_wait(scene: Scene, eventually: Eventually) -> None:
    number = scene.control.arm("delay", array="array-a", method="POST", path="/volumes$")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(create, scene, "busy")
        eventually(lambda: held(scene, number), 20)
        other = wanted("busy")
        other.capacity_range.required_bytes = 2 * GIB
        assert code(scene, "CreateVolume", other, pb.CreateVolumeResponse)[0] == "ABORTED"
        scene.control.remove_fault(number)
        assert first.result(60).volume_id == "DEFAULT:busy"


def test_probe_answers_while_an_array_hangs(scene: Scene) -> None:
    number = scene.control.arm("delay", array="array-a", count=0)
    with ThreadPoolExecutor(40) as pool:
        stuck = [pool.submit(create, scene, f"stuck-{n}", seconds=2.0) for n in range(40)]
        for _ in range(20):
            scene.identity.call("Probe", pb.ProbeRequest(), pb.ProbeResponse, 1.0)
        for call in stuck:
            with suppress(grpc.RpcError):
                call.result(60)
        scene.control.remove_fault(number)
    for n in range(40):
        create(scene, f"stuck-{n}", seconds=100.0)


@pytest.mark.parametrize("path", ["/volumes$", "/remotecopygroups$", "/remotecopygroups/metro$"])
def test_a_controller_killed_in_the_middle_goes_on_after_its_restart(
    scene: Scene, path: str, eventually: Eventually
) -> None:
    number = scene.control.arm("delay", array="array-a", method="POST|PUT", path=path)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(create, scene, "killed")
        eventually(lambda: held(scene, number), 20)
        scene.kill("controller")
        with pytest.raises(grpc.RpcError):
            call.result(60)
    scene.control.remove_fault(number)
    scene.start_controller()
    assert create(scene, "killed").volume_id == "DEFAULT:killed"
    groups = scene.state()["arrays"]["array-a"]["groups"]
    assert [group["state"] for group in groups.values()] == ["Started"]


def test_bad_parameters_are_answered_in_words(scene: Scene) -> None:
    request = wanted("bad")
    request.parameters["replicationGruop"] = "x"
    status, words = code(scene, "CreateVolume", request, pb.CreateVolumeResponse)
    assert status == "INVALID_ARGUMENT"
    assert "replicationGruop" in words
    assert "replicationGroup" in words


def test_an_array_without_power_is_named(scene: Scene) -> None:
    scene.control.power("array-b", on=False)
    try:
        status, words = code(scene, "CreateVolume", wanted("dark"), pb.CreateVolumeResponse)
    finally:
        scene.control.power("array-b", on=True)
    assert status == "UNAVAILABLE"
    assert "array-b" in words


def test_no_log_holds_a_password_or_a_session_key(scene: Scene) -> None:
    create(scene, "logged")
    log = scene.log_end("controller", 10_000)
    assert "logged" in log
    assert Path(scene.lab["password_file"]).read_text().strip() not in log
    assert "sessionkey" not in log.lower()
