"""Webhooks: what providers tell of by themselves. The signature is over the bytes that came, and is looked at first."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from ai2.connections import webhooks
from ai2.ingest.sources.model import Source
from ai2.kit.errors import Problem, TooLarge, Unauthorized
from api.bodies import check_encoding, said_bytes
from api.edge.pace import paced
from api.schemas import Out
from api.unit import Pool, count

OPENAPI = {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}}


class WebhookTooLarge(TooLarge):
    """This webhook is larger than any that its provider sends."""


class WebhookNotSigned(Unauthorized):
    """This webhook has no signature of its provider."""


class WebhookOut(Out):
    """It has come."""

    received: bool = True


class Hook(APIRoute):
    """A route for machines that sign what they send: what is not signed is counted against its address."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            request = Request(request.scope, paced(request.receive))
            try:
                return await handler(request)
            except Problem as problem:
                if problem.status < 500:
                    await count(_without_credentials(request))
                raise

        return handle


def _without_credentials(request: Request) -> Request:
    """The same for whoever counts: a credential that was made up would have a count of its own."""
    told = [each for each in request.scope["headers"] if each[0] not in {b"authorization", b"x-api-key"}]
    return Request({**request.scope, "headers": told})


router = APIRouter(prefix="/api/connectors/webhook", tags=["connectors"], route_class=Hook)


@router.post("", response_model=WebhookOut, openapi_extra=OPENAPI)
async def receive_webhook(request: Request, database: Pool) -> WebhookOut:
    """A webhook whose provider is told by its signature's header."""
    await _take(request, database, webhooks.signer(set(request.headers)))
    return WebhookOut()


@router.post("/{provider}", response_model=WebhookOut, openapi_extra=OPENAPI)
async def receive_provider_webhook(provider: str, request: Request, database: Pool) -> WebhookOut:
    """A provider's webhook: it is taken once, and what it is about is then fetched by the worker."""
    await _take(request, database, webhooks.source_of(provider))
    return WebhookOut()


async def _take(request: Request, database: Pool, source: Source) -> None:
    if (how := source.webhook) is None:
        raise webhooks.NoWebhooks
    if how.header not in request.headers:
        raise WebhookNotSigned
    body = await _body(request, how.largest_bytes)
    # it may ask for a key, and nobody else waits for that
    identity = await asyncio.to_thread(how.verify, request.headers, body)
    await webhooks.take(database, source.name, identity, how.read(body))


async def _body(request: Request, most_bytes: int) -> bytes:
    """The bytes as they came, as far as the limit; none of them where they say themselves that they are more."""
    if said_bytes(request) > most_bytes:
        raise WebhookTooLarge
    check_encoding(request)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most_bytes:
            raise WebhookTooLarge
    return bytes(body)
