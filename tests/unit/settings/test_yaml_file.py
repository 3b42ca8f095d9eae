import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from csi.access import AccessProtocol
from tests.unit.settings.reading import CERTIFICATE, PIN, Reading

EXAMPLE = Path(__file__).parents[3] / "deploy/examples/backends.yaml"
REFERENCES = "usernameFile and passwordFile, usernameEnv and passwordEnv, or secretDir"
NAME = "1 to 31 letters, digits, '_', '-', '.', not beginning with '-' or '.'"
BACKEND_KEYS = "name, protocol, cpg, snapCpg, source, target, quorumWitness, cpgMap, snapCpgMap"
ARRAY_KEYS = (
    "name, url, secretDir, usernameFile, passwordFile, usernameEnv, passwordEnv, caBundle, certificatePin, "
    "insecureSkipVerify, targetName, portals, fcPorts, connectTimeoutSeconds, readTimeoutSeconds"
)
PAIR: dict[str, Any] = {
    "name": "metro",
    "protocol": "iscsi",
    "cpg": "SSD",
    "quorumWitness": "192.0.2.5",
    "cpgMap": {"SSD": "SSD2"},
    "snapCpgMap": {"SSD": "SNAP2"},
    "source": {"url": "https://a:8080/api/v1", "secretDir": "secrets/a", "targetName": "array-b"},
    "target": {"url": "https://b:8080/api/v1", "secretDir": "secrets/b", "targetName": "array-a"},
}


@pytest.fixture
def prepared(reading: Reading) -> Reading:
    for array in "ab":
        reading.file(f"secrets/{array}/username", f"user-{array}\n")
        reading.file(f"secrets/{array}/password", f"hunter2-{array}\n")
    return reading


def changed(**changes: object) -> dict[str, Any]:
    """PAIR with other values; `source__url` reaches into an array, None takes a key away."""
    backend = copy.deepcopy(PAIR)
    for dotted, value in changes.items():
        *above, key = dotted.split("__")
        place = backend[above[0]] if above else backend
        if value is None:
            place.pop(key)
        else:
            place[key] = value
    return backend


def text_of(*backends: Mapping[str, object]) -> str:
    document = {"apiVersion": "csi-3par.io/v1", "kind": "Backends", "backends": list(backends)}
    return yaml.safe_dump(document, sort_keys=False)


def messages(reading: Reading, *backends: Mapping[str, object]) -> list[str]:
    """The problems without their lines, which have tests of their own."""
    return [line.partition(": ")[2] for line in reading.problems(text_of(*backends))]


def test_a_pair_is_read(prepared: Reading) -> None:
    settings = prepared.settings(text_of(PAIR))
    backend = settings.backend("metro")

    assert settings.warnings == ()
    assert (backend.protocol, backend.cpg, backend.snap_cpg) == (AccessProtocol.ISCSI, "SSD", "")
    assert backend.quorum_witness == "192.0.2.5"
    assert (backend.cpg_map, backend.snap_cpg_map) == ({"SSD": "SSD2"}, {"SSD": "SNAP2"})
    assert (backend.source.label, backend.source.username) == ("a:8080", "user-a")
    assert backend.source.password.reveal() == "hunter2-a"
    assert (backend.source.connect_timeout_seconds, backend.source.read_timeout_seconds) == (5.0, 30.0)
    assert backend.target is not None
    assert (backend.source.target_name, backend.target.target_name) == ("array-b", "array-a")
    assert backend.target.password.reveal() == "hunter2-b"
    assert backend.target.verify_tls is True


def test_everything_about_an_array_is_read(prepared: Reading) -> None:
    prepared.file("ca.pem", CERTIFICATE)
    source = {
        "name": "array-a",
        "caBundle": "ca.pem",
        "portals": ["192.0.2.1", "192.0.2.2:3261", "2001:db8::1", "[2001:db8::1]:3260"],
        "fcPorts": ["0:5:1", "1:5:1"],
        "connectTimeoutSeconds": 2,
        "readTimeoutSeconds": 7.5,
    }
    array = prepared.settings(text_of(changed(source=PAIR["source"] | source))).backend().source

    assert array.label == "array-a"
    assert array.ca_bundle == str(prepared.folder / "ca.pem")
    assert array.portals == ("192.0.2.1", "192.0.2.2:3261", "2001:db8::1", "[2001:db8::1]:3260")
    assert array.fc_ports == ("0:5:1", "1:5:1")
    assert (array.connect_timeout_seconds, array.read_timeout_seconds) == (2, 7.5)


