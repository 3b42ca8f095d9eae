import pytest

from arraysim.core import cpgs, groups, volumes
from arraysim.core.cpgs import NewCpg
from arraysim.core.faults import Refusal
from arraysim.core.objects import Provisioning
from tests.arraysim.core.world import World, refused


@pytest.fixture
def world() -> World:
    world = World()
    cpgs.create(world.a, NewCpg("small", limit_mib=1024))
    return world


def test_a_name_is_given_once(world: World):
    with refused(Refusal.EXISTENT_CPG):
        cpgs.create(world.a, NewCpg("small"))


def test_there_are_no_domains(world: World):
    with refused(Refusal.NON_EXISTENT_DOMAIN):
        cpgs.create(world.a, NewCpg("other", domain="d"))


def test_a_cpg_in_use_stays(world: World):
    volumes.create(world.a, volumes.NewVolume("v", "small", 256))
    with refused(Refusal.IN_USE):
        cpgs.delete(world.a, "small")
    volumes.delete(world.a, "v")
    groups.create(world.a, groups.NewGroup("g", "array-b", local_cpg="small"))
    with refused(Refusal.IN_USE):
        cpgs.delete(world.a, "small")
    groups.delete(world.a, "g")
    cpgs.delete(world.a, "small")
    with refused(Refusal.NON_EXISTENT_CPG):
        cpgs.delete(world.a, "small")


def test_a_growth_limit_bounds_what_is_free(world: World):
    small = world.a.cpgs["small"]
    assert cpgs.free_mib(world.a, small) == 1024
    volumes.create(world.a, volumes.NewVolume("v", "small", 768, Provisioning.FULL))
    assert cpgs.free_mib(world.a, small) == 256
    with refused(Refusal.NO_SPACE):
        volumes.create(world.a, volumes.NewVolume("w", "small", 512, Provisioning.FULL))
    with refused(Refusal.GROW_EXCEEDS_CPG_LIMIT):
        volumes.grow(world.a, "v", 512)


def test_a_thin_volume_takes_only_what_is_written():
    world = World()
    world.volume()
    world.volume(array_name="array-b")
    world.exported()
    before = cpgs.free_mib(world.a, world.a.cpgs["SSD_r6"])
    world.write("array-a", b"x" * 2**20)
    assert before - cpgs.free_mib(world.a, world.a.cpgs["SSD_r6"]) == 1
