"""How a call to an array is told when it fails, and when a refusal is no failure."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from csi.array import codes
from csi.array.codes import NoAnswer, OddAnswer, Refusal, Untrusted, Verb
from csi.array.hpe3par import exceptions
from csi.array.transport import LoginFailed
from csi.errors import DriverError


@contextmanager
def doing(label: str, verb: Verb, what: str) -> Iterator[None]:
    """Turn everything the layers below raise into the driver's errors, told as `verb` and `what` on array `label`."""
    try:
        yield
    except LoginFailed as failed:
        error = _error(label, Verb.LOGIN, f"for {verb.says} {what}", failed.cause)
    except (exceptions.ClientException, NoAnswer, Untrusted, OddAnswer) as failure:
        error = _error(label, verb, what, failure)
    else:
        return
    raise error from None


def found(ask: Callable[[], object]) -> object | None:
    """The answer, or None where the array says that the object does not exist."""
    try:
        return ask()
    except exceptions.HTTPNotFound as missing:
        if _refusal(missing).code == codes.UNKNOWN_PATH:
            raise
        return None


def unless(act: Callable[[], object], already: Callable[[], bool], status: int) -> None:
    """Do it; if the array refuses with HTTP `status`, look whether things are already as they were to be."""
    try:
        act()
    except exceptions.ClientException as refused:
        if _refusal(refused).status != status or not already():
            raise


def _error(label: str, verb: Verb, what: str, failure: Exception) -> DriverError:
    match failure:
        case NoAnswer():
            return codes.unreachable(label, verb, what, failure)
        case Untrusted():
            return codes.untrusted(label, verb, what, failure)
        case OddAnswer():
            return codes.odd(label, verb, what, failure)
        case _:
            return codes.explain(label, verb, what, _refusal(failure))


def _refusal(failure: exceptions.ClientException) -> Refusal:
    code, text, ref = failure.get_code(), failure.get_description(), failure.get_ref()
    return Refusal(
        status=int(failure.http_status),
        code=code if isinstance(code, int) else 0,
        text=text if isinstance(text, str) else "",
        ref=ref if isinstance(ref, str) else "",
    )
