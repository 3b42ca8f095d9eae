"""Resolve the dependencies in pyproject.toml to exact versions and write requirements/*.txt.

    python deploy/setup/pins.py            (or: make pins)

pip resolves without installing and reports what it would install; names and versions are kept, hosts and paths are
not. Needs the package index that pip is configured for, so it is run by hand, never by a test.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

#: File under requirements/ -> the extras of pyproject.toml that it holds beside the dependencies themselves.
LISTS: dict[str, tuple[str, ...]] = {"image": (), "demo": ("sim",), "dev": ("sim", "dev")}


def wanted(project: dict[str, Any], extras: tuple[str, ...]) -> list[str]:
    """The requirement lines of the project with `extras`; references of the project to its own extras are followed."""
    lines = list(project["dependencies"])
    for extra in extras:
        for line in project["optional-dependencies"][extra]:
            own = re.fullmatch(rf"{re.escape(project['name'])}\[([\w,-]+)\]", line)
            lines += wanted(project, tuple(own[1].split(","))) if own else [line]
    return sorted(set(lines))


def resolve(lines: list[str]) -> list[str]:
    """`name==version` of everything that `lines` need on this Python, sorted."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    answer = subprocess.run([*command, *lines], check=True, stdout=subprocess.PIPE, text=True)
    found = (item["metadata"] for item in json.loads(answer.stdout)["install"])
    return sorted((f"{item['name']}=={item['version']}" for item in found), key=str.lower)


def write(name: str, extras: tuple[str, ...], pins: list[str]) -> Path:
    """Write one list with a header that says where it came from."""
    what = " + ".join(["the dependencies", *extras])
    python = ".".join(map(str, sys.version_info[:2]))
    header = [
        f"# Exact versions for {what} of pyproject.toml, resolved by `make pins` on Python {python}, Linux.",
        "# Not edited by hand. Names and versions only: whichever package index pip is configured for serves them.",
    ]
    path = ROOT / "requirements" / f"{name}.txt"
    path.write_text("\n".join([*header, *pins]) + "\n")
    return path


def main() -> None:
    """Write every list of LISTS."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, extras in LISTS.items():
        pins = resolve(wanted(project, extras))
        path = write(name, extras, pins)
        sys.stdout.write(f"{path.relative_to(ROOT)}: {len(pins)} packages\n")


if __name__ == "__main__":
    main()
