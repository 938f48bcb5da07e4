"""Consents: telling of those that end soon, each day once, and letting those rest that are over."""

from datetime import UTC

from ai2.connections import due_repository as repository
from ai2.connections.model import WARN_DAYS
from ai2.connections.outcome import described
from ai2.ingest.sources.problems import ConsentExpired
from ai2.kit import events
from ai2.kit.database import Database


async def look(database: Database, pipeline: Database) -> int:
    """Tell of every consent that ends within a fortnight or is over; how many were told of now."""
    async with pipeline.transaction() as db:
        ending = await repository.ending(db, warn_days=WARN_DAYS)
    told = 0
    for row in ending:
        whose = row["organization_id"], row["connection_id"]
        async with database.transaction(whose[0]) as db:
            if row["is_over"]:
                if await repository.expire(db, *whose, described(ConsentExpired())):
                    code = ConsentExpired().code
                    await events.emit(db, whose[0], "connection.expired", {"connection_id": whose[1], "code": code})
                    told += 1
            elif await repository.warned(db, *whose):
                at = row["consent_expires_at"].astimezone(UTC).isoformat().replace("+00:00", "Z")
                await events.emit(db, whose[0], "connection.expiring", {"connection_id": whose[1], "expires_at": at})
                told += 1
    return told
