from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from csi.access import FILE_SYSTEMS, AccessMode, AccessProtocol, Capability
from csi.node.context import layout_of
from csi.volumes.parameters import VolumeParameters, context, parse
from tests.unit.parameters.test_parse import ONE

EXAMPLES = Path(__file__).parents[3] / "deploy/examples"
MOUNT = Capability(block=False, mode=AccessMode.SINGLE_NODE_WRITER)


def test_a_context_holds_what_was_set_and_nothing_else() -> None:
    assert context(VolumeParameters(backend="metro")) == {"backend": "metro"}


def test_a_context_holds_everything_that_later_calls_need() -> None:
    parameters = VolumeParameters(
        backend="metro",
        replication_group="g",
        cpg="SSD",
        mount_conflict_delay_seconds=0,
        protocol=AccessProtocol.FC,
        fs_type="xfs",
        fs_owner="1:2",
        fs_mode="0750",
        metadata={"csi.storage.k8s.io/pvc/name": "claim"},
    )
    assert list(context(parameters).items()) == [
        ("accessProtocol", "fc"),
        ("backend", "metro"),
        ("fsMode", "0750"),
        ("fsOwner", "1:2"),
        ("fsType", "xfs"),
        ("mountConflictDelay", "0"),
        ("replicationGroup", "g"),
    ]


@given(st.permutations(["replicationGroup:g", "fsMode:0750", "fsOwner:1=2", "fsType:xfs", "mountConflictDelay:30"]))
def test_the_same_class_always_gives_the_same_context(pairs: list[str]) -> None:
    parameters = {key: text.replace("=", ":") for key, text in (pair.split(":") for pair in pairs)}

    assert list(context(parse(parameters, ONE))) == [
        "backend",
        "fsMode",
        "fsOwner",
        "fsType",
        "mountConflictDelay",
        "replicationGroup",
    ]


@given(st.integers(0, 0o7777), st.integers(0, 2**32 - 2), st.sampled_from(FILE_SYSTEMS))
def test_the_node_reads_every_context_as_it_was_meant(mode: int, owner: int, fs_type: str) -> None:
    parameters = {"fsMode": f"{mode:o}", "fsOwner": f"{owner}:{owner}", "fsType": fs_type}
    layout = layout_of(MOUNT, context(parse(parameters, ONE)))

    assert (layout.mode, layout.owner, layout.fs_type) == (mode, (owner, owner), fs_type)


def test_the_example_classes_are_accepted() -> None:
    classes = list(yaml.safe_load_all((EXAMPLES / "storageclass.yaml").read_text()))
    claim = yaml.safe_load((EXAMPLES / "pvc.yaml").read_text())
    pod = yaml.safe_load((EXAMPLES / "pod.yaml").read_text())
    replicated, single = (parse(one["parameters"], ONE) for one in classes)

    assert (replicated.replication_group, replicated.mount_conflict_delay_seconds) == ("k8s_metro", 30)
    assert single.replication_group == ""
    assert claim["spec"]["storageClassName"] == classes[0]["metadata"]["name"]
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
