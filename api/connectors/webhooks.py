"""Webhooks: what providers tell of by themselves. The signature is over the bytes that came, and is looked at first."""

import asyncio

from fastapi import APIRouter, Request

from ai2.connections import webhooks
from ai2.ingest.sources.model import Source
from ai2.kit.errors import TooLarge, Unauthorized
from api.bodies import check_media_type
from api.connectors.hooks import Hook, body_of
from api.schemas import Out
from api.unit import Pool

OPENAPI = {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}}


class WebhookTooLarge(TooLarge):
    """This webhook is larger than any that its provider sends."""


class WebhookNotSigned(Unauthorized):
    """This webhook has no signature of its provider."""


class WebhookOut(Out):
    """It has come."""

    received: bool = True


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
    check_media_type(request)
    body = await body_of(request, how.largest_bytes, WebhookTooLarge)
    # it may ask for a key, and nobody else waits for that
    identity = await asyncio.to_thread(how.verify, request.headers, body)
    await webhooks.take(database, source.name, identity, how.read(body))
