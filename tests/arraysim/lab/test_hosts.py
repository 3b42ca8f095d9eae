"""Simulated hosts are part of the lab."""

import json
from pathlib import Path

import pytest

from arraysim.config import ClockConfig, LabConfig
from arraysim.control.client import ControlClient, ControlError
from arraysim.lab import Lab


def test_hosts_come_from_the_configuration_from_code_and_from_the_control_port(tmp_path: Path) -> None:
    config = LabConfig(clock=ClockConfig(mode="manual"), hosts=("one",))
    with Lab.start(config, folder=tmp_path / "lab") as lab:
        two = lab.add_host("two", tmp_path / "two", wwpns=("10000000C9000001",))
        control = ControlClient(lab.control_url)
        folder = control.add_host("three")
        assert set(lab.hosts) == {"one", "two", "three"}
        hosts = json.loads((lab.folder / "lab.json").read_text())["hosts"]
        assert hosts == control.state()["hosts"]
        assert hosts["two"] == {
            "folder": str(tmp_path / "two"),
            "iqn": two.iqn,
            "wwpns": ["10000000C9000001"],
        }
        assert hosts["three"]["folder"] == folder
        for host in hosts.values():
            assert (Path(host["folder"]) / "etc/iscsi/initiatorname.iscsi").read_text().strip().endswith(host["iqn"])
        with pytest.raises(ValueError, match="the lab has a host 'two' already"):
            lab.add_host("two")
        with pytest.raises(ControlError, match="there is a host 'two' already"):
            control.add_host("two")
        with pytest.raises(ControlError, match="name: String should match pattern"):
            control.add_host("../escape")
