"""Logs: the guide's JSON, ours and other people's lines alike."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from ai2.kit import logs

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("core-app", "warn", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logs.configure("test")
    root.handlers[:] = handlers


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_the_guides_shape(written: io.StringIO) -> None:
    token = logs.trace.set(logs.Trace(TRACE, "00f067aa0ba902b7"))
    logs.logger().warning("batch loaded", rows=3)
    logs.trace.reset(token)
    (line,) = lines(written)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "warn",
        "service": "core-app",
        "message": "batch loaded",
        "context": {"rows": 3},
        "traceId": TRACE,
        "spanId": "00f067aa0ba902b7",
    }


def test_lines_of_libraries_say_which(written: io.StringIO) -> None:
    logging.getLogger("psycopg.pool").warning("connection %s lost", 7)
    logging.getLogger("psycopg.pool").info("not at this level")
    (line,) = lines(written)
    assert (line["message"], line["context"]) == ("connection 7 lost", {"logger": "psycopg.pool"})


def test_clients_of_others_tell_no_address_at_any_level(written: io.StringIO) -> None:
    logs.configure("core-app", "debug", written)
    for name in ("httpx2", "urllib3.connectionpool", "imapclient.imaplib", "plaid.rest"):
        logging.getLogger(name).info("GET https://user:secret@bank.example/accounts?token=secret")
        logging.getLogger(name).debug("Authorization: secret")
    logging.getLogger("ours").debug("the control")
    assert [line["message"] for line in lines(written)] == ["the control"]


def test_an_error_carries_its_traceback_on_its_line(written: io.StringIO) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logs.logger().exception("broke")
    (line,) = lines(written)
    assert line["level"] == "error"
    assert "test_logs.py" in line["context"]["exception"]


@pytest.mark.parametrize(
    ("traceparent", "is_kept"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", True),
        (f"01-{TRACE}-00f067aa0ba902b7-01-more", True),  # a version to come may say more
        (f"ff-{TRACE}-00f067aa0ba902b7-01", False),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", False),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", False),
        (f"00-{TRACE}-00f067aa0ba902b7", False),
        ("", False),
        (None, False),
    ],
)
def test_a_trace_goes_on_where_its_header_is_valid(traceparent: str | None, is_kept: bool) -> None:
    here = logs.start_trace(traceparent)
    assert (here.trace_id == TRACE) == is_kept
    assert (len(here.trace_id), len(here.span_id)) == (32, 16)
