"""Webhooks: what a provider told, taken in once.

A webhook is never believed to say how a connection stands, only that it is time to look: so repeats, and any order,
come to the same.
"""

from datetime import UTC, datetime
from uuid import UUID

from ai2.connections import repository, service, webhook_repository
from ai2.ingest.sources import names
from ai2.ingest.sources.model import Notice, Source
from ai2.kit import queue
from ai2.kit.database import Connection, Database, act_for
from ai2.kit.errors import NotFound


class NoWebhooks(NotFound):
    """This provider sends no webhooks here; GET /api/connectors/providers lists those that do."""


def source_of(provider: str) -> Source:
    """The provider, if it sends webhooks. Raises NoWebhooks."""
    found = names.all_of_them().get(provider)
    if found is None or found.webhook is None:
        raise NoWebhooks
    return found


def signer(headers: set[str]) -> Source:
    """The provider whose signature is among these headers, in small letters. Raises NoWebhooks."""
    for source in names.all_of_them().values():
        if source.webhook is not None and source.webhook.header in headers:
            return source
    raise NoWebhooks


async def take(database: Database, provider: str, identity: bytes, notice: Notice) -> bool:
    """Have done what a webhook asks for; whether it was ours, and not taken before."""
    async with database.transaction() as db:
        known = await webhook_repository.take(db, provider, identity, notice.external_id, notice.kind)
        if known is None:
            return False
        await _heed(db, known.organization_id, known.connection_id, notice)
    return True


async def _heed(db: Connection, organization_id: UUID, connection_id: UUID, notice: Notice) -> None:
    await act_for(db, organization_id, actor=f"connection:{connection_id}")
    if notice.consent_expires_at and notice.consent_expires_at > datetime.now(UTC):
        await repository.update(db, organization_id, connection_id, consent_expires_at=notice.consent_expires_at)
    if notice.asks == "sync":
        await service.ask_for_sync(db, organization_id, connection_id, trigger="webhook")
    if notice.asks == "finish":
        payload = {"connection_id": str(connection_id)}
        await queue.enqueue(db, organization_id, "finish_connection", payload, key=str(connection_id))
