"""CreateVolume and DeleteVolume on two arrays, in every state a group can be found in."""

from dataclasses import replace

import pytest

from arraysim.lab import Lab
from csi.array.records import PEER_PERSISTENCE, GroupWish, Policies, Provisioning, VolumeWish
from csi.errors import (
    AlreadyExistsDifferently,
    ArrayUnreachable,
    BadToken,
    GroupBroken,
    InvalidRequest,
    NotFound,
    OutOfRange,
    StillInUse,
)
from tests.bench import CPG, CREATE, GIB, MOUNT, NODE_1, Controller, objects, switch_over, text

ID = "DEFAULT:vol-1"
PLAIN = replace(CREATE, parameters={})


def wish(name: str) -> VolumeWish:
    return VolumeWish(name, GIB, CPG, "", Provisioning.THIN, compressed=False, comment="by hand")


def make_group(controller: Controller, policies: Policies | None = PEER_PERSISTENCE) -> None:
    """A group as an administrator makes it."""
    array = controller.plain[0]
    array.create_group(GroupWish("metro-1", "array-b", CPG, CPG, CPG, CPG))
    if policies is not None:
        array.set_policies("metro-1", "array-b", policies)


def test_a_group_that_is_absent_is_made_with_the_volume_on_both_arrays(lab: Lab, controller: Controller) -> None:
    answer = controller.desk.create(CREATE)
    assert answer.volume_id == ID
    assert answer.capacity_bytes == GIB
    assert answer.context == {"backend": "DEFAULT", "replicationGroup": "metro-1"}
    here, there = (controller.plain[side].volume("vol-1") for side in (0, 1))
    assert here is not None
    assert there is not None
    assert here.wwn == there.wwn
    assert here.comment == there.comment
    group = controller.plain[0].group("metro-1")
    assert group is not None
    assert group.policies == PEER_PERSISTENCE


def test_the_same_request_again_changes_nothing(lab: Lab, controller: Controller) -> None:
    first = controller.desk.create(CREATE)
    before = objects(lab)
    assert controller.desk.create(CREATE) == first
    assert objects(lab)["array-a"]["volumes"].keys() == before["array-a"]["volumes"].keys()


def test_another_controller_without_any_memory_answers_the_same(lab: Lab, controller: Controller) -> None:
    first = controller.desk.create(CREATE)
    context = controller.publish(ID)
    restarted = Controller(lab)
    try:
        assert restarted.desk.create(CREATE) == first
        assert restarted.publish(ID) == context
        assert restarted.desk.list(0, "") == controller.desk.list(0, "")
        restarted.desk.unpublish(ID, NODE_1)
        restarted.desk.delete(ID)
    finally:
        restarted.close()
    assert not any(rows for array in objects(lab).values() for rows in array.values())


