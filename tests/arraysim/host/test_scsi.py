"""Disks in sysfs: shape, identity, removal, growth, numbers that another volume took over."""

import os

from arraysim.core import vluns
from tests.arraysim.host.scene import Scene


def test_sysfs_has_the_kernels_shape(scene: Scene) -> None:
    scene.log_in("array-a")
    sys = scene.host.folder / "sys"
    assert os.readlink(sys / "block/sda").endswith("devices/platform/host2/session1/target2:0:0/2:0:0:5/block/sda")
    assert (sys / "block/sda/device").resolve() == (sys / "class/scsi_device/2:0:0:5/device").resolve()
    assert (sys / "class/iscsi_session/session1/device/target2:0:0/2:0:0:5/block/sda").is_dir()
    assert (sys / "class/scsi_device/2:0:0:5/device/block/sda").is_dir()
    assert [entry.name for entry in (sys / "bus/scsi/devices").iterdir() if ":5" in entry.name]
    for name, value in (("vendor", "3PARdata"), ("model", "VV"), ("state", "running"), ("dh_state", "alua")):
        assert scene.read_sys(f"block/sda/device/{name}") == value
    assert scene.read_sys("block/sda/device/wwid") == f"naa.{scene.wwn}"
    assert scene.read_sys("block/sda/size") == str(2**30 // 512)
    assert scene.read_sys("block/sdb/dev") == "8:16"


def test_a_host_without_root_can_read_and_write_all_its_own_files(scene: Scene) -> None:
    scene.log_in("array-a")
    unusable = [
        path
        for path in (scene.host.folder / "sys").rglob("*")
        if not path.is_symlink() and not path.is_dir() and path.stat().st_mode & 0o600 != 0o600
    ]
    assert unusable == []


def test_page_83_carries_name_port_and_group(scene: Scene) -> None:
    scene.log_in("array-a")
    scene.log_in("array-b")
    pages = [
        (scene.host.folder / f"sys/block/{name}/device/vpd_pg83").read_bytes() for name in ("sda", "sdb", "sdc", "sdd")
    ]
    for page in pages:
        assert page[:2] == b"\x00\x83"
        assert int.from_bytes(page[2:4], "big") == len(page) - 4
        assert page[4:8] == b"\x01\x03\x00\x10"
        assert page[8:24].hex() == scene.wwn
    groups = [int.from_bytes(page[-4:], "big") for page in pages]
    assert groups == [1, 2, 257, 258]  # distinct across the arrays: the kernel keys groups by device and id


def test_access_state_follows_the_array(scene: Scene) -> None:
    scene.log_in("array-a")
    scene.log_in("array-b")
    assert scene.read_sys("block/sda/device/access_state") == "active/optimized"
    assert scene.read_sys("block/sdc/device/access_state") == "standby"


def test_delete_removes_one_disk_and_a_scan_brings_it_back(scene: Scene) -> None:
    scene.log_in("array-a")
    scene.write_sys("block/sda/device/delete", "1")
    assert not (scene.host.folder / "sys/block/sda").is_symlink()
    assert not (scene.host.folder / "dev/sda").exists()
    assert (scene.host.folder / "sys/block/sdb").is_symlink()
    assert not (scene.host.folder / "sys/class/iscsi_session/session1/device/target2:0:0").exists()
    scene.write_sys("class/scsi_host/host2/scan", "0 0 5")
    assert scene.read_sys("block/sda/device/wwid") == f"naa.{scene.wwn}"


def test_growth_shows_after_a_rescan_only(attached: Scene) -> None:
    attached.grow(512)
    for name in ("sda", "sdb", "sdc"):
        assert attached.read_sys(f"block/{name}/size") == str(2**30 // 512)
        attached.write_sys(f"block/{name}/device/rescan", "1")
        assert attached.read_sys(f"block/{name}/size") == str(1536 * 2**20 // 512)
    assert attached.tool("multipathd", "resize", "map", attached.wwid, code=1) == "fail\n"  # one path is still small
    attached.write_sys("block/sdd/device/rescan", "1")
    assert attached.tool("multipathd", "resize", "map", attached.wwid) == "ok\n"
    assert attached.tool("blockdev", "--getsize64", attached.device) == f"{1536 * 2**20}\n"
    assert attached.read_sys("block/dm-0/size") == str(1536 * 2**20 // 512)


def test_a_reused_lun_number_keeps_the_old_identity_until_rescan(scene: Scene) -> None:
    scene.log_in("array-a")
    scene.world.volume("w")
    scene.unexport("v", "array-a", 5)
    scene.export("w", "array-a", 5)
    other = scene.world.a.volumes["w"].wwn.lower()
    assert scene.read_sys("block/sda/device/wwid") == f"naa.{scene.wwn}"
    scene.write_sys("block/sda/device/rescan", "1")
    assert scene.read_sys("block/sda/device/wwid") == f"naa.{other}"


def test_matched_set_exports_show_on_their_port_only(scene: Scene) -> None:
    scene.world.volume("w")
    with scene.lock:
        vluns.create(scene.world.a, vluns.NewVlun("w", "h", position="1:2:1", lun=9))
    scene.log_in("array-a")
    assert sorted(disk.address for disk in scene.host.machine.midlayer.disks.values()) == [
        "2:0:0:5",
        "3:0:0:5",
        "3:0:0:9",
    ]


def test_links_by_id_lead_to_the_map_or_else_to_a_disk(scene: Scene) -> None:
    by_id = scene.host.folder / "dev/disk/by-id"
    scene.log_in("array-a")
    assert os.readlink(by_id / f"wwn-0x{scene.wwn}") == "../../sda"
    scene.tool("multipath", scene.wwid)
    for name in (f"wwn-0x{scene.wwn}", f"scsi-{scene.wwid}", f"dm-uuid-mpath-{scene.wwid}", f"dm-name-{scene.wwid}"):
        assert os.readlink(by_id / name) == "../../dm-0"
    assert os.readlink(scene.device) == "../dm-0"
    scene.tool("multipath", "-f", scene.wwid)
    assert sorted(entry.name for entry in by_id.iterdir()) == [f"scsi-{scene.wwid}", f"wwn-0x{scene.wwn}"]
    for name in ("sda", "sdb"):
        scene.write_sys(f"block/{name}/device/delete", "1")
    assert list(by_id.iterdir()) == []
