"""Logs: one JSON object a line, in the guide's shape: timestamp, level, service, message, context, traceId, spanId.

Say what happened in the message and name the rest: `log.info("batch loaded", batch_id=..., rows=...)`. Ids and
counts only; never a description, an amount, a name or an address.
"""

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, TextIO, cast

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import FilteringBoundLogger, Processor


@dataclass(frozen=True)
class Trace:
    """Where we are in a trace: W3C ids, 32 and 16 hexadecimal digits."""

    trace_id: str
    span_id: str

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"


service: ContextVar[str] = ContextVar("service", default="ai2")
trace: ContextVar[Trace | None] = ContextVar("trace", default=None)


def start_trace(traceparent: str | None = None) -> Trace:
    """A new span, in the caller's trace where it sent a valid `traceparent`."""
    parts = (traceparent or "").split("-")
    known = len(parts) >= 4 and [len(part) for part in parts[:3]] == [2, 32, 16] and _is_hex("".join(parts[:3]))
    trace_id = parts[1] if known and parts[0] != "ff" and parts[1].strip("0") else token_hex(16)
    return Trace(trace_id, token_hex(8))


def configure(name: str, level: str = "info", stream: TextIO | None = None) -> None:
    """Let everything in this process log as this service, our own lines and other people's alike."""
    service.set(name)
    shared: list[Processor] = [structlog.stdlib.add_log_level, _stamp]
    structlog.configure(
        processors=[*shared, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    render: list[Processor] = [
        ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _shape,
        structlog.processors.JSONRenderer(default=str),
    ]
    handler.setFormatter(ProcessorFormatter(processors=render, foreign_pre_chain=[*shared, _foreign]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_number(level))


def logger(name: str = "ai2") -> FilteringBoundLogger:
    return cast(FilteringBoundLogger, structlog.get_logger(name))


def _stamp(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    here = trace.get()
    event["_at"] = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event["_service"] = service.get()
    event["_trace"] = (here.trace_id, here.span_id) if here else (None, None)
    return event


def _foreign(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Lines of libraries say which library."""
    event["logger"] = event["_record"].name
    return event


def _shape(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    trace_id, span_id = event.pop("_trace")
    shaped = {
        "timestamp": event.pop("_at"),
        "level": {"warning": "warn", "critical": "error"}.get(event["level"], event["level"]),
        "service": event.pop("_service"),
        "message": event.pop("event"),
    }
    event.pop("level")
    return {**shaped, "context": dict(event), "traceId": trace_id, "spanId": span_id}


def _number(level: str) -> int:
    """The guide's `warn` and `trace` are logging's WARNING and DEBUG."""
    known = {"error": 40, "warn": 30, "warning": 30, "info": 20, "debug": 10, "trace": 10}
    return known.get(level.lower(), 20)


def _is_hex(text: str) -> bool:
    return all(letter in "0123456789abcdef" for letter in text)
