"""Uploads: a file and its fields, spooled to disk as they arrive, within a limit; nothing large sits in memory."""

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from ai2.identity import idempotency
from ai2.identity.idempotency import Answer
from ai2.identity.principal import Principal
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid, TooLarge, Unreadable, UnsupportedMediaType
from ai2.kit.settings import settings
from api.bodies import ExactRequest, check_encoding, check_text, read_json, said_bytes
from api.edge.pace import paced
from api.recording import record
from api.schemas import Model
from api.unit import admitted, idempotency_key, replayed, request_digest

MAX_FIELDS = 20
FORM_BYTES = 1_000_000  # what a form may have around its file
AROUND_BYTES = 16 * 1024  # and one that is nothing else: its field's head and the form's ends


class UploadTooLarge(TooLarge):
    """The file is larger than is accepted; split it, or put it into the inbox folder."""


class NotMultipart(Unreadable):
    """The body is not the multipart form that its header announces; send the file again."""


class FileOrJsonExpected(UnsupportedMediaType):
    """Send the file as multipart/form-data, or its text as JSON."""


@dataclass(frozen=True)
class Upload:
    """A file as it came, and what was said with it. `file` is open, and gone when the request ends."""

    file: BinaryIO
    file_name: str
    size_bytes: int
    fields: dict[str, Any]

    async def digest(self) -> bytes:
        """What makes two uploads the same: the file's bytes and every field."""
        said = json.dumps([self.file_name, self.fields], sort_keys=True, default=str).encode()
        return await asyncio.to_thread(lambda: hashlib.sha256(self._file_digest() + said).digest())

    def _file_digest(self) -> bytes:
        self.file.seek(0)
        return hashlib.file_digest(cast(Any, self.file), "sha256").digest()


@asynccontextmanager
async def spooled(request: Request) -> AsyncIterator[Upload]:
    """The request's upload: a multipart form with `file`, or JSON with the text in `csv_data`."""
    check_encoding(request)
    if said_bytes(request) > settings().upload_bytes + FORM_BYTES:
        raise UploadTooLarge
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        async with form(request) as upload:
            yield upload
    elif media_type == "application/json":
        yield await _json(request)
    else:
        raise FileOrJsonExpected


def valid(model: type[Model], fields: dict[str, Any]) -> Model:
    """The fields as a model; what does not hold is named as for any other body."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


class Shown(Response):
    """What would come of it: nothing was written, and the audit has nothing to tell."""


async def once(
    request: Request, who: Principal, received: Upload, work: Callable[[Connection], Awaitable[Response]]
) -> Response:
    """Do an upload's work; with a key only the first time, its effect and its answer in one transaction."""
    key = idempotency_key(request)
    wanted = request_digest(request, await received.digest()) if key else b""
    async with admitted(request) as db:
        former = await idempotency.claim(db, who.organization_id, key, wanted) if key else None
        if former:
            return replayed(former)
        response = await work(db)
        if key:
            answer = Answer(response.status_code, bytes(response.body), response.media_type)
            await idempotency.keep(db, who.organization_id, key, wanted, answer)
        if not isinstance(response, Shown):
            request.state.answer = response
            await record(request, request.scope["route"].name, db)
    return response


class _Limited(Request):
    """A request that stops reading at the limit."""

    most_bytes = 0

    async def stream(self) -> AsyncGenerator[bytes, None]:
        size_bytes = 0
        async for piece in super().stream():
            size_bytes += len(piece)
            if size_bytes > self.most_bytes:
                raise UploadTooLarge
            yield piece


@asynccontextmanager
async def form(request: Request, most_bytes: int | None = None) -> AsyncIterator[Upload]:
    """The request's upload as a multipart form with `file`."""
    limited = _Limited(request.scope, paced(request.receive))
    limited.most_bytes = most_bytes or settings().upload_bytes
    try:
        received = await limited.form(max_files=1, max_fields=MAX_FIELDS)
    except HTTPException:
        raise NotMultipart from None
    try:
        yield _from_form(received)
    finally:
        await received.close()


class FormExpected(UnsupportedMediaType):
    """Send the file as multipart/form-data, in the field `file`."""


@asynccontextmanager
async def only_file(request: Request, most_bytes: int, refusal: type[TooLarge]) -> AsyncIterator[Upload]:
    """A form that is a file and nothing else. Raises FormExpected, and the refusal where it is larger."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise FormExpected
    try:
        async with form(request, most_bytes + AROUND_BYTES) as received:
            if received.size_bytes > most_bytes:
                raise refusal
            if received.fields:
                raise Invalid(errors=tuple(FieldError(name[:100], "is not known here") for name in received.fields))
            yield received
    except UploadTooLarge:
        raise refusal from None


def _from_form(form: FormData) -> Upload:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise Invalid(errors=(FieldError("file", "is needed"),))
    fields = {name: value for name, value in form.multi_items() if name != "file"}
    check_text({**fields, "file": file.filename})
    return Upload(file.file, file.filename or "upload", file.size or 0, _read_mapping(fields))


async def _json(request: Request) -> Upload:
    exact = ExactRequest(request.scope, paced(request.receive))
    await exact.hold()
    fields = read_json(exact.held)
    if not isinstance(fields, dict) or not isinstance(fields.get("csv_data"), str):
        raise Invalid(errors=(FieldError("csv_data", "is the file's text"),))
    text = fields.pop("csv_data").encode()
    return Upload(io.BytesIO(text), str(fields.pop("file_name", "upload.csv")), len(text), fields)


def _read_mapping(fields: dict[str, Any]) -> dict[str, Any]:
    """A form has only text: the mapping is JSON in it."""
    if "mapping" not in fields:
        return fields
    try:
        return {**fields, "mapping": read_json(str(fields["mapping"]).encode())}
    except Unreadable:
        raise Invalid(errors=(FieldError("mapping", "is a JSON object: role to column"),)) from None