@pytest.mark.parametrize(
    "changes",
    [
        {"required_bytes": 2 * GIB},
        {"limit_bytes": GIB // 2, "required_bytes": 1},
        {"parameters": {}},
        {"parameters": {"replicationGroup": "metro-2"}},
        {"parameters": {"replicationGroup": "metro-1", "provisioning": "full"}},
        {"parameters": {"replicationGroup": "metro-1", "fsMode": "0750"}},
    ],
)
def test_the_same_name_with_another_request_is_refused(
    lab: Lab, controller: Controller, changes: dict[str, object]
) -> None:
    controller.desk.create(CREATE)
    before = text(lab)
    with pytest.raises(AlreadyExistsDifferently):
        controller.desk.create(replace(CREATE, **changes))  # type: ignore[arg-type]  # fields of CreateVolume
    assert text(lab).count("vol-1") == before.count("vol-1")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"parameters": {"replicationGrup": "metro-1"}}, InvalidRequest),
        ({"parameters": {"replicationGroup": "a name that is far too long"}}, InvalidRequest),
        ({"parameters": {"backend": "nowhere"}}, InvalidRequest),
        ({"required_bytes": 1 << 60}, OutOfRange),
        ({"required_bytes": GIB + 1, "limit_bytes": GIB + 2}, OutOfRange),
    ],
)
def test_bad_input_changes_nothing(
    lab: Lab, controller: Controller, changes: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        controller.desk.create(replace(CREATE, **changes))  # type: ignore[arg-type]  # fields of CreateVolume
    assert not any(rows for array in objects(lab).values() for rows in array.values())


def test_volumes_share_a_group_and_the_last_one_takes_it_along(lab: Lab, controller: Controller) -> None:
    controller.desk.create(CREATE)
    controller.desk.create(replace(CREATE, name="vol-2"))
    controller.desk.delete(ID)
    group = controller.plain[0].group("metro-1")
    assert group is not None
    assert [member.volume for member in group.members] == ["vol-2"]
    assert group.state.value == "started"
    controller.desk.delete("DEFAULT:vol-2")
    assert not any(rows for array in objects(lab).values() for rows in array.values())


def test_an_administrators_group_is_adopted_and_survives_its_last_volume(lab: Lab, controller: Controller) -> None:
    make_group(controller)
    controller.desk.create(CREATE)
    controller.desk.delete(ID)
    assert controller.plain[0].group("metro-1") is not None
    controller.plain[0].stop_group("metro-1")
    controller.plain[0].delete_group("metro-1")


def test_an_administrators_group_without_a_policy_is_refused_with_the_command(lab: Lab, controller: Controller) -> None:
    make_group(controller, None)
    with pytest.raises(GroupBroken, match="setrcopygroup pol auto_failover,path_management,auto_recover metro-1"):
        controller.desk.create(CREATE)
    assert controller.plain[0].volumes() == ()
    controller.plain[0].delete_group("metro-1")


def test_after_a_switchover_volumes_are_made_and_deleted_on_the_side_that_serves(
    lab: Lab, controller: Controller
) -> None:
    controller.desk.create(CREATE)
    switch_over(lab, "metro-1", "array-b")
    controller.desk.create(replace(CREATE, name="vol-2"))
    halves = [controller.plain[0].group("metro-1"), controller.plain[1].group("metro-1.r46750")]
    assert [sorted(member.volume for member in half.members) for half in halves if half] == [["vol-1", "vol-2"]] * 2
    controller.desk.delete(ID)
    controller.desk.delete("DEFAULT:vol-2")
    assert not any(rows for array in objects(lab).values() for rows in array.values())


def test_a_foreign_volume_is_never_deleted(lab: Lab, controller: Controller) -> None:
    controller.plain[0].create_volume(wish("vol-1"))
    with pytest.raises(StillInUse, match="not made by this driver"):
        controller.desk.delete(ID)
    with pytest.raises(AlreadyExistsDifferently, match="not made by this driver"):
        controller.desk.create(PLAIN)
    controller.plain[0].delete_volume("vol-1")


@pytest.mark.parametrize("volume_id", ["", "nonsense", "other:vol-1", "DEFAULT:vol-9"])
def test_deleting_what_is_not_there_is_fine(controller: Controller, volume_id: str) -> None:
    controller.desk.delete(volume_id)


def test_a_volume_in_use_is_not_deleted(lab: Lab, controller: Controller) -> None:
    controller.desk.create(CREATE)
    controller.publish(ID)
    with pytest.raises(StillInUse, match="still exported to node-1-"):
        controller.desk.delete(ID)
    group = controller.plain[0].group("metro-1")
    assert group is not None
    assert group.state.value == "started"


def test_with_an_array_dark_a_create_says_so_and_leaves_nothing(lab: Lab, controller: Controller) -> None:
    lab.power("array-b", on=False)
    try:
        with pytest.raises(ArrayUnreachable, match="array-b"):
            controller.desk.create(CREATE)
    finally:
        lab.power("array-b", on=True)
    assert not any(rows for array in objects(lab).values() for rows in array.values())


def test_pages_go_on_after_the_last_volume_of_the_page_is_gone(controller: Controller) -> None:
    for number in range(5):
        controller.desk.create(replace(PLAIN, name=f"vol-{number}"))
    first = controller.desk.list(2, "")
    assert [row.volume.volume_id for row in first.volumes] == ["DEFAULT:vol-0", "DEFAULT:vol-1"]
    controller.desk.delete(first.next_token)
    second = controller.desk.list(2, first.next_token)
    assert [row.volume.volume_id for row in second.volumes] == ["DEFAULT:vol-2", "DEFAULT:vol-3"]
    last = controller.desk.list(2, second.next_token)
    assert [row.volume.volume_id for row in last.volumes] == ["DEFAULT:vol-4"]
    assert last.next_token == ""
    with pytest.raises(BadToken):
        controller.desk.list(2, "nonsense")


def test_foreign_volumes_are_not_listed(controller: Controller) -> None:
    controller.plain[0].create_volume(wish("by-hand"))
    assert controller.desk.list(0, "").volumes == ()
    controller.plain[0].delete_volume("by-hand")


def test_a_context_is_the_same_in_every_answer(controller: Controller) -> None:
    wanted = replace(CREATE, parameters={"replicationGroup": "metro-1", "fsOwner": "1000:1000", "fsMode": "0750"})
    made = controller.desk.create(wanted)
    assert controller.desk.get(ID).volume == made
    assert controller.desk.list(0, "").volumes[0].volume == made


def test_capacity_is_what_both_arrays_have(lab: Lab, controller: Controller) -> None:
    plain = controller.desk.capacity({}, (MOUNT,))
    replicated = controller.desk.capacity({"replicationGroup": "metro-1"}, (MOUNT,))
    assert plain.available_bytes == replicated.available_bytes > 0
    assert replicated.maximum_volume_bytes <= replicated.available_bytes


def test_an_unknown_volume_is_not_found(controller: Controller) -> None:
    for volume_id in ("nonsense", "DEFAULT:vol-9", "other:vol-1"):
        with pytest.raises(NotFound):
            controller.desk.get(volume_id)
        with pytest.raises(NotFound):
            controller.desk.validate(volume_id, (MOUNT,), {})
