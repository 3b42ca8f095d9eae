import pytest

from arraysim.core import dataplane, hosts, starting, vluns
from arraysim.core.dataplane import Access, DataPathDown, LoginRefused, NoSuchLun, NotServing, OutsideVolume
from arraysim.core.invariants import deep_check
from tests.arraysim.core.world import IQN, World


@pytest.fixture
def world() -> World:
    world = World()
    world.replicated()
    world.exported()
    return world


def test_a_write_is_on_both_arrays_when_it_returns(world: World):
    world.write("array-a", b"hello", 65_530)
    for array in world.pair.arrays:
        assert array.volumes["v"].blocks.read(65_530, 5) == b"hello"


def test_both_arrays_show_one_wwn(world: World):
    [near], [far] = dataplane.luns(world.a, IQN), dataplane.luns(world.b, IQN)
    assert near.wwn == far.wwn
    assert near.size_bytes == 2**30


def test_the_standby_side_reads_and_writes_nothing(world: World):
    for action in (lambda: world.read("array-b", 1), lambda: world.write("array-b", b"x")):
        with pytest.raises(NotServing) as caught:
            action()
        assert caught.value.access is Access.STANDBY


def test_without_path_management_the_secondary_is_not_ready():
    world = World()
    world.replicated(policies={})
    assert world.access() == (Access.ACTIVE, Access.UNAVAILABLE)


def test_while_stopped_only_the_serving_side_changes(world: World):
    starting.stop(world.a, "g")
    world.write("array-a", b"alone")
    assert world.b.volumes["v"].blocks.read(0, 5) == bytes(5)
    starting.start(world.a, "g")
    world.clock.advance(1)
    assert world.b.volumes["v"].blocks.read(0, 5) == b"alone"
    deep_check(world.pair)


def test_writes_during_the_first_copy_are_not_lost():
    world = World(sync_bytes_per_second=2**30 / 10)
    world.volume()
    world.group()
    world.admit()
    world.exported()
    world.write("array-a", b"before")
    starting.start(world.a, "g")
    world.write("array-a", b"during", 100)
    world.clock.advance(11)
    assert world.synced()
    deep_check(world.pair)


def test_an_array_without_power_does_not_answer(world: World):
    world.pair.power_off("array-a")
    for action in (
        lambda: dataplane.login(world.a, IQN, "0:2:1"),
        lambda: dataplane.luns(world.a, IQN),
        lambda: dataplane.access(world.a, "v"),
        lambda: world.read("array-a", 1),
    ):
        with pytest.raises(DataPathDown):
            action()


def test_power_loss_ends_every_login(world: World):
    world.pair.power_off("array-a")
    world.pair.power_on("array-a")
    with pytest.raises(DataPathDown, match="not logged in"):
        dataplane.luns(world.a, IQN)
    world.log_in("array-a")
    assert len(dataplane.luns(world.a, IQN)) == 1


def test_an_unknown_initiator_is_refused(world: World):
    with pytest.raises(LoginRefused):
        dataplane.login(world.a, "iqn.stranger", "0:2:1")


@pytest.mark.parametrize("position", ["7:7:7", "0:1:1", "0:3:1"])
def test_a_port_must_be_there_and_of_the_initiators_kind(world: World, position: str):
    with pytest.raises(DataPathDown):
        dataplane.login(world.a, IQN, position)


def test_a_fibre_channel_initiator_uses_fibre_channel_ports(world: World):
    hosts.create(world.a, hosts.NewHost("fc", wwns=("10000000C9ABCDEF",)))
    dataplane.login(world.a, "10000000c9abcdef", "0:1:1")
    with pytest.raises(DataPathDown):
        dataplane.login(world.a, "10000000c9abcdef", "0:2:1")


def test_a_lun_must_be_exported(world: World):
    with pytest.raises(NoSuchLun):
        dataplane.read(world.a, IQN, 1, 0, 1)
    vluns.delete(world.a, vluns.VlunKey("v", 0, "h", ""))
    with pytest.raises(NoSuchLun):
        world.read("array-a", 1)


def test_a_lun_bound_to_a_port_needs_a_login_there(world: World):
    world.volume("w")
    vluns.create(world.a, vluns.NewVlun("w", "h", "0:2:2"))
    assert [view.volume for view in dataplane.luns(world.a, IQN)] == ["v"]
    dataplane.login(world.a, IQN, "0:2:2")
    assert [view.volume for view in dataplane.luns(world.a, IQN)] == ["v", "w"]


def test_nothing_is_read_or_written_beyond_the_end(world: World):
    with pytest.raises(OutsideVolume):
        world.read("array-a", 2, 2**30 - 1)
    with pytest.raises(OutsideVolume):
        world.write("array-a", b"x", -1)


def test_logging_out_ends_access(world: World):
    for position in ("0:2:1", "1:2:1", "1:2:1"):
        dataplane.logout(world.a, IQN, position)
    with pytest.raises(DataPathDown):
        world.read("array-a", 1)
