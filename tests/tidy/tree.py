"""The checkout as the house rules see it: files git knows or would add, and Python sources parsed once."""

import ast
import io
import subprocess
import tokenize
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Written by protoc, compared with proto/ by a test of its own; no house rule is about its style.
GENERATED = ("csi/spec/v1/",)


@cache
def tracked() -> tuple[Path, ...]:
    """Files in the index or about to be added (not ignored), relative to ROOT, that exist."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return tuple(sorted({Path(name) for name in names if name and (ROOT / name).is_file()}))


def python_files(*tops: str) -> tuple[Path, ...]:
    """Hand-written Python sources, all or those under the given top folders."""
    return tuple(
        path
        for path in tracked()
        if path.suffix == ".py"
        and not path.as_posix().startswith(GENERATED)
        and (not tops or path.as_posix().startswith(tuple(f"{top}/" for top in tops)))
    )


@cache
def text(path: Path) -> str:
    """A file's text; bytes that are no UTF-8 are replaced, so that binaries can be searched too."""
    return (ROOT / path).read_bytes().decode("utf-8", errors="replace")


@cache
def parsed(path: Path) -> ast.Module:
    """A source's syntax tree."""
    return ast.parse(text(path), filename=str(path))


@cache
def comments(path: Path) -> dict[int, str]:
    """Line number -> comment (with its `#`) of a source; unlike a search for `#` this is not fooled by strings."""
    tokens = tokenize.generate_tokens(io.StringIO(text(path)).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


def module(path: Path) -> str:
    """A source's dotted name: csi/rpc/__init__.py is csi.rpc."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def functions(path: Path) -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function of a source with its qualified name, methods and inner functions included."""
    found: list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]] = []

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = prefix
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{prefix}.{child.name}" if prefix else child.name
                if not isinstance(child, ast.ClassDef):
                    found.append((name, child))
            visit(child, name)

    visit(parsed(path), "")
    return found


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    """Every call of a source with the dotted name it is written as: `time.sleep`, `print`; "" where it has none.

    Names brought in by `from module import name` (and `as`) are written out in full, so `sleep(1)` is `time.sleep`.
    """
    full: dict[str, str] = {}
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            full |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            full |= {alias.asname: alias.name for alias in node.names if alias.asname}

    def name_of(node: ast.expr) -> str:
        match node:
            case ast.Name(id=name):
                return full.get(name, name)
            case ast.Attribute(value=value, attr=attr):
                front = name_of(value)
                return f"{front}.{attr}" if front else ""
        return ""

    return [(name_of(node.func), node) for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]


def stale(listed: Iterable[object], needed: Iterable[object]) -> list[str]:
    """Entries of an exception list that nothing needs any more; a list may only hold what is true today."""
    return sorted(str(key) for key in set(listed) - set(needed))


def none_of(found: Iterable[object]) -> None:
    """Fail the test with every finding on a line of its own; the test's name is the rule that they break."""
    if lines := sorted(map(str, found)):
        pytest.fail("\n".join([f"{len(lines)} found:", *lines]), pytrace=False)
