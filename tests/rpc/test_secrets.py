"""No secret of a request leaves the driver: not in a log line, not in an error, whatever goes wrong."""

import asyncio
import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from grpc import aio

from csi.errors import NoSpace
from csi.rpc import logs
from csi.spec.v1 import csi_pb2 as pb
from tests.rpc.fake_desks import FakeNodeDesk, FakeVolumeDesk
from tests.rpc.served import served
from tests.unit.rpc.test_redact import MARKER, fill, holds_secrets

SERVED = ("Controller", "Node")


def rpcs() -> list[MethodDescriptor]:
    """Every RPC of the served services whose request can hold a secret."""
    return [
        method
        for name in SERVED
        for method in pb.DESCRIPTOR.services_by_name[name].methods
        if holds_secrets(method.input_type)
    ]


@pytest.fixture(params=logs.STYLES)
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """All log lines from debug up; pytest gets its own handlers back."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    logs.configure(request.param, "debug", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    "failure", [None, ValueError(f"login as {MARKER!r} failed"), NoSpace(f"no room for {MARKER}")], ids=repr
)
def test_no_call_tells_the_secrets_it_was_given(tmp_path: Path, log: io.StringIO, failure: Exception | None) -> None:
    def before(name: str) -> None:
        logging.getLogger("csi.node").debug("about to %s with %s", name, MARKER)
        if failure is not None:
            raise failure

    async def scenario() -> list[str]:
        errors = []
        async with (
            served(tmp_path, FakeVolumeDesk(before), FakeNodeDesk(before)) as both,
            aio.insecure_channel(both.endpoint) as channel,
        ):
            for method in rpcs():
                request = message_factory.GetMessageClass(method.input_type)()
                fill(request)
                _make_acceptable(request)
                assert MARKER in str(request)
                call: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
                    f"/{method.containing_service.full_name}/{method.name}"
                )
                try:
                    await call(request.SerializeToString())
                except aio.AioRpcError as error:
                    errors.append(repr(error))
        return errors

    errors = asyncio.run(scenario())
    text = log.getvalue()
    assert len(rpcs()) == 18
    for method in rpcs():
        assert f"{method.name} " in text
    assert "about to create" in text
    assert "about to stage" in text
    assert MARKER not in text
    assert not [error for error in errors if MARKER in error]


def _make_acceptable(request: object) -> None:
    """Take back what the decoder refuses, so that the desks see the request."""
    if isinstance(request, pb.CreateVolumeRequest):
        request.ClearField("volume_content_source")
        request.ClearField("mutable_parameters")
    for capability in _capabilities(request):
        capability.mount.volume_mount_group = ""
        capability.mount.fs_type = "ext4"
        capability.access_mode.mode = pb.VolumeCapability.AccessMode.SINGLE_NODE_WRITER


def _capabilities(request: object) -> list[pb.VolumeCapability]:
    found = list(getattr(request, "volume_capabilities", ()))
    if (single := getattr(request, "volume_capability", None)) is not None:
        found.append(single)
    return found
