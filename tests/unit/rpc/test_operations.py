"""Operations: joined, refused, never killed by their callers, drained at the end."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from csi.errors import Busy, NoSpace
from csi.rpc.operations import Key, Operations
from csi.rpc.pools import SHARED, Pools

TIMEOUT_SECONDS = 10.0
VOLUME = Key("v")


class Gate:
    """Work that waits to be let through, and counts how often it was begun."""

    def __init__(self, result: object = "done") -> None:
        self.begun = 0
        self.entered = threading.Event()
        self.open = threading.Event()
        self._result = result

    def __call__(self) -> object:
        self.begun += 1
        self.entered.set()
        assert self.open.wait(TIMEOUT_SECONDS)
        if isinstance(self._result, Exception):
            raise self._result
        return self._result

    async def reached(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, TIMEOUT_SECONDS)


def in_loop(scenario: Callable[[Operations], Coroutine[Any, Any, None]]) -> None:
    """Run the scenario with a table of its own and close its pools."""

    async def run() -> None:
        operations = Operations(Pools(workers=2))
        try:
            await asyncio.wait_for(scenario(operations), TIMEOUT_SECONDS)
        finally:
            operations.pools.close()

    asyncio.run(run())


def start(
    operations: Operations, work: Callable[[], object], key: Key = VOLUME, request: object = 1, title: str = "Create"
) -> "asyncio.Task[object]":
    return asyncio.create_task(operations.run(key, request, work, title=title, backend=SHARED))


def test_the_same_request_joins_the_running_operation() -> None:
    async def scenario(operations: Operations) -> None:
        gate = Gate()
        first = start(operations, gate)
        await gate.reached()
        second = start(operations, Gate("never asked"))
        gate.open.set()
        assert [await first, await second] == ["done", "done"]
        assert gate.begun == 1

    in_loop(scenario)


def test_joiners_share_the_failure_too() -> None:
    async def scenario(operations: Operations) -> None:
        gate = Gate(NoSpace("CPG full"))
        first = start(operations, gate)
        await gate.reached()
        second = start(operations, Gate())
        gate.open.set()
        for task in (first, second):
            with pytest.raises(NoSpace, match="CPG full"):
                await task

    in_loop(scenario)


@pytest.mark.parametrize(
    ("key", "request_", "title"),
    [
        (Key("v"), 2, "Create"),
        (Key("v"), 1, "Delete"),
        (Key("v", "node a"), 1, "Create"),
    ],
)
def test_another_request_on_the_same_object_is_refused_while_one_runs(key: Key, request_: object, title: str) -> None:
    async def scenario(operations: Operations) -> None:
        gate = Gate()
        first = start(operations, gate)
        await gate.reached()
        with pytest.raises(Busy, match="Create of v is still running"):
            await start(operations, Gate(), key, request_, title)
        gate.open.set()
        assert await first == "done"

    in_loop(scenario)


def test_two_nodes_of_one_volume_do_not_wait_for_each_other() -> None:
    async def scenario(operations: Operations) -> None:
        gates = Gate("a"), Gate("b")
        tasks = [start(operations, gate, Key("v", f"node {number}")) for number, gate in enumerate(gates)]
        for gate in gates:
            await gate.reached()
        with pytest.raises(Busy):
            await start(operations, Gate(), Key("v"))
        for gate in gates:
            gate.open.set()
        assert [await task for task in tasks] == ["a", "b"]

    in_loop(scenario)


def test_a_cancelled_caller_leaves_the_operation_running_and_its_retry_joins_it() -> None:
    async def scenario(operations: Operations) -> None:
        gate = Gate()
        first = start(operations, gate)
        await gate.reached()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert operations.running == ("Create of v",)
        retry = start(operations, Gate("never asked"))
        gate.open.set()
        assert await retry == "done"
        assert gate.begun == 1

    in_loop(scenario)


def test_a_finished_result_is_not_kept() -> None:
    async def scenario(operations: Operations) -> None:
        assert await start(operations, lambda: "first") == "first"
        assert operations.running == ()
        assert await start(operations, lambda: "second") == "second"

    in_loop(scenario)


def test_the_end_of_an_operation_that_nobody_waits_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="csi.rpc")

    async def scenario(operations: Operations) -> None:
        gate = Gate(NoSpace("CPG full"))
        first = start(operations, gate)
        await gate.reached()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        gate.open.set()
        assert await operations.drain(TIMEOUT_SECONDS) == ()

    in_loop(scenario)
    assert "Create of v failed (NoSpace: CPG full) after its caller had left" in caplog.text


def test_a_drain_waits_for_what_runs_and_lets_nothing_start() -> None:
    async def scenario(operations: Operations) -> None:
        gate = Gate()
        first = start(operations, gate)
        await gate.reached()
        drained = asyncio.create_task(operations.drain(TIMEOUT_SECONDS))
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="stopping"):
            await start(operations, Gate(), Key("other"))
        joiner = start(operations, Gate())
        gate.open.set()
        assert await drained == ()
        assert [await first, await joiner] == ["done", "done"]

    in_loop(scenario)


def test_a_drain_names_what_outlasts_its_grace() -> None:
    async def scenario(operations: Operations) -> None:
        gate = Gate()
        first = start(operations, gate, Key("v", "node a"))
        await gate.reached()
        assert await operations.drain(0.0) == ("Create of v (node a)",)
        gate.open.set()
        assert await first == "done"

    in_loop(scenario)


def test_a_full_pool_of_one_backend_does_not_hold_up_another() -> None:
    async def scenario(operations: Operations) -> None:
        gates = [Gate() for _ in range(5)]
        stuck = [
            asyncio.create_task(operations.run(Key(f"v{n}"), n, gate, title="Create", backend="dead"))
            for n, gate in enumerate(gates)
        ]
        await gates[0].reached()
        for backend in ("alive", SHARED):
            assert await operations.pools.run(backend, lambda: "answered") == "answered"
        for gate in gates:
            gate.open.set()
        await asyncio.gather(*stuck)

    in_loop(scenario)


def test_backends_beyond_the_limit_share_a_pool() -> None:
    async def run() -> set[str]:
        pools = Pools(workers=1, limit=2)
        names = {
            (await pools.run(backend, lambda: threading.current_thread().name)).rpartition("_")[0]
            for backend in ("a", "b", "c", "d")
        }
        pools.close()
        return names

    assert asyncio.run(run()) == {"rpc-a", "rpc-b", "rpc-shared"}
