from pathlib import Path

import pytest

from csi.access import AccessProtocol
from csi.settings import plugin_keys
from tests.unit.settings.reading import CERTIFICATE, DEVICE, PIN, PLAIN, Reading, conf

EXAMPLE = Path(__file__).parents[3] / "deploy/examples/hpe.conf"
OPEN = "passwords in an hpe.conf lie open, encrypted or not; a backends file takes them from Secrets"
D = "backend DEFAULT: replication_device."


def test_a_section_without_a_device_is_one_array(reading: Reading) -> None:
    settings = reading.settings(conf(PLAIN | {"hpe3par_snapcpg": "SNAP"}))
    backend = settings.backend()

    assert settings.warnings == (f"{reading.folder}/file: {OPEN}",)
    assert (backend.name, backend.protocol) == ("DEFAULT", AccessProtocol.ISCSI)
    assert (backend.cpg, backend.snap_cpg, backend.quorum_witness) == ("SSD", "SNAP", "")
    assert backend.target is None
    assert backend.source.label == "a.example.com:8080"
    assert backend.source.verify_tls is True
    assert (backend.source.ca_bundle, backend.source.pin, backend.source.target_name) == ("", "", "")


def test_a_device_with_a_quorum_witness_is_peer_persistence(reading: Reading) -> None:
    backend = reading.settings(conf(PLAIN, DEVICE | {"csi_source_backend_id": "array-a"})).backend()

    assert backend.quorum_witness == "192.0.2.5"
    assert backend.target is not None
    assert (backend.source.label, backend.source.target_name) == ("array-a", "array-b")
    assert (backend.target.label, backend.target.target_name) == ("array-b", "array-a")
    assert backend.target.url == "https://b.example.com:8080/api/v1"
    assert (backend.cpg_map, backend.snap_cpg_map) == ({"SSD": "SSD2"}, {"SSD": "SNAP2"})


def test_without_a_snapshot_cpg_of_its_own_the_source_uses_its_cpg(reading: Reading) -> None:
    assert reading.settings(conf(PLAIN, DEVICE)).backend().snap_cpg == "SSD"


def test_the_example_file_loads(reading: Reading) -> None:
    backend = reading.settings(EXAMPLE.read_text()).backend()

    assert backend.target is not None
    assert backend.cpg_map == {"SSD_r6": "SSD_r6", "NL_r6": "FC_r6"}
    assert len(backend.source.pin) == len(backend.target.pin) == 64


@pytest.mark.parametrize(
    ("missing", "line"),
    [
        ("hpedockerplugin_driver", "hpedockerplugin_driver: is missing: it says how nodes reach the arrays"),
        ("hpe3par_api_url", "hpe3par_api_url: is missing"),
        ("hpe3par_username", "hpe3par_username: is missing"),
        ("hpe3par_password", "hpe3par_password: is missing"),
        ("hpe3par_cpg", "hpe3par_cpg: is missing"),
    ],
)
def test_a_needed_key_of_a_section_is_missed(reading: Reading, missing: str, line: str) -> None:
    assert reading.problems(conf(PLAIN | {missing: None})) == [f"2: backend DEFAULT: {line}"]


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        ("backend_id", ""),
        (
            "quorum_witness_ip",
            ": without it the plugin ran the pair as Active/Passive, which this driver does not do",
        ),
        ("replication_mode", ""),
        ("cpg_map", ""),
        ("snap_cpg_map", ""),
        ("hpe3par_api_url", ""),
        ("hpe3par_username", ""),
        ("hpe3par_password", ""),
    ],
)
def test_the_target_inherits_nothing_so_a_missing_key_is_missed(reading: Reading, missing: str, why: str) -> None:
    assert reading.problems(conf(PLAIN, DEVICE | {missing: None})) == [f"7: {D}{missing}: is missing{why}"]


