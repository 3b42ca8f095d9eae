"""A lab whose clock stands still, and logged-in clients."""

from collections.abc import Iterator

import pytest

from arraysim.config import ClockConfig, LabConfig
from arraysim.control.client import ControlClient
from arraysim.lab import Lab
from tests.arraysim.lab.wire import Wire, wire_to

MANUAL = LabConfig(clock=ClockConfig(mode="manual"))


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab.start(MANUAL) as running:
        yield running


@pytest.fixture
def wire(lab: Lab) -> Iterator[Wire]:
    with wire_to(lab) as client:
        yield client


@pytest.fixture
def control(lab: Lab) -> ControlClient:
    return ControlClient(lab.control_url, timeout_seconds=10)
