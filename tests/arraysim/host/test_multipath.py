"""Maps: when they form, how they are printed, how they follow the arrays (multipath-tools 0.9.4; data-path.md 4)."""

import json
from typing import Any

from tests.arraysim.host.scene import Scene

SHAPE = """\
{wwid} dm-0 3PARdata,VV
size=1.0G features='1 queue_if_no_path' hwhandler='1 alua' wp=rw
|-+- policy='service-time 0' prio=50 status=active
| |- 2:0:0:5 sda 8:0  active ready running
| `- 3:0:0:5 sdb 8:16 active ready running
`-+- policy='service-time 0' prio=1 status=enabled
  |- 4:0:0:7 sdc 8:32 active ghost running
  `- 5:0:0:7 sdd 8:48 active ghost running
"""
SWAPPED = """\
{wwid} dm-0 3PARdata,VV
size=1.0G features='1 queue_if_no_path' hwhandler='1 alua' wp=rw
|-+- policy='service-time 0' prio=50 status=active
| |- 4:0:0:7 sdc 8:32 active ready running
| `- 5:0:0:7 sdd 8:48 active ready running
`-+- policy='service-time 0' prio=1 status=enabled
  |- 2:0:0:5 sda 8:0  active ghost running
  `- 3:0:0:5 sdb 8:16 active ghost running
"""


def shown(scene: Scene) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(scene.tool("multipathd", "show", "map", scene.wwid, "json"))["map"]
    return found


def test_strict_makes_no_map_of_an_unknown_wwid(scene: Scene) -> None:
    scene.log_in("array-a")
    assert scene.tool("multipath", "-ll") == ""
    assert scene.tool("multipathd", "show", "maps") == "ok\n"
    assert scene.tool("multipathd", "add", "path", "sda") == "ok\n"
    assert scene.host.machine.multipathd.maps == {}


def test_an_announced_wwid_becomes_a_map_with_its_first_path(scene: Scene) -> None:
    assert scene.tool("multipath", "-a", scene.wwid) == f"wwid '{scene.wwid}' added\n"
    scene.log_in("array-a")
    assert [path.disk.name for path in scene.map.paths] == ["sda", "sdb"]
    assert f"/{scene.wwid}/\n" in (scene.host.folder / "etc/multipath/wwids").read_text()


def test_asking_for_a_wwid_makes_its_map(scene: Scene) -> None:
    scene.log_in("array-a")
    scene.log_in("array-b")
    out = scene.tool("multipath", scene.wwid)
    assert out.startswith(f"create: {scene.wwid} undef 3PARdata,VV\n")
    assert "wp=undef\n" in out
    assert "| |- 2:0:0:5 sda 8:0  undef ready running\n" in out
    assert scene.tool("multipath", scene.wwid) == ""


def test_add_map_makes_a_map_too_and_fails_without_paths(scene: Scene) -> None:
    assert scene.tool("multipathd", "add", "map", scene.wwid, code=1) == "fail\n"
    scene.log_in("array-a")
    assert scene.tool("multipathd", "add", "map", scene.wwid) == "ok\n"


def test_topology_is_printed_as_in_the_measured_lab(attached: Scene) -> None:
    expected = SHAPE.format(wwid=attached.wwid)
    for argv in (("multipath", "-ll"), ("multipath", "-ll", attached.device), ("multipathd", "show", "topology")):
        assert attached.tool(*argv) == expected
    assert attached.tool("multipathd", "show", "map", attached.wwid, "topology") == expected
    assert "active undef running" in attached.tool("multipath", "-l")


def test_json_is_what_upstream_prints(attached: Scene) -> None:
    text = attached.tool("multipathd", "show", "maps", "json")
    assert text.startswith('{\n   "major_version": 0,\n   "minor_version": 1,\n   "maps": [{\n      "name" : "')
    assert text.endswith("         }]\n      }]\n   }]\n}\n")
    found = json.loads(text)["maps"][0]
    assert (found["uuid"], found["queueing"], found["paths"], found["dm_st"]) == (attached.wwid, "18 chk", 4, "active")
    assert [(group["group"], group["pri"], group["dm_st"]) for group in found["path_groups"]] == [
        (1, 50, "active"),
        (2, 1, "enabled"),
    ]
    path = found["path_groups"][1]["paths"][0]
    assert (path["dev"], path["dev_t"], path["chk_st"], path["lun_hex"]) == (
        "sdc",
        "8:32",
        "ghost",
        "0x0007000000000000",
    )
    assert json.loads(attached.tool("multipathd", "show", "map", attached.wwid, "json"))["map"] == found
    assert attached.tool("multipathd", "show", "map", "nosuchmap", "json", code=1) == "fail\n"
    attached.tool("multipath", "-f", attached.wwid)
    assert json.loads(attached.tool("multipathd", "show", "maps", "json"))["maps"] == []


def test_raw_and_column_formats(attached: Scene) -> None:
    assert attached.tool("multipathd", "show", "paths", "raw", "format", "%d|%i|%m").splitlines()[0] == (
        f"sda|2:0:0:5|{attached.wwid}"
    )
    header, first, *_ = attached.tool("multipathd", "show", "paths").splitlines()
    assert header == "hcil    dev dev_t pri dm_st  chk_st dev_st  next_check    "
    assert first.startswith("2:0:0:5 sda 8:0   50  active ready  running ")
    assert attached.tool("multipathd", "show", "maps", "raw", "format", "%n %d %t") == f"{attached.wwid} dm-0 active\n"


