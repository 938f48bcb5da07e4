"""The classification service: what a movement of money is, for one that is not stored and for all that are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from ai2.kit import events
from ai2.kit.database import Connection, Database, allow_memory
from ml import analyses, beside, registry
from ml.answers import Analysis, Item
from ml.batch import engine
from ml.batch import repository as batch_repository
from ml.deciders import chain
from ml.deciders.known import Known, read
from ml.governance import repository as governance_repository
from ml.governance import service as governance
from ml.llm import service as llm
from ml.scope import EVERYTHING, Scope

# An LLM is asked of so many descriptors after an import; the rest waits for the next.
MOST_ASKED = 2000
# So many transactions are a shard. Each looks through all of the books and adds to all days' totals, so that half as
# many took the database a fifth more; twice as many would be more than is held in memory while they are written.
SHARD = 250_000


@dataclass(frozen=True)
class Suggested:
    """What became of the transactions that had no category: decided at once, left to a person, or left alone."""

    transactions: int
    descriptors: int
    applied: int
    to_review: int
    version: str
    # left alone: their period is closed
    closed: int = 0


async def analyze(db: Connection, organization_id: UUID, item: Item) -> Analysis:
    """The answer for one movement of money."""
    return (await batch_analyze(db, organization_id, [item]))[0]


async def batch_analyze(db: Connection, organization_id: UUID, items: Sequence[Item]) -> list[Analysis]:
    """An answer for each item, carrying the item's id, with what tax rules say of it; equal descriptors once."""
    known = await read(db, organization_id, items)
    told = await categorise(db, organization_id, items, known)
    taxed = await beside.taxed(db, known, items, told)
    return [replace(analysis, tax=tax) if tax else analysis for analysis, tax in zip(told, taxed, strict=True)]


async def categorise(
    db: Connection, organization_id: UUID, items: Sequence[Item], known: Known | None = None
) -> list[Analysis]:
    """The same without the tax."""
    known = known or await read(db, organization_id, items)
    verdicts = await chain.decide(db, organization_id, items, known)
    told = await analyses.tell(db, organization_id, verdicts, known.meaning)
    return [replace(analysis, id=item.id) for analysis, item in zip(told, items, strict=True)]


async def shards(db: Connection, organization_id: UUID, scope: Scope) -> tuple[list[Scope], datetime]:
    """A scope cut by merchants, where it is large, for `suggest` to decide; and since when it has to count."""
    await allow_memory(db)
    keys = await batch_repository.merchants_between(db, organization_id, scope, SHARD)
    since = await governance_repository.counted_to(db, organization_id)
    return [replace(scope, merchants=ends) for ends in pairwise((None, *keys, None))], since


def together(found: Sequence[Suggested]) -> Suggested:
    """What became of all shards."""
    return Suggested(
        transactions=sum(each.transactions for each in found),
        descriptors=sum(each.descriptors for each in found),
        applied=sum(each.applied for each in found),
        to_review=sum(each.to_review for each in found),
        version=found[-1].version,
        closed=sum(each.closed for each in found),
    )


async def suggest(
    db: Connection, organization_id: UUID, scope: Scope = EVERYTHING, *, since: datetime | None = None
) -> Suggested:
    """Decide every transaction that has no decision: what is sure is applied, what is not waits for a person.

    Rules had their say when the transactions came in; to bring them to the history is a person's act. Who decides
    shard by shard says `since` when decisions are to be counted.
    """
    done = await engine.run(db, organization_id, scope)
    if done.applied:
        by = "import" if done.is_by_file else "model"
        told = {"count": done.applied, "batch_id": scope.batch_id, "decided_by": by}
        await events.emit(db, organization_id, "transaction.categorized", told)
    await governance.watch(db, organization_id, since)
    return Suggested(
        transactions=done.staged.transactions,
        descriptors=done.staged.descriptors,
        applied=done.applied,
        to_review=done.to_review,
        version=registry.champion().version,
        closed=done.staged.closed,
    )


async def ask_left(database: Database, organization_id: UUID, scope: Scope = EVERYTHING) -> int:
    """Ask the LLM, where it is allowed, of what nobody could say anything of; says how many questions it answered.

    The commonest first. What it says is told by the chain from then on.
    """
    if not llm.is_configured():
        return 0
    async with database.transaction(organization_id) as db:
        if not await llm.is_allowed(db, organization_id):
            return 0
        done = await engine.run(db, organization_id, scope, writes=False)
        asked = await engine.asked(db, organization_id, done, MOST_ASKED)
    return await llm.ask(database, organization_id, asked)
