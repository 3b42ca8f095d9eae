"""Functions, files and parameter lists stay small enough to be read in one go."""

import ast
from pathlib import Path

from tests.tidy.tree import functions, module, none_of, python_files, stale, text

FUNCTION_LINES, FUNCTION_LINES_HARD = 60, 70
FILE_LINES, FILE_LINES_HARD = 400, 500
POSITIONAL = 5

#: "package.module:qualified.name" -> why it is longer than FUNCTION_LINES. FUNCTION_LINES_HARD has no exceptions.
LONG_FUNCTIONS: dict[str, str] = {}

#: path -> why it is longer than FILE_LINES. FILE_LINES_HARD has no exceptions.
LONG_FILES: dict[str, str] = {}

#: "package.module:qualified.name" -> why it takes more than POSITIONAL positional parameters.
WIDE_FUNCTIONS: dict[str, str] = {}


def _lengths() -> dict[str, int]:
    return {
        f"{module(path)}:{name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in python_files()
        for name, node in functions(path)
    }


def _file_lengths() -> dict[str, int]:
    return {path.as_posix(): len(text(path).splitlines()) for path in python_files()}


def _positional(node: ast.FunctionDef | ast.AsyncFunctionDef, qualified: str) -> int:
    """Parameters that can be given by position, `self` or `cls` of a method not counted."""
    parameters = node.args.posonlyargs + node.args.args
    bound = "." in qualified and parameters and parameters[0].arg in ("self", "cls", "mcs")
    return len(parameters) - bool(bound)


def _widths() -> dict[str, int]:
    return {
        f"{module(path)}:{name}": _positional(node, name) for path in python_files() for name, node in functions(path)
    }


def _over(sizes: dict[str, int], limit: int) -> dict[str, int]:
    return {name: size for name, size in sizes.items() if size > limit}


def test_functions_are_short() -> None:
    long = _over(_lengths(), FUNCTION_LINES)
    none_of(f"{name}: {size}" for name, size in long.items() if name not in LONG_FUNCTIONS)
    none_of(stale(LONG_FUNCTIONS, long))


def test_no_function_passes_the_hard_limit() -> None:
    none_of(_over(_lengths(), FUNCTION_LINES_HARD).items())


def test_files_are_short() -> None:
    long = _over(_file_lengths(), FILE_LINES)
    none_of(f"{name}: {size}" for name, size in long.items() if name not in LONG_FILES)
    none_of(stale(LONG_FILES, long))


def test_no_file_passes_the_hard_limit() -> None:
    none_of(_over(_file_lengths(), FILE_LINES_HARD).items())


def test_parameters_beyond_the_fifth_are_keywords() -> None:
    wide = _over(_widths(), POSITIONAL)
    none_of(f"{name}: {size}" for name, size in wide.items() if name not in WIDE_FUNCTIONS)
    none_of(stale(WIDE_FUNCTIONS, wide))


def test_the_sources_are_found() -> None:
    """The rules above would hold for an empty list of files, too."""
    assert Path("csi/errors.py") in python_files()
    assert Path("csi/spec/v1/csi_pb2.py") not in python_files()
    assert _positional(_function("def f(self, a, b, /, c, *, d): ..."), "Class.f") == 3


def _function(source: str) -> ast.FunctionDef:
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.FunctionDef)
    return node