@pytest.mark.parametrize(
    ("key", "value", "wrong"),
    [
        (
            "hpedockerplugin_driver",
            "hpedockerplugin.hpe.hpe_lefthand.LeftHandDriver",
            "'hpedockerplugin.hpe.hpe_lefthand.LeftHandDriver' is no block driver; allowed: "
            "hpedockerplugin.hpe.hpe_3par_iscsi.HPE3PARISCSIDriver or hpedockerplugin.hpe.hpe_3par_fc.HPE3PARFCDriver",
        ),
        (
            "hpe3par_api_url",
            "https://a.example.com/api/v2",
            "'https://a.example.com/api/v2' does not end in /api/v1; allowed: https://host[:port]/api/v1",
        ),
        (
            "hpe3par_api_url",
            "http://a.example.com:8008/api/v1",
            "goes without TLS, so the password would cross the network in clear; "
            "allowed: https://..., or csi_insecure_skip_verify beside it in a test bed",
        ),
        (
            "hpe3par_cpg",
            "-bad",
            "'-bad' is not a name an array takes; "
            "allowed: 1 to 31 letters, digits, '_', '-', '.', not beginning with '-' or '.'",
        ),
        (
            "hpe3par_iscsi_ips",
            "192.0.2.1,portal",
            "'portal' is not an iSCSI portal; allowed: address[:port] with an IP address",
        ),
        ("hpe3par_iscsi_chap_enabled", "True", "CHAP is not supported yet; allowed: false"),
        ("hpe3par_iscsi_chap_enabled", "maybe", "'maybe' is neither true nor false; allowed: true, false"),
        ("csi_certificate_pin", "abc", "is not a SHA-256 fingerprint; allowed: 64 hex digits, with or without colons"),
        (
            "csi_ca_bundle",
            "/nowhere.pem",
            "'/nowhere.pem' cannot be read (No such file or directory); allowed: the path of a PEM file",
        ),
        ("hpe3par_username", "two\n  lines", "the value goes on after a line break; allowed: one line"),
        ("hpe3par_cgp", "SSD", "unknown key; nearest known key: hpe3par_cpg"),
        ("colour", "red", "unknown key"),
    ],
)
def test_a_wrong_value_of_a_section_is_told(reading: Reading, key: str, value: str, wrong: str) -> None:
    section = PLAIN | {key: value}
    line = list(section).index(key) + 2

    assert reading.problems(conf(section)) == [f"{line}: backend DEFAULT: {key}: {wrong}"]


@pytest.mark.parametrize(
    ("key", "value", "wrong"),
    [
        ("replication_mode", "asynchronous", "'asynchronous' is not Peer Persistence; allowed: synchronous"),
        ("sync_period", "900", "has no meaning for synchronous replication; allowed: no such key"),
        ("cpg_map", "NL:NL2", "has no pair for the source's CPG 'SSD'; allowed: SSD:<the target's CPG>"),
        ("cpg_map", "SSD", "'SSD' is no pair of CPG names; allowed: source:target pairs separated by spaces"),
        ("quorum_witness_ip", "a b", "'a b' is not an address; allowed: an IP address or a host name"),
        (
            "hpe3par_api_url",
            PLAIN["hpe3par_api_url"],
            "is the source's own address, a.example.com:8080; allowed: the other array's address",
        ),
        (
            "hpe3par_api_url",
            "https://A.Example.com:8080",
            "is the source's own address, a.example.com:8080; allowed: the other array's address",
        ),
        ("csi_source_backend_id", "array-b", "both arrays are called 'array-b'; allowed: a different name for each"),
        ("hpe3par_iscsi_chap_enabled", "true", "CHAP is not supported yet; allowed: false"),
        (
            "hpe3par_iscsi_ips",
            "192.0.2.1;x",
            "'x' is not an iSCSI portal; allowed: address[:port] with an IP address",
        ),
    ],
)
def test_a_wrong_value_of_the_device_is_told(reading: Reading, key: str, value: str, wrong: str) -> None:
    device = DEVICE | {key: value}
    line = list(device).index(key) + 7

    assert reading.problems(conf(PLAIN, device)) == [f"{line}: {D}{key}: {wrong}"]


def test_the_mode_is_read_in_any_case(reading: Reading) -> None:
    assert reading.settings(conf(PLAIN, DEVICE | {"replication_mode": "Synchronous"})).backend().target is not None


def test_a_snapshot_cpg_must_be_in_its_map(reading: Reading) -> None:
    assert reading.problems(conf(PLAIN | {"hpe3par_snapcpg": "SNAP"}, DEVICE)) == [
        f"12: {D}snap_cpg_map: has no pair for the source's CPG 'SNAP'; allowed: SNAP:<the target's CPG>"
    ]