def test_the_example_file_loads(reading: Reading) -> None:
    for array in "ab":
        reading.file(f"secrets/array-{array}/username", "csi")
        reading.file(f"secrets/array-{array}/password", "hunter2")
    reading.file("ca/arrays.pem", CERTIFICATE)
    reading.environ = {"ARRAY_C_USERNAME": "csi", "ARRAY_C_PASSWORD": "hunter2"}
    settings = reading.settings(EXAMPLE.read_text().replace("/etc/csi-3par", str(reading.folder)))

    assert settings.warnings == ()
    assert list(settings.backends) == ["metro", "archive"]
    assert settings.backend("archive").source.fc_ports == ("0:5:1", "1:5:1")
    assert settings.backend("metro").cpg_map == {"SSD_r6": "SSD_r6", "NL_r6": "FC_r6"}


def test_a_problem_has_the_line_of_its_key_or_of_what_lacks_it(prepared: Reading) -> None:
    text = """\
apiVersion: csi-3par.io/v1
kind: Backends
backends:
  - name: metro
    protocol: scsi
    cpg: SSD
    source:
      url: https://a
      secretDir: secrets/a
      targetNme: b
      portals:
        - 192.0.2.1
        - b
"""
    assert prepared.problems(text) == [
        "5: backend metro: protocol: 'scsi' is no protocol; allowed: iscsi, fc",
        f"10: backend metro: source.targetNme: unknown key; allowed: {ARRAY_KEYS}; nearest known key: targetName",
        "13: backend metro: source.portals.1: 'b' is not an iSCSI portal; allowed: address[:port] with an IP address",
    ]
    lines = text.splitlines()
    assert prepared.problems("\n".join(lines[:4] + lines[5:7])) == [
        "4: backend metro: protocol: is missing",
        "6: backend metro: source: is not a mapping",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"name": "a b"},
            "name: 'a b' cannot name a backend; allowed: 1 to 63 letters, digits, '_', '-', '.', "
            "not beginning with '-' or '.'",
        ),
        ({"protocol": "nvme"}, "protocol: 'nvme' is no protocol; allowed: iscsi, fc"),
        ({"protocol": None}, "protocol: is missing"),
        ({"cpg": 12}, "cpg: is not text; a number, true, no and the like need quotes"),
        ({"colour": "red"}, f"colour: unknown key; allowed: {BACKEND_KEYS}"),
        ({"cpgmap": {}}, f"cpgmap: unknown key; allowed: {BACKEND_KEYS}; nearest known key: cpgMap"),
        ({"cpgMap": {"NL": "NL2"}}, "cpgMap: has no entry for cpg 'SSD'; allowed: SSD: <the target's CPG>"),
        ({"cpgMap": {"SSD": "a:b"}}, f"cpgMap.SSD: 'a:b' is not a name an array takes; allowed: {NAME}"),
        ({"cpgMap": {"-": "b", "SSD": "b"}}, f"cpgMap.-: '-' is not a name an array takes; allowed: {NAME}"),
        ({"snapCpgMap": {"S": "T"}}, "snapCpgMap: has no entry for cpg 'SSD'; allowed: SSD: <the target's CPG>"),
        ({"snapCpg": "SNAP"}, "snapCpgMap: has no entry for snapCpg 'SNAP'; allowed: SNAP: <the target's CPG>"),
        ({"cpgMap": None}, "cpgMap: is missing: it says which CPG of the target stands for each of the source's"),
        ({"snapCpgMap": {}}, "snapCpgMap: is missing: it says which CPG of the target stands for each of the source's"),
        ({"quorumWitness": None}, "quorumWitness: is missing: a pair without one has no automatic failover"),
        ({"quorumWitness": "?"}, "quorumWitness: '?' is not an address; allowed: an IP address or a host name"),
        ({"source": None}, "source: is missing"),
        ({"source": []}, "source: is not a mapping"),
        ({"target": "b"}, "target: is not a mapping"),
        (
            {"source__targetName": None},
            "source.targetName: is missing: the name under which the source array knows the target",
        ),
        ({"source__url": None}, "source.url: is missing"),
        (
            {"source__url": "ftp://a"},
            "source.url: 'ftp://a' is not the address of an array; allowed: https://host[:port]/api/v1",
        ),
        (
            {"source__url": "https://me:hunter2@a/api/v1"},
            "source.url: holds a user name or password; "
            "allowed: https://host[:port]/api/v1, credentials by their own keys",
        ),
        (
            {"source__url": "http://a:8008"},
            "source.url: goes without TLS, so the password would cross the network in clear; "
            "allowed: https://..., or insecureSkipVerify: true beside it in a test bed",
        ),
        (
            {"target__url": "https://A:8080/"},
            "target.url: is the source's own address, a:8080; allowed: the other array's address",
        ),
        (
            {"target__name": "a", "source__name": "a"},
            "target.name: both arrays are called 'a'; allowed: a different name for each",
        ),
        ({"source__insecureSkipVerify": "yes"}, "source.insecureSkipVerify: is neither true nor false"),
        (
            {"source__insecureSkipVerify": True, "source__certificatePin": PIN},
            "source.insecureSkipVerify: certificatePin and insecureSkipVerify exclude each other; "
            "allowed: one way of trusting the array's certificate",
        ),
        (
            {"source__certificatePin": "12"},
            "source.certificatePin: is not a SHA-256 fingerprint; allowed: 64 hex digits, with or without colons",
        ),
        ({"source__portals": "192.0.2.1"}, "source.portals: is not a list"),
        (
            {"source__portals": ["a"]},
            "source.portals.0: 'a' is not an iSCSI portal; allowed: address[:port] with an IP address",
        ),
        (
            {"source__fcPorts": ["0:5"]},
            "source.fcPorts.0: '0:5' is not an FC port; allowed: node:slot:port, for example 0:5:1",
        ),
        ({"source__readTimeoutSeconds": "5"}, "source.readTimeoutSeconds: is not a number"),
        ({"source__readTimeoutSeconds": 0}, "source.readTimeoutSeconds: Input should be greater than 0"),
        ({"source__secretDir": None}, f"source: no user name is given; allowed: {REFERENCES}"),
        (
            {"source__usernameEnv": "X"},
            f"source: usernameEnv and secretDir both supply a user name; allowed: {REFERENCES}",
        ),
    ],
)
def test_a_wrong_value_is_told(prepared: Reading, change: dict[str, object], message: str) -> None:
    found = messages(prepared, changed(**change))

    # Without a secretDir the password is missing as well.
    assert [line for line in found if "no password is given" not in line] == [
        f"backend {change.get('name', 'metro')}: {message}"
    ]


