"""Every array call of every changing RPC fails once, before its effect and after it: nothing is left or lost.

The calls are counted in a run without a fault; then each is made to fail. The lab is real: HTTPS, HPE's client, both
arrays.
"""

import pytest

from arraysim.lab import Lab
from csi.errors import DriverError
from tests.bench import Controller, sweep, text
from tests.robustness.failing import CallCounter
from tests.robustness.scenes import CREATES, SCENES, comparable, staged


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
