"""Names that must come out the same for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi.errors import InvalidRequest
from csi.names import (
    GROUP_NAME_LIMIT,
    HOST_NAME_LIMIT,
    NODE_ID_LIMIT,
    VOLUME_NAME_LIMIT,
    NodeId,
    VolumeId,
    array_host_name,
    array_volume_name,
    check_group_name,
    parse_node_id,
    parse_volume_id,
)


@pytest.mark.parametrize(
    ("csi_name", "array_name"),
    [
        ("data", "data"),
        ("a" * 31, "a" * 31),
        ("pvc-1b4e28ba-2fa1-11d2-883f-0016d3cca427", "pvc-1b4e28ba-2fa1-11d2-883f-001"),
        ("db backup", "db-backup-lxr77diqambli357"),
        ("ä", "v-gptnop7oqkiezdl2"),
    ],
)
def test_array_names_never_change(csi_name: str, array_name: str) -> None:
    assert array_volume_name(csi_name) == array_name


@given(st.text(min_size=1, max_size=128))
def test_any_csi_name_becomes_a_name_an_array_accepts(csi_name: str) -> None:
    name = array_volume_name(csi_name)
    assert 1 <= len(name) <= VOLUME_NAME_LIMIT
    parsed = VolumeId("metro", name)
    assert parse_volume_id(str(parsed)) == parsed


def test_long_names_with_one_head_stay_apart() -> None:
    assert array_volume_name("x" * 127 + "1") != array_volume_name("x" * 127 + "2")


@pytest.mark.parametrize(
    "text",
    ["", "fake-vol-id-abc", "some/path", ":v", "metro:", "metro:" + "v" * 32, "metro:a:b", "me tro:v", "metro:-v"],
)
def test_a_foreign_volume_id_is_not_ours(text: str) -> None:
    assert parse_volume_id(text) is None


@pytest.mark.parametrize(
    "node",
    [
        NodeId("node-1", ("iqn.2004-10.com.ubuntu:01:abc",)),
        NodeId("node-1.example", (), ("10000000C9A1B2C3", "10000000C9A1B2C4")),
        NodeId("n", ("iqn.1993-08.org.debian:01:x",), ("10000000C9A1B2C3",)),
    ],
)
def test_a_node_id_reads_back(node: NodeId) -> None:
    assert parse_node_id(str(node)) == node


@pytest.mark.parametrize(
    "text", ["", "node-1", "node-1;;", ";iqn.2004-10.com.x:y;", "n;iqn 1;", "n;;10", "n;" + "i" * NODE_ID_LIMIT]
)
def test_a_foreign_node_id_is_not_ours(text: str) -> None:
    assert parse_node_id(text) is None


@given(st.text(min_size=1, max_size=253))
def test_any_node_name_becomes_a_host_name_an_array_accepts(node_name: str) -> None:
    name = array_host_name(node_name, ("iqn.2004-10.com.ubuntu:01:abc",))
    assert 1 <= len(name) <= HOST_NAME_LIMIT
    assert name != array_host_name(node_name, ("iqn.2004-10.com.ubuntu:01:abd",))


def test_a_group_name_leaves_room_for_its_mirrors_suffix() -> None:
    check_group_name("g" * GROUP_NAME_LIMIT)
    with pytest.raises(InvalidRequest, match="has 23 characters, an array takes 22"):
        check_group_name("g" * (GROUP_NAME_LIMIT + 1))
    with pytest.raises(InvalidRequest, match="characters an array refuses"):
        check_group_name("a b")
