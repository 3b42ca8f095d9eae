"""Typed settings, the same whether they came from a YAML file or from the Docker plugin's hpe.conf."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from csi.access import AccessProtocol
from csi.errors import InvalidRequest


class Secret:
    """A text that never prints itself."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True, slots=True)
class ArraySettings:
    """How to reach one array.

    `label` is its name in messages. `url` ends in `/api/v1`. Exactly one way of trusting its certificate holds:
    `ca_bundle` (path of a PEM file; "" = the system's authorities), `pin` (SHA-256 of the certificate in hex), or
    `verify_tls` False. `target_name` is this array's Remote Copy target name for the other array ("" if not given).
    `portals` ("address[:port]") and `fc_ports` ("n:s:p") restrict the data path; empty means every ready port.
    """

    label: str
    url: str
    username: str
    password: Secret
    ca_bundle: str = ""
    pin: str = ""
    verify_tls: bool = True
    target_name: str = ""
    portals: tuple[str, ...] = ()
    fc_ports: tuple[str, ...] = ()
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Backend:
    """One array, or a pair joined by synchronous Remote Copy, under the name a StorageClass uses.

    `source` is where groups are made, `target` the other array (None: not replicated). `quorum_witness` being there
    means Peer Persistence. `cpg` and `snap_cpg` are defaults on the source; the maps give the target's CPG for each
    of the source's.
    """

    name: str
    protocol: AccessProtocol
    source: ArraySettings
    cpg: str
    snap_cpg: str = ""
    target: ArraySettings | None = None
    quorum_witness: str = ""
    cpg_map: Mapping[str, str] = field(default_factory=dict)
    snap_cpg_map: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """All backends. `warnings` are sentences worth a log line at start (TLS off, keys that no longer mean anything)."""

    backends: Mapping[str, Backend]
    warnings: tuple[str, ...] = ()

    def backend(self, name: str = "") -> Backend:
        """The backend of that name; "" means DEFAULT, or the only one. InvalidRequest if there is none."""
        wanted = name or (
            "DEFAULT" if "DEFAULT" in self.backends or len(self.backends) != 1 else next(iter(self.backends))
        )
        try:
            return self.backends[wanted]
        except KeyError:
            known = ", ".join(sorted(self.backends))
            raise InvalidRequest(
                f"backend {wanted!r} is not in the settings", hint=f"Known backends: {known}"
            ) from None
