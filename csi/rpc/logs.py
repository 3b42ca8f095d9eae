"""Log lines for people and for machines, each with the id of the call it belongs to and none of the call's secrets."""

import json
import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

#: The call that is being served; worker threads inherit both.
request_id: ContextVar[str] = ContextVar("request_id", default="")
call_secrets: ContextVar[frozenset[str]] = ContextVar("call_secrets", default=frozenset())

STYLES = ("json", "console")
LEVELS = ("debug", "info", "warning", "error")

HIDDEN = "***"
#: Shorter values ("ro", "1") would blank out half of every sentence and protect nothing.
_SHORTEST_SCRUBBED = 4


def scrub(text: str, values: Iterable[str]) -> str:
    """`text` with each of `values` (as they are, and as JSON or repr would escape them) replaced by `***`."""
    written = {
        form
        for value in values
        if len(value) >= _SHORTEST_SCRUBBED
        for form in (value, json.dumps(value)[1:-1], repr(value)[1:-1])
    }
    for form in sorted(written, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


def _stamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Formatter(logging.Formatter, ABC):
    """Adds the call's id and blanks out its secrets, wherever in the driver the line was written."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = dict(getattr(record, "fields", {}))
        if number := request_id.get():
            fields.setdefault("request", number)
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return scrub(self.line(record, fields), call_secrets.get())

    @abstractmethod
    def line(self, record: logging.LogRecord, fields: dict[str, object]) -> str:
        """One record as text; `fields` are the line's own, the call's id and a trace if there is one."""


class JsonFormatter(_Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and the line's own fields."""

    def line(self, record: logging.LogRecord, fields: dict[str, object]) -> str:
        head = {
            "time": _stamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        return json.dumps({**head, **fields}, default=str, ensure_ascii=False)


class ConsoleFormatter(_Formatter):
    """For a terminal: the message, then `key=value`; a trace follows on lines of its own."""

    def line(self, record: logging.LogRecord, fields: dict[str, object]) -> str:
        trace = fields.pop("trace", None)
        pairs = "".join(
            f" {key}={value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)}"
            for key, value in fields.items()
        )
        head = f"{_stamp(record)} {record.levelname:<7} {record.getMessage()}{pairs}"
        return f"{head}\n{trace}" if trace else head


def configure(style: str = "json", level: str = "info", stream: TextIO | None = None) -> None:
    """Send all log lines to `stream` (default: stderr) in one of STYLES, from one of LEVELS up."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else ConsoleFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for library in ("asyncio", "grpc", "urllib3"):
        # Their debug lines tell about themselves, dozens a call.
        logging.getLogger(library).setLevel(max(logging.INFO, logging.getLogger().level))
