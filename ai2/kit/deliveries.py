"""Deliveries: every event to every consumer, in its organization's order, at least once.

A consumer's cursor is moved when its handler has ended: killed in between, it gets the same event, of the same id,
again. A handler that fails is tried again later, and what follows waits; an event that fails to the end is put aside
as a dead letter, and the next ones come.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ai2.kit import events
from ai2.kit.database import Connection, Database, one, rows
from ai2.kit.errors import Problem
from ai2.kit.events import Event
from ai2.kit.logs import logger
from ai2.kit.masking import mask

MAX_ATTEMPTS = 8
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2, 600
AT_ONCE = 100

log = logger("ai2.events")


@dataclass(frozen=True)
class Consumer:
    """Who listens: to which kinds, and what it does. The database is the API role's; the event says whose it is.

    Its name is kept with its cursor: under another name it hears all again.
    """

    name: str
    kinds: frozenset[str]
    handle: Callable[[Database, Event], Awaitable[None]]


async def deliver_all(database: Database, pipeline: Database, consumers: Collection[Consumer]) -> int:
    """Deliver all that is due; says how many events were handled. Several workers may do so at once."""
    handled, known = 0, {consumer.name: consumer for consumer in consumers}
    while known:
        async with pipeline.transaction() as db:
            waiting = await _due(db, list(known))
        done = [await deliver(database, pipeline, known[row["consumer"]], row["organization_id"]) for row in waiting]
        handled += sum(number or 0 for number in done)
        if all(number is None for number in done):  # all of these are another worker's, or none is left
            return handled
    return handled


async def deliver(database: Database, pipeline: Database, consumer: Consumer, organization_id: UUID) -> int | None:
    """Hand an organization's next events to a consumer; none where another worker does so just now.

    Its cursor is locked for as long as that takes, and let go by PostgreSQL where the worker dies.
    """
    async with pipeline.transaction() as db:  # of its own: others would wait for a row that is not committed
        await _begin(db, organization_id, consumer.name)
    async with pipeline.transaction() as db:
        cursor = await _lock(db, organization_id, consumer.name)
        if cursor is None:
            return None
        handled, position, attempts = 0, cursor["position"], cursor["attempts"]
        for event in await events.after(db, organization_id, position, limit=AT_ONCE):
            if event.kind in consumer.kinds:
                try:
                    await consumer.handle(database, event)
                except Exception as error:  # noqa: BLE001 - whatever it was, it is this event's, and is told
                    attempts += 1
                    await _failed(db, consumer, event, position, attempts, error)
                    if attempts < MAX_ATTEMPTS:
                        return handled
                handled, attempts = handled + 1, 0
            position = event.position
        await _move(db, organization_id, consumer.name, position)
    return handled


async def retry(database: Database, pipeline: Database, consumers: Collection[Consumer]) -> tuple[int, int]:
    """Hand dead letters out once more: how many were taken, and how many stay."""
    taken = left = 0
    known = {consumer.name: consumer for consumer in consumers}
    async with pipeline.transaction() as db:
        for letter in await dead_letters(db):
            event = Event(**{name: letter[name] for name in events.COLUMNS.split(", ")})
            try:
                await known[letter["consumer"]].handle(database, event)
            except Exception as error:
                log.warning("dead letter failed again", event_id=event.event_id, exc_info=error)
                left += 1
                continue
            await db.execute(
                "delete from events.dead_letters where organization_id = %s and consumer = %s and event_id = %s",
                [event.organization_id, letter["consumer"], event.event_id],
            )
            taken += 1
    return taken, left


async def state(db: Connection, consumers: Collection[str]) -> list[dict[str, Any]]:
    """How far behind each consumer is, over all organizations. `db` is the pipeline role's."""
    return await rows(
        db,
        """
        select
            wanted.consumer, coalesce(sum(head.position - coalesce(heard.position, 0)), 0)::bigint as behind,
            count(*) filter (where heard.attempts > 0) as trying,
            (select count(*) from events.dead_letters as letter where letter.consumer = wanted.consumer) as dead
        from unnest(%(consumers)s::text[]) as wanted (consumer)
        left join events.heads as head on true
        left join events.cursors as heard
            on heard.organization_id = head.organization_id and heard.consumer = wanted.consumer
        group by wanted.consumer order by wanted.consumer
        """,
        {"consumers": list(consumers)},
    )