@pytest.mark.parametrize("key", ["password", "username"])
def test_a_literal_credential_is_refused_and_never_shown(prepared: Reading, key: str) -> None:
    source = {"url": "https://a:8080", "targetName": "array-b", key: "hunter2"}

    assert messages(prepared, changed(source=source)) == [
        f"backend metro: source.{key}: stands here in clear; credentials are taken by reference only; "
        f"allowed: {REFERENCES}"
    ]
    assert "hunter2" not in prepared.whole_error(text_of(changed(source=source)))


def test_no_message_shows_a_secret_that_was_read(prepared: Reading) -> None:
    text = prepared.whole_error(text_of(changed(cpg="?", source__url="?")))

    assert "hunter2" not in text
    assert "user-a" not in text


@pytest.mark.parametrize("key", ["quorumWitness", "cpgMap", "snapCpgMap"])
def test_a_key_of_a_pair_needs_a_target(prepared: Reading, key: str) -> None:
    backend = changed(target=None, source__targetName=None)
    for other in {"quorumWitness", "cpgMap", "snapCpgMap"} - {key}:
        backend.pop(other)

    assert messages(prepared, backend) == [
        f"backend metro: {key}: has no meaning without a target; allowed: a target, or no such key"
    ]


def test_a_target_name_needs_a_target(prepared: Reading) -> None:
    backend = changed(target=None, quorumWitness=None, cpgMap=None, snapCpgMap=None)

    assert messages(prepared, backend) == [
        "backend metro: source.targetName: has no meaning without a target; allowed: a target, or no such key"
    ]


def test_credentials_come_from_files_or_the_environment(prepared: Reading) -> None:
    prepared.file("u", "file-user\n")
    prepared.environ = {"PW": "env-password"}
    source = {"url": "https://a:8080", "targetName": "array-b", "usernameFile": "u", "passwordEnv": "PW"}
    array = prepared.settings(text_of(changed(source=source))).backend().source

    assert (array.username, array.password.reveal()) == ("file-user", "env-password")


