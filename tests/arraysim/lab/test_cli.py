"""The command, as people and scripts use it."""

import json
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from arraysim.cli import main
from arraysim.config import ClockConfig, ConfigError, LabConfig
from arraysim.lab import Lab
from tests.arraysim.lab.test_control import make_group
from tests.arraysim.lab.wire import Wire, wire_to

DEADLINE_SECONDS = 30
ROOT = Path(__file__).parents[3]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}


@contextmanager
def up(*arguments: str, until: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A lab in a process of its own; its output up to and with the line that starts with `until`."""
    command = [sys.executable, "-X", "dev", "-m", "arraysim", "up", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    ) as process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith(until):
                    break
            yield "".join(lines), process
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=DEADLINE_SECONDS)
            assert process.returncode == 0, errors
            assert errors == ""


def ctl(folder: Path, *arguments: str) -> None:
    assert main(["ctl", "--folder", str(folder), *arguments]) == 0


def test_every_line_that_up_prints_works_as_it_stands(tmp_path: Path) -> None:
    folder = tmp_path / "a lab's folder"
    with up("--folder", str(folder), until=f"  arraysim ctl --folder {shlex.quote(str(folder))} --help") as (
        text,
        process,
    ):
        commands = [line.strip() for line in text.splitlines() if line.startswith(("  KEY=", "  curl", "  arraysim"))]
        assert len(commands) >= 6
        assert (folder / "password").read_text().strip() not in text
        tools = tmp_path / "bin"
        tools.mkdir()
        (tools / "arraysim").write_text(f'#!/bin/sh\nexec {sys.executable} -m arraysim "$@"\n')
        (tools / "arraysim").chmod(0o755)
        if shutil.which("curl") is None:
            commands = [line for line in commands if line.startswith("arraysim")]
        script = "set -eu\n" + "\necho ----\n".join(commands)
        done = subprocess.run(
            ["sh", "-c", script],
            env={**environment(), "PATH": f"{tools}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        parts = done.stdout.split("----\n")
        if shutil.which("curl") is not None:
            assert json.loads(parts[1])["name"] == "array-a"
            assert json.loads(parts[2])["link"] == {"up": True}
        assert "The link is down." in done.stdout
        assert process.poll() is None
    assert not (folder / "lab.json").exists()


def test_up_json_prints_what_lab_json_says_and_interrupt_ends_it(tmp_path: Path) -> None:
    with up("--folder", str(tmp_path), "--json", until="}") as (text, process):
        described = json.loads(text)
        assert described == json.loads((tmp_path / "lab.json").read_text())
        assert described["arrays"].keys() == {"array-a", "array-b"}
        assert stat.S_IMODE((tmp_path / "lab.json").stat().st_mode) == 0o600
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_SECONDS) == 0


def test_a_second_up_on_the_same_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Lab.start(folder=tmp_path):
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            assert main(["up", "--folder", str(tmp_path)]) == 1
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    assert "a lab runs in this folder already" in capsys.readouterr().err


def test_a_wrong_configuration_is_told_with_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text("clok: {}\n")
    done = subprocess.run(
        [sys.executable, "-m", "arraysim", "up", "--config", str(path), "--folder", str(tmp_path)],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"arraysim: {path}: clok: unknown key; did you mean 'clock'?\n"


def test_a_host_name_that_is_no_folder_name_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--host: hosts\.1: String should match pattern"):
        LabConfig(hosts=("worker-1",)).with_hosts(["worker-1", "../escape"])
    assert LabConfig(hosts=("worker-1",)).with_hosts(["worker-1", "two"]).hosts == ("worker-1", "two")


def test_without_a_lab_the_verbs_say_how_to_start_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in (["status"], ["switchover", "g"]):
        assert main([*verb, "--folder", str(tmp_path)]) == 1
        assert "Start one with `arraysim up`" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["up"], ["status"], ["switchover"], ["config"], ["ctl"], ["ctl", "fault"], ["ctl", "wait"]]
)
def test_help_explains_itself(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    assert ended.value.code == 0
    assert "usage: arraysim" in capsys.readouterr().out


def test_config_prints_a_sample_that_can_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config"]) == 0
    LabConfig.model_validate(yaml.safe_load(capsys.readouterr().out))


def test_switchover_finds_the_primary_by_either_name(capsys: pytest.CaptureFixture[str]) -> None:
    rules = {"switchover_needs_exports": False}
    with Lab.start(LabConfig(clock=ClockConfig(speed=100), rules=rules)) as lab, wire_to(lab) as wire:
        switch_back_and_forth(lab, make_group(lab, wire), capsys)


def switch_back_and_forth(lab: Lab, remote: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["switchover", "--folder", str(lab.folder), "rcg1"]) == 0
    assert "array-b serves it now" in capsys.readouterr().out
    assert main(["switchover", "--folder", str(lab.folder), "rcg1"]) == 0
    assert main(["switchover", "--folder", str(lab.folder), remote, "--array", "array-a"]) == 0
    capsys.readouterr()
    for arguments, text in (
        (["rcg1", "--array", "array-a"], "is not primary on array-a"),
        (["nothing"], "there is no group nothing: known are rcg1, rcg1.r46750"),
        (["rcg1", "--array", "array-c"], "there is no array array-c"),
    ):
        assert main(["switchover", "--folder", str(lab.folder), *arguments]) == 1
        assert text in capsys.readouterr().err
    assert main(["status", "--folder", str(lab.folder)]) == 0
    assert "Primary-Rev" in capsys.readouterr().out


def test_ctl_breaks_and_mends(lab: Lab, wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    folder = lab.folder
    ctl(folder, "link", "down")
    ctl(folder, "wait", "link/up=false", "--timeout", "1")
    ctl(folder, "link", "up")
    ctl(folder, "witness", "down")
    ctl(folder, "witness", "unreachable", "array-a")
    ctl(folder, "power", "array-b", "off")
    ctl(folder, "not-ready", "array-a", "on")
    assert wire.version().status_code == 503
    ctl(folder, "not-ready", "array-a", "off")
    ctl(folder, "fault", "error", "--array", "array-a", "--status", "500", "--count", "2", "--path", "/volumes$")
    assert wire.call("GET", "/volumes").status_code == 500
    capsys.readouterr()
    ctl(folder, "faults")
    assert "error at array-a, /volumes$: hit 1, holds 0" in capsys.readouterr().out
    ctl(folder, "faults", "reset")
    ctl(folder, "faults", "list")
    assert "No fault is armed." in capsys.readouterr().out
    ctl(folder, "calls", "--array", "array-a")
    assert "GET /api/v1/volumes  500 code 1  error" in capsys.readouterr().out
    ctl(folder, "expire-sessions", "array-a")
    ctl(folder, "clock", "advance", "5")
    ctl(folder, "state")
    state = json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))
    assert not state["arrays"]["array-b"]["powered"]
    assert main(["ctl", "--folder", str(folder), "power", "array-x", "off"]) == 1
    assert "there is no array 'array-x'" in capsys.readouterr().err
    assert main(["ctl", "--folder", str(folder), "wait", "link/up=false", "--timeout", "0"]) == 1
    assert "link/up=false (there is true)" in capsys.readouterr().err
