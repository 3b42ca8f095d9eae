"""Plans for every situation CreateVolume and DeleteVolume can find."""

from dataclasses import replace

import pytest

from csi.access import AccessProtocol
from csi.array.pair import Pair, Side
from csi.array.records import GroupState, Policies, Provisioning, ReplicationMode, Vlun
from csi.errors import (
    AlreadyExistsDifferently,
    ArrayUnreachable,
    DriverError,
    GroupBroken,
    GroupInTransition,
    StillInUse,
)
from csi.replication.label import Label
from csi.replication.plan import SeenForCreate, SeenForDelete, WantedVolume, plan_create, plan_delete
from csi.replication.roles import Half, Halves
from csi.replication.steps import (
    Action,
    Admit,
    CheckProtected,
    Dismiss,
    LabelTwin,
    MakeGroup,
    MakeVolume,
    RemoveGroup,
    RemoveVolume,
    SetPolicies,
    StartGroup,
    StopGroup,
)
from csi.settings.model import ArraySettings, Backend, Secret
from tests.unit.replication.records import GIB, P, S, group, volume


class Named:
    """An array that has a label and nothing else: a plan asks arrays nothing."""

    def __init__(self, label: str) -> None:
        self.label = label


def settings(label: str, target: str) -> ArraySettings:
    return ArraySettings(label, f"https://{label}/api/v1", "user", Secret("x"), target_name=target)


PAIR = Pair(
    Backend(
        "metro",
        AccessProtocol.ISCSI,
        settings("a", "to-b"),
        "cpg-a",
        "",
        settings("b", "to-a"),
        "192.0.2.9",
        {"cpg-a": "cpg-b"},
        {"snap-a": "snap-b"},
    ),
    Named("a"),  # type: ignore[arg-type]  # a plan only reads the label
    Named("b"),  # type: ignore[arg-type]  # the fields are those of the record
)
WANTED = WantedVolume(
    name="v",
    size_bytes=GIB,
    least_bytes=GIB,
    most_bytes=0,
    group="g",
    cpg="cpg-a",
    snap_cpg="snap-a",
    provisioning=Provisioning.THIN,
    compressed=False,
    label=Label("v", {"provisioning": "thin"}, {"replicationGroup": "g"}),
)
MINE = WANTED.label.text()
MADE = replace(WANTED.label, made_group=True).text()
NOWHERE = {Side.SOURCE: None, Side.TARGET: None}


def normal(*members: str, state: GroupState = GroupState.STARTED) -> Halves:
    return Halves(
        Half(group("g", "g.r1", P, members=members, state=state)),
        Half(group("g.r1", "g", S, members=members, state=state, target="to-a")),
    )


def switched(*members: str) -> Halves:
    return Halves(
        Half(group("g", "g.r1", S, reversed_=True, members=members)),
        Half(group("g.r1", "g", P, reversed_=True, members=members, target="to-a")),
    )


def kinds(actions: list[Action]) -> list[tuple[str, str]]:
    return [(type(action).__name__, action.side.value) for action in actions]


def names(*types: type[Action]) -> list[str]:
    return [action.__name__ for action in types]


def test_a_plain_volume_is_one_action_on_the_source() -> None:
    plain = replace(WANTED, group="")
    actions = plan_create(PAIR, plain, SeenForCreate({Side.SOURCE: None}, Halves.none()))
    assert actions == [MakeVolume(Side.SOURCE, "v", GIB, "cpg-a", "snap-a", "thin", compressed=False, comment=MINE)]


def test_a_new_group_is_made_with_its_policies_before_the_volume_is_admitted() -> None:
    actions = plan_create(PAIR, WANTED, SeenForCreate(NOWHERE, Halves.none(), domain="dom"))
    assert [name for name, _ in kinds(actions)] == names(
        MakeVolume, MakeGroup, SetPolicies, Admit, StartGroup, LabelTwin, CheckProtected
    )
    assert actions[1] == MakeGroup(Side.SOURCE, "g", "to-b", "cpg-a", "snap-a", "cpg-b", "snap-b", "dom")
    assert isinstance(actions[0], MakeVolume)
    assert actions[0].comment == MADE
    assert actions[5] == LabelTwin(Side.TARGET, "v", MADE)


def test_a_started_group_is_stopped_for_the_admission_only() -> None:
    actions = plan_create(PAIR, WANTED, SeenForCreate(NOWHERE, normal("other"), (MADE,)))
    assert [name for name, _ in kinds(actions)] == names(
        MakeVolume, StopGroup, Admit, StartGroup, LabelTwin, CheckProtected
    )
    assert isinstance(actions[0], MakeVolume)
    assert actions[0].comment == MADE  # the group stays known as the driver's through every volume in it


