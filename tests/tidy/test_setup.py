"""What sets the project up agrees with pyproject.toml and explains itself."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from deploy.setup.pins import LISTS, wanted
from tests.tidy.tree import ROOT, none_of, text

PROJECT = tomllib.loads(text(Path("pyproject.toml")))["project"]


def _pins(name: str) -> list[str]:
    lines = text(Path(f"requirements/{name}.txt")).splitlines()
    return [line for line in lines if not line.startswith("#")]


def _canonical(requirement: str) -> str:
    """A distribution's name as package indexes compare it (PEP 503)."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


@pytest.mark.parametrize("name", LISTS)
def test_lists_hold_exact_versions_and_nothing_else(name: str) -> None:
    none_of(pin for pin in _pins(name) if not re.fullmatch(r"[\w.-]+==[\w.]+", pin))
    assert _pins(name) == sorted(_pins(name), key=str.lower)


@pytest.mark.parametrize("name", LISTS)
def test_lists_cover_what_the_project_asks_for(name: str) -> None:
    asked = {_canonical(line) for line in wanted(PROJECT, LISTS[name])}
    none_of(asked - {_canonical(pin) for pin in _pins(name)})


def test_lists_agree_with_each_other() -> None:
    """What users run and what was tested are the same versions."""
    tested = set(_pins("dev"))
    none_of(pin for name in LISTS for pin in _pins(name) if pin not in tested)


def test_every_dependency_has_its_reason_in_the_documents() -> None:
    """Type stubs share one line there."""
    told = text(Path("docs/dependencies.md"))
    asked = {_canonical(line) for line in wanted(PROJECT, tuple(PROJECT["optional-dependencies"]))}
    none_of(name for name in asked if not name.startswith("types-") and name not in told)


def test_every_make_target_is_explained() -> None:
    shown = subprocess.run(["make", "-C", str(ROOT)], check=True, capture_output=True, text=True).stdout
    explained = {line.split()[0] for line in shown.splitlines()}
    assert {"demo", "test", "check", "proto", "lint", "clean", "help"} <= explained
    public = set(re.findall(r"^([a-z]+):", text(Path("Makefile")), re.MULTILINE))
    none_of(public - explained)
