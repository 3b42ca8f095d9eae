"""Sizes that the CSI spec sets for fields on the wire (csi.md 1.3 rule 7)."""

from collections.abc import Mapping

STRING_LIMIT_BYTES = 128
MAP_LIMIT_BYTES = 4096
MOUNT_FLAGS_LIMIT_BYTES = 4096
NODE_ID_LIMIT_BYTES = 256
#: The spec asks for at least 128; the kernel's PATH_MAX is what a kubelet's deep paths need.
PATH_LIMIT_BYTES = 4096

#: Requests are as small as the limits above; this leaves room for many capabilities and secrets.
REQUEST_LIMIT_BYTES = 8 * 1024 * 1024


def map_bytes(entries: Mapping[str, str]) -> int:
    """The size of a map field as the spec counts it: keys and values together."""
    return sum(len(key.encode()) + len(value.encode()) for key, value in entries.items())
