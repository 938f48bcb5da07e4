"""Inbound: mails that SendGrid's Inbound Parse hands over to us."""

import asyncio
import base64
import binascii
from collections.abc import Mapping

from fastapi import APIRouter, Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ai2.connections import forwarding
from ai2.connections.forwarding import SIGNATURE, TIMESTAMP, Door, Handed, NotHandedOver
from ai2.kit.errors import TooLarge, Unreadable, UnsupportedMediaType
from ai2.kit.settings import settings
from ai2.receipts.mails.posted import Field
from api.bodies import said_bytes
from api.connectors.hooks import Hook, body_of
from api.connectors.room import Room
from api.schemas import Out
from api.unit import Pool

MOST_FIELDS, MOST_HEADERS, LONGEST_HEADER = 300, 8, 4_000
# What a mail becomes longer by in a form, whose other fields say what is in it again.
AROUND_BYTES = 1_000_000
# Of bodies; read and taken apart a mail takes about four times as much. SendGrid tries again for three days.
ROOM = Room(all_bytes=200_000_000, each_bytes=100_000_000)
OPENAPI = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "description": "As SendGrid's Inbound Parse sends it: with the whole message, or taken apart.",
                    "properties": {
                        "email": {"type": "string", "description": "The whole message."},
                        "headers": {"type": "string"},
                        "envelope": {"type": "string", "description": "JSON: from, and to[]."},
                    },
                    "anyOf": [{"required": ["email"]}, {"required": ["headers"]}],
                }
            }
        },
    }
}


class MailTooLarge(TooLarge):
    """This mail is larger than is taken (MAIL_BYTES)."""


class FormExpected(UnsupportedMediaType):
    """The body must be a form: multipart/form-data, as SendGrid's Inbound Parse sends it."""


class FormBroken(Unreadable):
    """The form cannot be read, or has more fields than any has."""


class TakenOut(Out):
    """It is here. A mail that was here before is not taken again."""

    taken: int = 0


router = APIRouter(prefix="/api/connectors/email/inbound", tags=["connectors"], route_class=Hook)


@router.post("", response_model=TakenOut, openapi_extra=OPENAPI)
async def receive_mail(request: Request, database: Pool) -> TakenOut:
    """A mail that is handed over, with the token as the password of basic authentication."""
    return await _take(request, database, _password(request))


@router.post("/{token}", response_model=TakenOut, openapi_extra=OPENAPI)
async def receive_mail_by_token(token: str, request: Request, database: Pool) -> TakenOut:
    """A mail that is handed over, with the token in the address."""
    return await _take(request, database, token)


async def _take(request: Request, database: Pool, token: str) -> TakenOut:
    door = await forwarding.door(database, token)
    boundary = _boundary(request)
    most = settings().mail_bytes + AROUND_BYTES
    with ROOM.holding(door.connection, min(said_bytes(request) or most, most)):
        body = await body_of(request, most, MailTooLarge)
        # of a large mail it takes a second or more, for which nobody else waits
        arrived = await asyncio.to_thread(_read, door, request.headers, body, boundary)
        return TakenOut(taken=await forwarding.take(database, door, arrived))


def _read(door: Door, headers: Mapping[str, str], body: bytes, boundary: bytes) -> Handed:
    if door.key is not None:
        forwarding.check_signature(door.key, headers.get(SIGNATURE), headers.get(TIMESTAMP), body)
    return forwarding.handed(fields(body, boundary))


def fields(body: bytes, boundary: bytes) -> list[Field]:
    """The fields of a form, as bytes: a mail is text in any charset, and none. Raises FormBroken."""
    found: list[Field] = []
    headers: dict[str, bytes] = {}
    name, value, content = bytearray(), bytearray(), bytearray()

    def begin() -> None:
        headers.clear()
        content.clear()

    def header_end() -> None:
        headers[name.decode("latin-1").lower()] = bytes(value)
        name.clear()
        value.clear()

    def end() -> None:
        kind, options = parse_options_header(headers.get("content-disposition", b""))
        if len(found) >= MOST_FIELDS or kind != b"form-data":
            raise FormBroken
        file_name = options.get(b"filename")
        found.append(
            Field(
                options.get(b"name", b"").decode("utf-8", "replace"), bytes(content),
                file_name.decode("utf-8", "replace") if file_name is not None else None,
                headers.get("content-type", b"").decode("latin-1") or None,
            )
        )  # fmt: skip

    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": begin, "on_part_end": end, "on_header_end": header_end,
            "on_header_field": lambda data, start, stop: name.extend(data[start:stop]),
            "on_header_value": lambda data, start, stop: value.extend(data[start:stop]),
            "on_part_data": lambda data, start, stop: content.extend(data[start:stop]),
        },
        max_header_count=MOST_HEADERS,
        max_header_size=LONGEST_HEADER,
    )  # fmt: skip
    try:
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError):
        raise FormBroken from None
    return found


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", "").encode("latin-1", "replace"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise FormExpected
    return options[b"boundary"]


def _password(request: Request) -> str:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        raise NotHandedOver
    try:
        plain = base64.b64decode(text.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise NotHandedOver from None
    return plain.partition(":")[2]
