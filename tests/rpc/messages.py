"""Requests as a CO sends them."""

from csi.spec.v1 import csi_pb2 as pb

MODE = pb.VolumeCapability.AccessMode
MOUNT = pb.VolumeCapability(
    mount=pb.VolumeCapability.MountVolume(fs_type="ext4"), access_mode=MODE(mode=MODE.SINGLE_NODE_WRITER)
)
BLOCK = pb.VolumeCapability(
    block=pb.VolumeCapability.BlockVolume(), access_mode=MODE(mode=MODE.MULTI_NODE_MULTI_WRITER)
)


def create(name: str = "pvc-1", *, required_bytes: int = 0, **more: object) -> pb.CreateVolumeRequest:
    """CreateVolume of a file system volume; `more` are parameters."""
    return pb.CreateVolumeRequest(
        name=name,
        capacity_range=pb.CapacityRange(required_bytes=required_bytes),
        volume_capabilities=[MOUNT],
        parameters={key: str(value) for key, value in more.items()},
    )
