import pytest

from arraysim.core.faults import Refusal
from arraysim.wsapi.query import parse
from tests.arraysim.handlers.front import refused

IQN = "iqn.1994-05.com.redhat:a=b"
ROW = {
    "name": "pvc-1",
    "lun": 3,
    "active": True,
    "volumeWWN": "60002AC0ABCDEF",
    "FCPaths": [{"wwn": "10000000C9ABCDEF"}],
    "iSCSIPaths": [{"name": IQN, "portPos": {"node": 0}}],
    "setmembers": ["one", "two"],
}


@pytest.mark.parametrize(
    "query",
    [
        '"name EQ pvc-1"',
        "name EQ pvc-1",
        "name==pvc-1",
        "name LIKE pvc-*",
        "lun EQ 3",
        "active EQ true",
        "name EQ other OR name EQ pvc-1",
        "name EQ pvc-1 AND lun EQ 3",
        "name EQ other AND lun EQ 9 OR lun EQ 3",
        "lun EQ 3 OR name EQ other AND lun EQ 9",
        "volumeWWN EQ 60002ac0abcdef",
        "FCPaths[wwn==10000000c9abcdef]",
        f"FCPaths[wwn==1 OR wwn==2] OR iSCSIPaths[name==other OR name=={IQN}]",
        f'"iSCSIPaths[name EQ {IQN}]"',
        "setmembers EQ two",
    ],
)
def test_this_finds_the_row(query: str):
    assert parse(query)(ROW)


@pytest.mark.parametrize(
    "query",
    [
        "name EQ PVC-1",
        "name EQ pvc",
        "name EQ pvc-1 AND lun EQ 4",
        "nothing EQ 1",
        "FCPaths[wwn==1]",
        "nothing[wwn==1]",
        "setmembers EQ three",
        "active EQ false",
    ],
)
def test_this_does_not_find_the_row(query: str):
    assert not parse(query)(ROW)


@pytest.mark.parametrize(
    "query", ["", '""', "name", "name EQ", "name IS x", "name EQ x AND", "FCPaths[wwn==1", "a EQ b c", "= EQ x", "]"]
)
def test_this_cannot_be_read(query: str):
    with refused(Refusal.INV_INPUT, "query"):
        parse(query)
