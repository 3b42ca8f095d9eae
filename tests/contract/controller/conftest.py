"""A lab for a file of tests, and a fresh controller on clean arrays for each test."""

from collections.abc import Iterator

import pytest

from arraysim.config import LabConfig
from arraysim.lab import Lab
from tests.bench import Controller, sweep


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab.start(LabConfig()) as running:
        yield running


@pytest.fixture
def controller(lab: Lab) -> Iterator[Controller]:
    sweep(lab)
    made = Controller(lab)
    yield made
    made.close()
