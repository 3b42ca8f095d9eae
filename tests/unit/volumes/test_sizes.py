"""Sizes: what an array makes, within what the CO accepts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi.array.port import GRANULE_BYTES
from csi.errors import OutOfRange
from csi.volumes.sizes import DEFAULT_BYTES, choose_bytes

LARGEST = 64 * 1024**4


@pytest.mark.parametrize(
    ("required", "limit", "size"),
    [
        (0, 0, DEFAULT_BYTES),
        (1, 0, GRANULE_BYTES),
        (GRANULE_BYTES, GRANULE_BYTES, GRANULE_BYTES),
        (GRANULE_BYTES + 1, 0, 2 * GRANULE_BYTES),
        (0, GRANULE_BYTES * 3 + 5, GRANULE_BYTES * 3),
    ],
)
def test_the_size_is_the_next_one_an_array_makes(required: int, limit: int, size: int) -> None:
    assert choose_bytes(required, limit, LARGEST) == size


@pytest.mark.parametrize(("required", "limit"), [(GRANULE_BYTES + 1, GRANULE_BYTES + 2), (0, 1), (LARGEST + 1, 0)])
def test_a_range_without_such_a_size_is_out_of_range(required: int, limit: int) -> None:
    with pytest.raises(OutOfRange):
        choose_bytes(required, limit, LARGEST)


@given(st.integers(0, 2 * LARGEST), st.integers(0, 2 * LARGEST))
def test_a_size_is_always_within_what_was_asked(required: int, limit: int) -> None:
    try:
        size = choose_bytes(required, limit, LARGEST)
    except OutOfRange:
        return
    assert size % GRANULE_BYTES == 0
    assert required <= size <= LARGEST
    assert not limit or size <= limit
