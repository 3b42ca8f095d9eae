"""Requests that no CO sends: any message, any bytes. The answer is always one of CSI's, and the server lives on."""

import asyncio
import random
from pathlib import Path
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from grpc import StatusCode, aio

from csi.spec.v1 import csi_pb2 as pb
from tests.rpc.fake_desks import NODE_ID, FakeNodeDesk, FakeVolumeDesk
from tests.rpc.served import served

ROUNDS = 40
#: Codes with a meaning in CSI (csi.md 1.2). UNKNOWN would be Python's, INTERNAL a bug.
MEANT = {
    StatusCode.OK,
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.ALREADY_EXISTS,
    StatusCode.OUT_OF_RANGE,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.RESOURCE_EXHAUSTED,
    StatusCode.ABORTED,
    StatusCode.UNIMPLEMENTED,
}
TEXTS = ("", "one:v1", "v1", NODE_ID, "ext4", "ü" * 70, "x" * 130, "\x00\x1f", "fake-vol-id-xxxxxxxxxx")
INTEGERS = (-1, 0, 1, 6, 1024**3, 2**31 - 1)


class Stranger:
    """Makes messages up, in the limits of their types. Paths lie in `folder`."""

    def __init__(self, rng: random.Random, folder: Path) -> None:
        self._rng = rng
        self._paths = (str(folder / "a"), str(folder / "b"), "")

    def fill(self, message: Message, depth: int = 3) -> None:
        fields: list[FieldDescriptor] = list(message.DESCRIPTOR.fields)  # type: ignore[arg-type]  # upb's own class
        for field in fields:
            if self._rng.random() < 0.25:
                continue
            target = getattr(message, field.name)
            if field.message_type is not None and field.message_type.GetOptions().map_entry:
                target.update({self._text(field): self._text(field) for _ in range(self._rng.randrange(3))})
            elif field.is_repeated:
                for _ in range(self._rng.randrange(3)):
                    if field.message_type is None:
                        target.append(self._plain(field))
                    elif depth:
                        self.fill(target.add(), depth - 1)
            elif field.message_type is None:
                setattr(message, field.name, self._plain(field))
            elif depth:
                target.SetInParent()
                self.fill(target, depth - 1)

    def _text(self, field: FieldDescriptor) -> str:
        return self._rng.choice(self._paths if field.name.endswith("_path") else TEXTS)

    def _plain(self, field: FieldDescriptor) -> Any:
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._text(field)
        if field.type == FieldDescriptor.TYPE_BOOL:
            return self._rng.random() < 0.5
        return self._rng.choice(INTEGERS) if field.enum_type is None else self._rng.randrange(9)

    def garbage(self) -> bytes:
        return self._rng.randbytes(self._rng.randrange(1, 40))


def rpcs() -> list[MethodDescriptor]:
    services = (pb.DESCRIPTOR.services_by_name[name] for name in ("Identity", "Controller", "Node"))
    return [method for service in services for method in service.methods]


async def ask(channel: aio.Channel, path: str, raw: bytes) -> tuple[StatusCode, str]:
    call: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    answer = call(raw)
    return await answer.code(), await answer.details() or ""


def test_every_answer_to_a_stranger_is_one_of_csi_s(tmp_path: Path, rng: random.Random) -> None:
    stranger, seen, wrong = Stranger(rng, tmp_path), set(), {}

    async def scenario() -> None:
        async with (
            served(tmp_path, FakeVolumeDesk(), FakeNodeDesk()) as both,
            aio.insecure_channel(both.endpoint) as channel,
        ):
            for method in rpcs() * ROUNDS:
                request = message_factory.GetMessageClass(method.input_type)()
                stranger.fill(request)
                for raw in (request.SerializeToString(), stranger.garbage()):
                    code, words = await ask(channel, f"/{method.containing_service.full_name}/{method.name}", raw)
                    seen.add(code)
                    if code not in MEANT or "did not foresee" in words:
                        wrong[f"{method.name} {raw!r}"] = code, words
            assert (await both.identity.Probe(pb.ProbeRequest())).ready.value

    asyncio.run(scenario())
    assert wrong == {}
    # Strangers must get past the door now and then, or they would test the decoder alone.
    assert seen >= {StatusCode.OK, StatusCode.INVALID_ARGUMENT, StatusCode.NOT_FOUND, StatusCode.UNIMPLEMENTED}


def test_a_malformed_message_is_the_caller_s_mistake(tmp_path: Path) -> None:
    async def scenario() -> tuple[StatusCode, str]:
        async with (
            served(tmp_path, FakeVolumeDesk(), FakeNodeDesk()) as both,
            aio.insecure_channel(both.endpoint) as channel,
        ):
            return await ask(channel, "/csi.v1.Controller/CreateVolume", b"\x0a\x01\xff")

    answer = asyncio.run(scenario())
    assert answer == (StatusCode.INVALID_ARGUMENT, "CreateVolume: the request is not a well-formed message")
