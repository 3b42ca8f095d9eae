import pytest

from arraysim.core.clock import VirtualClock


def test_time_stands_still_until_it_is_advanced():
    clock = VirtualClock(100.0)
    assert clock.now == 100.0
    clock.advance(2.5)
    assert clock.now == 102.5


def test_timers_run_in_order_each_at_its_own_time():
    clock = VirtualClock(0.0)
    seen = []
    clock.call_later(3, lambda: seen.append(("late", clock.now)))
    clock.call_later(1, lambda: seen.append(("early", clock.now)))
    clock.call_later(1, lambda: seen.append(("early, second", clock.now)))
    clock.advance(5)
    assert seen == [("early", 1.0), ("early, second", 1.0), ("late", 3.0)]
    assert clock.now == 5.0


def test_a_timer_made_by_a_timer_runs_in_the_same_advance_if_due():
    clock = VirtualClock(0.0)
    seen = []

    def make_another() -> None:
        clock.call_later(1, lambda: seen.append(clock.now))

    clock.call_later(1, make_another)
    clock.advance(2)
    assert seen == [2.0]


def test_a_cancelled_timer_never_runs():
    clock = VirtualClock(0.0)
    seen = []
    timer = clock.call_later(1, lambda: seen.append(1))
    timer.cancel()
    assert clock.next_due() is None
    clock.advance(2)
    assert seen == []


def test_a_failing_timer_leaves_later_ones_due():
    clock = VirtualClock(0.0)
    seen = []

    def fail() -> None:
        raise RuntimeError("broken")

    clock.call_later(1, fail)
    clock.call_later(2, lambda: seen.append(clock.now))
    with pytest.raises(RuntimeError):
        clock.advance(5)
    assert clock.now == 1.0
    clock.advance(1)
    assert seen == [2.0]


def test_time_does_not_run_backwards():
    clock = VirtualClock()
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="timer"):
        clock.call_later(-1, lambda: None)
