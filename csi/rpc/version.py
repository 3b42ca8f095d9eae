"""What the driver is called, and its version."""

import tomllib
from importlib import metadata
from pathlib import Path

DRIVER_NAME = "csi-3par.io"


def driver_version() -> str:
    """The version of the installed package; in a checkout that is not installed, the project file's."""
    try:
        return metadata.version("csi-3par")
    except metadata.PackageNotFoundError:
        project = Path(__file__).resolve().parents[2] / "pyproject.toml"
        return str(tomllib.loads(project.read_text())["project"]["version"])