def test_a_snapshot_cpg_is_not_guessed_among_several(reading: Reading) -> None:
    assert reading.problems(conf(PLAIN, DEVICE | {"snap_cpg_map": "S1:T1 S2:T2"})) == [
        "2: backend DEFAULT: hpe3par_snapcpg: is missing; allowed: S1, S2"
    ]


def test_all_problems_of_all_sections_are_told_at_once(reading: Reading) -> None:
    text = conf(PLAIN | {"hpe3par_cpg": None}, DEVICE | {"backend_id": None}) + conf(PLAIN | {"color": "x"}, name="a b")

    assert reading.problems(text) == [
        "2: backend DEFAULT: hpe3par_cpg: is missing",
        f"6: {D}backend_id: is missing",
        "14: backend a b: section name 'a b' cannot name a backend; allowed: letters, digits, '_.-'",
        "19: backend a b: color: unknown key",
    ]


def test_a_key_given_twice_must_say_the_same(reading: Reading) -> None:
    text = conf(PLAIN)

    assert reading.problems(text + "hpe3par_cpg = NL\n") == [
        "7: backend DEFAULT: hpe3par_cpg: given twice with different values, on lines 6 and 7"
    ]
    assert reading.warnings(text + "hpe3par_cpg = SSD\n") == [
        "backend DEFAULT: hpe3par_cpg stands there twice with the same value, on lines 6 and 7",
        OPEN,
    ]


def test_two_whole_devices_are_one_too_many(reading: Reading) -> None:
    text = conf(PLAIN, DEVICE)
    text += text[text.index("replication_device") :]

    assert reading.problems(text) == [
        "15: backend DEFAULT: replication_device: given twice, on lines 7 and 15; a backend has one target array"
    ]


def test_only_the_first_cpg_of_a_list_is_used_and_said_so(reading: Reading) -> None:
    text = conf(PLAIN | {"hpe3par_cpg": "SSD, NL"})

    assert reading.settings(text).backend().cpg == "SSD"
    assert reading.warnings(text) == ["backend DEFAULT: only the first CPG of hpe3par_cpg is used, SSD", OPEN]


@pytest.mark.parametrize(
    ("keys", "portals"),
    [
        ({"iscsi_ip_address": "192.0.2.7"}, ("192.0.2.7",)),
        ({"iscsi_ip_address": "192.0.2.7", "iscsi_port": "3261"}, ("192.0.2.7:3261",)),
        ({"iscsi_ip_address": "my_ip"}, ()),
        ({"iscsi_ip_address": "192.0.2.7", "hpe3par_iscsi_ips": "192.0.2.8"}, ("192.0.2.8",)),
        ({"hpe3par_iscsi_ips": "192.0.2.8,\n   [2001:db8::1]:3260"}, ("192.0.2.8", "[2001:db8::1]:3260")),
    ],
)
def test_portals_come_from_either_key(reading: Reading, keys: dict[str, str], portals: tuple[str, ...]) -> None:
    assert reading.settings(conf(PLAIN | keys)).backend().source.portals == portals


def test_portals_are_ignored_over_fibre_channel_and_said_so(reading: Reading) -> None:
    driver = "hpedockerplugin.hpe.hpe_3par_fc.HPE3PARFCDriver"
    text = conf(PLAIN | {"hpedockerplugin_driver": driver, "hpe3par_iscsi_ips": "192.0.2.1"})

    assert reading.settings(text).backend().source.portals == ()
    assert reading.warnings(text) == ["backend DEFAULT: iSCSI portals are ignored: the backend uses FC", OPEN]


def test_each_array_has_its_own_way_of_trust(reading: Reading) -> None:
    bundle = reading.file("ca.pem", CERTIFICATE)
    section = PLAIN | {"csi_ca_bundle": str(bundle)}
    backend = reading.settings(conf(section, DEVICE | {"csi_certificate_pin": PIN.upper()})).backend()

    assert backend.target is not None
    assert (backend.source.ca_bundle, backend.source.pin) == (str(bundle), "")
    assert (backend.target.ca_bundle, backend.target.pin) == ("", PIN)


