import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraysim.core.blocks import PAGE_BYTES, Blocks

_END = 3 * PAGE_BYTES


def test_what_was_never_written_reads_as_zeros():
    assert Blocks().read(PAGE_BYTES - 2, 4) == bytes(4)


def test_zeros_take_no_space():
    blocks = Blocks()
    blocks.write(0, b"x" * PAGE_BYTES)
    assert blocks.used_bytes == PAGE_BYTES
    blocks.write(0, bytes(PAGE_BYTES))
    assert blocks.used_bytes == 0


def test_a_copy_does_not_change_with_its_original():
    first, second = Blocks(), Blocks()
    first.write(10, b"before")
    second.copy_from(first)
    first.write(10, b"after!")
    assert second.read(10, 6) == b"before"
    assert first.differing_pages(second) == {0}


def test_only_the_pages_asked_for_are_copied():
    first, second = Blocks(), Blocks()
    first.write(0, b"a")
    first.write(2 * PAGE_BYTES, b"c")
    second.copy_pages_from(first, [2])
    assert second.read(0, 1) == b"\0"
    assert second.read(2 * PAGE_BYTES, 1) == b"c"


def test_negative_places_do_not_exist():
    with pytest.raises(ValueError, match="negative"):
        Blocks().read(-1, 1)


@given(st.lists(st.tuples(st.integers(0, _END - 1), st.binary(min_size=1, max_size=200)), max_size=12))
def test_blocks_behave_like_plain_memory(writes):
    blocks, memory = Blocks(), bytearray(_END + 200)
    for offset, data in writes:
        blocks.write(offset, data)
        memory[offset : offset + len(data)] = data
    assert blocks.read(0, len(memory)) == bytes(memory)
    assert blocks.generation == len(writes)
