"""The runner against steps that act on a set of marks, failing and crashing at every place."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from csi.errors import ArrayUnreachable, Busy, DriverError, NoSpace, UnfinishedError
from csi.saga.journal import Journal
from csi.saga.locks import Locks
from csi.saga.recovery import Recovery
from csi.saga.runner import Runner
from csi.saga.step import Described
from csi.store.memory import MemoryStore
from tests.unit.clocks import ManualClock


class Crash(BaseException):
    """The process ends here: nothing is caught, nothing is undone."""


@dataclass
class World:
    """What steps change, and the places where they fail: `before` and `after` the effect, or when `undoing`."""

    marks: list[str] = field(default_factory=list)
    fail_before: dict[str, BaseException] = field(default_factory=dict)
    fail_after: dict[str, BaseException] = field(default_factory=dict)
    fail_undoing: dict[str, DriverError] = field(default_factory=dict)


@dataclass(frozen=True)
class Mark:
    """Adds its name to the world."""

    world: World
    name: str

    @property
    def title(self) -> str:
        return f"mark {self.name}"

    def describe(self) -> Described:
        return {"name": self.name}

    def done(self) -> bool:
        return self.name in self.world.marks

    def do(self) -> None:
        if self.name in self.world.fail_before:
            raise self.world.fail_before[self.name]
        self.world.marks.append(self.name)
        if self.name in self.world.fail_after:
            raise self.world.fail_after[self.name]

    def undo(self) -> None:
        if self.name in self.world.fail_undoing:
            raise self.world.fail_undoing[self.name]
        if self.done():
            self.world.marks.remove(self.name)


class Bench:
    def __init__(self) -> None:
        self.world = World()
        self.clock = ManualClock()
        self.journal = Journal(MemoryStore())
        self.runner = Runner(self.journal, Locks(self.clock), self.clock, self.rebuild)

    def rebuild(self, described: Described) -> Mark:
        return Mark(self.world, str(described["name"]))

    def plan(self, *names: str) -> Callable[[], list[Mark]]:
        return lambda: [Mark(self.world, name) for name in names]

    def restart(self) -> None:
        """A new process: locks are gone, the journal is what it was."""
        self.world.fail_before.clear()
        self.world.fail_after.clear()
        self.runner = Runner(self.journal, Locks(self.clock), self.clock, self.rebuild)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_all_steps_are_done_in_order_and_the_journal_is_empty(bench: Bench) -> None:
    bench.runner.run("make", {"v"}, bench.plan("a", "b", "c"))
    assert bench.world.marks == ["a", "b", "c"]
    assert bench.journal.records() == ()


@pytest.mark.parametrize("place", ["fail_before", "fail_after"])
@pytest.mark.parametrize("failing", ["a", "b", "c"])
def test_a_failure_at_any_step_leaves_nothing(bench: Bench, failing: str, place: str) -> None:
    getattr(bench.world, place)[failing] = NoSpace("the array is full")
    with pytest.raises(NoSpace, match="the array is full") as caught:
        bench.runner.run("make", {"v"}, bench.plan("a", "b", "c"))
    assert bench.world.marks == []
    assert bench.journal.records() == ()
    assert "took back" in str(caught.value)


def test_what_was_there_before_is_not_undone(bench: Bench) -> None:
    bench.world.marks.append("a")
    bench.world.fail_before["b"] = NoSpace("full")
    with pytest.raises(NoSpace):
        bench.runner.run("make", {"v"}, bench.plan("a", "b"))
    assert bench.world.marks == ["a"]


def test_an_undo_that_fails_keeps_the_record_and_still_tries_the_others(bench: Bench) -> None:
    bench.world.fail_before["c"] = NoSpace("full")
    bench.world.fail_undoing["b"] = ArrayUnreachable("no answer")
    with pytest.raises(UnfinishedError) as caught:
        bench.runner.run("make", {"v"}, bench.plan("a", "b", "c"))
    assert caught.value.left == ("mark b (no answer)",)
    assert isinstance(caught.value.first, NoSpace)
    assert bench.world.marks == ["b"]
    assert [record.key for record in bench.journal.records()] == ["make"]


def test_the_next_operation_on_the_same_thing_first_settles_what_is_open(bench: Bench) -> None:
    bench.world.fail_before["c"] = NoSpace("full")
    bench.world.fail_undoing["b"] = ArrayUnreachable("no answer")
    with pytest.raises(UnfinishedError):
        bench.runner.run("make", {"v", "g"}, bench.plan("a", "b", "c"))
    bench.world.fail_undoing.clear()
    bench.restart()
    bench.runner.run("other", {"g"}, bench.plan("d"))
    assert bench.world.marks == ["d"]
    assert bench.journal.records() == ()


@pytest.mark.parametrize("place", ["fail_before", "fail_after"])
@pytest.mark.parametrize("failing", ["a", "b", "c"])
def test_a_crash_at_any_step_is_undone_by_recovery_after_the_grace_period(
    bench: Bench, failing: str, place: str
) -> None:
    getattr(bench.world, place)[failing] = Crash()
    with pytest.raises(Crash):
        bench.runner.run("make", {"v"}, bench.plan("a", "b", "c"))
    bench.restart()
    recovery = Recovery(bench.runner, bench.clock, grace_seconds=120.0)
    assert recovery.sweep() == ("make",)
    bench.clock.advance(121.0)
    assert recovery.sweep() == ()
    assert bench.world.marks == []


@pytest.mark.parametrize("place", ["fail_before", "fail_after"])
@pytest.mark.parametrize("failing", ["a", "b", "c"])
def test_a_crash_at_any_step_is_finished_by_the_same_call(bench: Bench, failing: str, place: str) -> None:
    getattr(bench.world, place)[failing] = Crash()
    with pytest.raises(Crash):
        bench.runner.run("make", {"v"}, bench.plan("a", "b", "c"))
    bench.restart()
    bench.runner.run("make", {"v"}, bench.plan("a", "b", "c"))
    assert sorted(bench.world.marks) == ["a", "b", "c"]
    assert bench.journal.records() == ()


def test_a_bug_in_a_step_is_undone_too(bench: Bench) -> None:
    bench.world.fail_before["b"] = KeyError("oops")
    with pytest.raises(KeyError):
        bench.runner.run("make", {"v"}, bench.plan("a", "b"))
    assert bench.world.marks == []


def test_a_plan_that_refuses_writes_nothing(bench: Bench) -> None:
    def refuse() -> list[Mark]:
        raise NoSpace("no")

    with pytest.raises(NoSpace) as caught:
        bench.runner.run("make", {"v"}, refuse)
    assert "took back" not in str(caught.value)
    assert bench.journal.records() == ()


def test_two_operations_on_one_thing_wait_for_each_other(bench: Bench) -> None:
    inside, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def slow() -> list[Mark]:
        inside.set()
        assert go_on.wait(30)
        order.append("slow")
        return []

    def quick() -> list[Mark]:
        order.append("quick")
        return []

    first = threading.Thread(target=bench.runner.run, args=("one", {"v"}, slow))
    first.start()
    assert inside.wait(30)
    second = threading.Thread(target=bench.runner.run, args=("two", {"v", "w"}, quick))
    second.start()
    bench.runner.run("three", {"x"}, bench.plan("x"))
    go_on.set()
    first.join(30)
    second.join(30)
    assert order == ["slow", "quick"]
    assert bench.world.marks == ["x"]


def test_recovery_leaves_an_operation_alone_that_is_running(bench: Bench) -> None:
    bench.world.fail_after["a"] = Crash()
    with pytest.raises(Crash):
        bench.runner.run("make", {"v"}, bench.plan("a"))
    locks = Locks(bench.clock)
    runner = Runner(bench.journal, locks, bench.clock, bench.rebuild)
    bench.clock.advance(1000.0)
    with locks.holding({"v"}, timeout_seconds=0.0):
        with pytest.raises(Busy):
            runner.settle(bench.journal.records()[0])
        assert Recovery(runner, bench.clock).sweep() == ("make",)
    assert bench.world.marks == ["a"]