def test_a_group_made_by_somebody_else_stays_theirs() -> None:
    actions = plan_create(PAIR, WANTED, SeenForCreate(NOWHERE, normal("other"), ("by hand",)))
    assert isinstance(actions[0], MakeVolume)
    assert actions[0].comment == MINE


def test_after_a_switchover_everything_happens_on_the_array_that_serves() -> None:
    actions = plan_create(PAIR, WANTED, SeenForCreate(NOWHERE, switched("other")))
    assert kinds(actions) == [
        ("MakeVolume", "target"),
        ("StopGroup", "target"),
        ("Admit", "target"),
        ("StartGroup", "target"),
        ("LabelTwin", "source"),
        ("CheckProtected", "target"),
    ]
    assert isinstance(actions[0], MakeVolume)
    assert actions[0].cpg == "cpg-b"
    assert actions[2] == Admit(Side.TARGET, "g.r1", "v", "to-a")


def test_what_is_there_as_wanted_needs_nothing() -> None:
    seen = SeenForCreate({Side.SOURCE: volume(comment=MADE), Side.TARGET: volume(comment=MADE)}, normal("v"))
    assert plan_create(PAIR, WANTED, seen) == []


def test_a_volume_left_outside_its_group_is_admitted() -> None:
    seen = SeenForCreate({Side.SOURCE: volume(comment=MADE), Side.TARGET: None}, normal())
    assert [name for name, _ in kinds(plan_create(PAIR, WANTED, seen))] == names(
        StopGroup, Admit, StartGroup, LabelTwin, CheckProtected
    )


@pytest.mark.parametrize(
    ("existing", "words"),
    [
        (volume(comment="by hand"), "not made by this driver"),
        (volume(comment=Label("v2").text()), "name is 'v2', not 'v'"),
        (volume(comment=MINE.replace("thin", "full")), "provisioning is 'full', not 'thin'"),
        (volume(comment=MINE, size_bytes=GIB // 2), "its size is 536870912 bytes"),
    ],
)
def test_another_volume_of_that_name_is_refused_with_the_difference(existing: object, words: str) -> None:
    seen = SeenForCreate({Side.SOURCE: existing, Side.TARGET: None}, Halves.none())  # type: ignore[dict-item]  # the parametrised value is a Volume
    with pytest.raises(AlreadyExistsDifferently) as caught:
        plan_create(PAIR, WANTED, seen)
    assert words in str(caught.value)


def test_a_larger_volume_than_the_limit_is_another_one() -> None:
    wanted = replace(WANTED, most_bytes=GIB)
    seen = SeenForCreate({Side.SOURCE: volume(comment=MINE, size_bytes=2 * GIB), Side.TARGET: None}, Halves.none())
    with pytest.raises(AlreadyExistsDifferently, match="its size is"):
        plan_create(PAIR, wanted, seen)


def test_a_stranger_on_the_other_array_is_not_overwritten() -> None:
    seen = SeenForCreate({Side.SOURCE: None, Side.TARGET: volume(comment="by hand")}, Halves.none())
    with pytest.raises(AlreadyExistsDifferently, match="without its twin"):
        plan_create(PAIR, WANTED, seen)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": "elsewhere"}, "its target is elsewhere, the settings say to-b"),
        ({"mode": ReplicationMode.PERIODIC}, "its mode is periodic"),
        (
            {"policies": Policies(auto_failover=False, path_management=True, auto_recover=False)},
            "Run 'setrcopygroup pol auto_failover,auto_recover g'",
        ),
        ({"state": GroupState.STOPPED, "members": ("other",)}, "Run 'startrcopygroup g'"),
    ],
)
def test_an_unfit_group_is_refused_with_what_to_change(changes: dict[str, object], words: str) -> None:
    source = replace(group("g", "g.r1", P), **{k: v for k, v in changes.items() if k != "members"})  # type: ignore[arg-type]  # the fields are those of the record
    if "members" in changes:
        source = replace(source, members=group(members=("other",)).members)
    halves = Halves(Half(source), Half(group("g.r1", "g", S)))
    with pytest.raises(GroupBroken) as caught:
        plan_create(PAIR, WANTED, SeenForCreate(NOWHERE, halves))
    assert words in str(caught.value)
    assert "Nothing was changed" in str(caught.value)


def test_a_group_that_failed_over_takes_no_volumes_yet() -> None:
    halves = Halves(Half(group("g", "g.r1", P, state=GroupState.STOPPED)), Half(group("g.r1", "g", P, reversed_=True)))
    with pytest.raises(GroupInTransition, match="failed over"):
        plan_create(PAIR, WANTED, SeenForCreate(NOWHERE, halves))


