"""The classification service: what a movement of money is, for one that is not stored and for all that are."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.categories import service as categories
from ai2.books.periods import service as periods
from ai2.books.transactions import decisions
from ai2.kit import events
from ai2.kit.database import Connection, Database
from ml import analyses, registry, repository
from ml.answers import Analysis, Item, Verdict
from ml.deciders import chain
from ml.llm import service as llm
from ml.scope import EVERYTHING, Scope

# An LLM is asked of so many descriptors after an import; the rest waits for the next.
MOST_ASKED = 2000


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
    """An answer for each item, carrying the item's id; equal descriptors are decided once."""
    verdicts = await chain.decide(db, organization_id, items)
    told = await analyses.tell(db, organization_id, verdicts)
    return [replace(analysis, id=item.id) for analysis, item in zip(told, items, strict=True)]


async def suggest(db: Connection, organization_id: UUID, scope: Scope = EVERYTHING) -> Suggested:
    """Decide every transaction that has no decision: what is sure is applied, what is not waits for a person.

    Rules had their say when the transactions came in; to bring them to the history is a person's act.
    """
    closed_through = await periods.closed_through(db, organization_id)
    closed = await repository.stage_undecided(db, organization_id, scope, closed_through)
    descriptors = await repository.descriptors(db)
    verdicts = await chain.decide(db, organization_id, list(map(_item, descriptors)), rules_too=False)
    ids = await categories.by_code(db, organization_id)
    staged = await repository.stage_verdicts(db, organization_id, _rows(descriptors, verdicts, ids))
    applied = await decisions.apply_decided(db, organization_id)
    if applied:
        told = {"count": applied, "batch_id": scope.batch_id, "decided_by": "model"}
        await events.emit(db, organization_id, "transaction.categorized", told)
    to_review = await repository.write_suggestions(db, organization_id)
    return Suggested(staged, len(descriptors), applied, to_review, registry.champion().version, closed)


async def ask_left(database: Database, organization_id: UUID, scope: Scope = EVERYTHING) -> int:
    """Ask the LLM, where it is allowed, of what nobody could say anything of; says how many questions it answered.

    The commonest first. What it says is told by the chain from then on.
    """
    if not llm.is_configured():
        return 0
    async with database.transaction(organization_id) as db:
        if not await llm.is_allowed(db, organization_id):
            return 0
        closed_through = await periods.closed_through(db, organization_id)
        await repository.stage_undecided(db, organization_id, scope, closed_through)
        descriptors = await repository.descriptors(db)
        items = list(map(_item, descriptors))
        verdicts = await chain.decide(db, organization_id, items, rules_too=False)
        left = [
            row["descriptor_id"]
            for row, verdict in zip(descriptors, verdicts, strict=True)
            if verdict.decision == "abstain"
        ]
        commonest = await repository.left_alone(db, left, MOST_ASKED)
        by_id = {row["descriptor_id"]: item.descriptor for row, item in zip(descriptors, items, strict=True)}
    return await llm.ask(database, organization_id, [by_id[each] for each in commonest])


def _item(row: DictRow) -> Item:
    return Item(
        row["description"],
        Decimal(1 if row["money_in"] else -1),
        merchant=row["merchant"],
        mcc=row["mcc"],
        merchant_key=row["merchant_key"],
    )


def _rows(
    descriptors: Sequence[DictRow], verdicts: Sequence[Verdict], ids: dict[str, UUID]
) -> Iterator[tuple[Any, ...]]:
    """Verdicts as `repository.stage_verdicts` wants them."""
    for row, verdict in zip(descriptors, verdicts, strict=True):
        category_id = verdict.category_id or analyses.own_category(ids, verdict.detailed)
        if category_id is None and verdict.detailed is None:
            continue
        alternatives = [
            {
                "detailed": each.detailed,
                "confidence": each.confidence,
                "category_id": each.category_id and str(each.category_id),
            }
            for each in verdict.alternatives
        ]
        yield (
            row["descriptor_id"],
            verdict.decision,
            verdict.detailed,
            category_id,
            verdict.confidence,
            verdict.decided_by,
            verdict.version,
            json.dumps(alternatives),
            json.dumps(verdict.reasons),
        )
