"""ControllerPublishVolume and ControllerUnpublishVolume on two arrays."""

import json
from dataclasses import replace
from typing import Any

import pytest

from arraysim.lab import Lab
from csi.access import AccessMode, Capability
from csi.errors import AlreadyExistsDifferently, ArrayUnreachable, NotFound, StillInUse
from tests.bench import CREATE, MOUNT, NODE_1, NODE_2, Controller, objects, switch_over
from tests.robustness.failing import CallCounter

ID = "DEFAULT:vol-1"
IQN_1 = "iqn.1993-08.org.debian:01:node-1"
DELAYED = replace(CREATE, parameters={"replicationGroup": "metro-1", "mountConflictDelay": "0"})


def exports(lab: Lab) -> dict[str, list[str]]:
    return {name: sorted(rows["vluns"]) for name, rows in objects(lab).items()}


def test_a_replicated_volume_is_exported_by_both_arrays(lab: Lab, controller: Controller) -> None:
    controller.desk.create(CREATE)
    context = controller.publish(ID)
    arrays = json.loads(context["arrays"])
    assert [row["array"] for row in arrays] == ["array-a", "array-b"]
    assert all(isinstance(row["lun"], int) and len(row["portals"]) == 4 for row in arrays)
    assert context["protocol"] == "iscsi"
    volume = controller.plain[0].volume("vol-1")
    assert volume is not None
    assert context["wwn"] == volume.wwn
    assert sum(len(key) + len(text) for key, text in context.items()) < 4096
    assert [len(keys) for keys in exports(lab).values()] == [1, 1]
    assert controller.desk.get(ID).published_node_ids == (NODE_1,)


def test_a_plain_volume_is_exported_by_its_own_array_only(lab: Lab, controller: Controller) -> None:
    controller.desk.create(replace(CREATE, parameters={}))
    context = controller.publish(ID)
    assert [row["array"] for row in json.loads(context["arrays"])] == ["array-a"]
    assert exports(lab)["array-b"] == []


def test_publishing_again_answers_the_same(lab: Lab, controller: Controller) -> None:
    controller.desk.create(CREATE)
    first = controller.publish(ID)
    before = exports(lab)
    assert controller.publish(ID) == first
    assert exports(lab) == before


def test_a_missing_half_is_completed_by_the_next_call(lab: Lab, controller: Controller) -> None:
    controller.desk.create(CREATE)
    first = controller.publish(ID)
    controller.plain[1].unexport(controller.plain[1].vluns("vol-1")[0])
    assert controller.publish(ID) == first


@pytest.mark.parametrize(
    "changes",
    [
        {"readonly": True},
        {"capability": replace(MOUNT, mode=AccessMode.SINGLE_NODE_READER_ONLY)},
        {"capability": replace(MOUNT, block=True)},
    ],
)
def test_the_same_node_with_other_access_is_refused(controller: Controller, changes: dict[str, Any]) -> None:
    controller.desk.create(CREATE)
    controller.publish(ID)
    with pytest.raises(AlreadyExistsDifferently, match="with other access"):
        controller.publish(ID, **changes)


def test_a_second_node_is_refused_and_told_who_has_it(lab: Lab, controller: Controller) -> None:
    controller.desk.create(CREATE)
    controller.publish(ID)
    before = exports(lab)
    with pytest.raises(StillInUse, match="is published to node-1-"):
        controller.publish(ID, NODE_2)
    assert exports(lab) == before


def test_a_block_volume_for_many_nodes_goes_to_both(lab: Lab, controller: Controller) -> None:
    shared = Capability(block=True, mode=AccessMode.MULTI_NODE_MULTI_WRITER)
    controller.desk.create(replace(CREATE, capabilities=(shared,)))
    controller.publish(ID, NODE_1, capability=shared)
    controller.publish(ID, NODE_2, capability=shared)
    assert [len(keys) for keys in exports(lab).values()] == [2, 2]
    assert controller.desk.get(ID).published_node_ids == (NODE_1, NODE_2)


def test_after_mount_conflict_delay_the_volume_moves_and_the_old_node_is_kept_out(
    lab: Lab, controller: Controller
) -> None:
    controller.desk.create(DELAYED)
    controller.publish(ID)
    context = controller.publish(ID, NODE_2)
    assert context["fsck"] == "required"
    assert controller.desk.get(ID).published_node_ids == (NODE_2,)
    assert controller.publish(ID, NODE_2) == context
    with pytest.raises(StillInUse, match="taken away from node node-1"):
        controller.publish(ID, NODE_1)
    controller.desk.unpublish(ID, NODE_1)
    controller.desk.unpublish(ID, NODE_2)
    assert "fsck" not in controller.publish(ID, NODE_1)


