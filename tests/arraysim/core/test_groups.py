import pytest

from arraysim.core import disaster, groups, starting, targets, vluns, volumes
from arraysim.core.admission import NewMember, admit
from arraysim.core.faults import Refusal
from arraysim.core.groups import GroupChange, NewGroup
from arraysim.core.objects import GroupState, Mode, Role
from tests.arraysim.core.world import PEER_PERSISTENCE, World, refused


@pytest.fixture
def world() -> World:
    world = World()
    world.group()
    return world


def test_a_new_group_has_a_secondary_view_named_after_the_system_that_made_it(world: World):
    assert (world.near.role, world.far.role) == (Role.PRIMARY, Role.SECONDARY)
    assert (world.near.remote_name, world.far.remote_name) == ("g.r46750", "g")
    assert (world.near.target, world.far.target) == ("array-b", "array-a")
    assert world.near.state is world.far.state is GroupState.NEW
    assert world.far.local_cpg == "SSD_r6"


def test_a_name_is_given_once(world: World):
    with refused(Refusal.EXISTENT_RCOPY_GROUP):
        groups.create(world.a, NewGroup("g", "array-b"))


def test_the_same_name_may_be_given_on_either_array(world: World):
    groups.create(world.b, NewGroup("g", "array-a"))
    assert set(world.a.groups) == {"g", "g.r46751"}


def test_a_mirrored_name_leaves_room_for_the_suffix(world: World):
    with refused(Refusal.EXCEEDS_LENGTH):
        groups.create(world.a, NewGroup("x" * 23, "array-b"))
    groups.create(world.a, NewGroup("x" * 22, "array-b"))
    targets.set_mirror_config(world.a, "array-b", False)
    groups.create(world.a, NewGroup("x" * 31, "array-b"))
    assert len(world.b.groups) == 2


@pytest.mark.parametrize(
    ("new", "refusal"),
    [
        (NewGroup("n", "array-c"), Refusal.NON_EXISTENT_RCOPY_TARGET),
        (NewGroup("n", "array-b", local_cpg="none"), Refusal.NON_EXISTENT_CPG),
        (NewGroup("n", "array-b", remote_cpg="none"), Refusal.NON_EXISTENT_CPG),
        (NewGroup("n", "array-b", Mode.PERIODIC), Refusal.RCOPY_TARGET_PP_SYNC_ONLY),
    ],
)
def test_what_a_group_names_must_fit(world: World, new: NewGroup, refusal: Refusal):
    with refused(refusal):
        groups.create(world.a, new)
    assert "n" not in world.a.groups


def test_without_contact_no_group_is_made_or_changed(world: World):
    world.pair.cut_link()
    with refused(Refusal.RCOPY_TARGET_IS_NOT_READY):
        groups.create(world.a, NewGroup("n", "array-b"))
    world.clock.advance(20)
    with refused(Refusal.RCOPY_TARGET_IS_NOT_READY):
        groups.modify(world.a, "g", GroupChange(policies={"auto_recover": False}))
    with refused(Refusal.RCOPY_TARGET_IS_NOT_READY):
        groups.delete(world.a, "g")


def test_policies_reach_the_other_view_also_while_started(world: World):
    starting.start(world.a, "g")
    groups.modify(world.a, "g", GroupChange(policies={"auto_recover": False}))
    assert not world.far.policies.auto_recover
    assert world.far.policies.auto_failover


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (GroupChange(target="array-c"), Refusal.RCOPY_GROUP_INV_TARGET),
        (GroupChange(period_seconds=300), Refusal.RCOPY_GROUP_IS_NOT_PERIODIC),
        (GroupChange(policies={"over_period_alert": True}), Refusal.INV_POLICY_FOR_SYNC_GROUP),
        (GroupChange(remote_cpg="none"), Refusal.NON_EXISTENT_CPG),
        (GroupChange(local_cpg="none"), Refusal.NON_EXISTENT_CPG),
    ],
)
def test_changes_must_fit_a_synchronous_group(world: World, change: GroupChange, refusal: Refusal):
    with refused(refusal):
        groups.modify(world.a, "g", change)


