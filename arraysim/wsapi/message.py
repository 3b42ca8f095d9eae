"""A request after routing, and a reply before encoding."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arraysim.core.array import Array
from arraysim.core.pair import Pair

#: A decoded JSON object. `Any`: that is what JSON holds, and every reader checks types first.
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A call that found its route. `path_params` and `query` values are decoded; `body` is the JSON object, if any."""

    array: Array
    pair: Pair
    method: str
    path_params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Json | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: HTTP `status`, a JSON object or nothing, and headers besides those of every reply."""

    status: int
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def created(location: str) -> Reply:
    """201 with an empty body and a relative Location (wsapi.md 1.3)."""
    return Reply(201, None, {"Location": location})


def members(rows: list[dict[str, Any]]) -> Reply:
    """A collection: `{"total": N, "members": [...]}`, never paged (wsapi.md 1.3)."""
    return Reply(200, {"total": len(rows), "members": rows})
