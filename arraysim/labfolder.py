"""The folder of a lab: who may use it, and the files that others find the lab by."""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

LAB_FILE = "lab.json"
PASSWORD_FILE = "password"  # noqa: S105  the name of a file
_LOCK_FILE = "lab.lock"
PRIVATE = 0o600


class FolderInUse(RuntimeError):
    """Another lab runs in this folder."""


class NoLab(RuntimeError):
    """No lab runs in this folder."""


class LabFolder:
    """Claims `path` for one lab, or makes a temporary folder that vanishes with it. FolderInUse if it is taken."""

    def __init__(self, path: Path | None) -> None:
        self._temporary = path is None
        self.path = Path(tempfile.mkdtemp(prefix="arraysim-")) if path is None else path.absolute()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self.path / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise FolderInUse(
                f"{self.path}: a lab runs in this folder already. Stop it, or give another folder"
            ) from None

    def password(self) -> str:
        """The password of an earlier lab in this folder, "" if there was none."""
        try:
            return (self.path / PASSWORD_FILE).read_text("utf-8").strip()
        except FileNotFoundError:
            return ""

    def publish(self, password: str, description: dict[str, Any]) -> None:
        """Write the files by which others find the lab; only the owner may read them."""
        write_private(self.path / PASSWORD_FILE, f"{password}\n".encode())
        write_private(self.path / LAB_FILE, f"{json.dumps(description, indent=2)}\n".encode())

    def close(self) -> None:
        """The lab is over: it can be found no longer, and a temporary folder goes away. Certificates otherwise stay."""
        (self.path / LAB_FILE).unlink(missing_ok=True)
        os.close(self._lock)
        if self._temporary:
            shutil.rmtree(self.path)


def write_private(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Write a file that never existed with other rights than `mode`, not even for a moment."""
    fresh = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    fresh.replace(path)


def find_lab(folder: Path) -> dict[str, Any]:
    """The description of the lab that runs in `folder` (as in lab.json). NoLab if none does."""
    try:
        description: dict[str, Any] = json.loads((folder / LAB_FILE).read_bytes())
    except FileNotFoundError:
        raise NoLab(
            f"{folder}: no lab runs here. Start one with `arraysim up`, or name its folder with --folder"
        ) from None
    return description
