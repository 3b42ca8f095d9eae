"""Every array call of every changing RPC fails once, and the process dies once at each: nothing is left or lost.

The calls are counted in a run without a fault; then each is made to fail before its effect, after it (the reply is
lost), and by a crash on either side of it. The lab is real: HTTPS, HPE's client, both arrays.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from arraysim.config import LabConfig
from arraysim.lab import Lab
from csi.errors import DriverError
from csi.saga.recovery import Recovery
from csi.store.memory import MemoryStore
from tests.bench import CREATE, NODE_1, Controller, objects, sweep, text
from tests.robustness.failing import CallCounter, Crash

OTHER = replace(CREATE, name="vol-0")
PLAIN = replace(CREATE, name="vol-p", parameters={})
ID = "DEFAULT:vol-1"
#: An array takes these when a group stops and drops them when it has caught up (wsapi.md 2.12.6).
RESYNC_SNAPSHOT = "rcpy."


@dataclass(frozen=True)
class Scene:
    """`before` sets the stage without faults, `act` is the call under test."""

    before: Callable[[Controller], object]
    act: Callable[[Controller], object]


def nothing(_: Controller) -> None:
    """An empty pair."""


def made_and_published(controller: Controller) -> None:
    controller.desk.create(CREATE)
    controller.publish(ID)


SCENES = {
    "create plain": Scene(nothing, lambda c: c.desk.create(PLAIN)),
    "create into a new group": Scene(nothing, lambda c: c.desk.create(CREATE)),
    "create into a group in use": Scene(lambda c: c.desk.create(OTHER), lambda c: c.desk.create(CREATE)),
    "delete the last volume": Scene(lambda c: c.desk.create(CREATE), lambda c: c.desk.delete(ID)),
    "delete one of two": Scene(lambda c: (c.desk.create(OTHER), c.desk.create(CREATE)), lambda c: c.desk.delete(ID)),
    "publish": Scene(lambda c: c.desk.create(CREATE), lambda c: c.publish(ID)),
    "unpublish": Scene(made_and_published, lambda c: c.desk.unpublish(ID, NODE_1)),
}
CREATES = [name for name in SCENES if name.startswith(("create", "publish"))]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab.start(LabConfig()) as running:
        yield running


def staged(lab: Lab, scene: Scene) -> tuple[dict[str, object], dict[str, object], int]:
    """What is there before the act and after it when nothing fails, and how many calls it takes."""
    sweep(lab)
    counter = CallCounter()
    controller = Controller(lab)
    scene.before(controller)
    before = comparable(lab)
    controller.close()
    counted = Controller(lab, wrap=counter.wrap)
    scene.act(counted)
    counted.close()
    return before, comparable(lab), len(counter.names)


def comparable(lab: Lab) -> dict[str, object]:
    """The objects without what differs between two runs that did the same: WWNs, and a sync that is just under way."""
    plain: dict[str, object] = {}
    for array, kinds in objects(lab).items():
        for name, volume in kinds["volumes"].items():
            if name.startswith(RESYNC_SNAPSHOT):
                continue
            plain[f"{array} volume {name}"] = {key: value for key, value in volume.items() if key != "wwn"}
        for name, group in kinds["groups"].items():
            plain[f"{array} group {name}"] = (
                group["role"],
                group["state"],
                group["policies"],
                sorted(group["volumes"]),
            )
        for kind in ("hosts", "vluns"):
            for name in kinds[kind]:
                plain[f"{array} {kind} {name}"] = True
    return plain


def stopped_groups(lab: Lab) -> list[str]:
    """Groups with volumes in them that do not replicate."""
    rows = [row for kinds in objects(lab).values() for row in kinds["groups"].items()]
    return [name for name, group in rows if group["volumes"] and group["state"] != "Started"]


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("name", SCENES)
def test_a_lost_call_is_rolled_back_or_repeated_to_the_end(lab: Lab, name: str, how: str) -> None:
    scene = SCENES[name]
    before, after, calls = staged(lab, scene)
    assert calls > 3
    for number in range(1, calls + 1):
        sweep(lab)
        first = Controller(lab)
        scene.before(first)
        first.close()
        counter = CallCounter(number, how)
        controller = Controller(lab, wrap=counter.wrap)
        place = f"{name}, {how} call {number}"
        try:
            scene.act(controller)
        except DriverError:
            if name in CREATES:
                assert not controller.journal.records(), f"{place} ({counter.names[number - 1]}): {text(lab)}"
                assert comparable(lab) == before, f"{place} ({counter.names[number - 1]})"
        scene.act(controller)
        controller.close()
        assert comparable(lab) == after, f"{place} ({counter.names[number - 1]}), then repeated"
        assert not controller.journal.records(), place


@pytest.mark.parametrize("how", ["crash-before", "crash-after"])
@pytest.mark.parametrize("name", SCENES)
def test_a_crash_is_finished_by_the_same_call_or_undone_without_it(lab: Lab, name: str, how: str) -> None:
    scene = SCENES[name]
    before, after, calls = staged(lab, scene)
    for number in range(1, calls + 1):
        for repeated in (True, False):
            sweep(lab)
            first = Controller(lab)
            scene.before(first)
            first.close()
            store = MemoryStore()
            counter = CallCounter(number, how)
            dying = Controller(lab, store=store, wrap=counter.wrap)
            with pytest.raises(Crash):
                scene.act(dying)
            dying.close()
            place = f"{name}, {how} call {number} ({counter.names[number - 1]})"
            revived = Controller(lab, store=store)
            if repeated:
                scene.act(revived)
                assert comparable(lab) == after, f"{place}, repeated"
            else:
                assert Recovery(revived.runner, revived.office.clock, grace_seconds=0.0).sweep() == (), place
                if name in CREATES:
                    assert comparable(lab) in (before, after), f"{place}, recovered"
                groups = [rows["groups"] for rows in objects(lab).values()]
                stopped = [
                    g for rows in groups for g, row in rows.items() if row["volumes"] and row["state"] != "Started"
                ]
                assert not stopped, f"{place}: left stopped: {stopped}"
            assert not revived.journal.records(), place
            revived.close()
