"""Unit: one request is one database transaction, by one principal, within limits, and done once.

The order is fixed for every route: count the request, read its body, open the transaction, admit the caller,
look whether the very same request was answered before, do the work, keep the answer, commit, and only then send.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer

from ai2.identity import api_keys, audit, idempotency, sessions
from ai2.identity.audit import Origin
from ai2.identity.idempotency import Answer
from ai2.identity.principal import Principal
from ai2.kit.database import Collided, Connection, Database
from ai2.kit.errors import FieldError, Invalid, Problem, Unauthorized
from ai2.kit.security import AccessToken, digest, read_access_token
from api import problems, roles
from api.bodies import ExactRequest, check_text
from api.edge import compression
from api.edge.deadline import in_time
from api.edge.limits import RateLimited, Windows
from api.edge.pace import paced
from api.recording import is_recorded, record

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
# They change nothing that a repeat would change again. Nor is anything kept of a body with passwords in it.
REPEATABLE = frozenset({
    "logout", "analyze_transaction", "analyze_tax", "calculate_tax", "preview_rules", "preview_effects",
    "change_password",
    "create_second_factor", "renew_recovery_codes", "disable_second_factor", "preview_third_party",
})  # fmt: skip
PAUSES_S = (0.05, 0.2, 0.5)
SECRET = frozenset({
    "create_api_key", "create_invitation", "confirm_second_factor", "link_oidc",
    "connect_bank", "connect_email", "authorize_connection",
})  # fmt: skip


class CredentialNeeded(Unauthorized):
    """Sign in at POST /api/core/auth/login, or send an API key as X-API-Key."""


class Aside(Exception):
    """Something is to be done while no transaction waits; then the unit, of which nothing is kept, begins anew."""

    def __init__(self, do: Callable[[Database], Awaitable[Any]]) -> None:
        super().__init__()
        self.do = do


class Unit(APIRoute):
    """A route whose body is small: it is read first, and no transaction waits for a slow sender."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def handle(received: Request) -> Response:
            request, credential = await _take_in(received, self)
            first = None if self.name in roles.PUBLIC else partial(admit, request, credential, self.name)
            last = partial(record, request, self.name) if is_recorded(request, self.name) else None

            async def attempt() -> Response:
                request.state.answer = None  # what an attempt before this one answered never happened
                async with (
                    in_time(self.name) as check,
                    database_of(request).transaction(first=first, last=last) as db,
                ):
                    check()
                    request.state.db = db
                    request.understand()
                    return await _once(request, db, self.name, handler)

            try:
                return await _again_after_collisions(attempt)
            except Aside as aside:
                request.state.went_aside = True
                await aside.do(database_of(request))
                return await _again_after_collisions(attempt)

        return handle


class Upload(APIRoute):
    """A route that reads its body itself, once the caller is known, and opens transactions when it needs them."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            credential = await count(request)
            request.state.admit = partial(admit, request, credential, self.name)
            async with admitted(request):
                pass  # it was only to know the caller
            return await handler(request)

        return handle


class Outside(APIRoute):
    """A route that asks a server that is not ours: no transaction waits for it, the route opens those it needs."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def handle(received: Request) -> Response:
            request, credential = await _take_in(received, self)
            if self.name not in roles.PUBLIC:
                async with database_of(request).transaction(first=partial(admit, request, credential, self.name)):
                    pass  # it was only to know the caller
            request.understand()
            key = idempotency_key(request) if request.method == "POST" else None
            if key is None or self.name in roles.PUBLIC | REPEATABLE:
                return await handler(request)
            return await _once_outside(request, key, self.name, handler)

        return handle


async def _take_in(received: Request, route: APIRoute) -> tuple[ExactRequest, str | AccessToken | None]:
    """The request, counted and with its body here, and its credential."""
    request = ExactRequest(received.scope, paced(received.receive))
    request.scope[compression.PLAIN] = route.name in SECRET | roles.PUBLIC
    credential = await count(request)
    check_text(dict(request.query_params.multi_items()), "query")
    if route.body_field is not None:
        await request.hold()
    return request, credential


@asynccontextmanager
async def admitted(request: Request) -> AsyncIterator[Connection]:
    """A transaction of an upload's caller, who may have lost their role while they sent it."""
    async with database_of(request).transaction(first=request.state.admit) as db:
        yield db


@asynccontextmanager
async def keeping(database: Database) -> AsyncIterator[Connection]:
    """A transaction that a refusal which keeps what was written commits, as in a unit."""
    refused: Problem | None = None
    async with database.transaction() as db:
        try:
            yield db
        except Problem as problem:
            if not problem.keeps_changes:
                raise
            refused = problem
    if refused:
        raise refused


async def _again_after_collisions(attempt: Callable[[], Awaitable[Response]]) -> Response:
    """Of two that wait for each other PostgreSQL ends one: nothing of it is left, and it is done again."""
    for pause_s in PAUSES_S:
        with contextlib.suppress(Collided):
            return await attempt()
        await asyncio.sleep(pause_s)
    return await attempt()


