"""One scene a test; the host is closed however the test ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.arraysim.host.scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Host known to both arrays, volume exported, nothing logged in."""
    made = Scene(tmp_path / "host")
    with made.host:
        made.admit()
        yield made


@pytest.fixture
def attached(scene: Scene) -> Scene:
    """Two paths to each array and a map."""
    scene.attach()
    return scene
