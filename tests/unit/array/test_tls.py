"""Whom the driver believes to be the array."""

import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from arraysim.certificates import Certificates, make_certificates
from csi.array.wsapi import WsapiArray
from csi.errors import ArrayUnreachable, BadSettings
from tests.unit.array.conftest import PausingClock
from tests.unit.array.scripted import ScriptedArray

Trust = Callable[..., WsapiArray]


@pytest.fixture
def trust(tls_server: ScriptedArray, clock: PausingClock) -> Iterator[Trust]:
    """`trust(**settings)`: adapters to `tls_server` that verify unless told not to."""
    made: list[WsapiArray] = []

    def make(**changes: object) -> WsapiArray:
        made.append(WsapiArray(tls_server.settings(**{"verify_tls": True, **changes}), clock))
        return made[-1]

    yield make
    for array in made:
        array.close()


def fingerprint(certificates: Certificates) -> str:
    pem = Path(certificates.arrays["array-a"].certificate_file).read_text().split("-----END CERTIFICATE-----")[0]
    return sha256(ssl.PEM_cert_to_DER_cert(f"{pem}-----END CERTIFICATE-----\n")).hexdigest()


def test_an_array_signed_by_the_given_authority_is_believed(trust: Trust, certificates: Certificates) -> None:
    assert trust(ca_bundle=str(certificates.ca_file)).volumes() == ()


def test_another_authority_does_not_vouch_for_it(trust: Trust, tls_server: ScriptedArray, tmp_path: Path) -> None:
    other = make_certificates(tmp_path, ("array-a",), datetime.now(UTC))
    with pytest.raises(BadSettings, match="certificate is not trusted"):
        trust(ca_bundle=str(other.ca_file)).volumes()
    assert tls_server.logins == 0, "the password was not sent"


def test_the_systems_authorities_do_not_know_it(
    trust: Trust, tls_server: ScriptedArray, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca_file))  # of no effect: psf/requests 3829
    with pytest.raises(BadSettings, match="certificate is not trusted"):
        trust().volumes()
    assert tls_server.logins == 0


def test_the_environments_proxy_is_not_used(
    trust: Trust, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert trust(ca_bundle=str(certificates.ca_file)).volumes() == ()


def test_a_certificate_for_another_name_is_refused(
    tls_server: ScriptedArray, certificates: Certificates, clock: PausingClock
) -> None:
    """127.1 leads to the same machine and is not in the certificate."""
    url = tls_server.url.replace("127.0.0.1", "127.1")
    settings = tls_server.settings(verify_tls=True, ca_bundle=str(certificates.ca_file), url=url)
    array = WsapiArray(settings, clock)
    with pytest.raises(BadSettings, match="certificate is not trusted"):
        array.volumes()
    array.close()


@pytest.mark.parametrize("spell", [str, str.upper, lambda pin: ":".join(pin[i : i + 2] for i in range(0, 64, 2))])
def test_a_pinned_certificate_is_believed_whoever_signed_it(
    trust: Trust, certificates: Certificates, spell: Callable[[str], str]
) -> None:
    assert trust(pin=spell(fingerprint(certificates))).volumes() == ()


def test_another_certificate_than_the_pinned_one_is_refused(trust: Trust, tls_server: ScriptedArray) -> None:
    with pytest.raises(BadSettings, match=r"certificate is not trusted.*Nothing was sent"):
        trust(pin="00" * 32).volumes()
    assert tls_server.logins == 0


@pytest.mark.parametrize("pin", ["00" * 20, "zz" * 32, "00" * 33])
def test_a_pin_that_is_no_sha256_is_refused_at_once(trust: Trust, pin: str) -> None:
    """urllib3 would take the shorter ones for MD5 or SHA-1."""
    with pytest.raises(BadSettings, match="not a SHA-256"):
        trust(pin=pin)


def test_a_bundle_that_cannot_be_read_is_refused_at_once(trust: Trust, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing here")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(BadSettings, match="missing or has no certificate"):
            trust(ca_bundle=str(path))


def test_a_bundle_that_goes_away_later_is_a_driver_error(
    trust: Trust, certificates: Certificates, tmp_path: Path
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(Path(certificates.ca_file).read_bytes())
    array = trust(ca_bundle=str(bundle))
    bundle.unlink()
    with pytest.raises(ArrayUnreachable):
        array.volumes()


def test_verification_can_be_turned_off(trust: Trust) -> None:
    assert trust(verify_tls=False).volumes() == ()


def test_verification_without_tls_is_refused_at_once(server: ScriptedArray, clock: PausingClock) -> None:
    for changes in ({"verify_tls": True}, {"pin": "00" * 32}, {"ca_bundle": "ca.pem"}):
        with pytest.raises(BadSettings, match="not https"):
            WsapiArray(server.settings(**changes), clock)


def test_tls_connections_are_kept(trust: Trust, tls_server: ScriptedArray, certificates: Certificates) -> None:
    array = trust(ca_bundle=str(certificates.ca_file))
    for _ in range(10):
        array.volumes()
    assert tls_server.connections == 1


def test_a_handshake_that_breaks_off_is_no_question_of_trust(server: ScriptedArray, clock: PausingClock) -> None:
    array = WsapiArray(server.settings(url=server.url.replace("http:", "https:"), verify_tls=True), clock)
    with pytest.raises(ArrayUnreachable, match="TLS failed"):
        array.volumes()
    array.close()
