"""The two samples HPE printed, verbatim: what is wrong with them is named by line, and mended they work."""

from pathlib import Path

import pytest

from csi.access import AccessProtocol
from tests.unit.settings.reading import Reading

SAMPLES = Path(__file__).parent / "samples"
FILLED = {
    "<Source-3PAR-Username>": "edit",
    "<Source-3PAR-Password>": "source-secret",
    "<Source-User-CPG>": "SSD",
    "<Source-3PAR-SAN-IP>": "192.0.2.1",
    "<Source-3PAR-SAN-Username>": "edit",
    "<Source-3PAR-SAN-Password>": "source-secret",
    "<Source-Array-IP>": "192.0.2.1",
    "<Source-Array-Host-Name>": "array-a",
    "<Target-Array-Name>": "array-b",
    "<Quorum-Witness-IP>": "192.0.2.5",
    "<Target-User-CPG>": "SSD2",
    "<Source-Snap-CPG>": "SNAP",
    "<Target-Snap-CPG>": "SNAP2",
    "<Target-Array-IP>": "192.0.2.2",
    "<3PAR-Username>": "edit2",
    "<3PAR-Password>": "target-secret",
    "<3PAR-SAN-IP>": "192.0.2.2",
    "<3PAR-SAN-Username>": "edit2",
    "<3PAR-SAN-Password>": "target-secret",
    "<ISCSI_IP1>[,ISCSI_IP2,ISCSI_IP3...]": "192.0.2.11,192.0.2.12",
    "<ISCSI_IP1>[;ISCSI_IP2;ISCSI_IP3...]": "192.0.2.21;192.0.2.22",
    "<ETCD_PORT_NUMBER>": "2379",
    "<IP1>[:PORT1[,IP2[:PORT2]][,IP3[:PORT3]]...]": "192.0.2.9:2379",
}


def sample(name: str) -> str:
    return (SAMPLES / f"printed_{name}.conf").read_text()


def filled(text: str) -> str:
    for placeholder, value in FILLED.items():
        text = text.replace(placeholder, value)
    assert "<" not in text
    return text


def mended(text: str) -> str:
    """What a user does after reading the problems."""
    lines = text.splitlines()
    lines = [line for line in lines if not line.startswith("replication_device=")]
    text = "\n".join(lines)
    for swallowed in ("SNAP:SNAP2\n", "san_password:target-secret\n"):
        text = text.replace(swallowed, swallowed.replace("\n", ",\n"))
    return text.replace("hpe3par_iscsi_ips=192.0.2.21", "hpe3par_iscsi_ips:192.0.2.21")


def test_the_fc_sample_lacks_a_comma_on_line_16(reading: Reading) -> None:
    assert reading.problems(filled(sample("fc"))) == [
        "16: backend DEFAULT: replication_device.snap_cpg_map: "
        "the comma after the value of snap_cpg_map ('SNAP:SNAP2') is missing at the end of line 16"
    ]


def test_the_iscsi_sample_has_four_mistakes_told_by_line(reading: Reading) -> None:
    assert reading.problems(filled(sample("iscsi"))) == [
        "14: backend DEFAULT: replication_device: given twice, on lines 13 and 14; a backend has one target array. "
        "Line 13 holds a single pair, as in HPE's printed sample: remove it",
        "18: backend DEFAULT: replication_device.snap_cpg_map: "
        "the comma after the value of snap_cpg_map ('SNAP:SNAP2') is missing at the end of line 18",
        "24: backend DEFAULT: replication_device.san_password: "
        "the comma after the value of san_password is missing at the end of line 24",
        "25: backend DEFAULT: replication_device.hpe3par_iscsi_ips: "
        "'=' stands between hpe3par_iscsi_ips and its value; allowed: hpe3par_iscsi_ips:...",
    ]


@pytest.mark.parametrize(
    ("name", "comma_lines", "placeholder_lines"),
    [("fc", [16], [2, 4, 11, 12, 13, 15, 16, 17, 18]), ("iscsi", [18, 24], [2, 4, 11, 12, 14, 15, 17, 18, 19, 20, 25])],
)
def test_verbatim_a_sample_also_shows_its_placeholders(
    reading: Reading, name: str, comma_lines: list[int], placeholder_lines: list[int]
) -> None:
    problems = reading.problems(sample(name))
    commas = [line for line in problems if "the comma after the value of" in line]
    placeholders = [
        line for line in problems if "is the placeholder of a printed sample; allowed: your own value" in line
    ]

    assert [int(line.partition(":")[0]) for line in commas] == comma_lines
    assert [int(line.partition(":")[0]) for line in placeholders] == placeholder_lines


@pytest.mark.parametrize("name", ["fc", "iscsi"])
def test_no_message_about_a_sample_shows_a_password(reading: Reading, name: str) -> None:
    text = reading.whole_error(filled(sample(name)))

    assert "source-secret" not in text
    assert "target-secret" not in text


def test_the_mended_iscsi_sample_is_a_pair(reading: Reading) -> None:
    backend = reading.settings(mended(filled(sample("iscsi")))).backend()

    assert backend.protocol is AccessProtocol.ISCSI
    assert backend.quorum_witness == "192.0.2.5"
    assert (backend.cpg, backend.snap_cpg) == ("SSD", "SNAP")
    assert (backend.cpg_map, backend.snap_cpg_map) == ({"SSD": "SSD2"}, {"SNAP": "SNAP2"})
    assert (backend.source.url, backend.source.username) == ("https://192.0.2.1:8080/api/v1", "edit")
    assert backend.source.password.reveal() == "source-secret"
    assert backend.source.target_name == "array-b"
    assert backend.source.portals == ("192.0.2.11", "192.0.2.12")
    assert backend.target is not None
    assert (backend.target.url, backend.target.username) == ("https://192.0.2.2:8080/api/v1", "edit2")
    assert backend.target.password.reveal() == "target-secret"
    assert (backend.target.label, backend.target.target_name) == ("array-b", "")
    assert backend.target.portals == ("192.0.2.21", "192.0.2.22")


def test_the_mended_fc_sample_is_a_pair_over_fibre_channel(reading: Reading) -> None:
    backend = reading.settings(mended(filled(sample("fc")))).backend()

    assert backend.protocol is AccessProtocol.FC
    assert backend.target is not None
    assert backend.target.url == "https://192.0.2.2:8080/api/v1"
    assert backend.source.portals == backend.target.portals == ()


def test_every_key_without_a_meaning_is_named_with_its_reason(reading: Reading) -> None:
    assert reading.warnings(mended(filled(sample("fc")))) == [
        "line 1 comes before any section; it is read as [DEFAULT]",
        "backend DEFAULT: hpe3par_snapcpg is not set; SNAP is taken from snap_cpg_map",
        "backend DEFAULT: replication_device.san_ip, replication_device.san_login, replication_device.san_password "
        "ignored: the driver never uses SSH",
        "backend DEFAULT: host_etcd_port_number, host_etcd_ip_address ignored: "
        "the plugin's etcd is not needed; --journal says where the driver keeps its own",
        "backend DEFAULT: logging ignored: --log-level says how much is logged",
        "backend DEFAULT: san_ip, san_login, san_password ignored: the driver never uses SSH",
        "passwords in an hpe.conf lie open, encrypted or not; a backends file takes them from Secrets",
    ]
