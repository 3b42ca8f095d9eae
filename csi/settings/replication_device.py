"""The grammar of hpe.conf's `replication_device`: `key:value` pairs with commas between them, over indented lines.

A value reaches up to the next comma, so the samples HPE printed (docker-plugin.md 1.3) swallow a key where a comma is
missing; the plugin then took the source array's value for it. Such a key is found here and the missing comma named.
What follows a password is never shown: it may be a part of it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

from csi.settings.checks import array_name
from csi.settings.ini import Entry
from csi.settings.problems import Report, Wrong
from csi.settings.spelling import nearest, shown

KEY = "replication_device"
_PAIR = re.compile(r"([\w.-]+)\s*([:=])\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pair:
    """One `key:value`; `line` is the key's line."""

    key: str
    value: str
    line: int


@dataclass(frozen=True, slots=True)
class Grammar:
    """Which keys there are; values of `secret` keys are never shown."""

    known: Collection[str]
    secret: Collection[str]


def read_pairs(entry: Entry, grammar: Grammar, report: Report, backend: str) -> dict[str, Pair]:
    """The pairs by key. What breaks the grammar is reported, and read as it was most likely meant to find the rest."""
    return _PairReader(entry, grammar, report, backend).read()


class _PairReader:
    def __init__(self, entry: Entry, grammar: Grammar, report: Report, backend: str) -> None:
        self._entry = entry
        self._grammar = grammar
        self._report = report
        self._backend = backend
        self._text = "\n".join(text for _, text in entry.lines)
        self._before = ""
        self._pairs: dict[str, Pair] = {}
        names = "|".join(sorted(map(re.escape, grammar.known), key=len, reverse=True))
        self._swallowed = re.compile(rf"(?<=\s)(?:{names})\s*[:=]")

    def read(self) -> dict[str, Pair]:
        start = 0
        for item in self._text.split(","):
            self._item(start, item)
            start += len(item) + 1
        return self._pairs

    def _line(self, offset: int) -> int:
        return self._entry.lines[self._text.count("\n", 0, offset)][0]

    def _problem(self, wrong: str, offset: int, key: str = "", **more: str) -> None:
        place = f"{KEY}.{key}" if key else KEY
        self._report.problem(wrong, line=self._line(offset), backend=self._backend, key=place, **more)

    def _item(self, start: int, item: str) -> None:
        """Read one comma-separated item, cut before every known key that it swallowed."""
        bare = item.lstrip()
        start += len(item) - len(bare)
        cuts = [0, *(found.start() for found in self._swallowed.finditer(bare)), len(bare)]
        for begin, end in pairwise(cuts):
            piece = bare[begin:end].rstrip()
            if not piece:
                continue
            self._piece(start + begin, piece)
            if end < len(bare):
                self._missing_comma(start + begin + len(piece), piece)

    def _missing_comma(self, offset: int, piece: str) -> None:
        found = _PAIR.fullmatch(piece)
        key = found[1] if found and found[1] in self._grammar.known else ""
        value = f" ({shown(_first_line(found[3]))})" if found and key and not self._is_secret(key) else ""
        after = f"the value of {key}{value}" if key else "the pair before it"
        at = self._line(offset - 1)
        self._problem(f"the comma after {after} is missing at the end of line {at}", offset - 1, key)

    def _is_secret(self, key: str) -> bool:
        return key in self._grammar.secret

    def _piece(self, offset: int, piece: str) -> None:
        after_secret = self._is_secret(self._before)
        found = _PAIR.fullmatch(piece)
        if found and found[1] in self._grammar.known:
            self._before = found[1]
            self._known(offset, found[1], found[2], found[3])
        elif after_secret:
            self._problem(
                f"what follows the comma after {self._before} is no known key",
                offset,
                allowed="no comma inside a value",
            )
        elif found:
            self._problem("unknown key", offset, found[1], nearest=nearest(found[1], self._grammar.known))
        else:
            self._problem(
                "text between two commas that is no key:value pair",
                offset,
                allowed="key:value, no comma inside a value",
            )

    def _known(self, offset: int, key: str, sign: str, value: str) -> None:
        if sign == "=":
            self._problem(f"'=' stands between {key} and its value", offset, key, allowed=f"{key}:...")
        if "\n" in value:
            # The next line may be a misspelt key with a password: it is not shown.
            self._problem(
                "the value goes on after a line break",
                offset,
                key,
                allowed="one line, a comma at its end before the next key",
            )
        if key in self._pairs:
            self._problem(f"given twice, first on line {self._pairs[key].line}", offset, key)
        self._pairs[key] = Pair(key, _first_line(value), self._line(offset))


def _first_line(value: str) -> str:
    return value.partition("\n")[0].strip()


def read_map(text: str) -> dict[str, str]:
    """`a:b c:d` as {a: b, c: d}: for each CPG of the source the target's. Raises Wrong."""
    allowed = "source:target pairs separated by spaces"
    pairs: dict[str, str] = {}
    for word in text.split():
        left, colon, right = word.partition(":")
        if not colon or not left or not right or ":" in right:
            raise Wrong(f"{shown(word)} is no pair of CPG names", allowed)
        if pairs.setdefault(array_name(left), array_name(right)) != right:
            raise Wrong(f"{shown(left)} is mapped to two CPGs", allowed)
    return pairs
