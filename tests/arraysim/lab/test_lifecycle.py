"""A lab starts, is trusted by its CA alone, loses and regains power, and leaves nothing behind."""

import gc
import logging
import os
import socket
import ssl
import stat
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from arraysim.certificates import make_certificates
from arraysim.config import ArrayConfig, ClockConfig, LabConfig
from arraysim.control.client import ControlClient, ControlError
from arraysim.core.invariants import InvariantBroken
from arraysim.lab import Lab, LabBroken
from arraysim.labfolder import FolderInUse, NoLab, find_lab
from arraysim.listener import PortTaken
from arraysim.wsapi.faulthooks import FaultKind, FaultSpec
from tests.arraysim.lab.conftest import MANUAL
from tests.arraysim.lab.wire import Wire, wire_to

DEADLINE_SECONDS = 10


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_lab_leaves_no_thread_socket_or_file(tmp_path: Path) -> None:
    gc.collect()
    threads, files = set(threading.enumerate()), descriptors()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        with Lab.start(folder=tmp_path) as lab, wire_to(lab) as wire, ThreadPoolExecutor(1) as pool:
            number = lab.faults.arm(FaultSpec(FaultKind.HANG, "array-a"))
            held = pool.submit(wire.version)
            assert lab.faults.wait_for_held(number, timeout_seconds=DEADLINE_SECONDS)
            lab.close()
            with pytest.raises(requests.ConnectionError):
                held.result(DEADLINE_SECONDS)
        gc.collect()
    assert set(threading.enumerate()) == threads
    assert descriptors() == files
    assert not (tmp_path / "lab.json").exists()


def test_a_temporary_folder_goes_with_its_lab() -> None:
    with Lab.start(MANUAL) as lab:
        folder = lab.folder
        assert (folder / "ca.pem").exists()
    assert not folder.exists()


def test_closing_twice_is_harmless() -> None:
    lab = Lab.start(MANUAL)
    lab.close()
    lab.close()


def test_a_start_that_fails_leaves_nothing(tmp_path: Path, lab: Lab) -> None:
    threads, files = set(threading.enumerate()), descriptors()
    taken = int(lab.control_url.rpartition(":")[2])
    with pytest.raises(PortTaken, match=f"port {taken} of 127.0.0.1 cannot be used"):
        Lab.start(LabConfig(control_port=taken), folder=tmp_path)
    assert set(threading.enumerate()) == threads
    assert descriptors() == files
    Lab.start(MANUAL, folder=tmp_path).close()


def test_private_files_are_for_the_owner_only(tmp_path: Path) -> None:
    with Lab.start(MANUAL, folder=tmp_path / "lab") as lab:
        for name in ("array-a.key", "array-b.key", "password", "lab.json"):
            assert stat.S_IMODE((lab.folder / name).stat().st_mode) == 0o600, name
        assert stat.S_IMODE(lab.folder.stat().st_mode) == 0o700
        assert lab.account.password not in (lab.folder / "lab.json").read_text()
        assert (lab.folder / "password").read_text().strip() == lab.account.password
        assert lab.account.password not in repr(lab.endpoints)


def test_a_client_without_the_labs_ca_refuses_the_array(lab: Lab, tmp_path: Path) -> None:
    stranger = make_certificates(tmp_path, ["array-a"])
    with Wire(lab.endpoints["array-a"], ca_file=stranger.ca_file) as wire, pytest.raises(requests.exceptions.SSLError):
        wire.version()
    with Wire(lab.endpoints["array-a"]) as wire:
        assert wire.version().status_code == 200


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "array-a"])
def test_the_certificate_is_good_for_every_name_in_strict_mode(lab: Lab, name: str) -> None:
    context = ssl.create_default_context(cafile=str(lab.endpoints["array-a"].ca_file))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    port = int(lab.endpoints["array-a"].url.split(":")[2].partition("/")[0])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as connection,
    ):
        assert connection.version() in ("TLSv1.2", "TLSv1.3")


