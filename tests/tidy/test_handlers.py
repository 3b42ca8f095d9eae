"""Errors are caught by name; where everything has to be caught, or a linter silenced, the line says why."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tidy.tree import calls, comments, none_of, parsed, python_files

BROAD = {"Exception", "BaseException"}
#: What a comment holds beside its reason: `noqa: CODE`, `type: ignore[code]`.
DIRECTIVE = re.compile(r"#\s*(noqa(:\s*[A-Z]+[0-9]+(\s*,\s*[A-Z]+[0-9]+)*)?|type:\s*ignore(\[[\w, -]+\])?)")
#: Least words of a reason: to catch everything, and to silence a linter.
BROAD_WORDS, SILENCED_WORDS = 3, 2


def reason(comment: str) -> str:
    """A comment without linter directives and punctuation around them."""
    return DIRECTIVE.sub("", comment).strip(" #:-–—")


def has_reason(comment: str, words: int) -> bool:
    return len(reason(comment).split()) >= words


def _names(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _broad(path: Path) -> Iterator[int]:
    """Lines that catch or suppress everything, by `except` or by `suppress`."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ExceptHandler) and node.type is not None and BROAD & _names(node.type):
            yield node.lineno
    for name, call in calls(path):
        if name == "contextlib.suppress" and any(BROAD & _names(argument) for argument in call.args):
            yield call.lineno


def test_no_except_is_bare() -> None:
    bare = [
        f"{path}:{node.lineno}"
        for path in python_files()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    none_of(bare)


def test_catching_everything_has_a_reason_on_its_line() -> None:
    silent = [
        f"{path}:{line}"
        for path in python_files()
        for line in _broad(path)
        if not has_reason(comments(path).get(line, ""), BROAD_WORDS)
    ]
    none_of(silent)


def test_a_silenced_linter_has_a_reason_on_its_line() -> None:
    silent = [
        f"{path}:{line}"
        for path in python_files()
        for line, comment in comments(path).items()
        if DIRECTIVE.search(comment) and not has_reason(comment, SILENCED_WORDS)
    ]
    none_of(silent)


@pytest.mark.parametrize(
    ("comment", "enough"),
    [
        ("# noqa: BLE001", False),
        ("# noqa: BLE001, S110 - nobody knows", False),
        ("# noqa: BLE001 - a request ends here", True),
        ("# type: ignore[import-untyped]  # ships no types", True),
        ("# type: ignore[import-untyped]", False),
        ("# the thread ends here", True),
    ],
)
def test_a_reason_is_told_from_a_directive(comment: str, enough: bool) -> None:
    assert has_reason(comment, BROAD_WORDS) is enough
