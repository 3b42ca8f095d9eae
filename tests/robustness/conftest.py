"""A lab for each file of these tests."""

from collections.abc import Iterator

import pytest

from arraysim.config import LabConfig
from arraysim.lab import Lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab.start(LabConfig()) as running:
        yield running
