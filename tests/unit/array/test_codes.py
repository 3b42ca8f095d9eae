"""The table of refusals: which error, and a sentence a person can act on."""

import pytest

from csi import errors
from csi.array.codes import NoAnswer, OddAnswer, Refusal, Untrusted, Verb, explain, odd, unreachable, untrusted
from csi.errors import CallerError, DriverError, OperatorError, WaitError

CASES: list[tuple[type[DriverError], Verb, Refusal]] = [
    (errors.Unauthorized, Verb.LOGIN, Refusal(403, 5, "invalid user or password")),
    (errors.Unauthorized, Verb.LOGIN, Refusal(403)),
    (errors.Unauthorized, Verb.LOGIN, Refusal(401)),
    (errors.Busy, Verb.LOGIN, Refusal(503, 0, "too many")),
    (errors.ArrayUnreachable, Verb.LOGIN, Refusal(503, 68)),
    (errors.Unauthorized, Verb.CREATE_VOLUME, Refusal(403, 13, "Permission denied")),
    (errors.BadSettings, Verb.READ, Refusal(404, 11)),
    (errors.ArrayUnreachable, Verb.CREATE_VOLUME, Refusal(500, 1)),
    (errors.ArrayUnreachable, Verb.CREATE_VOLUME, Refusal(502)),
    (errors.LicenseMissing, Verb.CREATE_GROUP, Refusal(403, 0, "UNLICENSED_FEATURE")),
    (errors.NoSpace, Verb.CREATE_VOLUME, Refusal(400, 24)),
    (errors.NoSpace, Verb.CREATE_VOLUME, Refusal(403, 153)),
    (errors.OutOfRange, Verb.CREATE_VOLUME, Refusal(400, 28)),
    (errors.OutOfRange, Verb.CREATE_VOLUME, Refusal(400, 43)),
    (errors.AlreadyExistsDifferently, Verb.CREATE_VOLUME, Refusal(409, 22)),
    (errors.NotFound, Verb.CREATE_VOLUME, Refusal(404, 15)),
    (errors.InvalidRequest, Verb.CREATE_VOLUME, Refusal(400, 57)),
    (errors.InvalidRequest, Verb.CREATE_VOLUME, Refusal(400, 78, "one of the parameters is required", "tpvv,reduce")),
    (errors.StillInUse, Verb.DELETE_VOLUME, Refusal(409, 26, "has exported VLUN")),
    (errors.StillInUse, Verb.DELETE_VOLUME, Refusal(409, 32)),
    (errors.StillInUse, Verb.DELETE_VOLUME, Refusal(409, 34)),
    (errors.StillInUse, Verb.DELETE_VOLUME, Refusal(403, 120)),
    (errors.StillInUse, Verb.DELETE_VOLUME, Refusal(403, 0, "RETAINED")),
    (errors.Busy, Verb.DELETE_VOLUME, Refusal(409, 151)),
    (errors.Busy, Verb.DELETE_VOLUME, Refusal(400, 29)),
    (errors.Busy, Verb.DELETE_VOLUME, Refusal(409, 0, "VV is busy")),
    (errors.AlreadyExistsDifferently, Verb.CREATE_HOST, Refusal(409, 16)),
    (errors.AlreadyExistsDifferently, Verb.CHANGE_HOST, Refusal(409, 73)),
    (errors.StillInUse, Verb.DELETE_HOST, Refusal(409, 26)),
    (errors.StillInUse, Verb.DELETE_HOST, Refusal(409, 77)),
    (errors.NotFound, Verb.EXPORT, Refusal(404, 17, "host does not exist")),
    (errors.NotFound, Verb.EXPORT, Refusal(404, 23)),
    (errors.Busy, Verb.EXPORT, Refusal(409, 18)),
    (errors.NoSpace, Verb.EXPORT, Refusal(409, 0, "no free LUN")),
    (errors.BadSettings, Verb.EXPORT, Refusal(409, 0, "volume and host must be in the same domain")),
    (errors.AlreadyExistsDifferently, Verb.CREATE_GROUP, Refusal(409, 237)),
    (errors.BadSettings, Verb.CREATE_GROUP, Refusal(404, 0, "remote-copy target does not exist")),
    (errors.GroupBroken, Verb.CREATE_GROUP, Refusal(503, 0, "RCOPY_MAX_SYNC_TARGET_REACHED")),
    (errors.GroupInTransition, Verb.CREATE_GROUP, Refusal(403, 0, "RCOPY_TARGET_IS_NOT_READY")),
    (errors.GroupInTransition, Verb.ADMIT, Refusal(403, 215)),
    (errors.GroupInTransition, Verb.ADMIT, Refusal(404, 187)),
    (errors.GroupInTransition, Verb.ADMIT, Refusal(403, 0, "RCOPY_GROUP_OPERATION_ONLY_ON_PRIMARY_SIDE")),
    (errors.GroupInTransition, Verb.DISMISS, Refusal(403, 0, "INV_OPERATION_RCOPY_GROUP_ROLE_CONFLICT")),
    (errors.GroupBroken, Verb.ADMIT, Refusal(403, 0, "RCOPY_GROUP_HAS_NO_CPG")),
    (errors.Busy, Verb.ADMIT, Refusal(403, 0, "RCOPY_GROUP_IS_BUSY")),
    (errors.GroupBroken, Verb.START_GROUP, Refusal(400, 236)),
    (errors.GroupBroken, Verb.DELETE_GROUP, Refusal(403, 0, "RCOPY_GROUP_IN_FAILOVER_STATE")),
    (errors.GroupBroken, Verb.DISMISS, Refusal(409, 0, "RCOPY_GROUP_CREATED_MIRROR_CONFIG_OFF")),
    (errors.GroupBroken, Verb.SET_POLICIES, Refusal(403, 0, "INV_POLICY_FOR_PERIODIC_GROUP")),
    (errors.Unsupported, Verb.CREATE_GROUP, Refusal(501)),
    (errors.Busy, Verb.READ, Refusal(429)),
    (errors.BadSettings, Verb.READ, Refusal(302)),
]


