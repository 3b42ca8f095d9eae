"""What the Dockerfile promises. No container engine is needed, so the image itself is not looked at."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
LINES = [line for line in TEXT.splitlines() if line and not line.startswith("#")]


def _stage(name: str) -> list[str]:
    """The instructions of one stage."""
    starts = [index for index, line in enumerate(LINES) if line.startswith("FROM ")]
    for start, end in zip(starts, [*starts[1:], len(LINES)], strict=True):
        if LINES[start].endswith(f" AS {name}"):
            return LINES[start + 1 : end]
    raise AssertionError(f"no stage {name}")


def test_bytecode_is_compiled_for_the_packages_and_for_the_driver() -> None:
    (compiled,) = [line for line in _stage("build") if "compileall" in line]
    assert "--invalidation-mode unchecked-hash" in compiled
    assert compiled.split()[-2:] == ["/opt/csi-3par/lib", "/opt/csi-3par/app"]
    assert "PYTHONDONTWRITEBYTECODE" not in TEXT


def test_grpc_is_kept_from_handling_forks() -> None:
    assert any("GRPC_ENABLE_FORK_SUPPORT=0" in line for line in _stage("driver") if line.startswith("ENV "))


def test_the_controller_is_not_root() -> None:
    assert "USER 65532:65532" in _stage("controller")


def test_what_is_copied_is_sent_to_the_builder() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {line.split()[1] for line in LINES if line.startswith("COPY ") and "--from" not in line}
    assert copied == sent
    assert [path for path in copied if not (ROOT / path).exists()] == []
