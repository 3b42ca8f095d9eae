"""Checks of single values, shared by both file formats. Each returns the value in its normal form or raises Wrong."""

import ipaddress
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from csi.settings.problems import Wrong
from csi.settings.spelling import shown

#: CPG and target names (wsapi.md 5.9).
_ARRAY_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}")
_HOST = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_FC_PORT = re.compile(r"[0-7]:\d{1,2}:\d{1,2}")
_PLACEHOLDER = re.compile(r"<\w[\w -]*>")
_API = "/api/v1"
_URL_ALLOWED = "https://host[:port]/api/v1"
_DEFAULT_PORTS = {"https": 443, "http": 80}


def is_placeholder(text: str) -> bool:
    """Whether `text` still holds a `<...>` of a printed sample."""
    return _PLACEHOLDER.search(text) is not None


def array_url(text: str) -> str:
    """A WSAPI address in its normal form: lower-case host, path `/api/v1`. http is left to `plain_http`.

    A user name or password in the address is refused, and the address is then not shown.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise Wrong("is not a URL", _URL_ALLOWED) from None
    if parts.username is not None or parts.password is not None:
        raise Wrong("holds a user name or password", f"{_URL_ALLOWED}, credentials by their own keys")
    if parts.scheme not in _DEFAULT_PORTS or not is_host(parts.hostname or "") or port == 0:
        raise Wrong(f"{shown(text)} is not the address of an array", _URL_ALLOWED)
    if parts.query or parts.fragment or parts.path.rstrip("/") not in ("", _API):
        raise Wrong(f"{shown(text)} does not end in {_API}", _URL_ALLOWED)
    return f"{parts.scheme}://{_netloc(parts)}{_API}"


def _netloc(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{parts.port}"


def url_label(url: str) -> str:
    """How messages call the array at a checked URL when it has no name: host and port."""
    return urlsplit(url).netloc


def plain_http(url: str) -> bool:
    """Whether a checked URL goes without TLS."""
    return url.startswith("http:")


def is_host(text: str) -> bool:
    """Whether `text` is an IP address or a host name."""
    return _is_address(text) or _HOST.fullmatch(text) is not None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def witness(text: str) -> str:
    """The Quorum Witness' address. It is never contacted; being there means Peer Persistence."""
    if not is_host(text):
        raise Wrong(f"{shown(text)} is not an address", "an IP address or a host name")
    return text


def array_name(text: str) -> str:
    """A CPG's or a target's name."""
    if not _ARRAY_NAME.fullmatch(text):
        raise Wrong(
            f"{shown(text)} is not a name an array takes",
            "1 to 31 letters, digits, '_', '-', '.', not beginning with '-' or '.'",
        )
    return text


def certificate_pin(text: str) -> str:
    """A SHA-256 fingerprint as 64 lower-case hex digits; colons between the bytes are dropped."""
    digits = text.replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise Wrong("is not a SHA-256 fingerprint", "64 hex digits, with or without colons")
    return digits


def portal(text: str) -> str:
    """An iSCSI portal, `address[:port]`; IPv6 with a port is written `[address]:port`."""
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::(\d{1,5}))?", text)
    if bracketed:
        host, port = bracketed[1], bracketed[2]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, None
    if not _is_address(host) or not (port is None or (re.fullmatch(r"\d{1,5}", port) and 0 < int(port) < 65536)):
        raise Wrong(f"{shown(text)} is not an iSCSI portal", "address[:port] with an IP address")
    return text


def fc_port(text: str) -> str:
    """An FC port position, `node:slot:port`."""
    if not _FC_PORT.fullmatch(text):
        raise Wrong(f"{shown(text)} is not an FC port", "node:slot:port, for example 0:5:1")
    return text


def ca_bundle(path: Path) -> str:
    """The path of a readable PEM file with at least one certificate."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise Wrong(f"{str(path)!r} cannot be read ({error.strerror})", "the path of a PEM file") from error
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise Wrong(f"{str(path)!r} holds no certificate", "a PEM file with '-----BEGIN CERTIFICATE-----'")
    return str(path)


def secret_text(path: Path) -> str:
    """The text of a mounted Secret's file, without the line break an editor leaves at its end."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Wrong(f"{str(path)!r} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError:
        raise Wrong(f"{str(path)!r} is not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise Wrong(f"{str(path)!r} is empty")
    return text
