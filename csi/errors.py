"""The driver's one exception tree.

    DriverError
      CallerError       the request cannot be granted as it stands
        InvalidRequest  NotFound  AlreadyExistsDifferently  OutOfRange  Unsupported  StillInUse  OutOfOrder
                      BadToken
      OperatorError     somebody has to change settings or an array first
        BadSettings  Unauthorized  GroupBroken  LicenseMissing  NoSpace
      WaitError         the same call may succeed later
        Busy  GroupInTransition  ArrayUnreachable  PathsMissing  DeadlineNear
      UnfinishedError   a failure whose traces could not all be removed yet
      BugError          an invariant did not hold

Every leaf has one row in `rpc/status.py`. A message is one sentence a person can act on: what failed, on which array
and object, the vendor's code if there is one, what the driver did about it, and what to do next.
"""

from collections.abc import Sequence


class DriverError(Exception):
    """Root of everything the driver raises on purpose.

    `what` says what failed, `where` names the array and object, `hint` says what to do next, `done` what the driver
    did. `retry_after_seconds` is a suggestion for the caller, None where a retry alone cannot help.
    """

    retry_after_seconds: float | None = None

    def __init__(
        self, what: str, *, where: str = "", hint: str = "", done: str = "", retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint
        self.done = done
        if retry_after_seconds is not None:
            self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        for part in (self.done, self.hint):
            if part:
                text = f"{text.rstrip('.')}. {part}"
        return text


class CallerError(DriverError):
    """The request cannot be granted as it stands."""


class InvalidRequest(CallerError):
    """A field is missing, malformed or contradicts another."""


class NotFound(CallerError):
    """The named volume, node or object does not exist."""


class AlreadyExistsDifferently(CallerError):
    """The name is taken by something that does not match the request."""


class OutOfRange(CallerError):
    """No size satisfies both the request and the array."""


class Unsupported(CallerError):
    """The request is well formed, but this driver or this array does not do it."""


class StillInUse(CallerError):
    """Something (an export, a snapshot, another node) still uses the object; nothing was changed."""


class OutOfOrder(CallerError):
    """A call that has to come first, such as staging before publishing, has not been made; nothing was changed."""


class BadToken(CallerError):
    """A paging token that this driver did not issue."""


class OperatorError(DriverError):
    """Somebody has to change settings or an array first."""


class BadSettings(OperatorError):
    """A settings file, flag or environment variable is wrong."""


class Unauthorized(OperatorError):
    """An array refused the credentials or the right to do something."""


class GroupBroken(OperatorError):
    """A Remote Copy group exists but cannot be used as it is."""


class LicenseMissing(OperatorError):
    """The array lacks a licence for the request."""


class NoSpace(OperatorError):
    """The array has no room left for the request."""


class WaitError(DriverError):
    """The same call may succeed later, unchanged."""

    retry_after_seconds: float | None = 5.0


class Busy(WaitError):
    """Another operation holds the object, in the driver or on the array."""


class GroupInTransition(WaitError):
    """A Remote Copy group is between two states; nobody can say now which side serves."""


class ArrayUnreachable(WaitError):
    """An array did not answer; a change that was asked of it may or may not have happened."""


class PathsMissing(WaitError):
    """The node has no usable path to the volume yet."""


class DeadlineNear(WaitError):
    """Too little of the call's time is left to start the next step safely."""


class UnfinishedError(DriverError):
    """A failure whose traces could not all be removed yet; the journal holds what is left.

    `first` is the failure that started it; `left` names, in words, what could not be undone.
    """

    retry_after_seconds: float | None = 10.0

    def __init__(self, first: DriverError, left: Sequence[str]) -> None:
        super().__init__(
            f"{first.what.rstrip('.')}; undoing was not complete: {'; '.join(left)}",
            where=first.where,
            done="What is left is in the journal: undone when the array answers, or finished when the call is repeated",
            hint=first.hint,
        )
        self.first = first
        self.left = tuple(left)


class BugError(DriverError):
    """An invariant of the driver did not hold."""
