"""Consumers: who listens to events in the worker. Each may hear an event again and changes nothing then.

What a consumer needs is imported when there is something to do: an idle worker stays small.
"""

from ai2.kit import queue
from ai2.kit.database import Database
from ai2.kit.deliveries import Consumer
from ai2.kit.events import Event
from ai2.kit.settings import settings

# What they decide teaches nobody.
MACHINES = frozenset({"recurring", "merchant", "model", "llm"})


async def categorise_import(database: Database, event: Event) -> None:
    """Have decided what an import brought, but for what rules decided already. Of an event there is one job."""
    if not settings().enable_ai or event.payload.get("source") == "inbox":  # the pipeline decides of its own files
        return
    if not event.payload.get("loaded", 1):
        return
    payload = {"batch_id": event.payload["batch_id"]}
    async with database.transaction(event.organization_id) as db:
        await queue.enqueue_once(db, event.organization_id, "categorise", payload, job_id=event.event_id)


async def find_recurring(database: Database, event: Event) -> None:
    """Have looked whether what was written recurs. While one look waits, it serves for all that comes meanwhile."""
    if settings().enable_ai:
        async with database.transaction(event.organization_id) as db:
            await queue.enqueue(db, event.organization_id, "find_recurring", {}, key="find_recurring")


async def find_anomalies(database: Database, event: Event) -> None:
    """Have judged what was written. While one look waits, it serves for all that comes meanwhile."""
    if settings().enable_ai:
        async with database.transaction(event.organization_id) as db:
            await queue.enqueue(db, event.organization_id, "find_anomalies", {}, key="find_anomalies")


async def learn_own(database: Database, event: Event) -> None:
    """Have looked at whether people have chosen enough to learn from. While one such job waits, it serves all."""
    if not settings().enable_ai or event.payload.get("decided_by") in MACHINES:
        return
    async with database.transaction(event.organization_id) as db:
        await queue.enqueue(db, event.organization_id, "learn_own", {}, key="own")


async def match_receipts(database: Database, event: Event) -> None:
    """Have receipts that wait held against what was written, where there are any. One waiting look serves for all."""
    from ai2.receipts import repository, service

    async with database.transaction(event.organization_id) as db:
        if await repository.is_there(db, event.organization_id):
            await service.ask_for_look(db, event.organization_id)


CONSUMERS = (
    Consumer(
        "categoriser",
        frozenset({"import.completed", "import.replayed", "import.resubmitted"}),
        categorise_import,
    ),
    Consumer(
        "recurring",
        frozenset(
            {
                "transaction.created",
                "transaction.deleted",
                "transaction.categorized",
                "import.completed",
                "import.replayed",
                "import.resubmitted",
                "import.undone",
            }
        ),
        find_recurring,
    ),
    Consumer(
        "anomalies",
        frozenset(
            {
                "transaction.created",
                "transaction.deleted",
                "transaction.updated",
                "import.completed",
                "import.replayed",
                "import.resubmitted",
                "import.undone",
            }
        ),
        find_anomalies,
    ),
    Consumer(
        "own-learning",
        frozenset({"import.completed", "import.replayed", "transaction.categorized", "category.deleted"}),
        learn_own,
    ),
    Consumer(
        "receipts",
        frozenset(
            {
                "transaction.created",
                "transaction.updated",
                "transaction.deleted",
                "import.completed",
                "import.replayed",
                "import.resubmitted",
                "import.undone",
            }
        ),
        match_receipts,
    ),
)
