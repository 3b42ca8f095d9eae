"""A lab of two simulated arrays, and the driver's door to both."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from arraysim.config import ClockConfig, LabConfig
from arraysim.lab import Lab
from csi.array.port import Array
from csi.array.records import GroupWish, Provisioning, VolumeWish
from csi.array.wsapi import WsapiArray
from csi.clock import SystemClock
from csi.settings.model import ArraySettings, Secret

GIB = 1 << 30
#: Families of arrays; the suite holds for each.
PERSONALITIES = ("primera-4.x", "3par-3.3.1")


@dataclass
class Site:
    """Both arrays of a running lab as the driver sees them."""

    lab: Lab
    a: Array
    b: Array

    def make_volume(self, name: str, *, size_bytes: int = GIB) -> None:
        self.a.create_volume(VolumeWish(name, size_bytes, "SSD_r6", "", Provisioning.THIN, False, f"made for {name}"))

    def make_group(self, name: str = "rcg1") -> None:
        self.a.create_group(GroupWish(name, "array-b", "SSD_r6", "", "NL_r6", ""))

    def settle(self) -> None:
        """Let everything that the arrays do by themselves come to its end."""
        self.lab.advance(60)

    def asked(self, act: Callable[[], object]) -> list[str]:
        """What the arrays were asked for while `act` ran, without logins."""
        since = self.lab.calls.arrived
        act()
        calls = self.lab.calls.records(since=since)
        return [
            f"{call.method} {call.path.removeprefix('/api/v1')}" for call in calls if "/credentials" not in call.path
        ]


def settings(lab: Lab, name: str, target_name: str = "") -> ArraySettings:
    endpoint = lab.endpoints[name]
    return ArraySettings(
        label=name,
        url=endpoint.url,
        username=endpoint.user,
        password=Secret(endpoint.password),
        ca_bundle=str(endpoint.ca_file),
        target_name=target_name,
        read_timeout_seconds=10,
    )


def door(lab: Lab, name: str) -> WsapiArray:
    """The real adapter to a simulated array."""
    return WsapiArray(settings(lab, name), SystemClock())


@pytest.fixture(params=PERSONALITIES)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """One lab for each family of arrays, its time standing still until a test lets it pass."""
    config = LabConfig(seed=1, personality=request.param, clock=ClockConfig(mode="manual"))
    with Lab.start(config) as lab, closing(door(lab, "array-a")) as a, closing(door(lab, "array-b")) as b:
        yield Site(lab, a, b)
