"""The YAML file: defaults everywhere, and errors that name file and key."""

from pathlib import Path

import pytest
import yaml

from arraysim.config import RULES, SAMPLE, ConfigError, LabConfig, load_config, parse_config
from arraysim.core.options import Options


def complaint(content: object) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(content, "lab.yaml")
    return str(caught.value)


def test_an_empty_file_is_the_default_lab(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text("# nothing\n")
    assert load_config(path) == LabConfig()
    assert LabConfig().options() == Options()


def test_the_sample_says_the_defaults() -> None:
    sample = parse_config(yaml.safe_load(SAMPLE), "sample")
    assert sample.options() == LabConfig().options()
    assert sample.model_copy(update={"arrays": LabConfig().arrays, "rules": {}}) == LabConfig()
    assert set(yaml.safe_load(SAMPLE)) == set(LabConfig.model_fields)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"wittness": {}}, "lab.yaml: wittness: unknown key; did you mean 'witness'?"),
        ({"clock": {"sped": 2}}, "lab.yaml: clock.sped: unknown key; did you mean 'speed'?"),
        ({"arrays": [{"nam": "x"}, {}]}, "lab.yaml: arrays.0.nam: unknown key; did you mean 'name'?"),
        (
            {"arrays": [{"cpgs": [{"nme": "x"}]}, {}]},
            "lab.yaml: arrays.0.cpgs.0.nme: unknown key; did you mean 'name'?",
        ),
        (
            {"rules": {"switchover_natural": True}},
            "unknown rule 'switchover_natural'; did you mean 'switchover_naturali",
        ),
        ({"personality": "eva"}, "personality: unknown personality 'eva': use one of 3par-3.3.1, primera-4.x"),
        ({"arrays": [{}]}, "lab.yaml: arrays.1: Field required"),
        ({"arrays": [{"name": "x"}, {"name": "x"}]}, "arrays: both are called 'x'"),
        ({"arrays": [{"system_id": 46751}, {}]}, "arrays: both have the system id 46751"),
        ({"clock": {"speed": 0}}, "clock.speed: Input should be greater than 0"),
        ({"clock": {"speed": float("inf")}}, "clock.speed: Input should be a finite number"),
        ({"witness": {"failover_seconds": "soon"}}, "witness.failover_seconds: Input should be a valid number"),
        ([], "lab.yaml: must hold keys and values at the top"),
    ],
)
def test_an_error_names_file_and_key(content: object, text: str) -> None:
    assert text in complaint(content)


def test_every_error_is_told_at_once() -> None:
    assert len(complaint({"sed": 1, "clock": {"mode": "fast"}, "control_port": 70000}).splitlines()) == 3


def test_a_file_that_is_no_yaml_or_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    with pytest.raises(ConfigError, match=r"lab\.yaml: cannot be read: No such file"):
        load_config(path)
    path.write_text("a: [")
    with pytest.raises(ConfigError, match=r"lab\.yaml: is no YAML"):
        load_config(path)


def test_the_password_is_not_printed() -> None:
    assert "hidden" not in repr(LabConfig(password="hidden"))


def test_every_value_reaches_the_core() -> None:
    content = {
        "personality": "3par-3.3.1",
        "witness": {"configured": False, "failover_seconds": 3, "notice_seconds": 1},
        "switchover_seconds": 4,
        "auto_recover_seconds": 6,
        "sync_mib_per_second": 2,
        "rules": {rule: True for rule in RULES if rule != "witness_configured"},
        "arrays": [{"target_name": "far", "cpgs": ["c1", {"name": "c2", "limit_mib": 5}], "capacity_mib": 7}, {}],
    }
    options = parse_config(content, "lab.yaml").options()
    assert (options.failover_after_seconds, options.witness_notice_seconds) == (3, 1)
    assert (options.switchover_seconds, options.auto_recover_after_seconds) == (4, 6)
    assert options.sync_bytes_per_second == 2 * 2**20
    assert not options.witness_configured
    assert all(getattr(options, rule) for rule in RULES if rule != "witness_configured")
    first, _ = options.arrays
    assert (first.target_name, first.capacity_mib) == ("far", 7)
    assert [(cpg.name, cpg.limit_mib) for cpg in first.cpgs] == [("c1", None), ("c2", 5)]