def test_kernel_and_udev_know_the_map(attached: Scene) -> None:
    assert attached.read_sys("block/dm-0/dm/uuid") == f"mpath-{attached.wwid}"
    assert attached.read_sys("block/dm-0/dm/name") == attached.wwid
    assert attached.read_sys("block/dm-0/dm/suspended") == "0"
    assert attached.read_sys("block/dm-0/dev") == "253:0"
    slaves = attached.host.folder / "sys/block/dm-0/slaves"
    assert sorted(entry.name for entry in slaves.iterdir()) == ["sda", "sdb", "sdc", "sdd"]
    assert (slaves / "sdc/device/vpd_pg83").is_file()
    assert (attached.host.folder / "sys/block/sda/holders/dm-0/dm/name").is_file()


def test_groups_swap_after_a_switchover(attached: Scene) -> None:
    attached.switchover()
    attached.advance(30)
    assert attached.tool("multipath", "-ll") == SWAPPED.format(wwid=attached.wwid)


def test_an_idle_map_lags_behind_by_one_checker_round(attached: Scene) -> None:
    attached.advance(60)  # paths that stay up are checked every 20 seconds
    attached.switchover()
    attached.advance(2.5)
    assert "prio=1 status=active" in attached.tool("multipath", "-ll")  # fresh priorities, old order
    attached.advance(20)
    assert attached.tool("multipath", "-ll") == SWAPPED.format(wwid=attached.wwid)


def test_a_dead_array_has_failed_faulty_paths_and_returns_as_ghosts(attached: Scene) -> None:
    attached.power_off("array-b")
    attached.advance(60)
    assert attached.paths()[2:] == ["sdc failed faulty 1", "sdd failed faulty 1"]
    assert shown(attached)["paths"] == 2
    attached.power_on("array-b")
    attached.advance(40)
    assert attached.paths()[2:] == ["sdc active ghost 1", "sdd active ghost 1"]


def test_a_map_in_use_is_not_flushed(attached: Scene) -> None:
    with attached.lock:
        attached.map.openers += 1
    answer = attached.answer("multipath", "-f", attached.wwid)
    assert answer.code == 1
    assert answer.err.decode().endswith(f" | {attached.wwid}: map in use\n")
    assert attached.tool("multipathd", "del", "map", attached.wwid, code=1) == "fail\n"
    with attached.lock:
        attached.map.openers -= 1
    attached.tool("multipath", "-f", attached.device)
    assert b"is not a multipath device" in attached.answer("multipath", "-f", attached.wwid).err
    assert b"requires a map name" in attached.answer("multipath", "-f", "/dev/sda").err


def test_deleting_all_disks_takes_an_unused_map_along(attached: Scene) -> None:
    for name in ("sda", "sdb", "sdc"):
        attached.write_sys(f"block/{name}/device/delete", "1")
    assert [path.disk.name for path in attached.map.paths] == ["sdd"]
    attached.write_sys("block/sdd/device/delete", "1")
    assert attached.host.machine.multipathd.maps == {}
    assert not (attached.host.folder / "dev/dm-0").exists()


def test_paths_can_be_taken_out_and_put_back(attached: Scene) -> None:
    assert attached.tool("multipathd", "del", "path", "sdd") == "ok\n"
    assert len(attached.map.paths) == 3
    assert attached.tool("multipathd", "del", "path", "sdd", code=1) == "fail\n"
    assert attached.tool("multipathd", "add", "path", "/dev/sdd") == "ok\n"
    assert len(attached.map.paths) == 4


def test_a_failed_path_stays_failed_until_reinstated(attached: Scene) -> None:
    attached.tool("multipathd", "fail", "path", "sda")
    attached.advance(60)
    assert attached.paths()[0].startswith("sda failed")
    attached.tool("multipathd", "reinstate", "path", "sda")
    attached.advance(30)
    assert attached.paths()[0] == "sda active ready 50"


def test_configuration_is_read_and_a_brace_on_the_same_line_is_not(attached: Scene) -> None:
    conf = attached.host.folder / "etc/multipath.conf"
    conf.write_text('blacklist { devnode "^sd" }\n')
    attached.tool("multipathd", "reconfigure")
    assert b"multipath.conf line 1, missing '}'" in attached.answer("multipath", "-ll").err
    assert len(attached.map.paths) == 4
    conf.write_text('overrides {\n\tno_path_retry "fail"\n}\ndefaults {\n\tfind_multipaths no\n}\n')
    attached.tool("multipathd", "reconfigure")
    assert attached.answer("multipath", "-ll").err == b""
    assert shown(attached)["queueing"] == "off"
    assert "features='0'" in attached.tool("multipath", "-ll")
    assert attached.host.machine.multipathd.config.find_multipaths == "no"


def test_user_friendly_names_are_bound_for_good(scene: Scene) -> None:
    (scene.host.folder / "etc/multipath.conf").write_text(
        "defaults {\n\tuser_friendly_names yes\n\tfind_multipaths no\n}\n"
    )
    scene.tool("multipathd", "reconfigure")
    scene.log_in("array-a")
    assert scene.map.alias == "mpatha"
    assert scene.tool("multipath", "-ll").startswith(f"mpatha ({scene.wwid}) dm-0 3PARdata,VV\n")
    assert (scene.host.folder / "etc/multipath/bindings").read_text().endswith(f"mpatha {scene.wwid}\n")


def test_dmsetup_shows_and_removes_maps(attached: Scene) -> None:
    columns = attached.tool("dmsetup", "info", "-c", "--noheadings", "-o", "name,open", attached.wwid)
    assert columns == f"{attached.wwid}:0\n"
    assert attached.tool("dmsetup", "table", attached.wwid).startswith(
        "0 2097152 multipath 1 queue_if_no_path 1 alua 2 1 "
    )
    attached.tool("dmsetup", "remove", attached.wwid)
    attached.tool("dmsetup", "info", attached.wwid, code=1)
