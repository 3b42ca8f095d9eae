"""docs/architecture.md labels every room, and labels no room that is not there."""

import re
from pathlib import Path

from tests.tidy.tree import module, none_of, python_files, text

LABEL = re.compile(r"^\* \*\*((?:csi|arraysim|tests|deploy)(?:\.\w+)*)\*\* — \S", re.MULTILINE)

#: Packages that hold nothing but rooms, or are a room's inner folders, which its label covers.
NO_ROOM = {"csi", "arraysim", "tests"}


def _rooms() -> set[str]:
    """Packages right under csi, arraysim and tests, and deploy's; whatever lies deeper belongs to its room."""
    found = {module(path) for path in python_files("csi", "arraysim", "tests", "deploy") if path.stem == "__init__"}
    return {name for name in found if name.count(".") == 1} - NO_ROOM


def _labels() -> set[str]:
    return set(LABEL.findall(text(Path("docs/architecture.md"))))


def test_every_room_has_a_label() -> None:
    none_of(_rooms() - _labels())


def test_every_label_has_a_room() -> None:
    none_of(_labels() - _rooms())