def test_a_bundle_given_from_outside_serves_arrays_without_a_setting(reading: Reading) -> None:
    reading.ca_bundle = str(reading.file("ca.pem", CERTIFICATE))
    backend = reading.settings(conf(PLAIN, DEVICE | {"csi_certificate_pin": PIN})).backend()

    assert backend.target is not None
    assert backend.source.ca_bundle == reading.ca_bundle
    assert (backend.target.ca_bundle, backend.target.pin) == ("", PIN)


def test_two_ways_of_trust_exclude_each_other(reading: Reading) -> None:
    section = PLAIN | {"csi_certificate_pin": PIN, "csi_insecure_skip_verify": "yes"}

    assert reading.problems(conf(section)) == [
        "7: backend DEFAULT: csi_certificate_pin: csi_certificate_pin and csi_insecure_skip_verify exclude each other; "
        "allowed: one way of trusting the array's certificate"
    ]


def test_trust_switched_off_is_warned_of(reading: Reading) -> None:
    text = conf(PLAIN | {"csi_insecure_skip_verify": "true"})

    assert reading.settings(text).backend().source.verify_tls is False
    assert reading.warnings(text) == [
        "backend DEFAULT: the certificate of array a.example.com:8080 is not verified",
        OPEN,
    ]


def test_plain_http_is_possible_when_asked_for_and_warned_of(reading: Reading) -> None:
    text = conf(PLAIN | {"hpe3par_api_url": "http://127.0.0.1:8008", "csi_insecure_skip_verify": "true"})

    assert reading.settings(text).backend().source.url == "http://127.0.0.1:8008/api/v1"
    assert reading.warnings(text) == ["backend DEFAULT: array 127.0.0.1:8008 is spoken to without TLS", OPEN]


@pytest.mark.parametrize("key", sorted(plugin_keys.IGNORED))
def test_a_key_without_a_meaning_is_warned_of_and_accepted(reading: Reading, key: str) -> None:
    text = conf(PLAIN | {key: "1"}, DEVICE | {key: "2"})

    assert reading.warnings(text) == [
        f"{D}{key} ignored: {plugin_keys.IGNORED[key]}",
        f"backend DEFAULT: {key} ignored: {plugin_keys.IGNORED[key]}",
        OPEN,
    ]


def test_a_default_section_with_host_wide_keys_only_is_no_backend(reading: Reading) -> None:
    text = "[DEFAULT]\nlogging = DEBUG\n" + conf(PLAIN, name="metro")

    assert list(reading.settings(text).backends) == ["metro"]
    assert reading.warnings(text) == ["backend DEFAULT: logging ignored: --log-level says how much is logged", OPEN]


def test_a_file_without_any_array_is_a_problem(reading: Reading) -> None:
    assert reading.whole_error("[DEFAULT]\nlogging = DEBUG\n").splitlines() == [
        "1 problem in the settings, nothing was loaded",
        f"  {reading.folder}/file: no section describes an array; "
        "allowed: [DEFAULT] with hpe3par_api_url and the keys beside it",
    ]


@pytest.mark.parametrize(
    ("name", "driver"),
    [
        ("DEFAULT_FILE", ""),
        ("shares", "hpedockerplugin_driver = hpedockerplugin.hpe.hpe_3par_file.HPE3PARFileDriver\n"),
    ],
)
def test_file_persona_sections_are_skipped_and_said_so(reading: Reading, name: str, driver: str) -> None:
    text = conf(PLAIN) + f"[{name}]\n{driver}hpe3par_server_ip_pool = 192.0.2.1-192.0.2.9\n"

    assert list(reading.settings(text).backends) == ["DEFAULT"]
    assert reading.warnings(text) == [f"backend {name}: skipped: File Persona shares are not supported", OPEN]


def test_shared_defaults_serve_every_section_that_does_not_say_otherwise(reading: Reading) -> None:
    text = "[backend_defaults]\nhpe3par_cpg = NL\nhpe3par_username = shared\n"
    text += conf(PLAIN | {"hpe3par_username": None}, name="one")
    text += conf(PLAIN | {"hpe3par_cpg": None}, name="two")
    settings = reading.settings(text)

    assert list(settings.backends) == ["one", "two"]
    assert (settings.backend("one").cpg, settings.backend("one").source.username) == ("SSD", "shared")
    assert (settings.backend("two").cpg, settings.backend("two").source.username) == ("NL", "edit")