def test_certificates_survive_a_restart_and_follow_the_names(tmp_path: Path) -> None:
    first = make_certificates(tmp_path, ["one", "two"])
    ca, leaf = first.ca_file.read_bytes(), first.arrays["one"].certificate_file.read_bytes()
    again = make_certificates(tmp_path, ["one", "two"])
    assert (again.ca_file.read_bytes(), again.arrays["one"].certificate_file.read_bytes()) == (ca, leaf)
    make_certificates(tmp_path, ["one", "three"])
    assert first.ca_file.read_bytes() != ca
    first.arrays["one"].key_file.write_text("damaged")
    renewed = first.ca_file.read_bytes()
    make_certificates(tmp_path, ["one", "three"])
    assert first.ca_file.read_bytes() != renewed


def test_an_array_without_power_refuses_connections_and_returns_on_its_port(lab: Lab, wire: Wire) -> None:
    lab.power("array-a", on=False)
    with pytest.raises(requests.ConnectionError, match="refused"):
        wire.version()
    with wire_to(lab, "array-b") as other:
        assert other.call("GET", "/volumes").status_code == 200
    lab.power("array-a", on=True)
    assert wire.version().status_code == 200
    assert wire.call("GET", "/volumes").status_code == 403
    wire.login()
    assert wire.call("GET", "/volumes").status_code == 200


def test_power_switched_in_the_world_itself_closes_the_port_too(lab: Lab, wire: Wire) -> None:
    with lab.lock:
        lab.pair.power_off("array-a")
    with pytest.raises(requests.ConnectionError):
        wire.version()
    lab.advance(0)
    with pytest.raises(requests.ConnectionError, match="refused"):
        wire.version()


def test_a_lab_can_be_switched_off_and_on_many_times(lab: Lab, wire: Wire) -> None:
    for _ in range(20):
        lab.power("array-a", on=False)
        lab.power("array-a", on=True)
        assert wire.version().status_code == 200


def test_two_labs_live_side_by_side() -> None:
    with Lab.start(MANUAL) as one, Lab.start(MANUAL) as two, wire_to(one) as wire, wire_to(two) as other:
        one.power("array-a", on=False)
        with pytest.raises(requests.ConnectionError):
            wire.version()
        assert other.version().status_code == 200
        assert one.account.password != two.account.password
        assert one.calls.arrived != 0
        assert {row.array for row in two.calls.records()} == {"array-a"}


def test_one_folder_holds_one_lab(tmp_path: Path) -> None:
    with Lab.start(MANUAL, folder=tmp_path):
        assert find_lab(tmp_path)["user"] == "3paradm"
        with pytest.raises(FolderInUse, match="a lab runs in this folder already"):
            Lab.start(MANUAL, folder=tmp_path)
        assert find_lab(tmp_path)["user"] == "3paradm"
    with pytest.raises(NoLab, match="no lab runs here"):
        find_lab(tmp_path)


def test_the_next_lab_in_a_folder_keeps_password_and_ca(tmp_path: Path) -> None:
    with Lab.start(MANUAL, folder=tmp_path) as lab:
        password, ca = lab.account.password, (tmp_path / "ca.pem").read_bytes()
    with Lab.start(MANUAL, folder=tmp_path) as lab:
        assert (lab.account.password, (tmp_path / "ca.pem").read_bytes()) == (password, ca)


def test_a_seed_repeats_password_and_session_keys() -> None:
    def keys() -> tuple[str, str]:
        with Lab.start(MANUAL.model_copy(update={"seed": 7})) as lab, wire_to(lab) as wire:
            return lab.account.password, wire.key

    assert keys() == keys()


def test_the_configuration_reaches_the_world() -> None:
    arrays = (ArrayConfig(name="north", system_id=11), ArrayConfig(name="south", system_id=22))
    config = LabConfig(
        arrays=arrays,
        user="admin",
        password="lab password",
        personality="3par-3.3.1",
        clock=ClockConfig(mode="manual", epoch_seconds=1000.0),
    )
    with Lab.start(config) as lab, wire_to(lab, "south") as wire:
        assert wire.endpoint.user == "admin"
        assert wire.call("GET", "/system").json()["id"] == 22
        assert wire.version().json()["build"] < 40_000_128
        lab.advance(5)
        assert lab.state()["clock"]["seconds"] == 1005.0


