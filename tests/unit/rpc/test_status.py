"""The table from exceptions to status codes."""

from collections.abc import Iterator

import pytest
from grpc import StatusCode

from csi import errors
from csi.rpc.status import CODES, MUTATING, TEXT_LIMIT, verdict
from csi.spec.v1 import csi_pb2 as pb

#: Codes that no sidecar takes for the end of an operation (csi.md 3.1).
NOT_FINAL = {StatusCode.CANCELLED, StatusCode.DEADLINE_EXCEEDED, StatusCode.UNAVAILABLE, StatusCode.ABORTED}


def leaves(root: type[errors.DriverError]) -> Iterator[type[errors.DriverError]]:
    # Rooms may refine a leaf of the tree for themselves; only the tree itself is the table's business.
    children = [child for child in root.__subclasses__() if child.__module__ == errors.__name__]
    if not children:
        yield root
    for child in children:
        yield from leaves(child)


LEAVES = sorted(leaves(errors.DriverError), key=lambda leaf: leaf.__name__)


def example(leaf: type[errors.DriverError]) -> errors.DriverError:
    if issubclass(leaf, errors.UnfinishedError):
        return leaf(errors.NoSpace("CPG full", where="array-a"), ["volume v on array-a"])
    return leaf("it failed", where="array-a volume v", hint="Do something")


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_leaf_of_the_tree_has_a_row_and_tells_what_it_knows(leaf: type[errors.DriverError]) -> None:
    answer = verdict(example(leaf), "CreateVolume", "r1")
    if leaf is errors.BugError:
        assert answer.bug
        return
    assert leaf in CODES
    assert answer.text == str(example(leaf))
    assert "array-a" in answer.text
    assert not answer.bug


def test_every_row_is_a_leaf() -> None:
    assert set(CODES) == set(LEAVES) - {errors.BugError}


@pytest.mark.parametrize("leaf", [leaf for leaf in LEAVES if issubclass(leaf, errors.WaitError)])
def test_what_may_pass_by_waiting_is_never_final(leaf: type[errors.DriverError]) -> None:
    assert CODES[leaf] in NOT_FINAL


@pytest.mark.parametrize("leaf", [errors.UnfinishedError, errors.Unauthorized, errors.BadToken])
def test_what_may_have_left_something_behind_is_never_final(leaf: type[errors.DriverError]) -> None:
    assert CODES[leaf] in NOT_FINAL


@pytest.mark.parametrize(
    ("leaf", "code"),
    [
        (errors.InvalidRequest, StatusCode.INVALID_ARGUMENT),
        (errors.Unsupported, StatusCode.INVALID_ARGUMENT),
        (errors.NotFound, StatusCode.NOT_FOUND),
        (errors.AlreadyExistsDifferently, StatusCode.ALREADY_EXISTS),
        (errors.OutOfRange, StatusCode.OUT_OF_RANGE),
        (errors.StillInUse, StatusCode.FAILED_PRECONDITION),
        (errors.OutOfOrder, StatusCode.FAILED_PRECONDITION),
        (errors.NoSpace, StatusCode.RESOURCE_EXHAUSTED),
        (errors.BadToken, StatusCode.ABORTED),
        (errors.Busy, StatusCode.ABORTED),
        (errors.DeadlineNear, StatusCode.DEADLINE_EXCEEDED),
    ],
)
def test_codes_that_csi_gives_a_meaning_are_used_for_it(leaf: type[errors.DriverError], code: StatusCode) -> None:
    assert CODES[leaf] is code


def test_a_room_s_own_kind_of_error_takes_its_parent_s_row() -> None:
    class DomainFull(errors.NoSpace):
        pass

    assert verdict(DomainFull("full"), "CreateVolume", "r1").code is StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    "error", [ValueError("secret=hunter2"), errors.BugError("secret=hunter2"), KeyError("hunter2")]
)
def test_a_bug_tells_the_caller_only_where_to_look(error: Exception) -> None:
    mutating, reading = verdict(error, "CreateVolume", "r7"), verdict(error, "ListVolumes", "r8")
    assert (mutating.code, reading.code) == (StatusCode.ABORTED, StatusCode.INTERNAL)
    assert "r7" in mutating.text
    assert "hunter2" not in mutating.text + reading.text


def test_a_text_too_long_for_a_header_is_cut() -> None:
    answer = verdict(errors.NoSpace("x" * 10_000), "CreateVolume", "r1")
    assert len(answer.text) == TEXT_LIMIT
    assert answer.text.endswith("…")


def test_the_rpcs_that_change_something_are_those_that_only_read_left_out() -> None:
    reading = {"Get", "List", "Validate", "Probe", "NodeGet", "ControllerGet", "ControllerList", "GroupControllerGet"}
    every = {method.name for service in pb.DESCRIPTOR.services_by_name.values() for method in service.methods}
    assert {name for name in every if not name.startswith(tuple(reading))} == MUTATING
