"""deploy/setup/venv.sh makes an environment, leaves a finished one alone, and makes an interrupted one anew."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "deploy/setup/venv.sh"
NEEDS = ("cat", "cp", "cmp", "flock", "id", "mkdir", "mktemp", "rm", "touch")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder laid out like the project, with a requirements list that needs no package."""
    (tmp_path / "deploy/setup").mkdir(parents=True)
    (tmp_path / "requirements").mkdir()
    shutil.copy(SCRIPT, tmp_path / "deploy/setup/venv.sh")
    (tmp_path / "requirements/empty.txt").touch()
    return tmp_path


def _run(checkout: Path, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(checkout / "deploy/setup/venv.sh"), name]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=100, env={**os.environ, **environment}
    )


def test_a_failed_set_up_says_why_and_is_made_anew_once(checkout: Path) -> None:
    """One story, because every set-up takes seconds: a list that fails, the list mended, nothing left to do."""
    wanted, venv = checkout / "requirements/some.txt", checkout / ".venv/some"
    wanted.write_text("./there-is-no-such-folder\n")
    failed = _run(checkout, "some")
    assert failed.returncode == 1
    assert "there-is-no-such-folder" in failed.stderr
    (venv / "leftover").touch()

    wanted.write_text("# nothing\n")
    mended = _run(checkout, "some", PYTHONDONTWRITEBYTECODE="1")
    assert (mended.returncode, mended.stderr) == (0, "")
    assert "Setting up .venv/some" in mended.stdout
    assert not (venv / "leftover").exists()
    assert list(venv.rglob("pip/__pycache__/*.pyc")), "packages are compiled whatever the environment says"
    (checkout / "probe.py").write_text("")
    subprocess.run([venv / "bin/python", "-c", "import probe"], check=True, cwd="/")

    started = time.monotonic()
    again = _run(checkout, "some")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert time.monotonic() - started < 1


def _bin(folder: Path, *, user: int, python: str, **tools: str) -> str:
    """A PATH of the few tools the script needs, with `python3` and `tools` as the given shell lines."""
    folder.mkdir()
    faked = {"id": f"echo {user}", "python3": python, **tools}
    for tool in NEEDS:
        # A link under a faked name would let the writing below go through it, into the machine's own tool.
        if tool not in faked and (found := shutil.which(tool)):
            (folder / tool).symlink_to(found)
    for name, line in faked.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    return str(folder)


def _run_with(path: str, checkout: Path) -> subprocess.CompletedProcess[str]:
    command = [shutil.which("sh") or "sh", str(checkout / "deploy/setup/venv.sh"), "empty"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=20, env={"PATH": path})


@pytest.mark.parametrize(
    ("python", "line"),
    [
        ("exit 1", "No Python 3.11 or newer was found; "),
        ('case "$2" in *ensurepip*) exit 1;; esac', "cannot make virtual environments; run: sudo apt-get install"),
    ],
    ids=["too old", "no ensurepip"],
)
def test_what_is_missing_is_said_in_one_line(checkout: Path, python: str, line: str) -> None:
    failed = _run_with(_bin(checkout / "bin", user=1000, python=python), checkout)
    assert failed.returncode == 1
    assert line in failed.stderr
    assert len(failed.stderr.splitlines()) == 1
    assert not (checkout / ".venv/empty").exists()


def test_root_gets_debians_missing_package_installed(checkout: Path) -> None:
    asked, there = checkout / "asked", checkout / "there"
    path = _bin(
        checkout / "bin",
        user=0,
        python=f'case "$*" in *ensurepip*) [ -e {there} ];; *"-m venv"*) echo stopped; exit 1;; esac',
        **{"apt-get": f'echo "$*" >>{asked}; [ "$1" = update ] || touch {there}', "sh": 'exec /bin/sh "$@"'},
    )
    stopped = _run_with(path, checkout)
    assert asked.read_text().splitlines() == ["update", "install -y python3-venv"]
    assert "stopped" in stopped.stderr, "the environment is made after that"
