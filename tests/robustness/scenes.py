"""The changing RPCs in the situations in which their calls are made to fail."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from arraysim.lab import Lab
from tests.bench import CREATE, NODE_1, Controller, objects, sweep
from tests.robustness.failing import CallCounter

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
