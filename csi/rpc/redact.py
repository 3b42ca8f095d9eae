"""What a log line may show of a message: everything but the fields the schema marks as secret, and mount flags."""

from collections.abc import Iterable, Iterator
from functools import cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from csi.rpc.logs import HIDDEN
from csi.spec.v1 import csi_pb2

#: Sensitive although the schema does not mark them (csi.md 1.3, rule 10).
_UNMARKED = frozenset({"csi.v1.VolumeCapability.MountVolume.mount_flags"})


def is_secret(field: FieldDescriptor) -> bool:
    """Whether no part of `field` may be shown."""
    return bool(field.GetOptions().Extensions[csi_pb2.csi_secret]) or field.full_name in _UNMARKED


@cache
def _secret_numbers(descriptor: Descriptor) -> frozenset[int]:
    return frozenset(field.number for field in descriptor.fields if is_secret(field))


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def shown(message: Message) -> dict[str, object]:
    """The fields set in `message` as plain values ready for JSON; secret ones are `***`."""
    hidden = _secret_numbers(message.DESCRIPTOR)
    return {
        field.name: HIDDEN if field.number in hidden else _plain(field, value) for field, value in message.ListFields()
    }


def _plain(field: FieldDescriptor, value: object) -> object:
    if _is_map(field):
        assert isinstance(value, Iterable)
        return {str(key): item for key, item in dict(value).items()}
    if field.is_repeated:
        assert isinstance(value, Iterable)
        return [_single(field, item) for item in value]
    return _single(field, value)


def _single(field: FieldDescriptor, value: object) -> object:
    if isinstance(value, Message):
        return shown(value)
    if field.enum_type is not None and isinstance(value, int):
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else value
    return value


def secret_values(message: Message) -> frozenset[str]:
    """Every text inside the secret fields of `message`, at any depth."""
    return frozenset(_secret_texts(message, inside=False))


def _secret_texts(value: object, *, inside: bool) -> Iterator[str]:
    if isinstance(value, Message):
        hidden = _secret_numbers(value.DESCRIPTOR)
        for field, item in value.ListFields():
            secret = inside or field.number in hidden
            if _is_map(field):
                yield from _secret_texts(list(dict(item).values()), inside=secret)
            else:
                yield from _secret_texts(list(item) if field.is_repeated else item, inside=secret)
    elif isinstance(value, list):
        for item in value:
            yield from _secret_texts(item, inside=inside)
    elif inside and isinstance(value, str):
        yield value