def test_only_the_last_line_break_of_a_secret_is_dropped(prepared: Reading) -> None:
    prepared.file("secrets/a/password", " pass word\n\r\n")

    assert prepared.settings(text_of(PAIR)).backend().source.password.reveal() == " pass word\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff", "is not UTF-8 text"),
        (None, "cannot be read (No such file or directory)"),
    ],
)
def test_a_secret_that_cannot_be_used_is_told_by_its_path(
    prepared: Reading, content: bytes | None, message: str
) -> None:
    path = prepared.folder / "secrets/a/password"
    path.unlink()
    if content is not None:
        path.write_bytes(content)

    assert messages(prepared, PAIR) == [f"backend metro: source.secretDir: '{path}' {message}"]


def test_an_unset_variable_is_told(prepared: Reading) -> None:
    source = {"url": "https://a", "targetName": "array-b", "usernameEnv": "U", "passwordEnv": "P"}
    prepared.environ = {"U": "", "OTHER": "x"}

    assert messages(prepared, changed(source=source)) == [
        "backend metro: source.usernameEnv: the environment variable 'U' is not set or empty",
        "backend metro: source.passwordEnv: the environment variable 'P' is not set or empty",
    ]


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_a_bundle_without_a_certificate_is_told(prepared: Reading, content: str) -> None:
    path = prepared.file("ca.pem", content)

    assert messages(prepared, changed(source__caBundle="ca.pem")) == [
        f"backend metro: source.caBundle: '{path}' holds no certificate; "
        "allowed: a PEM file with '-----BEGIN CERTIFICATE-----'"
    ]


def test_switched_off_trust_is_warned_of(prepared: Reading) -> None:
    insecure = {"source__insecureSkipVerify": True, "target__insecureSkipVerify": True, "target__url": "http://b"}

    assert prepared.warnings(text_of(changed(**insecure))) == [
        "backend metro: the certificate of array a:8080 is not verified",
        "backend metro: array b is spoken to without TLS",
    ]


def test_ports_of_the_other_protocol_are_warned_of(prepared: Reading) -> None:
    assert prepared.warnings(text_of(changed(source__fcPorts=["0:5:1"]))) == [
        "backend metro: fcPorts of array a:8080 ignored: the backend uses iSCSI"
    ]
    assert prepared.warnings(text_of(changed(protocol="FC", source__portals=["192.0.2.1"]))) == [
        "backend metro: portals of array a:8080 ignored: the backend uses FC"
    ]


def test_two_backends_need_two_names(prepared: Reading) -> None:
    assert messages(prepared, PAIR, PAIR) == ["backend metro: name: another backend has this name"]


def test_problems_of_all_backends_are_told_at_once(prepared: Reading) -> None:
    wrong = changed(name="other", source__url="?", target__portals=["x"], cpg=None)

    assert messages(prepared, changed(cpgMap={"NL": "NL"}), wrong) == [
        "backend metro: cpgMap: has no entry for cpg 'SSD'; allowed: SSD: <the target's CPG>",
        "backend other: cpg: is missing",
        "backend other: source.url: '?' is not the address of an array; allowed: https://host[:port]/api/v1",
        "backend other: target.portals.0: 'x' is not an iSCSI portal; allowed: address[:port] with an IP address",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a: 1\nkind: Backends\nbackends: [{}]\n",
            [
                ": apiVersion: is missing",
                "1: a: unknown key; allowed: apiVersion, kind, backends",
            ],
        ),
        (
            "apiVersion: v1\nkind: Pod\nbackends: []\n",
            [
                "1: apiVersion: has another value; allowed: 'csi-3par.io/v1'",
                "2: kind: has another value; allowed: 'Backends'",
                "3: backends: is empty",
            ],
        ),
        ("apiVersion: csi-3par.io/v1\nkind: Backends\nbackends: {}\n", ["3: backends: is not a list"]),
        ("apiVersion: csi-3par.io/v1\nkind: Backends\nbackends:\n- 7\n", ["4: backends.0: is not a mapping"]),
        ("- a\n", [": is no mapping; allowed: apiVersion, kind and backends"]),
    ],
)
def test_the_head_of_the_file_is_checked(reading: Reading, text: str, expected: list[str]) -> None:
    # A problem of the whole file has no line; the prefix "path:" is all there is before it.
    found = [line for line in reading.whole_error(text).split("\n  ")[1:] if "number 1" not in line]
    prefix = str(reading.folder / "file")

    assert [line.removeprefix(prefix).removeprefix(":") if ":" in line else line for line in found] == [
        line.removeprefix(":") for line in expected
    ]
