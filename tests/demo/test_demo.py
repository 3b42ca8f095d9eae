"""The demo's own output: every step, every proof, and what is left running when it is asked to stay."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.demo.__main__ import tell
from deploy.demo.scene import Scene
from deploy.demo.screen import ProofFailed, Screen

ROOT = Path(__file__).resolve().parents[2]
#: What must be printed, in this order; each a regular expression.
STORY = (
    r"^1\. Two arrays, a Remote Copy link, a quorum witness and a host come up",
    r"^   ok the link and the witness are up",
    r"^2\. The driver starts",
    r"^3\. CreateVolume with replicationGroup=metro-1",
    r"^   ok the volume is on both arrays with one WWN, 60002ac[0-9a-f]{25}$",
    r"^   ok the group is started on both",
    r"^4\. ControllerPublishVolume",
    r"^   ok each array exports the volume once",
    r"^5\. NodeStageVolume and NodePublishVolume",
    r"active ready running",
    r"active ghost running",
    r"^   ok ext4 is mounted",
    r"^6\. A pod writes with fsync; the group is switched over under it",
    r"^   records \d+, longest stall \d+\.\d s, errors 0",
    r"^7\. Array A loses power; the witness hands over to array B",
    r"^   records \d+, longest stall \d+\.\d s, errors 0",
    r"^8\. Array A comes back",
    r"^   ok every acknowledged record reads back",
    r"^9\. NodeUnpublish, NodeUnstage, ControllerUnpublish, DeleteVolume",
    r"^   ok objects left on either array: 0",
    r"^All proofs hold\. \(\d+ proofs, \d+ s\)",
)


def is_running(pid: str) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return "Z (zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def look_around(printed: str) -> None:
    """Run the commands that the demo printed, as they stand."""
    commands = printed.partition("Look around:\n")[2].partition("  ls ")[0]
    seen = subprocess.run(["sh", "-c", commands], capture_output=True, text=True, timeout=30, check=True).stdout
    assert '"witness"' in seen
    assert '"total":0' in seen.replace(" ", "")


@pytest.mark.timeout(240)
def test_the_story_is_told_to_its_end_and_can_be_looked_at_afterwards(eventually: Callable[..., None]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.demo"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "KEEP": "1"},
        timeout=200,
        check=False,
    )
    end = re.search(r"End it with: kill ([\d ]+) && rm -r (\S+)", done.stdout)
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        assert "\033" not in done.stdout  # plain lines where there is no terminal
        assert end is not None
        lines = iter(done.stdout.splitlines())
        for expected in STORY:
            assert any(re.search(expected, line) for line in lines), f"{expected} is missing in\n{done.stdout}"
        if shutil.which("curl"):
            look_around(done.stdout)
    finally:
        if end is not None:
            for pid in end[1].split():
                os.kill(int(pid), signal.SIGTERM)
            eventually(lambda: not any(is_running(pid) for pid in end[1].split()), 30)
            shutil.rmtree(end[2])


def test_a_proof_that_does_not_hold_ends_the_demo_with_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(colour=False)
    with pytest.raises(ProofFailed):
        screen.prove(False, "the moon is made of cheese")
    assert "FAILED the moon is made of cheese" in capsys.readouterr().out


def test_a_part_that_does_not_start_is_reported_with_its_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    scene = Scene()
    try:
        assert tell(Screen(colour=False), scene) is False
    finally:
        scene.stop()
    assert "arraysim did not start" in capsys.readouterr().out
    assert not scene.folder.exists()


def test_a_terminal_gets_colour_and_a_file_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(colour=True).prove(True, "a")
    Screen(colour=False).prove(True, "b")
    Screen().prove(True, "c")
    assert capsys.readouterr().out.splitlines() == ["   \033[32mok\033[0m a", "   ok b", "   ok c"]
