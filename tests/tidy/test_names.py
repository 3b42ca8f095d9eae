"""Modules are named for what they hold."""

from tests.tidy.tree import none_of, python_files

#: Names that say nothing about the contents and so attract everything.
EMPTY_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "base", "manager", "managers", "tools", "lib"}

#: path -> why the name is right all the same.
ALLOWED: dict[str, str] = {}


def test_no_module_has_an_empty_name() -> None:
    named = {path.as_posix() for path in python_files() if EMPTY_NAMES & {*path.parent.parts, path.stem}}
    assert named == set(ALLOWED)


def test_test_files_are_spelled_one_way() -> None:
    odd = [p.as_posix() for p in python_files("tests") if p.stem.endswith(("_test", "_tests")) or p.stem == "tests"]
    none_of(odd)
