"""The committed stubs are those of proto/csi.proto, and that is CSI 1.13.0."""

import hashlib
import importlib.util
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.message import Message

from csi.spec.v1 import csi_pb2 as pb

ROOT = Path(__file__).resolve().parents[2]
STUBS = ("csi_pb2.py", "csi_pb2.pyi", "csi_pb2_grpc.py", "csi_pb2_grpc.pyi")

#: SHA-256 of `facts` as computed from the descriptor inside the published Go module
#: github.com/container-storage-interface/spec v1.13.0.
PUBLISHED = "bffbe820b8714e04c5cada5129daa14f480dc0ce0088c5a80b5ba3683e03c032"


def generate(folder: Path) -> None:
    spec = importlib.util.spec_from_file_location("proto_generate", ROOT / "proto" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.generate(folder)


def test_the_committed_stubs_are_what_protoc_makes_of_the_proto(tmp_path: Path) -> None:
    generate(tmp_path)
    for name in STUBS:
        fresh = (tmp_path / "csi/spec/v1" / name).read_text()
        assert (ROOT / "csi/spec/v1" / name).read_text() == fresh, f"{name} is stale: run python proto/generate.py"


def _options(options: Message) -> str:
    return ",".join(sorted(field.name for field, value in options.ListFields() if field.is_extension and value))


def _enum(enum: descriptor_pb2.EnumDescriptorProto, owner: str) -> Iterator[str]:
    for value in enum.value:
        yield f"enum {owner}{enum.name}.{value.name} {value.number} {_options(value.options)}"


def _message(message: descriptor_pb2.DescriptorProto, owner: str) -> Iterator[str]:
    name = f"{owner}{message.name}"
    yield f"message {name} {_options(message.options)}"
    for field in message.field:
        one = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else ""
        kind = f"{field.number} {field.label} {field.type} {field.type_name}"
        yield f"field {name}.{field.name} {kind} {one} {_options(field.options)}"
    for enum in message.enum_type:
        yield from _enum(enum, f"{name}.")
    for nested in message.nested_type:
        yield from _message(nested, f"{name}.")


def facts(file: descriptor_pb2.FileDescriptorProto) -> Iterator[str]:
    """One line for everything that another implementation could see: names, numbers, types, oneofs, options."""
    for message in file.message_type:
        yield from _message(message, "")
    for enum in file.enum_type:
        yield from _enum(enum, "")
    for service in file.service:
        yield f"service {service.name} {_options(service.options)}"
        for method in service.method:
            types = f"{method.input_type} {method.output_type} {method.server_streaming}"
            yield f"rpc {service.name}.{method.name} {types} {_options(method.options)}"
    for extension in file.extension:
        yield f"extension {extension.name} {extension.number} {extension.type} {extension.extendee}"


@pytest.fixture(scope="module")
def lines() -> list[str]:
    ours = descriptor_pb2.FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(ours)
    return sorted(facts(ours))


def test_the_interface_is_the_published_one(lines: list[str]) -> None:
    assert pb.DESCRIPTOR.package == "csi.v1"
    counts = Counter(line.split()[0] for line in lines)
    assert counts == {"service": 5, "rpc": 36, "message": 147, "field": 302, "enum": 57, "extension": 7}
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == PUBLISHED


@pytest.mark.parametrize(
    "line",
    [
        "extension csi_secret 1059 8 .google.protobuf.FieldOptions",
        "field CreateVolumeRequest.secrets 5 3 11 .csi.v1.CreateVolumeRequest.SecretsEntry  csi_secret",
        "field NodePublishVolumeRequest.readonly 6 1 8   ",
        "enum VolumeCapability.AccessMode.Mode.SINGLE_NODE_MULTI_WRITER 7 alpha_enum_value",
        "rpc Controller.GetSnapshot .csi.v1.GetSnapshotRequest .csi.v1.GetSnapshotResponse False alpha_method",
    ],
)
def test_a_change_of_the_interface_would_be_told_by_name(lines: list[str], line: str) -> None:
    assert line in lines


def test_twenty_two_fields_are_secret(lines: list[str]) -> None:
    assert sum("csi_secret" in line for line in lines if line.startswith("field")) == 22
