"""From exceptions to gRPC status codes: one table, read by ancestry, the most specific class first.

Sidecars take CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE and ABORTED as "may still be running, repeat the same call". Any
other code ends the operation, and the provisioner then forgets the volume without a DeleteVolume (csi.md 3.1). So an
error gets a final code only where its class promises that the call left nothing behind, or the journal owns the rest.
"""

from dataclasses import dataclass

from grpc import StatusCode

from csi import errors

CODES: dict[type[errors.DriverError], StatusCode] = {
    errors.InvalidRequest: StatusCode.INVALID_ARGUMENT,
    errors.NotFound: StatusCode.NOT_FOUND,
    errors.AlreadyExistsDifferently: StatusCode.ALREADY_EXISTS,
    errors.OutOfRange: StatusCode.OUT_OF_RANGE,
    # The RPC is there, a value in it is not taken: UNIMPLEMENTED would deny the RPC as a whole.
    errors.Unsupported: StatusCode.INVALID_ARGUMENT,
    errors.StillInUse: StatusCode.FAILED_PRECONDITION,
    errors.OutOfOrder: StatusCode.FAILED_PRECONDITION,
    errors.BadToken: StatusCode.ABORTED,  # what ListVolumes must answer (csi.md 1.2)
    errors.BadSettings: StatusCode.FAILED_PRECONDITION,
    # UNAUTHENTICATED would speak of the caller's credentials and is final. An array that lets nobody in cannot tell
    # what an earlier try of this call left on it.
    errors.Unauthorized: StatusCode.UNAVAILABLE,
    errors.GroupBroken: StatusCode.FAILED_PRECONDITION,
    errors.LicenseMissing: StatusCode.FAILED_PRECONDITION,
    errors.NoSpace: StatusCode.RESOURCE_EXHAUSTED,
    errors.Busy: StatusCode.ABORTED,
    errors.GroupInTransition: StatusCode.UNAVAILABLE,  # nothing is pending in the driver: the arrays are not ready
    errors.ArrayUnreachable: StatusCode.UNAVAILABLE,
    errors.PathsMissing: StatusCode.UNAVAILABLE,  # not final, so the kubelet undoes a half-made stage
    errors.DeadlineNear: StatusCode.DEADLINE_EXCEEDED,
    errors.UnfinishedError: StatusCode.ABORTED,
}

#: RPCs that change an array or a node. A bug in one of these may have left something behind.
MUTATING = frozenset(
    {
        "CreateVolume",
        "DeleteVolume",
        "ControllerPublishVolume",
        "ControllerUnpublishVolume",
        "ControllerExpandVolume",
        "ControllerModifyVolume",
        "CreateSnapshot",
        "DeleteSnapshot",
        "CreateVolumeGroupSnapshot",
        "DeleteVolumeGroupSnapshot",
        "NodeStageVolume",
        "NodeUnstageVolume",
        "NodePublishVolume",
        "NodeUnpublishVolume",
        "NodeExpandVolume",
    }
)

#: A status message travels in an HTTP/2 header, percent-encoded; peers refuse headers of 8 KiB.
TEXT_LIMIT = 1500


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a failed call answers. `bug`: the error's own text stays here and the log needs a trace."""

    code: StatusCode
    text: str
    bug: bool = False


def verdict(error: Exception, rpc: str, number: str) -> Verdict:
    """The answer for `error`, raised in the RPC of that bare name, in the call of that number."""
    for ancestor in type(error).__mro__:
        if ancestor in CODES:
            assert isinstance(error, errors.DriverError)
            return Verdict(CODES[ancestor], _cut(str(error)))
    return Verdict(
        StatusCode.ABORTED if rpc in MUTATING else StatusCode.INTERNAL,
        f"{rpc} failed for a reason this driver did not foresee; its log tells more under request {number}",
        bug=True,
    )


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 1]}…"
