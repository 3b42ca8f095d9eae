"""The chart as far as it can be judged without helm: its plain YAML loads, and its templates use values that exist."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from csi.cli import parse

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/csi-3par"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
TEMPLATES = {path.name: path.read_text() for path in sorted((CHART / "templates").iterdir())}


def test_the_chart_is_of_the_drivers_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (chart["apiVersion"], chart["name"], chart["appVersion"]) == ("v2", "csi-3par", version)


def _has(values: Any, path: str) -> bool:
    for key in path.split("."):
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_use_values_that_exist(name: str) -> None:
    used = set(re.findall(r"\.Values\.([\w.]+)", TEMPLATES[name]))
    assert [path for path in sorted(used) if not _has(VALUES, path)] == []


def test_every_value_is_used() -> None:
    used = set(re.findall(r"\.Values\.([\w.]+)", "\n".join(TEMPLATES.values())))
    idle = [key for key in _leaves(VALUES) if not any(key == path or key.startswith(f"{path}.") for path in used)]
    assert idle == []


def _leaves(values: dict[str, Any], front: str = "") -> list[str]:
    found: list[str] = []
    for key, value in values.items():
        found += _leaves(value, f"{front}{key}.") if isinstance(value, dict) and value else [f"{front}{key}"]
    return found


def test_only_the_node_driver_is_privileged() -> None:
    assert [name for name, text in TEMPLATES.items() if "privileged: true" in text] == ["node.yaml"]
    assert TEMPLATES["node.yaml"].count("privileged: true") == 1


def test_the_node_gets_no_credentials() -> None:
    assert "credentials" not in TEMPLATES["node.yaml"]
    assert "secret" not in TEMPLATES["node.yaml"].lower().replace("pullsecrets", "")


def test_the_nodes_socket_is_the_one_the_kubelet_is_told_of() -> None:
    text = TEMPLATES["node.yaml"]
    assert "--endpoint=unix:///csi/csi.sock" in text
    assert "--kubelet-registration-path={{ $plugin }}/csi.sock" in text
    assert "hostPath: {path: {{ $plugin }}" in text


@pytest.mark.parametrize("part", ["controller", "node"])
def test_the_driver_knows_the_flags_it_is_given(part: str) -> None:
    listed = re.search(rf"args:\n((\s+- )(?:{part})\n(?:\2.*\n)+)", TEMPLATES[f"{part}.yaml"])
    assert listed
    lines = [line.strip().removeprefix("- ") for line in listed[1].splitlines()]
    flags = [
        re.sub(r"{{ \.Values\.(\w+)\.(\w+) }}", lambda name: str(VALUES[name[1]][name[2]]), line) for line in lines
    ]
    options = parse(flags, {})
    assert options.log.level == "info"
