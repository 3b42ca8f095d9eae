"""Log lines."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from csi.rpc import logs


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Give pytest its handlers back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(style: str, level: str = "info") -> tuple[logging.Logger, io.StringIO]:
    stream = io.StringIO()
    logs.configure(style, level, stream)
    return logging.getLogger("csi.test"), stream


def test_a_json_line_is_one_object_with_the_line_s_own_fields() -> None:
    logger, stream = lines("json")
    logger.info("made %s", "v", extra={"fields": {"rpc": "CreateVolume", "duration_seconds": 0.5}})
    record = json.loads(stream.getvalue())
    assert record.pop("time").endswith("Z")
    assert record == {
        "level": "info",
        "logger": "csi.test",
        "message": "made v",
        "rpc": "CreateVolume",
        "duration_seconds": 0.5,
    }


def test_a_console_line_ends_in_pairs_and_a_trace_follows() -> None:
    logger, stream = lines("console")
    logger.error("failed", exc_info=ValueError("no"), extra={"fields": {"rpc": "Probe", "arguments": {"a": 1}}})
    first, second, *rest = stream.getvalue().splitlines()
    assert first.endswith('ERROR   failed rpc=Probe arguments={"a": 1}')
    assert (second, rest) == ("ValueError: no", [])


@pytest.mark.parametrize("style", logs.STYLES)
def test_every_line_of_a_call_has_its_number_and_none_of_its_secrets(style: str) -> None:
    logger, stream = lines(style)
    number, secrets = logs.request_id.set("r7"), logs.call_secrets.set(frozenset({'hun"ter2'}))
    try:
        failure = ValueError('password hun"ter2')
        logger.error('logging in with hun"ter2', exc_info=failure, extra={"fields": {"flag": 'hun"ter2'}})
    finally:
        logs.request_id.reset(number)
        logs.call_secrets.reset(secrets)
    text = stream.getvalue()
    assert "r7" in text
    assert "ter2" not in text
    assert text.count("***") == 3


def test_lines_below_the_level_are_not_written() -> None:
    logger, stream = lines("json", "warning")
    logger.info("quiet")
    assert stream.getvalue() == ""
