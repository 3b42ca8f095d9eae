"""Values of one place of an hpe.conf, read with their checks; a failure is noted with its line and reads as nothing."""

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from csi.settings import plugin_keys
from csi.settings.checks import is_placeholder
from csi.settings.problems import Report, Wrong
from csi.settings.replication_device import Pair
from csi.settings.spelling import nearest, shown

_T = TypeVar("_T")
_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


class Values:
    """A section (`prefix` "") or a replication_device; `line` is where a missing key is missing."""

    def __init__(self, report: Report, backend: str, values: Mapping[str, Pair], *, prefix: str, line: int) -> None:
        self.report = report
        self.backend = backend
        self._values = values
        self._prefix = prefix
        self._line = line

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def problem(self, key: str, wrong: str, *, allowed: str = "", near: str = "") -> None:
        """Note a problem with `key` on its line."""
        line = self._values[key].line if key in self._values else self._line
        place = self._prefix + key
        self.report.problem(wrong, backend=self.backend, key=place, line=line, allowed=allowed, nearest=near)

    def raw(self, key: str) -> str:
        """The value as it stands, "" where there is none."""
        return self._values[key].value if key in self._values else ""

    def text(self, key: str) -> str:
        """The value; "" where there is none, or what stands there is a sample's placeholder, which is noted."""
        value = self.raw(key)
        if key in plugin_keys.SECRET or not is_placeholder(value):
            return value
        self.problem(key, f"{shown(value)} is the placeholder of a printed sample", allowed="your own value")
        return ""

    def needed(self, key: str, why: str = "") -> str:
        """The value; its absence is noted."""
        if self.raw(key):
            return self.text(key)
        self.problem(key, f"is missing: {why}" if why else "is missing")
        return ""

    def checked(self, key: str, value: str, check: Callable[[str], _T]) -> _T | None:
        """What `check` makes of a value of `key`; None for "" and for what it refuses."""
        if not value:
            return None
        try:
            return check(value)
        except Wrong as wrong:
            self.problem(key, wrong.sentence, allowed=wrong.allowed)
            return None

    def flag(self, key: str) -> bool:
        """A boolean, False where it is absent or unreadable."""
        value = self.text(key)
        if value and value.lower() not in _BOOLEANS:
            self.problem(key, f"{shown(value)} is neither true nor false", allowed="true, false")
        return _BOOLEANS.get(value.lower(), False)

    def each(self, key: str, separator: str, check: Callable[[str], str]) -> tuple[str, ...]:
        """The parts of a list, each checked."""
        parts = (part.strip() for part in self.text(key).split(separator))
        return tuple(filter(None, (self.checked(key, part, check) for part in parts)))

    def tell_unknown(self, known: Collection[str]) -> None:
        """Note every key that is not in `known`."""
        for key in self._values:
            if key not in known:
                self.problem(key, "unknown key", near=nearest(key, known))

    def tell_ignored(self) -> None:
        """Warn of keys without a meaning here, once for each reason."""
        by_reason: dict[str, list[str]] = {}
        for key in self._values:
            if key in plugin_keys.IGNORED:
                by_reason.setdefault(plugin_keys.IGNORED[key], []).append(self._prefix + key)
        for reason, keys in by_reason.items():
            self.report.warn(f"{', '.join(keys)} ignored: {reason}", backend=self.backend)
