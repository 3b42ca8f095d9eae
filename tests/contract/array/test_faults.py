"""The port when arrays and wires fail: what is told, what is sent again, how many sessions are held."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from arraysim.wsapi.faulthooks import FaultKind, FaultSpec
from csi.access import AccessProtocol
from csi.array.pair import Pair
from csi.array.preflight import Level, check
from csi.array.wsapi import WsapiArray
from csi.clock import SystemClock
from csi.errors import ArrayUnreachable, DriverError, Unauthorized
from csi.settings.model import Backend, Secret
from tests.contract.array.conftest import Site, door, settings

UNSURE = "may or may not have happened"


def test_a_lost_answer_is_told_as_unknown_and_the_change_not_sent_again(site: Site) -> None:
    site.make_volume("v1")
    for kind, done in ((FaultKind.LOSE_REPLY_BEFORE, False), (FaultKind.LOSE_REPLY_AFTER, True)):
        site.lab.faults.arm(FaultSpec(kind, array="array-a", method="POST|PUT|DELETE"))
        since = site.lab.calls.arrived
        with pytest.raises(ArrayUnreachable, match=f"array-a: deleting volume v1: no answer.*{UNSURE}"):
            site.a.delete_volume("v1")
        assert [call.method for call in site.lab.calls.records(since=since)] == ["DELETE"]
        assert (site.a.volume("v1") is None) is done
    site.a.delete_volume("v1")


def test_a_read_survives_a_lost_answer(site: Site) -> None:
    site.a.volumes()
    site.lab.faults.arm(FaultSpec(FaultKind.LOSE_REPLY_AFTER, array="array-a", method="GET"))
    assert site.a.volumes() == ()


def test_an_array_that_is_starting_is_not_there_yet(site: Site) -> None:
    fault = site.lab.faults.arm(FaultSpec(FaultKind.NOT_READY, array="array-a"))
    with pytest.raises(ArrayUnreachable, match="services are not ready"):
        site.a.volumes()
    site.lab.faults.remove(fault)
    assert site.a.volumes() == ()


def test_sessions_that_die_are_renewed_and_never_pile_up(site: Site) -> None:
    for _ in range(5):
        site.lab.faults.arm(FaultSpec(FaultKind.EXPIRE_SESSIONS, array="array-a"))
        assert site.a.volumes() == ()
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(lambda _: site.a.volumes(), range(60))) == [()] * 60
    with site.lab.lock:
        assert len(site.lab.sessions["array-a"]) == 1
    site.lab.advance(16 * 60)
    assert site.a.volumes() == ()


def test_closing_leaves_no_session_behind(site: Site) -> None:
    with closing(door(site.lab, "array-a")) as another:
        another.volumes()
    with site.lab.lock:
        assert len(site.lab.sessions["array-a"]) == 0


def test_refusals_of_groups_cost_no_session(site: Site) -> None:
    """The library logs in anew after each 403 and leaves the old session open (wsapi.md 6, fault 6)."""
    site.make_volume("v1")
    site.make_group()
    site.a.admit("rcg1", "v1", "array-b", "v1")
    site.a.start_group("rcg1")
    for _ in range(40):
        with pytest.raises(DriverError):
            site.a.delete_group("rcg1")
    with site.lab.lock:
        assert site.lab.sessions["array-a"].opened == 1


def test_a_wrong_password_is_told_without_the_password(site: Site) -> None:
    wrong = replace(settings(site.lab, "array-a"), password=Secret("gu3ss"))
    with closing(WsapiArray(wrong, SystemClock())) as guessing, pytest.raises(Unauthorized) as refused:
        guessing.volumes()
    assert "vendor code 5" in str(refused.value)
    assert "gu3ss" not in str(refused.value)


def test_an_array_without_power_leaves_the_other_usable(site: Site) -> None:
    site.make_volume("v1")
    site.lab.power("array-b", on=False)
    pair = _pair(site)
    source, target = pair.both(lambda array: array.volumes()).values()
    assert not isinstance(source, DriverError)
    assert [volume.name for volume in source] == ["v1"]
    assert isinstance(target, ArrayUnreachable)
    site.lab.power("array-b", on=True)
    assert site.b.volumes() == ()


def test_a_lab_passes_preflight_until_its_link_is_cut(site: Site) -> None:
    pair = _pair(site)
    assert [finding for finding in check(pair) if finding.level is not Level.OK] == []
    with site.lab.lock:
        site.lab.pair.cut_link()
    site.settle()
    problems = {(each.where, each.level) for each in check(pair) if each.level is not Level.OK}
    assert {("array-a", Level.ERROR), ("array-b", Level.ERROR)} <= problems


def _pair(site: Site) -> Pair:
    backend = Backend(
        "DEFAULT",
        AccessProtocol.ISCSI,
        settings(site.lab, "array-a", "array-b"),
        cpg="SSD_r6",
        target=settings(site.lab, "array-b", "array-a"),
        quorum_witness="192.0.2.99",
        cpg_map={"SSD_r6": "NL_r6"},
    )
    return Pair(backend, site.a, site.b)