def test_changes_must_fit_a_periodic_group():
    world = World()
    groups.create(world.a, NewGroup("p", "array-b", Mode.PERIODIC))
    for policy in ("auto_failover", "path_management"):
        with refused(Refusal.INV_POLICY_FOR_PERIODIC_GROUP):
            groups.modify(world.a, "p", GroupChange(policies={policy: True}))
    with refused(Refusal.BELOW_RANGE):
        groups.modify(world.a, "p", GroupChange(period_seconds=299))
    with refused(Refusal.EXCEEDS_RANGE):
        groups.modify(world.a, "p", GroupChange(period_seconds=31_622_401))
    groups.modify(world.a, "p", GroupChange(period_seconds=300))
    assert world.b.groups["p.r46750"].period_seconds == 300


def test_cpgs_change_only_while_stopped(world: World):
    starting.start(world.a, "g")
    with refused(Refusal.RCOPY_GROUP_STARTED):
        groups.modify(world.a, "g", GroupChange(remote_cpg="NL_r6"))
    starting.stop(world.a, "g")
    groups.modify(world.a, "g", GroupChange(remote_cpg="NL_r6"))
    assert world.far.local_cpg == "NL_r6"


def test_only_the_primary_side_is_asked_for_changes(world: World):
    with refused(Refusal.ONLY_ON_PRIMARY_SIDE):
        groups.modify(world.b, world.far.name, GroupChange())
    with refused(Refusal.ONLY_ON_PRIMARY_SIDE):
        groups.delete(world.b, world.far.name)


def test_path_management_wants_the_same_wwn_on_both_sides():
    world = World()
    world.volume()
    world.volume(array_name="array-b")
    world.group(policies={})
    admit(world.a, "g", NewMember("v", "v", "array-b"))
    with refused(Refusal.WWN_NOT_MATCH):
        groups.modify(world.a, "g", GroupChange(policies=PEER_PERSISTENCE))


def test_a_started_group_stays():
    world = World()
    world.replicated()
    with refused(Refusal.RCOPY_GROUP_STARTED):
        groups.delete(world.a, "g")


def test_a_deleted_group_leaves_its_volumes_on_both_arrays():
    world = World()
    world.replicated()
    starting.stop(world.a, "g")
    groups.delete(world.a, "g")
    assert not world.a.groups
    assert not world.b.groups
    assert list(world.a.volumes) == list(world.b.volumes) == ["v"]
    volumes.delete(world.b, "v")


def test_resync_snapshots_are_kept_on_request():
    world = World()
    world.replicated()
    starting.stop(world.a, "g")
    groups.delete(world.a, "g", keep_snapshots=True)
    with refused(Refusal.HAS_CHILD):
        volumes.delete(world.a, "v")


def test_a_failed_over_group_stays_while_its_configuration_is_mirrored():
    world = World()
    world.replicated()
    starting.stop(world.a, "g")
    disaster.failover(world.b, world.far.name)
    for array, name in ((world.a, "g"), (world.b, "g.r46750")):
        with refused(Refusal.RCOPY_GROUP_IN_FAILOVER_STATE):
            groups.delete(array, name)


def test_a_survivor_deletes_its_view_alone_with_mirroring_off():
    """The way out after a site is lost for good (wsapi.md 2.12.8)."""
    world = World()
    world.replicated()
    world.pair.power_off("array-a")
    world.clock.advance(10)
    targets.set_mirror_config(world.b, "array-a", False)
    groups.delete(world.b, world.far.name)
    targets.set_mirror_config(world.b, "array-a", True)
    volumes.delete(world.b, "v")
    world.pair.power_on("array-a")
    world.clock.advance(30)
    assert world.near.state is GroupState.STOPPED
    with refused(Refusal.RCOPY_GROUP_MIRROR_CONFIG_OFF):
        groups.delete(world.a, "g")


def test_some_arrays_keep_a_group_whose_secondary_is_exported():
    world = World(group_delete_refused_while_secondary_exported=True)
    world.replicated()
    world.exported()
    starting.stop(world.a, "g")
    with refused(Refusal.TARGET_VOL_EXPORTED):
        groups.delete(world.a, "g")
    vluns.delete(world.b, vluns.VlunKey("v", 0, "h", ""))
    groups.delete(world.a, "g")


def test_a_group_that_is_not_there_is_not_found(world: World):
    with refused(Refusal.NON_EXISTENT_RCOPY_GROUP):
        groups.delete(world.a, "other")
