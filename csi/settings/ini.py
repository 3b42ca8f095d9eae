"""A reader for hpe.conf's dialect of INI, which is oslo.config's: it never stops at the first mistake.

`key = value` or `key: value`, whichever sign comes first; an indented line continues the value above it, an empty line
ends it; `#` and `;` begin a comment line; a value in quotes loses them; `$$` and `\\$` stand for `$`. Differences, all
reported: a key given twice, keys before the first section (they belong to DEFAULT), a reference `$other_key`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from csi.settings.problems import Report

DEFAULT = "DEFAULT"
_SPLIT = re.compile(r"[:=]")
_ESCAPED_DOLLAR = re.compile(r"\$\$|\\\$")
_REFERENCE = re.compile(r"\$\{?[A-Za-z_]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of one section; `lines` are the value's lines with their numbers, the key's own line first."""

    key: str
    lines: tuple[tuple[int, str], ...]

    @property
    def line(self) -> int:
        """The number of the line the key is on."""
        return self.lines[0][0]

    @property
    def value(self) -> str:
        """The whole value, its lines joined by line breaks."""
        return "\n".join(text for _, text in self.lines).strip()


class _Reader:
    def __init__(self, report: Report) -> None:
        self._report = report
        self.sections: dict[str, list[Entry]] = {}
        self._section: str | None = None
        self._key = ""
        self._lines: list[tuple[int, str]] = []

    def feed(self, number: int, line: str) -> None:
        stripped = line.strip()
        if not stripped:
            self.flush()
        elif line[0] in " \t":
            self._continue(number, stripped)
        else:
            self.flush()
            if stripped[0] == "[":
                self._open(number, stripped)
            elif stripped[0] not in "#;":
                self._begin(number, stripped)

    def _continue(self, number: int, text: str) -> None:
        if text[0] == "#":
            return
        if self._key:
            self._lines.append((number, text))
        else:
            # The text may be a lost half of a value, so it is not shown.
            self._report.problem("an indented line that continues no value", line=number)

    def _open(self, number: int, text: str) -> None:
        if not text.endswith("]") or not text[1:-1].strip():
            self._report.problem("a section header without its name or ']'", line=number, allowed="[name]")
            return
        self._section = text[1:-1].strip()
        self.sections.setdefault(self._section, [])

    def _begin(self, number: int, text: str) -> None:
        sign = _SPLIT.search(text)
        key = text[: sign.start()].strip() if sign else ""
        if not sign or not key:
            self._report.problem(
                "is no section, comment or key", line=number, allowed="[section], # comment, key = value"
            )
            return
        if self._section is None:
            self._section = DEFAULT
            self.sections.setdefault(DEFAULT, [])
            self._report.warn(f"line {number} comes before any section; it is read as [{DEFAULT}]")
        self._key, self._lines = key, [(number, text[sign.end() :].strip())]

    def flush(self) -> None:
        if self._key and self._section is not None:
            lines = tuple(self._unescaped(number, text) for number, text in self._lines)
            if len(lines) == 1:
                lines = ((lines[0][0], _unquoted(lines[0][1])),)
            self.sections[self._section].append(Entry(self._key, lines))
        self._key, self._lines = "", []

    def _unescaped(self, number: int, text: str) -> tuple[int, str]:
        if _REFERENCE.search(_ESCAPED_DOLLAR.sub("", text)):
            self._report.problem(
                "'$' before a letter refers to another key, which is not supported",
                backend=self._section or "",
                key=self._key,
                line=number,
                allowed="'$$' for a dollar sign",
            )
        return number, _ESCAPED_DOLLAR.sub("$", text)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def read_ini(text: str, report: Report) -> Mapping[str, list[Entry]]:
    """Sections in the file's order, each with its entries in order, repeats included."""
    reader = _Reader(report)
    # Not splitlines(): form feeds and Unicode separators may be part of a password.
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        reader.feed(number, line)
    reader.flush()
    return reader.sections