def test_a_dark_array_stops_a_create_before_anything_is_made() -> None:
    dark: dict[Side, object] = {Side.SOURCE: None, Side.TARGET: ArrayUnreachable("no answer")}
    with pytest.raises(ArrayUnreachable):
        plan_create(PAIR, WANTED, SeenForCreate(dark, Halves.none()))  # type: ignore[arg-type]  # the fields are those of the record


def seen_for_delete(halves: Halves, comment: str = MADE, **changes: object) -> SeenForDelete:
    copy = volume(comment=comment)
    nothing: dict[Side, tuple[Vlun, ...] | DriverError] = {Side.SOURCE: (), Side.TARGET: ()}
    no_snapshots: dict[Side, tuple[str, ...] | DriverError] = {Side.SOURCE: (), Side.TARGET: ()}
    seen = SeenForDelete({Side.SOURCE: copy, Side.TARGET: copy}, nothing, no_snapshots, halves)
    return replace(seen, **changes)  # type: ignore[arg-type]  # the fields are those of the record


def test_nothing_is_deleted_twice() -> None:
    seen = SeenForDelete(NOWHERE, {}, {}, Halves.none())
    assert plan_delete(PAIR, "v", seen, remove_groups="made") == []


def test_the_last_volume_takes_the_drivers_group_along() -> None:
    actions = plan_delete(PAIR, "v", seen_for_delete(normal("v")), remove_groups="made")
    assert actions == [
        StopGroup(Side.SOURCE, "g"),
        Dismiss(Side.SOURCE, "g", "v"),
        RemoveGroup(Side.SOURCE, "g"),
        RemoveVolume(Side.TARGET, "v"),
        RemoveVolume(Side.SOURCE, "v"),
    ]


def test_an_interrupted_delete_goes_on_with_the_group_it_emptied() -> None:
    seen = seen_for_delete(Halves.none(), MADE, volumes={Side.SOURCE: volume(comment=MADE), Side.TARGET: None})
    actions = plan_delete(PAIR, "v", replace(seen, named=normal()), remove_groups="made")
    assert actions == [RemoveGroup(Side.SOURCE, "g"), RemoveVolume(Side.SOURCE, "v")]
    still_used = plan_delete(PAIR, "v", replace(seen, named=normal("w")), remove_groups="made")
    assert still_used == [RemoveVolume(Side.SOURCE, "v")]


@pytest.mark.parametrize(("remove_groups", "removed"), [("made", False), ("any", True), ("never", False)])
def test_a_group_made_by_hand_goes_only_if_asked(remove_groups: str, removed: bool) -> None:
    actions = plan_delete(PAIR, "v", seen_for_delete(normal("v"), MINE), remove_groups=remove_groups)
    assert (RemoveGroup(Side.SOURCE, "g") in actions) is removed


def test_a_group_with_other_volumes_is_started_again() -> None:
    actions = plan_delete(PAIR, "v", seen_for_delete(normal("v", "w")), remove_groups="made")
    assert actions.index(StartGroup(Side.SOURCE, "g")) == actions.index(Dismiss(Side.SOURCE, "g", "v")) + 1


def test_a_group_that_was_stopped_stays_stopped() -> None:
    actions = plan_delete(PAIR, "v", seen_for_delete(normal("v", "w", state=GroupState.STOPPED)), remove_groups="made")
    assert not any(isinstance(action, (StopGroup, StartGroup)) for action in actions)


def test_after_a_switchover_the_serving_array_deletes() -> None:
    actions = plan_delete(PAIR, "v", seen_for_delete(switched("v", "w")), remove_groups="made")
    assert actions[1] == Dismiss(Side.TARGET, "g.r1", "v")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"vluns": {Side.SOURCE: (), Side.TARGET: (Vlun("v", "node-1", 1, active=False),)}},
            "still exported to node-1",
        ),
        ({"snapshots": {Side.SOURCE: ("snap-1",), Side.TARGET: ()}}, "has snapshots on the array: snap-1"),
        ({"comment": "by hand"}, "not made by this driver"),
    ],
)
def test_a_volume_in_use_is_left_alone(changes: dict[str, object], words: str) -> None:
    comment = str(changes.pop("comment", MADE)) if "comment" in changes else MADE
    with pytest.raises(StillInUse) as caught:
        plan_delete(PAIR, "v", seen_for_delete(normal("v"), comment, **changes), remove_groups="made")
    assert words in str(caught.value)
    assert "Nothing was changed" in str(caught.value)


def test_a_foreign_volume_of_the_same_name_on_the_other_array_is_not_touched() -> None:
    foreign = volume(wwn="60002ac" + "2" * 25, comment="by hand")
    seen = seen_for_delete(Halves.none(), MINE, volumes={Side.SOURCE: volume(comment=MINE), Side.TARGET: foreign})
    assert plan_delete(PAIR, "v", seen, remove_groups="made") == [RemoveVolume(Side.SOURCE, "v")]
