"""Reads a request's JSON object: names first, then presence, types and ranges, each with the vendor's number (1.5)."""

import re
from collections.abc import Collection, Mapping

from arraysim.core.faults import ArrayFault, Refusal
from arraysim.wsapi.message import Json, Request

#: What object names may consist of.
_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")


class Body:
    """A JSON object whose fields are asked for by name. `known` names everything it may hold.

    Every reader answers None for an absent (or null) field, unless `required`: then ArrayFault 400 40.
    """

    def __init__(self, request: Request, known: Collection[str], fields: Json | None = None) -> None:
        self._request = request
        self._fields: Json = (request.body or {}) if fields is None else fields
        for key in self._fields:
            if key not in known:
                raise unknown_name(request, key)

    def __contains__(self, key: str) -> bool:
        return self._fields.get(key) is not None

    def text(self, key: str, *, limit: int | None = None, required: bool = False) -> str | None:
        """A string. 400 39 other type, 57 longer than `limit`."""
        value = self._value(key, required)
        if value is None:
            return None
        if not isinstance(value, str):
            raise Refusal.WRONG_TYPE.fault(key)
        if limit is not None and len(value) > limit:
            raise Refusal.EXCEEDS_LENGTH.fault(key)
        return value

    def name(self, key: str, *, limit: int = 31) -> str | None:
        """An object's name. As `text`, and 400 45 empty, 69 illegal character."""
        value = self.text(key, limit=limit)
        if value is None:
            return None
        if not value:
            raise Refusal.EMPTY_STR.fault(key)
        if not _NAME.fullmatch(value):
            raise Refusal.ILLEGAL_CHAR.fault(key)
        return value

    def required_name(self, key: str, *, limit: int = 31) -> str:
        """`name` of a field that must be there: 400 40."""
        value = self.name(key, limit=limit)
        if value is None:
            raise Refusal.MISSING_REQUIRED.fault(key)
        return value

    def required_text(self, key: str, *, limit: int | None = None) -> str:
        """`text` of a field that must be there and not empty: 400 40, 45."""
        value = self.text(key, limit=limit, required=True)
        if not value:
            raise Refusal.EMPTY_STR.fault(key)
        return value

    def number(self, key: str, *, least: int | None = None, most: int | None = None) -> int | None:
        """A whole number. 400 39 other type, 115 below `least`, 43 above `most`."""
        value = self._value(key, False)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refusal.WRONG_TYPE.fault(key)
        if least is not None and value < least:
            raise Refusal.BELOW_RANGE.fault(key)
        if most is not None and value > most:
            raise Refusal.EXCEEDS_RANGE.fault(key)
        return value

    def required_number(self, key: str) -> int:
        """`number` of a field that must be there: 400 40."""
        value = self.number(key)
        if value is None:
            raise Refusal.MISSING_REQUIRED.fault(key)
        return value

    def flag(self, key: str) -> bool | None:
        """A boolean. 400 39 other type."""
        value = self._value(key, False)
        if value is not None and not isinstance(value, bool):
            raise Refusal.WRONG_TYPE.fault(key)
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of strings, empty if absent. 400 39 other type."""
        value = self._value(key, False)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise Refusal.WRONG_TYPE.fault(key)
        return tuple(value)

    def within(self, key: str, known: Collection[str]) -> "Body | None":
        """A nested object. 400 39 other type."""
        value = self._value(key, False)
        if value is None:
            return None
        return Body(self._request, known, self._object(key, value))

    def each(self, key: str, known: Collection[str], *, required: bool = False) -> "list[Body]":
        """A list of objects, empty if absent. 400 39 other type."""
        value = self._value(key, required)
        if value is None:
            return []
        if not isinstance(value, list):
            raise Refusal.WRONG_TYPE.fault(key)
        return [Body(self._request, known, self._object(key, item)) for item in value]

    def flags(self, key: str, known: Collection[str]) -> dict[str, bool]:
        """A nested object of booleans; absent ones are left out."""
        inner = self.within(key, known)
        values = {name: inner.flag(name) for name in known} if inner is not None else {}
        return {name: value for name, value in values.items() if value is not None}

    def _value(self, key: str, required: bool) -> object:
        value = self._fields.get(key)
        if value is None and required:
            raise Refusal.MISSING_REQUIRED.fault(key)
        return value

    @staticmethod
    def _object(key: str, value: object) -> Json:
        if not isinstance(value, Mapping):
            raise Refusal.WRONG_TYPE.fault(key)
        return value


def unknown_name(request: Request, key: str) -> ArrayFault:
    """What the family says about a field that it does not know (wsapi.md 2.4)."""
    refusal = Refusal.UNREC_NAME if request.array.personality.unknown_key_code == 42 else Refusal.INV_INPUT
    return refusal.fault(key)


def conflict(*keys: str) -> ArrayFault:
    """400 44 in the array's words."""
    return Refusal.PARAM_CONFLICT.fault(detail=f" - {', '.join(sorted(keys))}")


def query_flag(request: Request, key: str) -> bool:
    """A true/false in the query string. ArrayFault 400 12 for anything else."""
    value = request.query.get(key, "false").lower()
    if value not in ("true", "false"):
        raise Refusal.INV_INPUT.fault(key)
    return value == "true"
