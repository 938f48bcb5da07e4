"""Bodies: JSON whose numbers stay exact, and text that can be stored."""

import json
from decimal import Decimal
from typing import Any, NoReturn

from fastapi import Request

from ai2.kit.errors import FieldError, Invalid, TooLarge, Unreadable, UnsupportedMediaType

MAX_BYTES = 10_000_000


class BodyTooLarge(TooLarge):
    """The body is larger than is accepted here; send a file to POST /api/core/csv-import instead."""


class NotJson(Unreadable):
    """The body is not JSON in UTF-8."""


class JsonExpected(UnsupportedMediaType):
    """The body must be JSON: send it with Content-Type: application/json."""


class PlainExpected(UnsupportedMediaType):
    """The body must not be compressed: send it without Content-Encoding. A file may itself be gzip or zip."""


class ExactRequest(Request):
    """A request whose JSON numbers with a point are `Decimal`; a float would change them."""

    held: bytes = b""
    value: Any = None

    async def hold(self) -> None:
        """Read the body, as far as the limit; not at all where it says itself that it is larger."""
        if said_bytes(self) > MAX_BYTES:
            raise BodyTooLarge
        check_encoding(self)
        body = bytearray()
        async for piece in self.stream():
            body += piece
            if len(body) > MAX_BYTES:
                raise BodyTooLarge
        self.held = bytes(body)

    def understand(self) -> None:
        """Read the held body's JSON."""
        if self.held:
            check_media_type(self)
            self.value = read_json(self.held)

    async def body(self) -> bytes:
        return self.held

    async def json(self) -> Any:
        return self.value


def read_json(body: bytes) -> Any:
    """The body's JSON. NaN and Infinity are not JSON."""
    try:
        value = json.loads(body.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise NotJson from None
    if b"\\u" in body or b"\x00" in body:
        check_text(value)
    return value


def check_media_type(request: Request) -> None:
    """Refuse a body that does not say that it is JSON."""
    name = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if name != "application/json" and not (name.startswith("application/") and name.endswith("+json")):
        raise JsonExpected


def check_encoding(request: Request) -> None:
    """Refuse a compressed body: a few kilobytes may be gigabytes."""
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
        raise PlainExpected


def said_bytes(request: Request) -> int:
    """How long the request says that its body is; 0 where it does not say."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 20 else 0


def check_text(value: Any, path: str = "body") -> None:
    """Refuse NUL and lone surrogates anywhere: PostgreSQL and UTF-8 have none."""
    if isinstance(value, str) and not is_text(value):
        raise Invalid(errors=(FieldError(path, "holds a character that is not text (NUL or half a pair)"),))
    if isinstance(value, dict):
        for key, item in value.items():
            check_text(key, path)
            check_text(item, f"{path}.{key}".removeprefix("body.")[:200])
    if isinstance(value, list):
        for number, item in enumerate(value):
            check_text(item, f"{path}.{number}".removeprefix("body.")[:200])


def is_text(value: str) -> bool:
    return "\x00" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _refuse(_: str) -> NoReturn:
    raise ValueError
