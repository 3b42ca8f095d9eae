"""Which ways of using a volume this driver supports."""

from collections.abc import Iterable

from csi.access import FILE_SYSTEMS, AccessMode, Capability
from csi.errors import InvalidRequest


def refusal(capabilities: Iterable[Capability]) -> str:
    """Why these ways of use cannot all be had; "" if they can."""
    for capability in capabilities:
        if capability.block:
            continue
        if capability.mode in (AccessMode.MULTI_NODE_MULTI_WRITER, AccessMode.MULTI_NODE_SINGLE_WRITER):
            return (
                f"a file system on {capability.mode} would be damaged: {' and '.join(FILE_SYSTEMS)} have one writer; "
                "use volumeMode Block, or one node"
            )
        if capability.fs_type and capability.fs_type not in FILE_SYSTEMS:
            return f"file system {capability.fs_type!r} is not supported, only {' and '.join(FILE_SYSTEMS)}"
    return ""


def require_supported(capabilities: Iterable[Capability]) -> None:
    """InvalidRequest unless all of them can be had."""
    why = refusal(capabilities)
    if why:
        raise InvalidRequest(why)