def test_simulated_time_runs_by_itself_at_its_speed() -> None:
    with Lab.start(LabConfig(clock=ClockConfig(speed=10_000))) as lab:
        reached = threading.Event()
        with lab.lock:
            lab.pair.clock.call_later(3600, reached.set)
        assert reached.wait(DEADLINE_SECONDS)


def test_a_bug_in_a_timer_fails_the_lab() -> None:
    def break_a_rule() -> None:
        raise InvariantBroken("two writers")

    lab = Lab.start(MANUAL)
    with lab.lock:
        lab.pair.clock.call_later(1, break_a_rule)
    with pytest.raises(InvariantBroken):
        lab.advance(1)
    lab.close()

    with Lab.start(LabConfig(clock=ClockConfig(speed=1000))) as running:
        with running.lock:
            running.pair.clock.call_later(1, break_a_rule)
        assert running.broken.wait(DEADLINE_SECONDS)
        with pytest.raises(LabBroken, match="InvariantBroken: two writers"):
            running.check()
        running.failures.clear()


def test_closing_a_busy_lab_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    with ThreadPoolExecutor(8) as pool:
        lab = Lab.start(MANUAL)
        with wire_to(lab) as wire, wire_to(lab, "array-b") as other:
            held = lab.faults.arm(FaultSpec(FaultKind.HANG, "array-b"))
            control = ControlClient(lab.control_url)
            waiting = pool.submit(control.wait, "link/up=false", timeout_seconds=600)
            hanging = pool.submit(other.version)
            assert lab.faults.wait_for_held(held, timeout_seconds=DEADLINE_SECONDS)
            busy = [pool.submit(wire.call, "GET", "/volumes") for _ in range(6)]
            lab.close()
            for call in (waiting, hanging):
                assert isinstance(call.exception(DEADLINE_SECONDS), ControlError | requests.ConnectionError)
            for call in busy:
                assert isinstance(call.exception(DEADLINE_SECONDS), requests.ConnectionError | None)
    assert [row for row in caplog.records if row.levelno >= logging.WARNING] == []


def test_many_clients_at_once_are_served_one_by_one(lab: Lab, wire: Wire) -> None:
    lab.calls.clear()
    since = lab.calls.arrived

    def make(number: int) -> int:
        with Wire(wire.endpoint) as client:
            client.key = wire.key
            body = {"name": f"v{number}", "cpg": "SSD_r6", "sizeMiB": 256, "tpvv": True}
            return client.call("POST", "/volumes", body).status_code

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(make, range(64))) == [201] * 64
    assert [row.number for row in lab.calls.records()] == list(range(since + 1, since + 65))
    with lab.lock:
        assert len(lab.pair.array("array-a").volumes) == 64


def test_calls_are_logged_in_order_with_their_effect(lab: Lab, wire: Wire) -> None:
    lab.calls.clear()
    since = lab.calls.arrived
    body = {"name": "v1", "cpg": "SSD_r6", "sizeMiB": 1024, "tpvv": True}
    wire.call("POST", "/volumes", body)
    wire.call("POST", "/volumes", body)
    wire.call("GET", '/volumes?query="name EQ v1"')
    wire.call("DELETE", f"/credentials/{wire.key}")
    rows = lab.calls.records(array="array-a", since=since)
    assert [row.number for row in rows] == [since + 1, since + 2, since + 3, since + 4]
    assert [(row.method, row.path, row.status, row.code, row.committed, row.answered) for row in rows] == [
        ("POST", "/api/v1/volumes", 201, 0, True, True),
        ("POST", "/api/v1/volumes", 409, 22, False, True),
        ("GET", "/api/v1/volumes", 200, 0, False, True),
        ("DELETE", "/api/v1/credentials/***", 200, 0, True, True),
    ]
    assert "name" in rows[2].query
    assert all(wire.key not in repr(row) for row in rows)
    assert lab.calls.records(array="array-b") == ()
