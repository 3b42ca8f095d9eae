"""Reads settings from a text, as the tests of this folder want to see them: the settings, or the problems by line."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from csi.errors import BadSettings
from csi.settings.load import load_settings
from csi.settings.model import Settings

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n"
PIN = "ab" * 32


class Reading:
    """A folder to read from; `environ` is the process' environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ: dict[str, str] = {}
        self.passphrase_file: Path | None = None
        self.ca_bundle = ""

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def settings(self, text: str, name: str = "file") -> Settings:
        path = self.file(name, text)
        return load_settings(path, environ=self.environ, passphrase_file=self.passphrase_file, ca_bundle=self.ca_bundle)

    def whole_error(self, text: str) -> str:
        with pytest.raises(BadSettings) as caught:
            self.settings(text)
        return str(caught.value)

    def problems(self, text: str) -> list[str]:
        """The problems' lines, without the file's path in front."""
        head, *lines = self.whole_error(text).split("\n  ")
        assert head == f"{len(lines)} problem{'s' * (len(lines) != 1)} in the settings, nothing was loaded"
        prefix = str(self.folder / "file") + ":"
        assert all(line.startswith(prefix) for line in lines)
        return [line.removeprefix(prefix).strip() for line in lines]

    def warnings(self, text: str) -> list[str]:
        return [line.removeprefix(f"{self.folder / 'file'}: ") for line in self.settings(text).warnings]


PLAIN = {
    "hpedockerplugin_driver": "hpedockerplugin.hpe.hpe_3par_iscsi.HPE3PARISCSIDriver",
    "hpe3par_api_url": "https://a.example.com:8080/api/v1",
    "hpe3par_username": "edit",
    "hpe3par_password": "source-secret",
    "hpe3par_cpg": "SSD",
}
DEVICE = {
    "backend_id": "array-b",
    "quorum_witness_ip": "192.0.2.5",
    "replication_mode": "synchronous",
    "cpg_map": "SSD:SSD2",
    "snap_cpg_map": "SSD:SNAP2",
    "hpe3par_api_url": "https://b.example.com:8080/api/v1",
    "hpe3par_username": "edit2",
    "hpe3par_password": "target-secret",
}


def conf(
    section: Mapping[str, str | None], device: Mapping[str, str | None] | None = None, name: str = "DEFAULT"
) -> str:
    """An hpe.conf; a value None leaves the key out. Line 1 is the section, the keys follow one a line."""
    lines = [f"[{name}]", *(f"{key} = {value}" for key, value in section.items() if value is not None)]
    if device is not None:
        pairs = [f"{key}:{value}" for key, value in device.items() if value is not None]
        lines.append("replication_device = " + ",\n    ".join(pairs))
    return "\n".join(lines) + "\n"
