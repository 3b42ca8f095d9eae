import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi.settings.ini import Entry
from csi.settings.problems import Report, Wrong
from csi.settings.replication_device import Grammar, read_map, read_pairs

GRAMMAR = Grammar(known=("backend_id", "cpg_map", "snap_cpg_map", "password", "san_ip"), secret=("password",))
NAMES = st.text(string.ascii_letters + string.digits + "_-.", min_size=1, max_size=12).filter(
    lambda name: name[0] not in "-."
)


def read(*lines: str) -> tuple[dict[str, str], list[str]]:
    """The pairs, and the problems; the value's first line is line 10 of its file."""
    report = Report("f")
    entry = Entry("replication_device", tuple(enumerate(lines, start=10)))
    pairs = read_pairs(entry, GRAMMAR, report, "b")
    return {key: pair.value for key, pair in pairs.items()}, [
        problem.told("f").removeprefix("f:") for problem in report.problems
    ]


@pytest.mark.parametrize(
    "lines",
    [
        ("backend_id:b,san_ip:192.0.2.1",),
        ("backend_id:b,", "san_ip:192.0.2.1"),
        ("backend_id:b", ",san_ip:192.0.2.1,"),
        ("", "backend_id : b ,", "san_ip: 192.0.2.1"),
        ("backend_id:b,,", ",", "san_ip:192.0.2.1"),
    ],
)
def test_pairs_are_separated_by_commas_wherever_lines_break(lines: tuple[str, ...]) -> None:
    assert read(*lines) == ({"backend_id": "b", "san_ip": "192.0.2.1"}, [])


def test_a_value_goes_from_the_first_colon_to_the_next_comma() -> None:
    assert read("san_ip:https://a:8080/api/v1, cpg_map:a:b c:d") == (
        {"san_ip": "https://a:8080/api/v1", "cpg_map": "a:b c:d"},
        [],
    )


def test_a_missing_comma_is_told_with_the_value_before_it_and_its_line() -> None:
    pairs, problems = read("backend_id:b,", "cpg_map:a:b", "san_ip:192.0.2.1")
    assert pairs == {"backend_id": "b", "cpg_map": "a:b", "san_ip": "192.0.2.1"}
    assert problems == [
        "11: backend b: replication_device.cpg_map: "
        "the comma after the value of cpg_map ('a:b') is missing at the end of line 11"
    ]


def test_a_comma_missing_within_a_line_is_told() -> None:
    assert read("cpg_map:a:b snap_cpg_map:c:d")[1] == [
        "10: backend b: replication_device.cpg_map: "
        "the comma after the value of cpg_map ('a:b') is missing at the end of line 10"
    ]


def test_all_missing_commas_of_a_value_are_told() -> None:
    pairs, problems = read("backend_id:b", "cpg_map:a:b", "password=x", "san_ip:192.0.2.1")
    assert pairs == {"backend_id": "b", "cpg_map": "a:b", "password": "x", "san_ip": "192.0.2.1"}
    assert problems == [
        "10: backend b: replication_device.backend_id: "
        "the comma after the value of backend_id ('b') is missing at the end of line 10",
        "11: backend b: replication_device.cpg_map: "
        "the comma after the value of cpg_map ('a:b') is missing at the end of line 11",
        "12: backend b: replication_device.password: '=' stands between password and its value; allowed: password:...",
        "12: backend b: replication_device.password: "
        "the comma after the value of password is missing at the end of line 12",
    ]


def test_a_comma_missing_after_an_unknown_key_is_told_as_well() -> None:
    assert read("backend:b", "san_ip:192.0.2.1")[1] == [
        "10: backend b: replication_device.backend: unknown key; nearest known key: backend_id",
        "10: backend b: replication_device: the comma after the pair before it is missing at the end of line 10",
    ]


def test_a_line_break_inside_a_value_is_told_and_the_next_line_is_not_shown() -> None:
    pairs, problems = read("cpg_map:a:b", "pasword:hunter2,", "backend_id:b")
    assert pairs == {"cpg_map": "a:b", "backend_id": "b"}
    assert problems == [
        "10: backend b: replication_device.cpg_map: the value goes on after a line break; "
        "allowed: one line, a comma at its end before the next key"
    ]


