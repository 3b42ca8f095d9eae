import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi.settings.spelling import nearest, shown

KNOWN = ("replicationGroup", "provisioning", "cpg", "snapCpg")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("replicationgroup", "replicationGroup"),
        ("REPLICATION_GROUP", "replicationGroup"),
        ("provisoning", "provisioning"),
        ("cgp", "cpg"),
        ("colour", ""),
        ("", ""),
        ("cpg" * 100_000, ""),
    ],
)
def test_a_misspelt_key_has_its_neighbour(key: str, meant: str) -> None:
    assert nearest(key, KNOWN) == meant


@given(st.text(max_size=90))
def test_the_neighbour_is_always_a_known_key(key: str) -> None:
    assert nearest(key, KNOWN) in (*KNOWN, "")


def test_a_long_text_is_shortened() -> None:
    assert shown("short") == "'short'"
    assert shown("x" * 81) == repr("x" * 77 + "...")
