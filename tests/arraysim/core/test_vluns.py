import pytest

from arraysim.core import dataplane, hosts, vluns
from arraysim.core.faults import Refusal
from arraysim.core.objects import VlunType
from arraysim.core.vluns import NewVlun, VlunKey
from tests.arraysim.core.world import IQN, World, refused


@pytest.fixture
def world() -> World:
    world = World()
    for name in ("v", "w", "x"):
        world.volume(name)
    hosts.create(world.a, hosts.NewHost("h", (IQN,)))
    hosts.create(world.a, hosts.NewHost("k", ("iqn.k",)))
    return world


def test_the_lowest_free_lun_of_the_host_is_chosen(world: World):
    assert [vluns.create(world.a, NewVlun(name, "h")).lun for name in "vwx"] == [0, 1, 2]
    vluns.delete(world.a, VlunKey("w", 1, "h", ""))
    assert vluns.create(world.a, NewVlun("w", "h")).lun == 1
    assert vluns.create(world.a, NewVlun("v", "k")).lun == 0


def test_lun_254_is_never_chosen(world: World):
    for lun in range(255):
        if lun != 254:
            vluns.add(world.a, world.a.volumes["v"], lun, world.a.hosts["h"], "")
    assert vluns.create(world.a, NewVlun("w", "h")).lun == 255


def test_a_lun_is_given_once_per_host(world: World):
    vluns.create(world.a, NewVlun("v", "h", lun=5))
    with refused(Refusal.EXISTENT_LUN):
        vluns.create(world.a, NewVlun("w", "h", lun=5))
    vluns.create(world.a, NewVlun("w", "k", lun=5))


def test_a_lun_bound_to_a_port_is_taken_only_there(world: World):
    vluns.create(world.a, NewVlun("v", "h", "0:2:1", 5))
    with refused(Refusal.EXISTENT_LUN):
        vluns.create(world.a, NewVlun("w", "h", lun=5))
    with refused(Refusal.EXISTENT_LUN):
        vluns.create(world.a, NewVlun("w", position="0:2:1", lun=5))
    vluns.create(world.a, NewVlun("w", "h", "0:2:2", 5))


def test_luns_end_at_16383(world: World):
    vluns.create(world.a, NewVlun("v", "h", lun=16383))
    with refused(Refusal.TOO_LARGE):
        vluns.create(world.a, NewVlun("w", "h", lun=16384))


def test_the_type_follows_from_what_is_given(world: World):
    kinds = [NewVlun("v", "h"), NewVlun("w", position="0:2:1"), NewVlun("x", "h", "0:2:1")]
    made = [vluns.create(world.a, new).type for new in kinds]
    assert made == [VlunType.HOST, VlunType.PORT, VlunType.MATCHED_SET]


@pytest.mark.parametrize(
    ("new", "refusal"),
    [
        (NewVlun("nothing", "h"), Refusal.NON_EXISTENT_VOL),
        (NewVlun("v", "nobody"), Refusal.NON_EXISTENT_HOST),
        (NewVlun("v", "h", "7:2:1"), Refusal.NON_EXISTENT_PORT),
        (NewVlun("v"), Refusal.ONE_REQUIRED),
        (NewVlun("v", "set:hosts"), Refusal.NON_EXISTENT_SET),
        (NewVlun("set:volumes", "h"), Refusal.NON_EXISTENT_SET),
    ],
)
def test_both_ends_must_exist(world: World, new: NewVlun, refusal: Refusal):
    with refused(refusal):
        vluns.create(world.a, new)


def test_a_volume_may_be_exported_twice_unless_the_array_refuses(world: World):
    vluns.create(world.a, NewVlun("v", "h"))
    assert vluns.create(world.a, NewVlun("v", "h")).lun == 1
    strict = World(second_export_refused=True)
    strict.volume()
    hosts.create(strict.a, hosts.NewHost("h"))
    vluns.create(strict.a, NewVlun("v", "h"))
    with refused(Refusal.EXISTENT_LUN):
        vluns.create(strict.a, NewVlun("v", "h"))


def test_active_rows_follow_logins(world: World):
    template = vluns.create(world.a, NewVlun("v", "h"))
    assert list(vluns.active_rows(world.a, template)) == []
    world.log_in("array-a")
    assert [(row.initiator, row.position) for row in vluns.active_rows(world.a, template)] == [
        (IQN, "0:2:1"),
        (IQN, "1:2:1"),
    ]
    dataplane.logout(world.a, IQN, "0:2:1")
    assert [row.position for row in vluns.active_rows(world.a, template)] == ["1:2:1"]


def test_a_template_bound_to_a_port_is_active_only_there(world: World):
    template = vluns.create(world.a, NewVlun("v", "h", "1:2:1"))
    world.log_in("array-a")
    assert [row.position for row in vluns.active_rows(world.a, template)] == ["1:2:1"]


@pytest.mark.parametrize(
    ("key", "refusal"),
    [
        (VlunKey("v", 0, "nobody", ""), Refusal.NON_EXISTENT_HOST),
        (VlunKey("v", 1, "h", ""), Refusal.NON_EXISTENT_VLUN),
        (VlunKey("w", 0, "h", ""), Refusal.NON_EXISTENT_VLUN),
        (VlunKey("v", 0, "h", "0:2:1"), Refusal.NON_EXISTENT_VLUN),
        (VlunKey("v", 0, "k", ""), Refusal.NON_EXISTENT_VLUN),
    ],
)
def test_only_the_very_template_is_deleted(world: World, key: VlunKey, refusal: Refusal):
    vluns.create(world.a, NewVlun("v", "h"))
    with refused(refusal):
        vluns.delete(world.a, key)
    vluns.delete(world.a, VlunKey("v", 0, "h", ""))
    assert world.a.vluns == []
