"""The story the demo tells: one volume, from a StorageClass with replicationGroup to nothing left."""

import subprocess
from typing import Any

from arraysim.host.client import MapFile
from csi.spec.v1 import csi_pb2 as pb
from deploy.demo.scene import NODE, Scene
from deploy.demo.screen import Screen
from deploy.demo.writer import PodFile, Writer

GROUP = "metro-1"
PVC = "pvc-7d4c1f0a-52e6-4d0e-9a8b-3b1d2c4e5f60"
GIB = 1024**3
CLASS_PARAMETERS = {"replicationGroup": GROUP, "provisioning": "thin", "csi.storage.k8s.io/fstype": "ext4"}
#: What the demo promises of a planned switchover and of a failover, in seconds without an answer to a write.
SWITCHOVER_LIMIT_SECONDS = 10.0
FAILOVER_LIMIT_SECONDS = 40.0

_CAPABILITY = pb.VolumeCapability(
    mount=pb.VolumeCapability.MountVolume(fs_type="ext4"),
    access_mode=pb.VolumeCapability.AccessMode(mode=pb.VolumeCapability.AccessMode.SINGLE_NODE_SINGLE_WRITER),
)


class Story:
    """Each method is a chapter; they are told in the order of `tell`."""

    def __init__(self, screen: Screen, scene: Scene) -> None:
        self.screen = screen
        self.scene = scene
        self.staging = scene.folder / "kubelet" / "globalmount"
        self.target = scene.folder / "kubelet" / "pod" / "mount"

    def tell(self) -> None:
        """All of it."""
        self.pair_comes_up()
        self.driver_comes_up()
        self.create()
        self.publish()
        self.stage()
        self.write_through_switchover()
        self.write_through_the_death_of_an_array()
        self.array_comes_back()
        self.take_everything_away()

    def pair_comes_up(self) -> None:
        with self.screen.step("Two arrays, a Remote Copy link, a quorum witness and a host come up (arraysim)"):
            self.scene.start_lab()
            state = self.scene.state()
            self.screen.table(
                [("array", "WSAPI", "serial", "system id")]
                + [
                    (name, row["url"], row["serial"], str(row["system_id"]))
                    for name, row in self.scene.lab["arrays"].items()
                ]
            )
            self.screen.prove(state["link"]["up"] and state["witness"]["up"], "the link and the witness are up")
            self.objects_at_start = self._objects()

    def driver_comes_up(self) -> None:
        with self.screen.step("The driver starts: csi-3par controller and csi-3par node"):
            self.scene.start_controller()
            self.scene.start_node()
            info = self.scene.identity.call("GetPluginInfo", pb.GetPluginInfoRequest(), pb.GetPluginInfoResponse)
            self.node_id = self.scene.node.call("NodeGetInfo", pb.NodeGetInfoRequest(), pb.NodeGetInfoResponse).node_id
            self.screen.prove(info.name == "csi-3par.io", f"{info.name} {info.vendor_version} answers")
            self.screen.say(f"node id {self.node_id}")

    def create(self) -> None:
        with self.screen.step(f"CreateVolume with replicationGroup={GROUP}, a group that does not exist yet"):
            request = pb.CreateVolumeRequest(
                name=PVC,
                capacity_range=pb.CapacityRange(required_bytes=GIB),
                volume_capabilities=[_CAPABILITY],
                parameters=CLASS_PARAMETERS,
            )
            self.volume = self.scene.controller.call("CreateVolume", request, pb.CreateVolumeResponse).volume
            self.screen.say(f"volume id {self.volume.volume_id}")
            self.array_volume = self.volume.volume_id.partition(":")[2]
            self._show_groups()
            rows = [row["volumes"].get(self.array_volume) for row in self.scene.state()["arrays"].values()]
            wwns = {row["wwn"] for row in rows if row}
            self.wwn = next(iter(wwns), "").lower()
            self.screen.prove(all(rows) and len(wwns) == 1, f"the volume is on both arrays with one WWN, {self.wwn}")
            groups = self._groups()
            policies = {policy for _, group in groups for policy in group["policies"]}
            self.screen.prove(
                [group["state"] for _, group in groups] == ["Started"] * 2
                and {"auto_failover", "path_management", "auto_recover"} <= policies,
                "the group is started on both, with auto_failover, path_management and auto_recover",
            )
            again = self.scene.controller.call("CreateVolume", request, pb.CreateVolumeResponse).volume
            self.screen.prove(again == self.volume, "the same call again answers the same volume")

    def publish(self) -> None:
        with self.screen.step(f"ControllerPublishVolume to {NODE}: VLUNs on both arrays"):
            answer = self.scene.controller.call(
                "ControllerPublishVolume",
                pb.ControllerPublishVolumeRequest(
                    volume_id=self.volume.volume_id,
                    node_id=self.node_id,
                    volume_capability=_CAPABILITY,
                    volume_context=self.volume.volume_context,
                ),
                pb.ControllerPublishVolumeResponse,
            )
            self.context = dict(answer.publish_context)
            vluns = {name: sorted(row["vluns"]) for name, row in self.scene.state()["arrays"].items()}
            for name, keys in vluns.items():
                self.screen.say(f"{name}: {', '.join(keys)}")
            self.screen.prove(all(len(keys) == 1 for keys in vluns.values()), "each array exports the volume once")

    def stage(self) -> None:
        with self.screen.step("NodeStageVolume and NodePublishVolume: login to both arrays, one multipath device"):
            self.staging.mkdir(parents=True)
            self.target.parent.mkdir(parents=True)
            self.scene.node.call(
                "NodeStageVolume",
                pb.NodeStageVolumeRequest(
                    volume_id=self.volume.volume_id,
                    publish_context=self.context,
                    staging_target_path=str(self.staging),
                    volume_capability=_CAPABILITY,
                    volume_context=self.volume.volume_context,
                ),
                pb.NodeStageVolumeResponse,
            )
            self.scene.node.call(
                "NodePublishVolume",
                pb.NodePublishVolumeRequest(
                    volume_id=self.volume.volume_id,
                    publish_context=self.context,
                    staging_target_path=str(self.staging),
                    target_path=str(self.target),
                    volume_capability=_CAPABILITY,
                    volume_context=self.volume.volume_context,
                ),
                pb.NodePublishVolumeResponse,
            )
            shown = self._show_map()
            self.screen.prove("active ready" in shown, "paths of the array that serves are active ready")
            self.screen.prove("active ghost" in shown, "paths of the other array are active ghost: standby")
            mounts = (self.scene.host_folder / "proc" / "1" / "mountinfo").read_text()
            self.screen.prove(f" {self.target} " in mounts, "ext4 is mounted at the pod's path")
            self.is_real = self.target.is_mount()
            self.screen.say(
                "It is a real ext4 of this machine's kernel, over the map."
                if self.is_real
                else "Without root it is in the simulated host's mount table only: the pod writes to the map itself."
            )

    def write_through_switchover(self) -> None:
        with self.screen.step("A pod writes with fsync; the group is switched over under it"):
            name = f"3{self.wwn}"
            self.writer = Writer(
                PodFile(self.target / "records") if self.is_real else MapFile(self.scene.host_folder, name)
            )
            self.writer.start()
            self.screen.prove(self.writer.await_records(50, 20), "50 records are written and fsynced")
            self.writer.begin_stretch()
            self.scene.arraysim("switchover", GROUP)
            self._await_role("array-b", "Primary-Rev", "Started")
            self.screen.prove(self.writer.await_records(50, 30), "50 more records after the switchover")
            self._report(SWITCHOVER_LIMIT_SECONDS)
            self._show_groups()
            self.scene.arraysim("switchover", GROUP)
            self._await_role("array-a", "Primary", "Started")
            self.screen.prove(self.writer.await_records(20, 30), "switched back; the pod never noticed")

    def write_through_the_death_of_an_array(self) -> None:
        with self.screen.step("Array A loses power; the witness hands over to array B"):
            self.writer.begin_stretch()
            self.scene.control.power("array-a", on=False)
            self._await_role("array-b", "Primary-Rev")
            self.screen.prove(self.writer.await_records(50, 60), "50 more records, now on array B alone")
            self._report(FAILOVER_LIMIT_SECONDS)
            self._show_map()

    def array_comes_back(self) -> None:
        with self.screen.step("Array A comes back; the arrays resynchronise and protect the volume again"):
            self.scene.control.power("array-a", on=True)
            self._await_role("array-a", "Secondary-Rev", "Started")
            self.scene.control.wait(
                *(f"arrays/{name}/groups/{group}/synced=true" for name, group, _ in self._named_groups()),
                timeout_seconds=60,
            )
            self._show_groups()
            self.screen.prove(self.writer.await_records(20, 30), "the pod still writes")
            self.writer.stop()
            self.screen.prove(self.writer.lost() == 0, "every acknowledged record reads back")
            self.screen.prove(not self.writer.errors, "the pod saw no error in all this time")
            self.writer.close()

    def take_everything_away(self) -> None:
        with self.screen.step("NodeUnpublish, NodeUnstage, ControllerUnpublish, DeleteVolume"):
            volume_id = self.volume.volume_id
            self.scene.node.call(
                "NodeUnpublishVolume",
                pb.NodeUnpublishVolumeRequest(volume_id=volume_id, target_path=str(self.target)),
                pb.NodeUnpublishVolumeResponse,
            )
            self.scene.node.call(
                "NodeUnstageVolume",
                pb.NodeUnstageVolumeRequest(volume_id=volume_id, staging_target_path=str(self.staging)),
                pb.NodeUnstageVolumeResponse,
            )
            sessions = list((self.scene.host_folder / "sys" / "class" / "iscsi_session").glob("session*"))
            self.screen.prove(not sessions, "no iSCSI session and no map is left on the node")
            self.scene.controller.call(
                "ControllerUnpublishVolume",
                pb.ControllerUnpublishVolumeRequest(volume_id=volume_id, node_id=self.node_id),
                pb.ControllerUnpublishVolumeResponse,
            )
            self.scene.controller.call(
                "DeleteVolume", pb.DeleteVolumeRequest(volume_id=volume_id), pb.DeleteVolumeResponse
            )
            left = self._objects() - self.objects_at_start
            self.screen.prove(left == 0, f"objects left on either array: {left}")

    def _objects(self) -> int:
        kinds = ("volumes", "groups", "hosts", "vluns")
        return sum(len(row[kind]) for row in self.scene.state()["arrays"].values() for kind in kinds)

    def _named_groups(self) -> list[tuple[str, str, dict[str, Any]]]:
        arrays = self.scene.state()["arrays"]
        return [(name, group, row) for name in arrays for group, row in arrays[name]["groups"].items()]

    def _groups(self) -> list[tuple[str, dict[str, Any]]]:
        return [(group, row) for _, group, row in self._named_groups()]

    def _show_groups(self) -> None:
        rows = [("array", "group", "role", "state", "volumes")]
        for name, group, row in self._named_groups():
            volumes = ", ".join(f"{volume} ({member['sync']})" for volume, member in row["volumes"].items())
            rows.append((name, group, row["role"], row["state"], volumes))
        self.screen.table(rows)

    def _show_map(self) -> str:
        done = subprocess.run(
            [str(self.scene.host_folder / "usr" / "sbin" / "multipath"), "-ll"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        self.screen.say(done.stdout.rstrip())
        return done.stdout

    def _await_role(self, array: str, role: str, state: str = "") -> None:
        """Wait until an array's half of the group has this role and state."""
        group = next(group for name, group, _ in self._named_groups() if name == array)
        place = f"arrays/{array}/groups/{group}"
        conditions = [f"{place}/role={role}", *([f"{place}/state={state}"] if state else [])]
        self.scene.control.wait(*conditions, timeout_seconds=60)

    def _report(self, limit_seconds: float) -> None:
        pace = self.writer.stretch()
        self.screen.say(f"records {pace.records}, longest stall {pace.longest_seconds:.1f} s, errors {pace.errors}")
        self.screen.prove(
            pace.errors == 0 and pace.longest_seconds < limit_seconds,
            f"no error, and no stall of {limit_seconds:.0f} s or more",
        )
