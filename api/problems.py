"""Problems over HTTP: every error leaves as RFC 9457 `application/problem+json` and never repeats what was sent."""

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from psycopg import DataError
from starlette.exceptions import HTTPException

from ai2.kit.errors import FieldError, Invalid, NotFound, Problem, TooLarge, Unauthorized, Unavailable
from ai2.kit.masking import masked

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
# pydantic's own words for these quote a part of the value.
EXPECTED = {
    "uuid": "is a UUID",
    "date": "is a date, YYYY-MM-DD",
    "datetime": "is an instant of RFC 3339 with its offset",
    "timezone": "is an instant of RFC 3339 with its offset",
    "int": "is a whole number",
    "bool": "is true or false",
    "float": "is a number",
    "decimal": "is a decimal number",
    "missing": "is needed",
    "extra": "is not a field of this request",
}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong and what to do next (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "request_id", "errors"],
    "properties": {
        "type": {"type": "string", "description": "A URN that names the kind of problem."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "The kind of problem, for programs."},
        "request_id": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    kind: {"description": text, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for kind, text in (("4XX", "The request was refused."), ("5XX", "The service could not answer."))
}


class MethodNotAllowed(Problem):
    """This address does not know this method; the Allow header lists those it knows."""

    status = 405


class NoSuchAddress(NotFound):
    """There is nothing at this address; GET /openapi.json lists all there is."""


class Refused(Problem):
    """The request could not be served."""


class Failed(Problem):
    """Something broke on our side; it is in our log under this request id."""


def respond(problem: Problem, request_id: str | None) -> Response:
    """The problem as a response."""
    body = {
        "type": f"urn:ai2:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request_id,
        "errors": [vars(error) for error in problem.errors],
    }
    said = masked({**problem.extra, **body})
    content = json.dumps(said, default=str, ensure_ascii=False).encode("utf-8", "replace")
    return Response(content, problem.status, _headers(problem), MEDIA_TYPE)


def from_validation(error: RequestValidationError) -> Problem:
    """All fields that do not hold, by dotted path."""
    return Invalid(errors=tuple(_field_error(found) for found in error.errors()))


def install(app: FastAPI) -> None:
    """Let every error of this app leave as a problem."""

    @app.exception_handler(Problem)
    async def _(request: Request, error: Problem) -> Response:
        return respond(error, request_id(request))

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> Response:
        return respond(from_validation(error), request_id(request))

    @app.exception_handler(DataError)
    async def _(request: Request, _error: DataError) -> Response:
        return respond(Invalid("A value cannot be stored; it is out of range or not text."), request_id(request))

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        response = respond(_from_status(error.status_code), request_id(request))
        response.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = ", ".join(sorted(app.state.methods.at(request.scope["path"])))
        return response


def request_id(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)


def _from_status(status: int) -> Problem:
    known: dict[int, type[Problem]] = {404: NoSuchAddress, 405: MethodNotAllowed, 413: TooLarge}
    if status in known:
        return known[status]()
    refused = Refused(HTTPStatus(status).phrase)
    refused.status = status
    return refused


def _headers(problem: Problem) -> dict[str, str]:
    headers: dict[str, str] = {}
    if isinstance(problem, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    wait_s = problem.retry_after_s or (RETRY_AFTER_S if isinstance(problem, Unavailable) else None)
    if wait_s:
        headers["Retry-After"] = str(wait_s)
    return headers


def _field_error(found: dict[str, Any]) -> FieldError:
    path = [str(part) for part in found["loc"] if part not in {"body", "query", "path", "header"}]
    kind = found["type"].partition("_")[0]
    message = EXPECTED.get(kind) or found["msg"].removeprefix("Value error, ")
    return FieldError(".".join(path)[:200] or "body", message)
