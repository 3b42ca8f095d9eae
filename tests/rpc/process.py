"""A driver process with fake desks: `python -m tests.rpc.process ENDPOINT`; says "started" on stderr when it serves."""

import asyncio
import sys

from csi.errors import DriverError
from csi.rpc.controller import Controller
from csi.rpc.identity import Identity
from csi.rpc.operations import Operations
from csi.rpc.pools import Pools
from csi.rpc.server import Services, serve
from tests.rpc.fake_desks import FakeVolumeDesk


def say(words: str) -> None:
    """A line on stderr, at once."""
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def main(endpoint: str) -> int:
    """Serve until a signal."""
    services = Services(Identity("1.2.3"), Controller(FakeVolumeDesk(), Operations(Pools())))
    try:
        asyncio.run(serve(services, endpoint, started=lambda: say("started")))
    except DriverError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
