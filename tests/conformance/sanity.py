"""csi-sanity, the upstream conformance suite: install it once, run it against a socket, read what it reports.

    python -m tests.conformance.sanity        installs it under .cache, or says in one line why it cannot

It is a Go program (csi.md 2). Nothing but this runner and its tests needs Go, so its absence is a reason to skip.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[2]
VERSION = "v5.5.0"
PACKAGE = f"github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity@{VERSION}"
BIN = ROOT / ".cache" / "bin"
#: One file per version: an upgrade installs anew.
BINARY = BIN / f"csi-sanity-{VERSION}"
INSTALL_TIMEOUT_SECONDS = 900.0

GIB = 1024**3


class Unavailable(Exception):
    """csi-sanity cannot be had here; the message is the reason in one line."""


@dataclass(frozen=True)
class PathCommands:
    """Executables for a driver that sees other paths than the suite does: a `host` in a container or simulator.

    `create_*` get a path and print the one to use; `remove_*` get a path; `check` prints file, directory, not_found or
    other.
    """

    create_target: str
    create_staging: str
    remove_target: str
    remove_staging: str
    check: str


@dataclass(frozen=True)
class Failure:
    """One failed test and what the suite said."""

    name: str
    message: str


@dataclass(frozen=True)
class SanityResult:
    """`passed` and `skipped` (also those pending upstream) are names; `output` is all the suite printed."""

    passed: tuple[str, ...]
    skipped: tuple[str, ...]
    failures: tuple[Failure, ...]
    output: str = field(repr=False)

    def summary(self) -> str:
        """One line, and one more for each failure."""
        lines = [f"{len(self.passed)} passed, {len(self.failures)} failed, {len(self.skipped)} skipped"]
        lines += [f"FAILED {failure.name}: {failure.message}" for failure in self.failures]
        return "\n".join(lines)


def binary() -> Path:
    """The installed suite; Unavailable if `install` has not been run."""
    if BINARY.exists():
        return BINARY
    raise Unavailable(f"csi-sanity {VERSION} is not installed: run python -m tests.conformance.sanity")


def install() -> Path:
    """Build the suite with Go, once: a minute or two of work. Unavailable if there is no Go or it cannot build."""
    if BINARY.exists():
        return BINARY
    go = shutil.which("go")
    if go is None:
        raise Unavailable(f"csi-sanity {VERSION} cannot be built: there is no Go (`go`) on this machine")
    BIN.mkdir(parents=True, exist_ok=True)
    # Test processes may build it side by side: each in a folder of its own, and the last one's stays.
    with tempfile.TemporaryDirectory(dir=BIN) as folder:
        try:
            built = subprocess.run(
                [go, "install", PACKAGE],
                check=False,
                env={**os.environ, "GOBIN": folder},
                capture_output=True,
                text=True,
                timeout=INSTALL_TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise Unavailable(f"csi-sanity {VERSION} was not built within {INSTALL_TIMEOUT_SECONDS:g} s") from None
        if built.returncode != 0:
            last = built.stderr.strip().splitlines()[-1:] or [f"go ended with {built.returncode}"]
            raise Unavailable(f"csi-sanity {VERSION} cannot be built: {last[0]}")
        return Path(folder, "csi-sanity").replace(BINARY)


def run_sanity(
    endpoint: str,
    controller_endpoint: str,
    parameters: Mapping[str, str],
    access_type: Literal["mount", "block"],
    workdir: Path,
    *,
    secrets: Mapping[str, Mapping[str, str]] | None = None,
    volume_size_bytes: int = GIB,
    path_commands: PathCommands | None = None,
    attach_limit: bool = False,
    focus: str = "",
    skip: str = "",
    timeout_seconds: float = 300.0,
) -> SanityResult:
    """Run the suite against `endpoint` (identity and node) and `controller_endpoint` ("" if it is the same socket).

    `parameters` are those of the StorageClass, `secrets` by the suite's names ("CreateVolumeSecret", ...). `workdir`
    holds the target and staging paths and the report. `focus` and `skip` are Ginkgo's regular expressions. Raises
    Unavailable if the suite is not installed, RuntimeError if it ends without a report.
    """
    report = workdir / f"sanity-{access_type}.xml"
    report.unlink(missing_ok=True)
    words = [
        str(binary()),
        f"--csi.endpoint={endpoint}",
        f"--csi.mountdir={workdir / 'mount'}",
        f"--csi.stagingdir={workdir / 'staging'}",
        f"--csi.testvolumeparameters={_file(workdir / 'parameters.yaml', parameters)}",
        f"--csi.testvolumesize={volume_size_bytes}",
        f"--csi.testvolumeexpandsize={2 * volume_size_bytes}",
        f"--csi.testvolumeaccesstype={access_type}",
        f"--ginkgo.junit-report={report}",
        "--ginkgo.no-color",
    ]
    if controller_endpoint and controller_endpoint != endpoint:
        words.append(f"--csi.controllerendpoint={controller_endpoint}")
    if secrets is not None:
        words.append(f"--csi.secrets={_file(workdir / 'secrets.yaml', secrets)}")
    if attach_limit:
        words.append("--csi.testnodevolumeattachlimit")
    words += _path_flags(path_commands)
    words += [f"--ginkgo.{name}={value}" for name, value in (("focus", focus), ("skip", skip)) if value]
    ended = subprocess.run(
        words,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_seconds,
        cwd=workdir,
    )
    if not report.exists():
        raise RuntimeError(f"csi-sanity ended with {ended.returncode} and no report:\n{ended.stdout[-4000:]}")
    result = read_report(report.read_text(), ended.stdout)
    if bool(result.failures) != bool(ended.returncode):
        raise RuntimeError(f"csi-sanity ended with {ended.returncode}, its report says: {result.summary()}")
    return result


def read_report(text: str, output: str = "") -> SanityResult:
    """Parse Ginkgo's JUnit report."""
    passed, skipped, failures = [], [], []
    for case in ET.fromstring(text).iter("testcase"):
        name = case.get("name", "").removeprefix("[It] ")
        status = case.get("status", "")
        if name.startswith("[") and status in ("passed", "skipped"):
            continue  # set-up and tear-down of the whole suite are listed too: of interest only when they fail
        if status == "passed":
            passed.append(name)
        elif status in ("skipped", "pending"):
            skipped.append(name)
        else:
            trouble = next((child for child in case if child.tag in ("failure", "error")), None)
            failures.append(Failure(name, trouble.get("message", status) if trouble is not None else status))
    return SanityResult(tuple(passed), tuple(skipped), tuple(failures), output)


def _file(path: Path, content: Mapping[str, object]) -> Path:
    path.write_text(json.dumps(content))  # JSON is YAML, which the suite reads
    path.chmod(0o600)
    return path


def _path_flags(commands: PathCommands | None) -> list[str]:
    if commands is None:
        return []
    return [
        f"--csi.createmountpathcmd={commands.create_target}",
        f"--csi.createstagingpathcmd={commands.create_staging}",
        f"--csi.removemountpathcmd={commands.remove_target}",
        f"--csi.removestagingpathcmd={commands.remove_staging}",
        f"--csi.checkpathcmd={commands.check}",
    ]


def main() -> int:
    """Install; 0 also if that cannot be done here, after saying why."""
    try:
        sys.stdout.write(f"{install().relative_to(ROOT)}\n")
    except Unavailable as reason:
        sys.stdout.write(f"{reason}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
