"""What still works while one array is without power, on a clock that the test moves."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from arraysim.config import ClockConfig, LabConfig
from arraysim.lab import Lab
from csi.errors import ArrayUnreachable, DriverError
from tests.bench import CREATE, NODE_1, NODE_2, A, B, Controller, objects

ID = "DEFAULT:vol-1"


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab.start(LabConfig(clock=ClockConfig(mode="manual"))) as running:
        yield running


@pytest.fixture
def failed_over(lab: Lab) -> Iterator[Controller]:
    """A published volume whose first array has died; the witness has handed over to the second one."""
    controller = Controller(lab)
    controller.desk.create(CREATE)
    controller.publish(ID)
    lab.advance(5)
    lab.power(A, on=False)
    lab.advance(60)
    yield controller
    controller.close()


def test_a_volume_that_failed_over_is_published_by_the_array_that_lives(lab: Lab, failed_over: Controller) -> None:
    arrays = {row["array"]: row for row in json.loads(failed_over.publish(ID)["arrays"])}
    assert arrays[A] == {"array": A, "lun": None, "portals": []}
    assert isinstance(arrays[B]["lun"], int)
    assert len(arrays[B]["portals"]) == 4


def test_it_is_listed_and_found(failed_over: Controller) -> None:
    assert failed_over.desk.get(ID).published_node_ids == (NODE_1,)
    assert [row.volume.volume_id for row in failed_over.desk.list(0, "").volumes] == [ID]


def test_unpublishing_does_the_living_side_and_asks_to_be_repeated(lab: Lab, failed_over: Controller) -> None:
    with pytest.raises(ArrayUnreachable, match=A):
        failed_over.desk.unpublish(ID, NODE_1)
    assert objects(lab)[B]["vluns"] == {}
    lab.power(A, on=True)
    lab.advance(60)
    failed_over.desk.unpublish(ID, NODE_1)
    assert all(not rows["vluns"] and not rows["hosts"] for rows in objects(lab).values())


def test_a_volume_is_not_taken_from_a_node_while_an_array_cannot_be_asked(lab: Lab) -> None:
    parameters = {"replicationGroup": "metro-1", "mountConflictDelay": "0"}
    controller = Controller(lab)
    controller.desk.create(replace(CREATE, parameters=parameters))
    controller.publish(ID)
    lab.advance(5)
    lab.power(A, on=False)
    lab.advance(60)
    before = objects(lab)
    with pytest.raises(ArrayUnreachable, match="cannot be removed"):
        controller.publish(ID, NODE_2)
    assert objects(lab) == before
    controller.close()


def test_deleting_waits_for_the_dark_array_and_changes_nothing(lab: Lab, failed_over: Controller) -> None:
    before = objects(lab)
    with pytest.raises(DriverError):
        failed_over.desk.delete(ID)
    assert objects(lab) == before


def test_after_the_array_is_back_all_is_as_before(lab: Lab, failed_over: Controller) -> None:
    lab.power(A, on=True)
    lab.advance(60)
    arrays = {row["array"]: row for row in json.loads(failed_over.publish(ID)["arrays"])}
    assert all(isinstance(row["lun"], int) for row in arrays.values())
    failed_over.desk.unpublish(ID, NODE_1)
    failed_over.desk.delete(ID)
    assert all(not any(rows.values()) for rows in objects(lab).values())


def test_with_the_secondary_dark_nobody_can_tell_who_serves_and_the_call_waits(lab: Lab) -> None:
    controller = Controller(lab)
    controller.desk.create(CREATE)
    lab.power(B, on=False)
    with pytest.raises(ArrayUnreachable, match="cannot tell which array serves"):
        controller.publish(ID)
    controller.close()
