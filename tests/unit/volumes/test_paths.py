"""The publish context: which ports a node is told, and that it never outgrows what CSI allows."""

import json
from dataclasses import replace

import pytest

from csi.access import AccessProtocol
from csi.array.pair import Pair, Side
from csi.array.records import Host, Port, Vlun
from csi.errors import ArrayUnreachable, DriverError, PathsMissing
from csi.settings.model import ArraySettings, Backend, Secret
from csi.volumes.paths import join_portal, publish_context, split_portal
from tests.unit.replication.records import volume

HOST = Host("node-1", ("iqn.1993-08.org.debian:01:node-1",), (), 2)
VOLUME = volume()
CONTEXT_LIMIT_BYTES = 4096


class Ports:
    """An array of which only the ports matter."""

    def __init__(self, label: str, ports: tuple[Port, ...] | DriverError) -> None:
        self.label = label
        self._ports = ports

    def ports(self) -> tuple[Port, ...]:
        if isinstance(self._ports, DriverError):
            raise self._ports
        return self._ports


def iscsi(number: int, *, ready: bool = True, array: int = 1) -> Port:
    iqn = f"iqn.2000-05.com.3pardata:{number:04d}0002ac00b69e"
    return Port(f"{number}:2:1", "iscsi", ready, f"192.0.2.{array * 100 + number}", iqn)


def fc(number: int) -> Port:
    return Port(f"{number}:1:1", "fc", ready=True, wwpn=f"2{number}110002ac00b69e")


def pair(a: tuple[Port, ...] | DriverError, b: tuple[Port, ...] | DriverError, portals: tuple[str, ...] = ()) -> Pair:
    def settings(label: str) -> ArraySettings:
        return ArraySettings(label, f"https://{label}/api/v1", "user", Secret("x"), portals=portals)

    backend = Backend("metro", AccessProtocol.ISCSI, settings("a"), "cpg", target=settings("b"))
    return Pair(backend, Ports("a", a), Ports("b", b))  # type: ignore[arg-type]  # only ports and labels are asked


def context(of: Pair, protocol: AccessProtocol = AccessProtocol.ISCSI, **changes: object) -> dict[str, str]:
    sides = {Side.SOURCE: VOLUME, Side.TARGET: VOLUME}
    vluns = {side: (Vlun(VOLUME.name, HOST.name, 7, active=False),) for side in sides}
    options = {"dark": frozenset(), "readonly": False, "fsck": False, **changes}
    return publish_context(of, protocol, sides, vluns, dict.fromkeys(sides, HOST), **options)  # type: ignore[arg-type]  # keyword options


def test_both_arrays_ready_ports_are_named_with_their_luns() -> None:
    found = context(pair((iscsi(1), iscsi(2, ready=False), fc(1)), (iscsi(3),)))
    assert found["wwn"] == VOLUME.wwn
    assert json.loads(found["arrays"]) == [
        {"array": "a", "lun": 7, "portals": [["192.0.2.101:3260", iscsi(1).iqn]]},
        {"array": "b", "lun": 7, "portals": [["192.0.2.103:3260", iscsi(3).iqn]]},
    ]


def test_fibre_channel_names_ports_by_wwpn() -> None:
    found = context(pair((fc(1), iscsi(1)), (fc(2),)), AccessProtocol.FC)
    assert [row["wwpns"] for row in json.loads(found["arrays"])] == [["21110002ac00b69e"], ["22110002ac00b69e"]]


def test_the_settings_portals_choose_ports_and_their_tcp_port() -> None:
    found = context(pair((iscsi(1), iscsi(2)), (iscsi(1), iscsi(4)), portals=("192.0.2.101:3261",)))
    assert [row["portals"][0][0] for row in json.loads(found["arrays"])] == ["192.0.2.101:3261"] * 2


def test_sixty_four_ports_still_fit_into_four_kilobytes() -> None:
    many = tuple(replace(iscsi(number), address=f"2001:db8:85a3:8d3:1319:8a2e:370:{number:x}") for number in range(32))
    found = context(pair(many, many), readonly=True, fsck=True)
    assert sum(len(key) + len(text) for key, text in found.items()) <= CONTEXT_LIMIT_BYTES
    counts = [len(row["portals"]) for row in json.loads(found["arrays"])]
    assert counts[0] == counts[1] >= 8


def test_an_array_that_tells_no_ports_is_named_without_them() -> None:
    found = context(pair(ArrayUnreachable("no answer"), (iscsi(1),)))
    assert [len(row["portals"]) for row in json.loads(found["arrays"])] == [0, 1]


def test_without_a_ready_port_anywhere_there_is_nothing_to_tell() -> None:
    with pytest.raises(PathsMissing, match="no array of backend metro has a ready iscsi port"):
        context(pair((iscsi(1, ready=False),), ()))


def test_read_only_and_a_forced_move_are_said_and_nothing_secret_is() -> None:
    found = context(pair((iscsi(1),), (iscsi(2),)), readonly=True, fsck=True)
    assert {"readonly": "true", "fsck": "required"}.items() <= found.items()
    assert set(found) == {"protocol", "wwn", "arrays", "readonly", "fsck"}


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("192.0.2.1", "192.0.2.1", 3260),
        ("192.0.2.1:3261", "192.0.2.1", 3261),
        ("[2001:db8::1]:3261", "2001:db8::1", 3261),
        ("[2001:db8::1]", "2001:db8::1", 3260),
        ("2001:db8::1", "2001:db8::1", 3260),
    ],
)
def test_a_portal_is_an_address_and_a_port(text: str, address: str, port: int) -> None:
    assert split_portal(text) == (address, port)
    assert split_portal(join_portal(address, port)) == (address, port)