def database_of(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def count(request: Request) -> str | AccessToken | None:
    """Count the request against its credential, or its address where it has none; give back the credential."""
    try:
        credential = _credential(request)
    except Unauthorized:
        await _take(request, f"address {address(request)}")
        raise
    if isinstance(credential, AccessToken):
        key = f"session {credential.session_id}"
    else:
        key = f"key {digest(credential).hex()}" if credential else f"address {address(request)}"
    await _take(request, key)
    request.state.limit_key = key
    audit.origin.set(Origin(problems.request_id(request), address(request)))
    return credential


async def admit(request: Request, credential: str | AccessToken | None, operation: str, db: Connection) -> None:
    """Let the transaction act for the caller, if they are who they say and their role has the operation."""
    if credential is None:
        raise CredentialNeeded
    try:
        request.state.principal = await _authenticate(db, credential)
    except Unauthorized:
        # Guesses are counted by address, and leave nothing behind.
        await _windows(request).forget(request.state.limit_key)
        await _take(request, f"address {address(request)}")
        raise
    roles.check(request.state.principal, operation)


async def _authenticate(db: Connection, credential: str | AccessToken) -> Principal:
    if isinstance(credential, AccessToken):
        return await sessions.authenticate(db, credential)
    return await api_keys.authenticate(db, credential)


def address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def went_aside(request: Request) -> bool:
    """Whether what was to be done aside is done."""
    return getattr(request.state, "went_aside", False)


def idempotency_key(request: Request) -> str | None:
    """The request's Idempotency-Key, where it has a usable one."""
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= 200 and key.isascii() and key.isprintable()):
        raise Invalid(errors=(FieldError("Idempotency-Key", "has 1 to 200 printable ASCII characters"),))
    return key


def request_digest(request: Request, body_digest: bytes) -> bytes:
    """What makes two requests the same: who asks, method, address and body."""
    line = f"{request.state.principal.actor} {request.method} {request.url.path}?{request.url.query}\n"
    return hashlib.sha256(line.encode() + body_digest).digest()


def replayed(answer: Answer) -> Response:
    return Response(answer.body, answer.status, {"Idempotency-Replayed": "true"}, answer.content_type)


async def _once(
    request: Request, db: Connection, operation: str, handler: Callable[[Request], Awaitable[Response]]
) -> Response:
    key = idempotency_key(request) if request.method == "POST" else None
    if key is None or operation in roles.PUBLIC | REPEATABLE:
        return await _answered(request, handler)
    organization_id = request.state.principal.organization_id
    wanted = request_digest(request, hashlib.sha256(await request.body()).digest())
    former = await idempotency.claim(db, organization_id, key, wanted)
    if former:
        return replayed(former)
    response = await _answered(request, handler)
    await idempotency.keep(db, organization_id, key, wanted, _kept(operation, response))
    return response


async def _once_outside(
    request: Request, key: str, operation: str, handler: Callable[[Request], Awaitable[Response]]
) -> Response:
    """The same where no transaction may wait for the answer. Who is cut off leaves open what came of it."""
    database, organization_id = database_of(request), request.state.principal.organization_id
    wanted = request_digest(request, hashlib.sha256(await request.body()).digest())
    async with database.transaction(organization_id) as db:
        former = await idempotency.hold(db, organization_id, key, wanted)
    if former:
        return replayed(former)
    try:
        response = await handler(request)
    except Exception:  # whatever was in the way, it was told, and may be asked again; raised again
        async with database.transaction(organization_id) as db:
            await idempotency.release(db, organization_id, key)
        raise
    async with database.transaction(organization_id) as db:
        await idempotency.keep(db, organization_id, key, wanted, _kept(operation, response))
    return response


def _kept(operation: str, response: Response) -> Answer:
    """An answer as it is kept: without its body where that holds a secret."""
    return Answer(response.status_code, None if operation in SECRET else bytes(response.body), response.media_type)


async def _answered(request: Request, handler: Callable[[Request], Awaitable[Response]]) -> Response:
    """The handler's answer. A refusal that keeps what was written is an answer too: the transaction commits."""
    try:
        response = await handler(request)
    except Problem as problem:
        if not problem.keeps_changes:
            raise
        return problems.respond(problem, problems.request_id(request))
    request.state.answer = response
    return response


def _credential(request: Request) -> str | AccessToken | None:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return read_access_token(text.strip())
    if "authorization" in request.headers:
        raise CredentialNeeded  # who sends one that is none is not let in by another
    return request.headers.get("x-api-key")


async def _take(request: Request, key: str) -> None:
    allowance = await _windows(request).take(key)
    request.scope["ai2.allowance"] = allowance
    if allowance.remaining < 0:
        raise RateLimited(retry_after_s=allowance.reset_s)


def _windows(request: Request) -> Windows:
    windows: Windows = request.app.state.limits.windows
    return windows


async def database(request: Request) -> Connection:
    db: Connection = request.state.db
    return db


async def caller(
    request: Request,
    _bearer: Annotated[Any, Security(HTTPBearer(auto_error=False, bearerFormat="JWT"))] = None,
    _api_key: Annotated[Any, Security(APIKeyHeader(name="X-API-Key", auto_error=False))] = None,
) -> Principal:
    principal: Principal = request.state.principal
    return principal


async def pool(request: Request) -> Database:
    return database_of(request)


Pool = Annotated[Database, Depends(pool)]
Db = Annotated[Connection, Depends(database)]
Caller = Annotated[Principal, Depends(caller)]
