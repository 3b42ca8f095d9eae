"""The exception tree is one file, every leaf of it has its status, and every leaf's message is looked at by a test."""

import ast
import re
from collections.abc import Iterator

from csi import errors
from csi.errors import DriverError
from csi.rpc.status import CODES
from tests.tidy.tree import module, none_of, parsed, python_files, stale, text

#: Leaf -> why it has no row in the status table.
NO_ROW: dict[str, str] = {
    "BugError": "its code depends on the RPC: whether something may have been left behind",
}


def _descendants(kind: type[DriverError]) -> Iterator[type[DriverError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from _descendants(child)


def _leaves() -> set[type[DriverError]]:
    """Errors that have no narrower kind, and so are what code raises."""
    return {kind for kind in _descendants(DriverError) if not list(_descendants(kind))}


def test_every_leaf_has_a_row_in_the_status_table() -> None:
    without = {kind.__name__ for kind in _leaves() - set(CODES)}
    none_of(without - set(NO_ROW))
    none_of(stale(NO_ROW, without))


def test_every_leaf_is_looked_at_by_a_test() -> None:
    sources = "\n".join(text(path) for path in python_files("tests") if path.parts[1] != "tidy")
    unseen = {kind.__name__ for kind in _leaves() if not re.search(rf"\b{kind.__name__}\b", sources)}
    none_of(unseen)


def test_the_tree_is_drawn_as_it_is() -> None:
    """The picture at the top of errors.py names every error, and nothing else."""
    assert errors.__doc__ is not None
    picture = errors.__doc__.split("Every leaf")[0]
    drawn = {word for word in re.findall(r"\b[A-Z]\w+\b", picture) if hasattr(errors, word)}
    assert drawn == {kind.__name__ for kind in _descendants(DriverError)} | {"DriverError"}


def test_the_tree_grows_in_one_file() -> None:
    """A room may narrow a leaf, whose status its own kind inherits; a new branch is drawn in errors.py."""
    tree: set[type[DriverError]] = {DriverError, *_descendants(DriverError)}
    branches = {kind.__name__ for kind in tree - _leaves()}
    elsewhere = {
        f"{module(path)}.{node.name}"
        for path in python_files("csi")
        if path.as_posix() != "csi/errors.py"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef) and branches & {ast.unparse(parent).split(".")[-1] for parent in node.bases}
    }
    none_of(elsewhere)
