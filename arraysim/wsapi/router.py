"""Finding the handler of a path."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from arraysim.core.faults import Refusal
from arraysim.wsapi.routes import Handler, Route


class Router:
    """The routes, found by their number of segments and tried in the order of the table."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[int, list[tuple[re.Pattern[str], Route]]] = {}
        for route in routes:
            self._routes.setdefault(route.path.count("/"), []).append((_pattern(route.path), route))

    def find(self, method: str, raw_path: str) -> tuple[Handler, dict[str, str]]:
        """The handler and the decoded path parameters for a path as it was sent.

        Segments are split before decoding, so that a name may hold an encoded slash. ArrayFault 404 11 for an unknown
        path, 501 9 for a known path that has no such method (wsapi.md 1.5).
        """
        path = raw_path.rstrip("/")
        known = False
        for pattern, route in self._routes.get(path.count("/"), ()):
            found = pattern.fullmatch(path)
            if found is not None and route.method == method:
                return route.handler, {name: unquote(value) for name, value in found.groupdict().items()}
            known = known or found is not None
        raise (Refusal.UNSUP_OP if known else Refusal.URI_RES_NOT_FOUND).fault()


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    return re.compile(
        "".join(f"(?P<{part}>[^/]+)" if position % 2 else re.escape(part) for position, part in enumerate(parts))
    )
