"""What the driver writes on a volume."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi.errors import InvalidRequest
from csi.replication.label import LABEL_LIMIT, Label, keepable, read_label

TEXTS = st.text(st.characters(codec="ascii", categories=("L", "N", "P")), max_size=20)


@given(TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=3), st.dictionaries(TEXTS, TEXTS, max_size=3), st.booleans())
def test_a_label_reads_back(name: str, asked: dict[str, str], context: dict[str, str], made: bool) -> None:
    label = Label(name, asked, context, made)
    assert read_label(label.text()) == label


@pytest.mark.parametrize("comment", ["", "by hand", "{}", "[]", "1", '{"csi-3par": 2, "name": "x"}', '{"csi-3par": 1}'])
def test_other_peoples_comments_are_not_labels(comment: str) -> None:
    assert read_label(comment) is None


def test_the_longest_name_and_every_parameter_fit_into_a_comment() -> None:
    asked = {"provisioning": "dedup", "compression": "true", "cpg": "c" * 31, "snapCpg": "s" * 31}
    context = {
        "backend": "b" * 20,
        "replicationGroup": "g" * 22,
        "fsType": "ext4",
        "fsOwner": "65534:65534",
        "fsMode": "0777",
        "mountConflictDelay": "3600",
    }
    assert len(Label("n" * 128, asked, context, made_group=True).text()) <= LABEL_LIMIT


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="characters of the volume's comment"):
        Label("n" * 128, {"cpg": "c" * 400}).text()


def test_a_name_the_array_cannot_keep_is_kept_as_a_hash() -> None:
    assert keepable("data-1") == "data-1"
    assert keepable("dätä").startswith("sha256:")
    assert keepable("dätä") != keepable("dätö")
