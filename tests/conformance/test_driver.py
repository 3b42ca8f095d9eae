"""Upstream's csi-sanity against the driver's own processes on a lab: mount and block, replicated and plain."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.demo.scene import Scene
from tests.conformance.sanity import VERSION, Unavailable, install, run_sanity
from tests.conftest import SHOWN

REPLICATED = {"replicationGroup": "sanity"}
PLAIN: dict[str, str] = {}


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """Controller, node service, two arrays and a host, each a process."""
    running = Scene()
    try:
        running.start_lab()
        running.start_controller()
        running.start_node()
        yield running
    finally:
        running.stop()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("parameters", [REPLICATED, PLAIN], ids=["replicated", "plain"])
@pytest.mark.parametrize("access_type", ["mount", "block"])
def test_csi_sanity_has_nothing_to_say(
    scene: Scene,
    access_type: str,
    parameters: dict[str, str],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    try:
        install()
    except Unavailable as reason:
        pytest.skip(str(reason))
    result = run_sanity(
        f"unix://{scene.socket('node')}",
        f"unix://{scene.socket('controller')}",
        parameters,
        "mount" if access_type == "mount" else "block",
        tmp_path,
    )
    record_property(SHOWN, f"csi-sanity {VERSION}: {result.summary().splitlines()[0]}")
    assert not result.failures, result.summary() + "\n" + scene.log_end("controller") + "\n" + scene.log_end("node")
    assert len(result.passed) > 40, result.summary()
    left = {name: row[kind] for name, row in scene.state()["arrays"].items() for kind in ("volumes", "groups", "vluns")}
    assert not any(left.values()), f"left on the arrays: {left}"
