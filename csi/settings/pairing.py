"""Rules that join several values: how an array's certificate is trusted, and what makes two arrays a pair."""

from csi.settings.checks import plain_http, url_label
from csi.settings.model import ArraySettings
from csi.settings.problems import Report, Wrong


def check_trust(given: list[str]) -> None:
    """Raise Wrong if more than one of the keys that say how to trust a certificate is `given`."""
    if len(given) > 1:
        raise Wrong(f"{' and '.join(given)} exclude each other", "one way of trusting the array's certificate")


def check_transport(url: str, *, insecure: bool, insecure_key: str) -> None:
    """Raise Wrong for a URL without TLS unless somebody asked for it."""
    if plain_http(url) and not insecure:
        raise Wrong(
            "goes without TLS, so the password would cross the network in clear",
            f"https://..., or {insecure_key} beside it in a test bed",
        )


def warn_of_trust(array: ArraySettings, report: Report, backend: str) -> None:
    """One warning where nothing proves that the array is the array."""
    if plain_http(array.url):
        report.warn(f"array {array.label} is spoken to without TLS", backend=backend)
    elif not array.verify_tls:
        report.warn(f"the certificate of array {array.label} is not verified", backend=backend)


def check_addresses(source: ArraySettings, target: ArraySettings) -> None:
    """Raise Wrong if the two are one array, as values inherited by the target made them (docker-plugin.md B-28)."""
    if source.url == target.url:
        raise Wrong(f"is the source's own address, {url_label(source.url)}", "the other array's address")


def check_labels(source: ArraySettings, target: ArraySettings) -> None:
    """Raise Wrong if messages could not tell the two apart."""
    if source.label == target.label:
        raise Wrong(f"both arrays are called {source.label!r}", "a different name for each")
