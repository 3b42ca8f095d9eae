"""The controller dies before and after every array call of every changing RPC: nothing is left, no group stays stopped.

Then either the caller comes back, and the operation ends as if nothing had been, or nobody does, and recovery undoes
it. Minutes long: `make test-crashes`.
"""

import pytest

from arraysim.lab import Lab
from csi.saga.recovery import Recovery
from csi.store.memory import MemoryStore
from tests.bench import Controller, sweep
from tests.robustness.failing import CallCounter, Crash
from tests.robustness.scenes import CREATES, SCENES, comparable, staged, stopped_groups

pytestmark = pytest.mark.slow


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
                assert not stopped_groups(lab), f"{place}, recovered"
            assert not revived.journal.records(), place
            revived.close()