def test_a_move_that_fails_half_way_still_asks_for_a_check_when_it_is_repeated(
    lab: Lab, controller: Controller
) -> None:
    controller.desk.create(DELAYED)
    controller.publish(ID)
    counter = CallCounter()
    counted = Controller(lab, controller.store, wrap=counter.wrap)
    counter.fail_name = "export"
    with pytest.raises(ArrayUnreachable):
        counted.publish(ID, NODE_2)
    assert exports(lab) == {"array-a": [], "array-b": []}
    counter.fail_name = ""
    assert counted.publish(ID, NODE_2)["fsck"] == "required"
    counted.close()


def test_within_mount_conflict_delay_the_second_node_waits(lab: Lab, controller: Controller) -> None:
    controller.desk.create(replace(CREATE, parameters={"replicationGroup": "metro-1", "mountConflictDelay": "3600"}))
    controller.publish(ID)
    for _ in range(2):
        with pytest.raises(StillInUse, match="s left to let go of it"):
            controller.publish(ID, NODE_2)
    assert controller.desk.get(ID).published_node_ids == (NODE_1,)


def test_an_unknown_node_or_volume_is_not_found(controller: Controller) -> None:
    controller.desk.create(CREATE)
    with pytest.raises(NotFound):
        controller.publish(ID, "some-fake-node-id")
    with pytest.raises(NotFound):
        controller.publish("DEFAULT:vol-9")


def test_a_host_that_an_administrator_made_is_used_and_left_there(lab: Lab, controller: Controller) -> None:
    for array in controller.plain:
        array.create_host("by-hand", (IQN_1,), (), "rack 7")
    controller.desk.create(CREATE)
    controller.publish(ID)
    assert all("by-hand" in keys[0] for keys in exports(lab).values())
    assert controller.desk.get(ID).published_node_ids == (NODE_1,)
    controller.desk.unpublish(ID, NODE_1)
    assert exports(lab) == {"array-a": [], "array-b": []}
    assert all(array.host("by-hand") is not None for array in controller.plain)
    for array in controller.plain:
        array.delete_host("by-hand")


def test_unpublishing_leaves_neither_exports_nor_the_drivers_hosts(lab: Lab, controller: Controller) -> None:
    controller.desk.create(CREATE)
    controller.publish(ID)
    controller.desk.unpublish(ID, NODE_1)
    controller.desk.unpublish(ID, NODE_1)
    assert all(not rows["vluns"] and not rows["hosts"] for rows in objects(lab).values())


def test_a_host_stays_while_it_has_another_volume(lab: Lab, controller: Controller) -> None:
    controller.desk.create(CREATE)
    controller.desk.create(replace(CREATE, name="vol-2"))
    controller.publish(ID)
    controller.publish("DEFAULT:vol-2")
    controller.desk.unpublish(ID, NODE_1)
    assert all(len(rows["hosts"]) == 1 for rows in objects(lab).values())


def test_an_empty_node_id_unpublishes_from_all(lab: Lab, controller: Controller) -> None:
    shared = Capability(block=True, mode=AccessMode.MULTI_NODE_MULTI_WRITER)
    controller.desk.create(replace(CREATE, capabilities=(shared,)))
    controller.publish(ID, NODE_1, capability=shared)
    controller.publish(ID, NODE_2, capability=shared)
    controller.desk.unpublish(ID, "")
    assert exports(lab) == {"array-a": [], "array-b": []}


@pytest.mark.parametrize("node_id", ["some-fake-node-id", NODE_2])
def test_unpublishing_what_is_not_published_is_fine(controller: Controller, node_id: str) -> None:
    controller.desk.create(CREATE)
    controller.desk.unpublish(ID, node_id)
    controller.desk.unpublish("DEFAULT:vol-9", node_id)
    controller.desk.unpublish("nonsense", node_id)


def test_the_context_names_the_serving_array_whichever_it_is(lab: Lab, controller: Controller) -> None:
    controller.desk.create(CREATE)
    first = controller.publish(ID)
    switch_over(lab, "metro-1", "array-b")
    assert controller.publish(ID) == first
