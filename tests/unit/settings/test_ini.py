import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi.settings.ini import Entry, read_ini
from csi.settings.problems import Report


def read(text: str) -> tuple[dict[str, list[Entry]], list[str], list[str]]:
    report = Report("f")
    sections = dict(read_ini(text, report))
    return sections, [problem.told("f") for problem in report.problems], report.warnings


def values(text: str) -> dict[str, str]:
    sections, problems, warnings = read("[s]\n" + text)
    assert (problems, warnings) == ([], [])
    return {entry.key: entry.value for entry in sections["s"]}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("key=value", "value"),
        ("key = value  ", "value"),
        ("key: value", "value"),
        ("key = https://a:8080", "https://a:8080"),
        ("key:a=b", "a=b"),
        ('key = "in quotes"', "in quotes"),
        ("key = 'in quotes'", "in quotes"),
        ('key = "\'"', "'"),
        ("key = '", "'"),
        ("key = a;b # c", "a;b # c"),
        ("key =", ""),
        ("key = pa$$word", "pa$word"),
        (r"key = pa\$word", "pa$word"),
        ("key = $1 and $", "$1 and $"),
        ("key = form\x0cfeed\x85next", "form\x0cfeed\x85next"),
    ],
)
def test_a_line_reads_as_the_plugin_read_it(line: str, value: str) -> None:
    assert values(line) == {"key": value}


def test_indented_lines_continue_a_value() -> None:
    assert values("key = a,\n   b,\n\tc\nother = d") == {"key": "a,\nb,\nc", "other": "d"}


def test_an_indented_comment_is_no_part_of_a_value() -> None:
    sections, _, _ = read("[s]\nkey = a,\n   # why\n   b\n")
    assert sections["s"][0].lines == ((2, "a,"), (4, "b"))


def test_comments_and_empty_lines_are_skipped() -> None:
    assert values("# one\n; two\n\nkey = a\n") == {"key": "a"}


def test_line_breaks_of_windows_are_line_breaks() -> None:
    assert values("key = a\r\nother = b\r\n") == {"key": "a", "other": "b"}


def test_a_section_may_go_on_later() -> None:
    sections, _, _ = read("[s]\na=1\n[t]\nb=2\n[s]\nc=3\n")
    assert {name: [entry.key for entry in entries] for name, entries in sections.items()} == {
        "s": ["a", "c"],
        "t": ["b"],
    }


def test_repeated_keys_are_all_there() -> None:
    sections, _, _ = read("[s]\nkey = a\nkey = b\n")
    assert [(entry.value, entry.line) for entry in sections["s"]] == [("a", 2), ("b", 3)]


def test_keys_before_a_section_belong_to_default() -> None:
    sections, problems, warnings = read("# hello\nkey = a\n[s]\n")
    assert list(sections) == ["DEFAULT", "s"]
    assert problems == []
    assert warnings == ["f: line 2 comes before any section; it is read as [DEFAULT]"]


def test_every_broken_line_is_told_and_none_is_shown() -> None:
    text = "  pass1\n[s\n[]\nkey = a\n\n   pass2\npass3\n= pass4\nother = $pass5\n"
    _, problems, _ = read(text)
    assert problems == [
        "f:1: an indented line that continues no value",
        "f:2: a section header without its name or ']'; allowed: [name]",
        "f:3: a section header without its name or ']'; allowed: [name]",
        "f:6: an indented line that continues no value",
        "f:7: is no section, comment or key; allowed: [section], # comment, key = value",
        "f:8: is no section, comment or key; allowed: [section], # comment, key = value",
        "f:9: backend DEFAULT: other: '$' before a letter refers to another key, which is not supported; "
        "allowed: '$$' for a dollar sign",
    ]


KEYS = st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=12)
VALUES = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="#$\"'\\"), min_size=1, max_size=20)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, st.lists(VALUES, min_size=1, max_size=4), max_size=4), max_size=4))
def test_what_is_written_is_read(wanted: dict[str, dict[str, list[str]]]) -> None:
    """Any sections, keys and values of any number of lines survive being written and read."""
    text = "".join(
        f"[{name}]\n" + "".join(f"{key} = " + "\n  ".join(lines) + "\n" for key, lines in section.items())
        for name, section in wanted.items()
    )
    sections, problems, warnings = read(text)

    assert (problems, warnings) == ([], [])
    assert {
        name: {entry.key: [text for _, text in entry.lines] for entry in entries} for name, entries in sections.items()
    } == wanted


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever a file holds, it is read to its end, and lines are counted as an editor counts them."""
    sections, _, _ = read(text)
    lines = text.replace("\r\n", "\n").count("\n") + 1

    assert all(1 <= entry.line <= lines for entries in sections.values() for entry in entries)