@pytest.mark.parametrize(("error", "verb", "refusal"), CASES, ids=str)
def test_each_refusal_has_its_error(error: type[DriverError], verb: Verb, refusal: Refusal) -> None:
    assert type(explain("array-a", verb, "it", refusal)) is error


def test_the_message_names_array_object_code_and_the_next_step() -> None:
    refusal = Refusal(409, 26, "has exported VLUN")
    assert str(explain("array-a", Verb.DELETE_VOLUME, "volume v1", refusal)) == (
        "array-a: deleting volume v1: something is still exported "
        '(HTTP 409, vendor code 26: "has exported VLUN"). '
        "The array refused and changed nothing. Unpublish it from every node first"
    )


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize(
    "status", [300, 400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 501, 502, 503, 504, 505]
)
def test_every_status_has_a_leaf_and_a_hint_or_says_what_is_wrong(verb: Verb, status: int) -> None:
    error = explain("array-a", verb, "it", Refusal(status, 9999, "who knows"))
    assert isinstance(error, CallerError | OperatorError | WaitError)
    assert type(error) not in (CallerError, OperatorError, WaitError)
    assert f"HTTP {status}, vendor code 9999" in str(error)


def test_a_read_is_never_told_as_a_change() -> None:
    for verb in Verb:
        told = str(explain("array-a", verb, "it", Refusal(500))) + str(
            unreachable("array-a", verb, "it", NoAnswer("x"))
        )
        assert ("may or may not have happened" in told) is verb.changes


def test_long_or_broken_texts_of_the_array_stay_short_and_on_one_line() -> None:
    said = str(explain("array-a", Verb.READ, "it", Refusal(400, 12, "x\r\n" * 5000, "y" * 5000)))
    assert "\n" not in said
    assert len(said) < 700


def test_failures_without_an_answer_name_the_array_and_what_was_done() -> None:
    told = str(unreachable("array-a", Verb.ADMIT, "volume v1 to group g", NoAnswer("connection refused")))
    assert told.startswith("array-a: admitting volume v1 to group g: no answer from the array (connection refused)")
    assert "Nothing was sent" in str(untrusted("array-a", Verb.READ, "it", Untrusted("not trusted")))
    assert "may or may not" in str(odd("array-a", Verb.EXPORT, "it", OddAnswer("field 'Location' is missing")))
