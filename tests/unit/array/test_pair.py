"""Two arrays as one backend: who is who, which CPG stands for which, and asking both at once."""

import threading
from collections.abc import Iterator

import pytest

from csi.access import AccessProtocol
from csi.array.pair import Pair, Side
from csi.array.port import Array
from csi.array.wsapi import WsapiArray
from csi.errors import ArrayUnreachable, BadSettings
from csi.settings.model import Backend
from tests.unit.array.conftest import PausingClock
from tests.unit.array.scripted import EMPTY, Answer, Call, ScriptedArray


@pytest.fixture
def servers() -> Iterator[tuple[ScriptedArray, ScriptedArray]]:
    with ScriptedArray() as first, ScriptedArray() as second:
        yield first, second


@pytest.fixture
def pair(servers: tuple[ScriptedArray, ScriptedArray], clock: PausingClock) -> Iterator[Pair]:
    source, target = servers[0].settings(label="array-a"), servers[1].settings(label="array-b")
    backend = Backend(
        "DEFAULT",
        AccessProtocol.ISCSI,
        source,
        cpg="a1",
        target=target,
        cpg_map={"a1": "b1"},
        snap_cpg_map={"as": "bs"},
    )
    made = Pair(backend, WsapiArray(source, clock), WsapiArray(target, clock))
    yield made
    made.close()


def test_sides_are_equals_that_know_each_other(pair: Pair) -> None:
    assert pair.sides == (Side.SOURCE, Side.TARGET)
    assert [pair.array(side).label for side in pair.sides] == ["array-a", "array-b"]
    assert [side.other for side in pair.sides] == [Side.TARGET, Side.SOURCE]


def test_a_plain_backend_has_one_side(pair: Pair) -> None:
    plain = Pair(pair.backend, pair.source)
    assert plain.sides == (Side.SOURCE,)
    assert plain.both(lambda array: array.label) == {Side.SOURCE: "array-a"}
    with pytest.raises(BadSettings, match="no second array"):
        plain.array(Side.TARGET)


def test_cpgs_are_looked_up_and_never_guessed(pair: Pair) -> None:
    assert (pair.cpg_on(Side.SOURCE, "a1"), pair.cpg_on(Side.TARGET, "a1")) == ("a1", "b1")
    assert (pair.snap_cpg_on(Side.TARGET, "as"), pair.snap_cpg_on(Side.TARGET, "")) == ("bs", "")
    with pytest.raises(BadSettings, match=r"array-b for 'a2'.*has a1"):
        pair.cpg_on(Side.TARGET, "a2")
    with pytest.raises(BadSettings, match="snapshot CPG"):
        pair.snap_cpg_on(Side.TARGET, "a1")


def test_both_are_asked_at_the_same_time(pair: Pair, servers: tuple[ScriptedArray, ScriptedArray]) -> None:
    meeting = threading.Barrier(2, timeout=10)

    def answer(_: Call) -> Answer:
        meeting.wait()  # one after the other would never meet
        return EMPTY

    for server in servers:
        server.answer = answer
    assert pair.both(lambda array: array.volumes()) == {Side.SOURCE: (), Side.TARGET: ()}


@pytest.mark.parametrize("dark", Side)
def test_a_dark_array_does_not_hide_the_others_answer(
    pair: Pair, servers: tuple[ScriptedArray, ScriptedArray], dark: Side
) -> None:
    servers[pair.sides.index(dark)].stop()
    seen = pair.both(lambda array: array.volumes())
    assert seen[dark.other] == ()
    assert isinstance(seen[dark], ArrayUnreachable)


def test_a_mistake_of_the_driver_is_not_taken_for_an_answer(pair: Pair) -> None:
    def wrong(_: Array) -> None:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        pair.both(wrong)
