"""The query language of collections (wsapi.md 1.4).

    expression = term { ("AND" | "OR") term }        AND binds tighter
    term       = field ("EQ" | "LIKE" | "==") value  |  field "[" expression "]"

Values are unquoted words; the whole expression may be in double quotes. A nested term holds if it holds for one
element of the list. LIKE knows `*`. A field that a row lacks matches nothing.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from arraysim.core.faults import ArrayFault, Refusal
from arraysim.wsapi.message import Request

Row = Mapping[str, Any]
Test = Callable[[Row], bool]

_TOKEN = re.compile(r"\s*(==|\[|\]|[^\s\[\]=]+(?:=(?!=)[^\s\[\]=]*)*)")
#: Fields whose letters' case does not matter.
_HEX_FIELDS = frozenset({"wwn", "volumeWWN", "remoteName"})


def select(request: Request, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that the request's query, if any, asks for. ArrayFault 400 12 for a query that cannot be read."""
    text = request.query.get("query")
    if text is None:
        return rows
    test = parse(text)
    return [row for row in rows if test(row)]


def parse(text: str) -> Test:
    """An expression as a test of rows. ArrayFault 400 12."""
    tokens = _Tokens(text.strip().strip('"'))
    test = _any_of(tokens)
    if tokens.peek() is not None:
        raise _malformed(text)
    return test


class _Tokens:
    def __init__(self, text: str) -> None:
        self._text = text
        self._items = list(self._split(text))
        self._at = 0

    @staticmethod
    def _split(text: str) -> Iterator[str]:
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                raise _malformed(text)
            yield match.group(1)
            at = match.end()

    def peek(self) -> str | None:
        return self._items[self._at] if self._at < len(self._items) else None

    def take(self) -> str:
        token = self.peek()
        if token is None:
            raise _malformed(self._text)
        self._at += 1
        return token


def _malformed(text: str) -> ArrayFault:
    return Refusal.INV_INPUT.fault("query", detail=f": cannot read {text!r}")


def _any_of(tokens: _Tokens) -> Test:
    tests = [_all_of(tokens)]
    while tokens.peek() == "OR":
        tokens.take()
        tests.append(_all_of(tokens))
    return lambda row: any(test(row) for test in tests)


def _all_of(tokens: _Tokens) -> Test:
    tests = [_term(tokens)]
    while tokens.peek() == "AND":
        tokens.take()
        tests.append(_term(tokens))
    return lambda row: all(test(row) for test in tests)


def _term(tokens: _Tokens) -> Test:
    field = tokens.take()
    operator = tokens.take()
    if operator == "[":
        inner = _any_of(tokens)
        if tokens.take() != "]":
            raise _malformed(field)
        return lambda row: any(inner(item) for item in row.get(field, ()) if isinstance(item, Mapping))
    if operator not in ("EQ", "LIKE", "=="):
        raise _malformed(f"{field} {operator}")
    value = tokens.take()
    return lambda row: field in row and _matches(field, operator, value, row[field])


def _matches(field: str, operator: str, wanted: str, seen: object) -> bool:
    if isinstance(seen, list):
        return any(_matches(field, operator, wanted, item) for item in seen)
    text = str(seen).lower() if isinstance(seen, bool) else str(seen)
    if field in _HEX_FIELDS:
        text, wanted = text.upper(), wanted.upper()
    return fnmatchcase(text, wanted) if operator == "LIKE" else text == wanted
