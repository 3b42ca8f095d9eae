"""The tree names no place it happens to be in: no path of one machine, no package index, no real network."""

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tidy.tree import none_of, text, tracked

# What is searched for is put together here, so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:" + "wo" + r"rk|root|Users|home/[\w.-]+)/")
INDEX_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
        ("registry", "npmjs", "org"),
        ("repo", "maven", "apache", "org"),
        ("deb", "debian", "org"),
    )
]
ADDRESS = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?![\w]|\.\d)")

#: Sections of the SCSI standards are numbered like addresses.
SECTION = re.compile(r"\bS[ABP][CM]-\d [\d.]+")

#: Loopback, "any", and the three ranges set aside for documentation (RFC 5737).
FREE_NETWORKS = [
    ipaddress.ip_network(network)
    for network in ("127.0.0.0/8", "0.0.0.0/32", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
]

#: Four numbers that look like an address and are none -> what they are.
NO_ADDRESS: dict[str, str] = {
    "255.255.255" + ".0": "a netmask",
    "4.5.8" + ".3": "the OS version that the simulated arrays report",
}


def _lines() -> Iterator[tuple[Path, int, str]]:
    for path in tracked():
        for number, line in enumerate(text(path).splitlines(), start=1):
            yield path, number, line


def foreign_addresses(line: str) -> list[str]:
    """IPv4 addresses in `line` that could belong to somebody."""
    found = []
    for literal in ADDRESS.findall(SECTION.sub("", line)):
        try:
            address = ipaddress.ip_address(literal)
        except ValueError:
            continue
        if literal not in NO_ADDRESS and not any(address in network for network in FREE_NETWORKS):
            found.append(literal)
    return found


def test_no_file_names_a_path_of_one_machine() -> None:
    none_of(f"{path}:{number}" for path, number, line in _lines() if MACHINE_PATH.search(line))


def test_no_file_names_a_package_index() -> None:
    none_of(f"{path}:{n}" for path, n, line in _lines() if any(host in line for host in INDEX_HOSTS))


def test_addresses_are_loopback_or_set_aside_for_documentation() -> None:
    foreign = [f"{path}:{number} {found}" for path, number, line in _lines() for found in foreign_addresses(line)]
    none_of(foreign)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("portal 10.1.2" + ".3:3260", ["10.1.2" + ".3"]),
        ("portal 192.0.2.7:3260", []),
        ("OS 3.3.1.648", []),
        ("bind 127.0.0.1.", []),
        ("as in SPC-4 7.8.6" + ".2", []),
        ("8.8.8" + ".8.", ["8.8.8" + ".8"]),
    ],
)
def test_an_address_is_told_from_a_version(line: str, found: list[str]) -> None:
    assert foreign_addresses(line) == found
