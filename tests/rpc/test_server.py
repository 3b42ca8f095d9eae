"""The server as a process: signals, sockets of others, what gRPC finds in the environment."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from grpc import aio

from csi.spec.v1 import csi_pb2 as pb
from csi.spec.v1.csi_pb2_grpc import IdentityStub

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 20.0


@contextmanager
def process(endpoint: str, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A driver process with lock files in `folder`, killed at the end if it still runs."""
    words = [sys.executable, "-m", "tests.rpc.process", endpoint]
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    with subprocess.Popen(
        words, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as driver:
        try:
            yield driver
        finally:
            driver.kill()


def first_line(driver: "subprocess.Popen[str]") -> str:
    assert driver.stderr is not None
    return driver.stderr.readline().strip()


def probe(endpoint: str) -> bool:
    async def ask() -> bool:
        async with aio.insecure_channel(endpoint) as channel:
            return (await IdentityStub(channel).Probe(pb.ProbeRequest(), timeout=TIMEOUT_SECONDS)).ready.value

    return asyncio.run(ask())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order_and_stdout_stays_empty(tmp_path: Path, number: signal.Signals) -> None:
    socket = tmp_path / "csi.sock"
    with process(f"unix://{socket}", tmp_path) as driver:
        assert first_line(driver) == "started"
        assert probe(f"unix:{socket}")
        assert socket.stat().st_mode & 0o777 == 0o660
        driver.send_signal(number)
        out, err = driver.communicate(timeout=TIMEOUT_SECONDS)
        assert (driver.returncode, out, err) == (0, "", "")
        assert not socket.exists()


def test_a_second_process_is_refused_and_the_first_serves_on(tmp_path: Path) -> None:
    endpoint = f"unix://{tmp_path}/csi.sock"
    with process(endpoint, tmp_path) as first:
        assert first_line(first) == "started"
        for folder in ("same", "other"):
            # With the same lock folder the lock refuses; from another container, with another, the probe does.
            (tmp_path / folder).mkdir()
            locks = tmp_path if folder == "same" else tmp_path / folder
            with process(endpoint, locks) as second:
                _, err = second.communicate(timeout=TIMEOUT_SECONDS)
                assert second.returncode == 1
                assert f"another process serves {endpoint}" in err
        assert probe(f"unix:{tmp_path}/csi.sock")


def test_the_socket_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    endpoint = f"unix://{tmp_path}/csi.sock"
    with process(endpoint, tmp_path) as first:
        assert first_line(first) == "started"
        first.kill()
        first.wait(TIMEOUT_SECONDS)
    assert (tmp_path / "csi.sock").exists()
    with process(endpoint, tmp_path) as second:
        assert first_line(second) == "started"
        assert probe(f"unix:{tmp_path}/csi.sock")


@pytest.mark.parametrize("module", ["csi.rpc.server", "csi.spec.v1.csi_pb2_grpc", "csi.cli"])
def test_fork_support_is_off_before_grpc_is_there_whatever_the_environment_says(module: str) -> None:
    script = (
        "import os, sys\n"
        "class Watch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'grpc': assert os.environ['GRPC_ENABLE_FORK_SUPPORT'] == '0', 'too late'\n"
        "sys.meta_path.insert(0, Watch())\n"
        f"import csi.rpc, {module}\n"
        "assert os.environ['GRPC_ENABLE_FORK_SUPPORT'] == '0'\n"
    )
    environ = {**os.environ, "GRPC_ENABLE_FORK_SUPPORT": "1"}
    words = [sys.executable, "-c", script]
    ended = subprocess.run(words, check=False, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
