"""What a log line shows of a message."""

import json
from typing import cast

import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from csi.rpc.logs import scrub
from csi.rpc.redact import is_secret, secret_values, shown
from csi.spec.v1 import csi_pb2 as pb
from tests.rpc.messages import MOUNT, create

MARKER = "hunter2-do-not-show"
DEPTH = 4


def fill(message: Message, depth: int = DEPTH) -> None:
    """Set every field at every depth: secret texts to the marker, others to their field's name."""
    for field in cast(Descriptor, message.DESCRIPTOR).fields:
        text = MARKER if is_secret(field) else f"plain {field.name}"
        target = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            target["key"] = text  # CSI has maps of strings only
        elif field.message_type is not None:
            if depth:
                fill(target.add() if field.is_repeated else target, depth - 1)
                if not field.is_repeated:
                    target.SetInParent()
        elif field.type == FieldDescriptor.TYPE_STRING:
            if field.is_repeated:
                target.append(text)
            else:
                setattr(message, field.name, text)


def holds_secrets(descriptor: Descriptor, depth: int = DEPTH) -> bool:
    return any(
        is_secret(field)
        or (bool(depth) and field.message_type is not None and holds_secrets(field.message_type, depth - 1))
        for field in descriptor.fields
    )


def secret_messages() -> list[Descriptor]:
    return [found for found in pb.DESCRIPTOR.message_types_by_name.values() if holds_secrets(found)]


@pytest.mark.parametrize("descriptor", secret_messages(), ids=lambda found: str(found.name))
def test_no_message_shows_its_secrets(descriptor: Descriptor) -> None:
    message = message_factory.GetMessageClass(descriptor)()
    fill(message)
    assert MARKER in str(message)
    assert secret_values(message) == {MARKER}
    line = json.dumps(shown(message))
    assert MARKER not in line
    assert "***" in line


def test_the_walk_meets_every_secret_field_of_the_interface() -> None:
    marked = {field.full_name for found in secret_messages() for field in found.fields if is_secret(field)}
    assert len(marked) == 22


def test_everything_else_is_shown_as_it_is() -> None:
    request = create("pvc-1", required_bytes=5, cpg="fast")
    request.secrets["password"] = MARKER
    assert shown(request) == {
        "name": "pvc-1",
        "capacity_range": {"required_bytes": 5},
        "volume_capabilities": [{"mount": {"fs_type": "ext4"}, "access_mode": {"mode": "SINGLE_NODE_WRITER"}}],
        "parameters": {"cpg": "fast"},
        "secrets": "***",
    }


def test_mount_flags_are_secret_without_a_mark() -> None:
    capability = pb.VolumeCapability()
    capability.CopyFrom(MOUNT)
    capability.mount.mount_flags.append("password=x")
    assert secret_values(capability) == {"password=x"}
    mount = shown(capability)["mount"]
    assert mount == {"fs_type": "ext4", "mount_flags": "***"}


def test_an_enum_value_from_the_future_is_shown_as_a_number() -> None:
    assert shown(pb.VolumeCapability.AccessMode.FromString(b"\x08\x63")) == {"mode": 99}


@pytest.mark.parametrize("secret", ["plainword", 'quo"ted\\word', "line\nbreak", "ünïcode"])
def test_a_secret_is_scrubbed_in_every_form_it_may_be_written(secret: str) -> None:
    text = f"raw {secret}, json {json.dumps(secret)}, repr {secret!r}"
    cleaned = scrub(text, [secret])
    assert cleaned == """raw ***, json "***", repr '***'"""


def test_a_short_value_does_not_blank_out_half_of_a_sentence() -> None:
    assert scrub("mounted ro on array-1", ["ro", "1"]) == "mounted ro on array-1"


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert scrub("hunter2hunter2", ["hunter2", "hunter2hunter2"]) == "***"
