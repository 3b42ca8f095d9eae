import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi.settings import checks
from csi.settings.problems import Wrong


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://a:8080/api/v1", "https://a:8080/api/v1"),
        ("https://A.Example.com:8080/api/v1/", "https://a.example.com:8080/api/v1"),
        ("https://a", "https://a/api/v1"),
        ("https://a:443/", "https://a/api/v1"),
        ("http://a:80", "http://a/api/v1"),
        ("https://[2001:DB8::1]:8080", "https://[2001:db8::1]:8080/api/v1"),
        ("https://192.0.2.1:8080/api/v1", "https://192.0.2.1:8080/api/v1"),
    ],
)
def test_a_url_has_one_form(text: str, url: str) -> None:
    assert checks.array_url(text) == url


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("https://a:http/", "is not a URL"),
        ("https://[a", "is not a URL"),
        ("https://a:99999/", "is not a URL"),
        ("https://me@a/", "holds a user name or password"),
        ("https://:hunter2@a/", "holds a user name or password"),
        ("a:8080", "'a:8080' is not the address of an array"),
        ("", "'' is not the address of an array"),
        ("https:///api/v1", "'https:///api/v1' is not the address of an array"),
        ("https://a:0", "'https://a:0' is not the address of an array"),
        ("https://a_b", "'https://a_b' is not the address of an array"),
        ("https://a/api/v1?x=1", "'https://a/api/v1?x=1' does not end in /api/v1"),
        ("https://a/api/v1#x", "'https://a/api/v1#x' does not end in /api/v1"),
        ("https://a/api", "'https://a/api' does not end in /api/v1"),
    ],
)
def test_what_is_no_url_of_an_array_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(Wrong) as caught:
        checks.array_url(text)

    assert caught.value.sentence == sentence
    assert caught.value.allowed.startswith("https://host[:port]/api/v1")


@given(st.text(max_size=40))
def test_a_url_in_its_form_keeps_it(text: str) -> None:
    try:
        url = checks.array_url("https://" + text)
    except Wrong:
        return
    assert checks.array_url(url) == url


@given(st.ip_addresses(), st.integers(1, 65535))
def test_every_address_is_a_portal_with_and_without_a_port(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    bracketed = f"[{address}]" if address.version == 6 else str(address)

    for text in (str(address), bracketed, f"{bracketed}:{port}"):
        assert checks.portal(text) == text


@pytest.mark.parametrize(
    "text", ["", "a", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:x", "[::1]3260", "::1::", "٣.1.1.1"]
)
def test_what_is_no_portal_is_refused(text: str) -> None:
    with pytest.raises(Wrong) as caught:
        checks.portal(text)

    assert caught.value.sentence == f"{text!r} is not an iSCSI portal"
    assert caught.value.allowed == "address[:port] with an IP address"


@pytest.mark.parametrize("text", ["", "0:5", "8:5:1", "0:5:1:1", "0:555:1", "a:b:c"])
def test_what_is_no_fc_port_is_refused(text: str) -> None:
    with pytest.raises(Wrong, match=r"is not an FC port"):
        checks.fc_port(text)


@pytest.mark.parametrize("text", ["a", "A_b-c.d", "_a", "0", "x" * 31])
def test_a_name_an_array_takes_is_kept(text: str) -> None:
    assert checks.array_name(text) == text


@pytest.mark.parametrize("text", ["", "-a", ".a", "a b", "a:b", "x" * 32, "ä", "a\n"])
def test_a_name_no_array_takes_is_refused(text: str) -> None:
    with pytest.raises(Wrong, match=r"is not a name an array takes"):
        checks.array_name(text)


def test_a_pin_is_read_as_openssl_prints_it() -> None:
    assert checks.certificate_pin(":".join(["AB"] * 32)) == "ab" * 32


@pytest.mark.parametrize("text", ["", "ab" * 31, "ab" * 33, "gg" * 32])
def test_what_is_no_pin_is_refused(text: str) -> None:
    with pytest.raises(Wrong, match=r"^is not a SHA-256 fingerprint$"):
        checks.certificate_pin(text)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<Target-Array-Name>", True),
        ("https://<IP>:8080", True),
        ("<3PAR-Username>", True),
        ("a<b", False),
        ("<>", False),
    ],
)
def test_a_placeholder_is_known_by_its_brackets(text: str, answer: bool) -> None:
    assert checks.is_placeholder(text) is answer
