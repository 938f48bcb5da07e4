"""Logs: one JSON object a line, in the guide's shape: timestamp, level, service, message, context, traceId, spanId.

Say what happened in the message and name the rest: `log.info("batch loaded", batch_id=..., rows=...)`. Ids and
counts only; never a description, an amount, a name or an address. What slips through is masked, and of an exception
that is not ours only its kind and its way through the code are told: its message may hold somebody's data.
"""

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, TextIO, cast

import structlog
from psycopg import Error as DatabaseError
from structlog.stdlib import ProcessorFormatter
from structlog.typing import FilteringBoundLogger, Processor

from ai2.kit.errors import Problem
from ai2.kit.masking import mask


@dataclass(frozen=True)
class Trace:
    """Where we are in a trace: W3C ids, 32 and 16 hexadecimal digits."""

    trace_id: str
    span_id: str

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"


# They tell of every request its address, and below that its headers: an address may have a password in it. Whatever
# level is set, only their warnings are told.
TALKATIVE = (
    "httpx", "httpx2", "httpcore", "httpcore2", "urllib3", "requests", "imapclient", "paramiko", "plaid", "fsspec",
    "s3fs", "botocore", "aiobotocore", "boto3", "asyncssh", "authlib", "sendgrid", "python_http_client",
)  # fmt: skip

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
        _tell_exception,
        _shape,
        _mask,
        structlog.processors.JSONRenderer(default=str),
    ]
    handler.setFormatter(ProcessorFormatter(processors=render, foreign_pre_chain=[*shared, _foreign]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_number(level))
    for talkative in TALKATIVE:
        logging.getLogger(talkative).setLevel(logging.WARNING)
    sys.excepthook = _log_unhandled


def configure_ours(name: str, level: str = "info") -> None:
    """The same for our own lines alone, in a process whose other lines belong to a framework."""
    service.set(name)
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            _stamp,
            _tell_exception,
            _shape,
            _mask,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        cache_logger_on_first_use=True,
    )


def logger(name: str = "ai2") -> FilteringBoundLogger:
    return cast(FilteringBoundLogger, structlog.get_logger(name))


def told(error: BaseException) -> str:
    """What an exception may say: our own problems their detail, a database's its kind and place, others their kind.

    What the server says of a row (its message and DETAIL) quotes the row.
    """
    kind = type(error).__name__
    if isinstance(error, Problem):
        return f"{kind}: {mask(error.detail)}"
    if isinstance(error, DatabaseError):
        parts = {name: getattr(error.diag, f"{name}_name") for name in ("schema", "table", "column", "constraint")}
        where = ", ".join(f"{name} {value}" for name, value in parts.items() if value)
        return f"{kind} ({error.sqlstate or 'no answer'})" + (f" at {where}" if where else "")
    if isinstance(error, OSError):
        return f"{kind}: {error.strerror}" if error.strerror else kind
    return kind


def way(error: BaseException) -> str:
    """An exception's way through the code and what it may say, and the same of those that caused it."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = f"{way(cause)}\nand then:\n" if cause else ""
    frames = "".join(traceback.format_tb(error.__traceback__))
    inner = "".join(f"\n{way(each)}" for each in getattr(error, "exceptions", ()))
    return f"{before}{frames}{told(error)}{inner}"


def _tell_exception(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The exception of a line as text. `exc_info` is true, an exception, or what sys.exc_info() gives."""
    given = event.pop("exc_info", None)
    if isinstance(given, tuple):
        given = given[1]
    elif given and not isinstance(given, BaseException):
        given = sys.exc_info()[1]
    if given:
        event["exception"] = way(given)
    return event


def _log_unhandled(kind: type[BaseException], error: BaseException, frames: Any) -> None:
    """The last words of a process."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, frames)
    else:
        logger().critical("unhandled", exc_info=error)


def _mask(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last look at a line: values that are no JSON are made texts first, and every text is masked."""
    message, context = event["message"], event["context"]
    return {**event, "message": mask(str(message)), "context": _plain(context)}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseException):
        return told(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {mask(str(name)): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    return mask(str(value))


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
