"""Which size to make for a CSI capacity range."""

from csi.array.port import GRANULE_BYTES
from csi.errors import OutOfRange

#: Made when the CO names no size; what the Docker plugin took too.
DEFAULT_BYTES = 100 * 1024**3
#: The smallest volume an array makes (wsapi.md 2.4: sizes are multiples of 256 MiB).
SMALLEST_BYTES = GRANULE_BYTES


def choose_bytes(required_bytes: int, limit_bytes: int, largest_bytes: int) -> int:
    """The size to make: `required_bytes` rounded up to what arrays make, within `limit_bytes` (0: none).

    OutOfRange if nothing fits; the message says what would.
    """
    ceiling = limit_bytes // GRANULE_BYTES * GRANULE_BYTES if limit_bytes else largest_bytes
    wanted = required_bytes or min(DEFAULT_BYTES, ceiling)
    rounded = max(SMALLEST_BYTES, -(-wanted // GRANULE_BYTES) * GRANULE_BYTES)
    if rounded > largest_bytes:
        raise OutOfRange(
            f"{wanted} bytes are more than these arrays make", hint=f"The largest is {largest_bytes} bytes"
        )
    if limit_bytes and rounded > limit_bytes:
        raise OutOfRange(
            f"no size an array makes lies between {required_bytes} and {limit_bytes} bytes",
            hint=f"Arrays make multiples of {GRANULE_BYTES} bytes; a limit of {rounded} would do",
        )
    return rounded
