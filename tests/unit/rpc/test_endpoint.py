"""Where the socket is, and that nobody else serves it."""

import os
import socket
from pathlib import Path

import pytest

from csi.errors import BadSettings
from csi.rpc.endpoint import Endpoint, claimed, narrow_umask, parse_endpoint


@pytest.fixture
def endpoint(tmp_path: Path) -> Endpoint:
    """A short path: pytest's own folders are near the limit of a socket's."""
    (tmp_path / "locks").mkdir()
    return Endpoint(tmp_path / "s")


def bound(endpoint: Endpoint) -> socket.socket:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(endpoint.path))
    return server


@pytest.mark.parametrize(
    "text", ["unix:///run/csi.sock", "unix:/run/csi.sock", "/run/csi.sock", "UNIX:///run/csi.sock"]
)
def test_a_socket_may_be_written_in_three_ways(text: str) -> None:
    assert parse_endpoint(text) == Endpoint(Path("/run/csi.sock"))
    assert parse_endpoint(text).address == "unix:/run/csi.sock"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tcp://127.0.0.1:10000", "not a UNIX socket"),
        ("dns:///example", "not a UNIX socket"),
        ("127.0.0.1:10000", "not a UNIX socket"),
        ("unix://csi.sock", "no absolute path"),
        ("csi.sock", "no absolute path"),
        ("", "no absolute path"),
        ("/run/", "no absolute path"),
        ("/" + "x" * 107, "108 bytes"),
    ],
)
def test_anything_else_is_refused_with_its_reason(text: str, words: str) -> None:
    with pytest.raises(BadSettings, match=words):
        parse_endpoint(text)


def test_a_socket_that_nobody_serves_is_removed(endpoint: Endpoint, tmp_path: Path) -> None:
    bound(endpoint).close()
    assert endpoint.path.exists()
    with claimed(endpoint, lock_folder=tmp_path / "locks"):
        assert not endpoint.path.exists()


def test_a_live_socket_is_left_alone(endpoint: Endpoint, tmp_path: Path) -> None:
    with bound(endpoint) as server:
        server.listen()
        with (
            pytest.raises(BadSettings, match="another process serves unix://"),
            claimed(endpoint, lock_folder=tmp_path / "locks"),
        ):
            pytest.fail("claimed")
        assert endpoint.path.exists()


def test_a_live_socket_whose_queue_is_full_is_left_alone(endpoint: Endpoint, tmp_path: Path) -> None:
    with bound(endpoint) as server, socket.socket(socket.AF_UNIX) as first:
        server.listen(0)
        first.connect(str(endpoint.path))
        with (
            pytest.raises(BadSettings, match="another process serves"),
            claimed(endpoint, lock_folder=tmp_path / "locks"),
        ):
            pytest.fail("claimed")


def test_two_claims_at_a_time_are_one_too_many(endpoint: Endpoint, tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    with (
        claimed(endpoint, lock_folder=folder),
        pytest.raises(BadSettings, match="another process serves"),
        claimed(endpoint, lock_folder=folder),
    ):
        pytest.fail("claimed twice")
    with claimed(endpoint, lock_folder=folder):
        pass


def test_a_file_that_is_no_socket_is_left_alone(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.path.write_text("precious")
    with pytest.raises(BadSettings, match="not a socket"), claimed(endpoint, lock_folder=tmp_path / "locks"):
        pytest.fail("claimed")
    assert endpoint.path.read_text() == "precious"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="nowhere"), claimed(Endpoint(tmp_path / "nowhere/s"), lock_folder=tmp_path):
        pytest.fail("claimed")


def test_a_link_in_place_of_the_lock_is_not_followed(endpoint: Endpoint, tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    with claimed(endpoint, lock_folder=folder):
        (lock,) = folder.iterdir()
    lock.unlink()
    lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadSettings, match="lock file"), claimed(endpoint, lock_folder=folder):
        pytest.fail("claimed")
    assert not (tmp_path / "elsewhere").exists()


def test_nothing_but_the_socket_lies_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "sockets").mkdir()
    with claimed(Endpoint(tmp_path / "sockets/s"), lock_folder=tmp_path):
        assert list((tmp_path / "sockets").iterdir()) == []


def test_a_socket_bound_inside_is_for_owner_and_group(endpoint: Endpoint) -> None:
    before = os.umask(0o022)
    os.umask(before)
    with narrow_umask(), bound(endpoint):
        assert endpoint.path.stat().st_mode & 0o777 == 0o660
    assert os.umask(before) == before
