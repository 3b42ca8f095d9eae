"""A scripted array behind a real adapter, and a clock that only moves when told."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from arraysim.certificates import Certificates, make_certificates
from csi.array.wsapi import WsapiArray
from tests.unit.array.scripted import ScriptedArray
from tests.unit.clocks import ManualClock


class PausingClock(ManualClock):
    """Remembers in `pauses` how long somebody wanted to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.pauses.append(seconds)
        return super().wait(event, seconds)


@pytest.fixture
def clock() -> PausingClock:
    return PausingClock()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"), ("array-a",), datetime.now(UTC))


@pytest.fixture
def server() -> Iterator[ScriptedArray]:
    """A scripted array over plain HTTP."""
    with ScriptedArray() as scripted:
        yield scripted


@pytest.fixture
def tls_server(certificates: Certificates) -> Iterator[ScriptedArray]:
    """A scripted array over TLS, for 127.0.0.1, signed by the lab's own authority."""
    paths = certificates.arrays["array-a"]
    with ScriptedArray(Path(paths.certificate_file), Path(paths.key_file)) as scripted:
        yield scripted


Connect = Callable[..., WsapiArray]


@pytest.fixture
def connect(server: ScriptedArray, clock: PausingClock) -> Iterator[Connect]:
    """`connect(**settings)`: adapters to `server`, closed at the end."""
    made: list[WsapiArray] = []

    def make(*, max_connections: int = 8, **changes: object) -> WsapiArray:
        made.append(WsapiArray(server.settings(**changes), clock, max_connections=max_connections))
        return made[-1]

    yield make
    for array in made:
        array.close()


@pytest.fixture
def array(connect: Connect) -> WsapiArray:
    return connect()