async def dead_letters(db: Connection) -> list[dict[str, Any]]:
    """What was put aside, oldest first. `db` is the pipeline role's."""
    return await rows(
        db,
        """
        select letter.consumer, letter.attempts, letter.error, letter.failed_at, event.*
        from events.dead_letters as letter
        inner join events.events as event using (organization_id, event_id)
        order by letter.failed_at
        """,
    )


async def _due(db: Connection, consumers: list[str]) -> list[dict[str, Any]]:
    return await rows(
        db,
        """
        select head.organization_id, wanted.consumer
        from events.heads as head
        cross join unnest(%(consumers)s::text[]) as wanted (consumer)
        left join events.cursors as heard
            on heard.organization_id = head.organization_id and heard.consumer = wanted.consumer
        where head.position > coalesce(heard.position, 0) and coalesce(heard.run_after, now()) <= now()
        limit %(limit)s
        """,
        {"consumers": consumers, "limit": AT_ONCE},
    )


async def _begin(db: Connection, organization_id: UUID, consumer: str) -> None:
    """A consumer that is new hears all that is still kept; what was forgotten before it came is no gap of its own."""
    await db.execute(
        """
        insert into events.cursors (organization_id, consumer, position)
        select
            %(organization_id)s, %(consumer)s,
            coalesce((select forgotten_to from events.heads where organization_id = %(organization_id)s), 0)
        where not exists (
            select from events.cursors where organization_id = %(organization_id)s and consumer = %(consumer)s
        )
        on conflict do nothing
        """,
        {"organization_id": organization_id, "consumer": consumer},
    )


async def _lock(db: Connection, organization_id: UUID, consumer: str) -> dict[str, Any] | None:
    return await one(
        db,
        """
        select position, attempts from events.cursors
        where organization_id = %(organization_id)s and consumer = %(consumer)s and run_after <= clock_timestamp()
        for update skip locked
        """,
        {"organization_id": organization_id, "consumer": consumer},
    )


async def _move(db: Connection, organization_id: UUID, consumer: str, position: int) -> None:
    await db.execute(
        """
        update events.cursors set position = %s, attempts = 0, run_after = now(), error = null
        where organization_id = %s and consumer = %s
        """,
        [position, organization_id, consumer],
    )


async def _failed(
    db: Connection, consumer: Consumer, event: Event, position: int, attempts: int, error: Exception
) -> None:
    """Note that a handler failed: the event comes again after a while, or is put aside."""
    told = {"consumer": consumer.name, "kind": event.kind, "event_id": event.event_id, "attempt": attempts}
    whose = {"organization_id": event.organization_id, "consumer": consumer.name, "event_id": event.event_id}
    why = Jsonb(_problem(error))
    if attempts >= MAX_ATTEMPTS:
        log.error("event put aside", **told, organization_id=event.organization_id, exc_info=error)
        await db.execute(
            """
            insert into events.dead_letters (organization_id, consumer, event_id, attempts, error)
            values (%(organization_id)s, %(consumer)s, %(event_id)s, %(attempts)s, %(error)s) on conflict do nothing
            """,
            {**whose, "attempts": attempts, "error": why},
        )
        return
    log.warning("event not taken", **told, organization_id=event.organization_id, exc_info=error)
    await db.execute(
        """
        update events.cursors set
            position = %(position)s, attempts = %(attempts)s, error = %(error)s,
            run_after = clock_timestamp() + make_interval(secs => %(pause_s)s)
        where organization_id = %(organization_id)s and consumer = %(consumer)s
        """,
        {**whose, "position": position, "attempts": attempts, "error": why, "pause_s": pause_s(attempts)},
    )


def pause_s(attempts: int) -> int:
    """How long a consumer rests after its nth failure: 2, 4, 8 ... seconds."""
    return int(min(FIRST_PAUSE_S * 2 ** (attempts - 1), LONGEST_PAUSE_S))


def _problem(error: Exception) -> dict[str, Any]:
    """What is not a problem of ours is only named: its message may hold somebody's data."""
    if isinstance(error, Problem):
        return {"code": error.code, "title": error.title, "detail": mask(error.detail)}
    return {"code": "unexpected", "title": type(error).__name__}
