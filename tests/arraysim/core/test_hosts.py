import pytest

from arraysim.core import dataplane, hosts
from arraysim.core.faults import Refusal
from arraysim.core.hosts import HostChange, NewHost
from tests.arraysim.core.world import IQN, World, refused

WWN = "10000000c9abcdef"


@pytest.fixture
def world() -> World:
    world = World()
    hosts.create(world.a, NewHost("h", (IQN,)))
    return world


def test_a_name_is_given_once(world: World):
    with refused(Refusal.EXISTENT_HOST):
        hosts.create(world.a, NewHost("h"))


def test_an_initiator_belongs_to_one_host(world: World):
    with refused(Refusal.EXISTENT_PATH):
        hosts.create(world.a, NewHost("other", (IQN,)))
    assert "other" not in world.a.hosts


def test_an_initiator_is_refused_even_to_the_host_that_has_it(world: World):
    with refused(Refusal.EXISTENT_PATH):
        hosts.add_paths(world.a, "h", (IQN,), ())


def test_an_initiator_is_named_once_in_a_call(world: World):
    with refused(Refusal.DUP_PATH):
        hosts.add_paths(world.a, "h", (), (WWN, WWN.upper()))


def test_wwns_are_kept_in_upper_case(world: World):
    hosts.add_paths(world.a, "h", (), (WWN,))
    assert world.a.hosts["h"].wwns == [WWN.upper()]
    with refused(Refusal.EXISTENT_PATH):
        hosts.create(world.a, NewHost("other", wwns=(WWN.upper(),)))


def test_a_new_host_has_asymmetric_access(world: World):
    assert world.a.hosts["h"].persona == 2


def test_personas_are_numbered_1_to_12(world: World):
    with refused(Refusal.BAD_ENUM_VALUE):
        hosts.create(world.a, NewHost("other", persona=13))
    with refused(Refusal.BAD_ENUM_VALUE):
        hosts.modify(world.a, "h", HostChange(persona=0))


def test_there_are_no_domains(world: World):
    with refused(Refusal.NON_EXISTENT_DOMAIN):
        hosts.create(world.a, NewHost("other", domain="d"))


def test_a_renamed_host_is_found_by_its_new_name(world: World):
    hosts.create(world.a, NewHost("other"))
    with refused(Refusal.EXISTENT_HOST):
        hosts.modify(world.a, "h", HostChange(new_name="other"))
    hosts.modify(world.a, "h", HostChange(new_name="k", descriptors={"os": "Linux"}))
    assert world.a.find_host("k").descriptors == {"os": "Linux"}
    with refused(Refusal.NON_EXISTENT_HOST):
        world.a.find_host("h")


def test_only_a_path_that_is_there_can_be_removed(world: World):
    with refused(Refusal.NON_EXISTENT_PATH):
        hosts.remove_paths(world.a, "h", ("iqn.other",), ())


def test_a_path_of_a_host_with_exports_is_removed_only_by_force():
    world = World()
    world.volume()
    world.volume(array_name="array-b")
    world.exported()
    with refused(Refusal.EXPORTED_VLUN):
        hosts.remove_paths(world.a, "h", (IQN,), ())
    with refused(Refusal.EXPORTED_VLUN):
        hosts.modify(world.a, "h", HostChange(persona=1))
    hosts.remove_paths(world.a, "h", (IQN,), (), force=True)
    with pytest.raises(dataplane.DataPathDown):
        dataplane.luns(world.a, IQN)


def test_a_host_with_exports_stays():
    world = World()
    world.volume()
    world.volume(array_name="array-b")
    world.exported()
    with refused(Refusal.EXPORTED_VLUN):
        hosts.delete(world.a, "h")


def test_a_deleted_host_is_logged_out(world: World):
    dataplane.login(world.a, IQN, "0:2:1")
    hosts.delete(world.a, "h")
    assert not world.a.logins
    with refused(Refusal.NON_EXISTENT_HOST):
        hosts.delete(world.a, "h")


def test_a_host_takes_1024_paths(world: World):
    with refused(Refusal.EXCEEDS_RANGE):
        hosts.add_paths(world.a, "h", tuple(f"iqn.{number}" for number in range(1024)), ())
