"""YAML as plain dicts and lists that remember their lines.

Differences to yaml.safe_load, all because a settings file is written by hand: a key given twice is reported, keys are
always text, and a value with a colon stays text (YAML 1.1 reads the FC port 1:4:2 as the number 3842, in base 60).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from csi.settings.problems import Report

Path = tuple[str | int, ...]
_TYPED = tuple(f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "null"))
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Tree:
    """`root` is the document; `lines` has the line of each key and list item."""

    root: object
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of `path` or, where it is not in the file, of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)


def read_tree(text: str, report: Report) -> Tree | None:
    """The one document in `text`; None if it is no YAML, which is reported without quoting the text."""
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            report.problem("the file is empty")
            return None
        walker = _Walker(loader, report)
        return Tree(walker.plain(node, ()), walker.lines)
    except yaml.MarkedYAMLError as error:
        # Other errors of the parser quote the value, which may be a password somebody wrote down here.
        quotes_nothing = isinstance(error, yaml.scanner.ScannerError | yaml.parser.ParserError)
        reason = error.problem if quotes_nothing and error.problem else "an alias, an anchor or a tag is wrong"
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        report.problem(f"is not YAML: {reason}", line=line)
    except yaml.YAMLError:
        report.problem("is not YAML: it holds characters that YAML forbids")
    except RecursionError:
        report.problem("is nested too deeply")
    return None


class _Walker:
    def __init__(self, loader: yaml.SafeLoader, report: Report) -> None:
        self._loader = loader
        self._report = report
        self._open: list[yaml.Node] = []
        self.lines: dict[Path, int] = {}

    def plain(self, node: yaml.Node, path: Path) -> object:
        if any(node is above for above in self._open):
            self._report.problem("an alias refers to what it is a part of", line=node.start_mark.line + 1)
            return None
        self._open.append(node)
        try:
            return self._plain(node, path)
        finally:
            self._open.pop()

    def _plain(self, node: yaml.Node, path: Path) -> object:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                self.lines[(*path, index)] = item.start_mark.line + 1
                items.append(self.plain(item, (*path, index)))
            return items
        if node.tag in _TYPED and ":" not in node.value:
            try:
                return self._loader.construct_object(node)
            except (ValueError, KeyError):
                return node.value  # tagged or formed as a number that it is none of; the models say what they want
        return node.value

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        seen: dict[str, int] = {}
        for key_node, _ in node.value:
            key, line = _key(key_node), key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._report.problem("a key that is a list or a mapping", line=line)
            elif key in seen and key_node.tag != _MERGE:
                dotted = ".".join(map(str, (*path, key)))
                self._report.problem(f"given twice, first on line {seen[key]}", key=dotted, line=line)
            seen[key] = line
        self._loader.flatten_mapping(node)
        found: dict[str, object] = {}
        for key_node, value in node.value:
            place = (*path, _key(key_node))
            self.lines[place] = key_node.start_mark.line + 1
            found[_key(key_node)] = self.plain(value, place)
        return found


def _key(node: yaml.Node) -> str:
    """A key as text; one that is a list or a mapping has none, and is reported."""
    return node.value if isinstance(node, yaml.ScalarNode) else ""
