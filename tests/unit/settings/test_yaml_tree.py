import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from csi.settings.problems import Report
from csi.settings.yaml_tree import read_tree


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", ["f:1: is not YAML: expected the node content, but found '<stream end>'"]),
        ("a: 1\nb: 2\na: 3\n", ["f:3: a: given twice, first on line 1"]),
        ("a: {b: 1, b: 2}", ["f:1: a.b: given twice, first on line 1"]),
        ("password: *hunter2", ["f:1: is not YAML: an alias, an anchor or a tag is wrong"]),
        ("a: &x [*x]", ["f:1: an alias refers to what it is a part of"]),
        ("a: 1\n? [b]\n: 2\n", ["f:2: a key that is a list or a mapping"]),
        ("[" * 3_000, ["f: is nested too deeply"]),
        ("a: \x01", ["f: is not YAML: it holds characters that YAML forbids"]),
        ("# nothing\n", ["f: the file is empty"]),
        ("a: 1\n---\nb: 2\n", ["f:2: is not YAML: an alias, an anchor or a tag is wrong"]),
    ],
)
def test_broken_yaml_is_told_without_quoting_it(text: str, expected: list[str]) -> None:
    report = Report("f")
    read_tree(text, report)

    assert [problem.told("f") for problem in report.problems] == expected


def test_values_with_colons_stay_text_and_keys_are_text() -> None:
    tree = read_tree(
        "ports: [1:4:2, 0:5:1]\npin: 12:34:56\n12: 7\nyes: no\nwhen: 2024-01-01\nodd: !x y\nn: !!int z\nb: !!bool z\n",
        Report("f"),
    )

    assert tree is not None
    assert tree.root == {
        "ports": ["1:4:2", "0:5:1"],
        "pin": "12:34:56",
        "12": 7,
        "yes": False,
        "when": "2024-01-01",
        "odd": "y",
        "n": "z",
        "b": "z",
    }


def test_anchors_and_merge_keys_work() -> None:
    tree = read_tree("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\n", Report("f"))

    assert tree is not None
    assert tree.root == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}


@given(st.text(max_size=120))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text is either a tree or a problem."""
    report = Report("f")
    assert (read_tree(text, report) is not None) or report.problems


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1000, 1000)
    | st.text(st.characters(exclude_categories=["C"]), max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(categories=["L"]), min_size=1, max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
def test_what_is_written_is_read(document: object) -> None:
    report = Report("f")
    tree = read_tree(yaml.safe_dump(document, allow_unicode=True), report)

    assert report.problems == []
    assert tree is not None
    assert tree.root == document
