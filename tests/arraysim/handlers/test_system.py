import pytest

from arraysim.core.faults import Refusal
from tests.arraysim.core.world import World
from tests.arraysim.handlers.front import Front, refused


@pytest.fixture
def front() -> Front:
    return Front(World())


def test_the_system_tells_the_id_that_ends_group_names(front: Front):
    system = front.get("/system")
    assert (system["id"], system["name"], system["serialNumber"]) == (46750, "array-a", "1646750")
    assert system["serialNumber"].endswith(str(system["id"]))
    assert {"name": "Remote Copy"} in system["licenseInfo"]["licenses"]


def test_families_tell_their_versions():
    older = Front(World(personality="3par-3.3.1")).get("/system")
    newer = Front(World()).get("/system")
    assert older["systemVersion"].startswith("3.")
    assert newer["systemVersion"].startswith("4.")


def test_capacity_adds_up(front: Front):
    capacity = front.get("/capacity")["allCapacity"]
    assert capacity["totalMiB"] == capacity["allocated"]["totalAllocatedMiB"] + capacity["freeMiB"]


def test_there_are_no_tasks(front: Front):
    assert front.get("/tasks") == {"total": 0, "members": []}
    with refused(Refusal.NON_EXISTENT_TASK):
        front.get("/tasks/1")
    with refused(Refusal.BELOW_RANGE):
        front.get("/tasks/-1")
    with refused(Refusal.WRONG_TYPE):
        front.get("/tasks/first")


def test_ports_can_be_told_apart_as_clients_do(front: Front):
    ports = front.get("/ports")["members"]
    iscsi = [port for port in ports if port["protocol"] == 2 and port["mode"] == 2 and port["linkState"] == 4]
    fibre = [port for port in ports if port["protocol"] == 1 and port["mode"] == 2 and port["linkState"] == 4]
    links = [port for port in ports if port["type"] == 7 and port["protocol"] == 4 and port["mode"] == 4]
    assert [len(kind) for kind in (iscsi, fibre, links)] == [4, 4, 2]
    assert len({port["IPAddr"] for port in iscsi}) == 4
    assert all(port["iSCSIPortInfo"]["vlan"] == 0 for port in iscsi)
    assert any(not port["device"] for port in iscsi)


def test_port_names_follow_from_position_and_system(front: Front):
    fibre, iscsi = front.get("/ports/0:1:1"), front.get("/ports/1:2:2")
    assert fibre["portWWN"] == "20110002AC00B69E"
    assert fibre["nodeWWN"] == "2FF70002AC00B69E"
    assert iscsi["iSCSIName"] == "iqn.2000-05.com.3pardata:21220002ac00b69e"
    assert iscsi["portPos"] == {"node": 1, "slot": 2, "cardPort": 2}


def test_ports_are_found_by_query(front: Front):
    assert front.get('/ports?query="type EQ 7"')["total"] == 2
    assert front.get("/ports/0:2:1/iSCSIVlans/") == {"iSCSIVlans": []}


def test_a_port_must_be_there(front: Front):
    with refused(Refusal.NON_EXISTENT_PORT):
        front.get("/ports/5:2:1")
    with refused(Refusal.PORT_SPECIFICATION):
        front.get("/ports/8:8:8")
