from pathlib import Path

import pytest

from tests.unit.settings.reading import Reading


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    return Reading(tmp_path)