def test_a_comma_inside_a_password_is_told_without_the_rest_of_it() -> None:
    for rest in ("hunter2", "hunter2:x"):
        assert read(f"password:abc,{rest},san_ip:192.0.2.1")[1] == [
            "10: backend b: replication_device: what follows the comma after password is no known key; "
            "allowed: no comma inside a value"
        ]


def test_text_without_a_key_is_told() -> None:
    assert read("backend_id:b,", "stray")[1] == [
        "11: backend b: replication_device: text between two commas that is no key:value pair; "
        "allowed: key:value, no comma inside a value"
    ]


def test_an_unknown_key_is_told_with_the_nearest_known_one() -> None:
    assert read("backend_id:b,", "snap_cpgmap:a:b")[1] == [
        "11: backend b: replication_device.snap_cpgmap: unknown key; nearest known key: snap_cpg_map"
    ]


def test_a_key_given_twice_is_told_with_both_lines() -> None:
    assert read("backend_id:b,", "backend_id:c")[1] == [
        "11: backend b: replication_device.backend_id: given twice, first on line 10"
    ]


PLAIN_VALUES = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters=","), min_size=1, max_size=15)
SOME_PAIRS = st.dictionaries(st.sampled_from(sorted(GRAMMAR.known)), PLAIN_VALUES, min_size=1)


@given(SOME_PAIRS, st.lists(st.sampled_from(["", " ", "\n"]), min_size=5, max_size=5))
def test_what_is_written_is_read(wanted: dict[str, str], gaps: list[str]) -> None:
    """Any pairs survive being written, on one line or on several."""
    text = ",".join(f"{gap}{key}:{value}" for gap, (key, value) in zip(gaps, wanted.items(), strict=False))
    assert read(*text.split("\n")) == (wanted, [])


@given(SOME_PAIRS.filter(lambda pairs: len(pairs) > 1), st.data())
def test_any_one_comma_left_out_is_told_by_line_and_nothing_else_is(
    wanted: dict[str, str], data: st.DataObject
) -> None:
    """Whichever line lacks its comma, that line and that key are named, and all pairs are found all the same."""
    keys = list(wanted)
    lost = data.draw(st.integers(0, len(keys) - 2))
    lines = [
        f"{key}:{value}" + ("" if index in (lost, len(keys) - 1) else ",")
        for index, (key, value) in enumerate(wanted.items())
    ]
    pairs, problems = read(*lines)

    assert pairs == wanted
    assert len(problems) == 1
    assert problems[0].startswith(
        f"{10 + lost}: backend b: replication_device.{keys[lost]}: the comma after the value of"
    )
    assert problems[0].endswith(f"is missing at the end of line {10 + lost}")


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    read(*text.split("\n"))


@given(st.text(string.ascii_letters + string.digits + ":=;<> \t", min_size=6, max_size=20))
def test_a_password_is_never_shown(secret: str) -> None:
    """Whatever a password holds, no message has it, be it read whole or in part."""
    report = Report("f")
    lines = (
        f"backend_id:b,password:{secret}MARK",
        "san_ip:192.0.2.1,password:x,MARK:MARK",
        "cpg_map:a:b,password:MARK,MARK",
        "pasword:MARK",
    )
    read_pairs(Entry("replication_device", tuple(enumerate(lines, start=1))), GRAMMAR, report, "b")

    assert report.problems
    assert not [problem for problem in report.problems if "MARK" in problem.told("f")]


@given(st.dictionaries(NAMES, NAMES, max_size=6), st.sampled_from([" ", "  ", "\t"]))
def test_a_map_that_is_written_is_read(wanted: dict[str, str], gap: str) -> None:
    assert read_map(gap.join(f"{left}:{right}" for left, right in wanted.items())) == wanted


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a", "'a' is no pair of CPG names"),
        ("a:", "'a:' is no pair of CPG names"),
        (":b", "':b' is no pair of CPG names"),
        ("a:b:c", "'a:b:c' is no pair of CPG names"),
        ("a:b a:c", "'a' is mapped to two CPGs"),
    ],
)
def test_a_map_that_is_none_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(Wrong) as caught:
        read_map(text)

    assert caught.value.sentence == sentence
    assert caught.value.allowed == "source:target pairs separated by spaces"
