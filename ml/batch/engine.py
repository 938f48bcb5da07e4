"""The engine: decides what is stored and undecided, equal questions once, in memory that does not grow.

All of it is one transaction, which writes to the books once, at its end: until it ends nobody else adds to the totals
of the days that it wrote, and who wrote twice could hold some while waiting for others.
"""

import json
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.categories import service as categories
from ai2.books.categories.stated import ATTRIBUTE
from ai2.books.periods import service as periods
from ai2.books.transactions import decisions
from ai2.kit.database import Connection, allow_memory, planned_for
from ml import analyses
from ml.answers import Descriptor, Item, Verdict
from ml.batch import repository
from ml.batch.repository import Staged
from ml.batch.scoring import Scoring
from ml.copies import About
from ml.deciders import chain
from ml.deciders.public import Public
from ml.scope import Scope

# Questions that are scored and told to the chain at once, and so many times as many are being scored ahead of that.
SHARD, AHEAD = 5_000, 2


@dataclass
class Done:
    """What became of the transactions, and the descriptors of which nobody could say anything."""

    staged: Staged
    applied: int = 0
    to_review: int = 0
    # whether files decided any: what they decide teaches
    is_by_file: bool = False
    left: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Shard:
    """Some questions, and what is publicly known of them, as soon as it is found."""

    rows: Sequence[DictRow]
    items: Sequence[Item]
    asked: Any


async def run(
    db: Connection, organization_id: UUID, scope: Scope, *, writes: bool = True, about: About | None = None
) -> Done:
    """Decide all of the scope that has no decision. With `writes` what is decided is written, or only counted.

    `about` names another model than the champion, to try what it says; its copy is here.
    """
    scoring = Scoring(about)
    try:
        await allow_memory(db)
        closed_through = await periods.closed_through(db, organization_id)
        done = Done(await repository.stage(db, organization_id, scope, closed_through))
        codes = await categories.by_code(db, organization_id)
        async for shard in _shards(db, organization_id, done.staged.descriptors, scoring):
            decided = await _decide(db, organization_id, shard, codes, done)
            if writes:
                await repository.stage_verdicts(db, decided)
        if writes and done.staged.descriptors:
            await _write(db, organization_id, scope, done)
    finally:
        scoring.close()
    return done


async def asked(db: Connection, organization_id: UUID, done: Done, most: int) -> list[Descriptor]:
    """Of what nobody could say anything of, what most transactions ask. In the transaction of the run."""
    ids = await repository.commonest(db, done.left, most)
    rows = await repository.descriptors_of(db, ids)
    return [Descriptor(row["description"], row["money_in"], row["merchant"], row["mcc"]) for row in rows]


async def _shards(db: Connection, organization_id: UUID, number: int, scoring: Scoring) -> AsyncIterator[Shard]:
    """The questions in shards; the next ones are being scored before one is given out."""
    ahead: deque[Shard] = deque()
    first = 1
    while first <= number or ahead:
        while first <= number and len(ahead) <= AHEAD:
            rows = await repository.descriptors(db, organization_id, first, first + SHARD - 1)
            items = list(map(_item, rows))
            ahead.append(Shard(rows, items, scoring.ask([item.descriptor for item in items])))
            first += SHARD
        yield ahead.popleft()


async def _decide(
    db: Connection, organization_id: UUID, shard: Shard, codes: dict[str, UUID], done: Done
) -> Iterator[tuple[Any, ...]]:
    asked = [item.descriptor for item in shard.items]
    said: dict[Descriptor, Verdict] = dict(zip(asked, await shard.asked, strict=True))
    verdicts = await chain.decide_stored(db, organization_id, shard.items, Public(said))
    pairs = list(zip(shard.rows, verdicts, strict=True))
    done.is_by_file |= any(verdict.decided_by == "import" for verdict in verdicts)
    done.left += [row["descriptor_id"] for row, verdict in pairs if verdict.decision == "abstain"]
    return (_row(row, verdict, codes) for row, verdict in pairs if verdict.decision != "abstain")


async def _write(db: Connection, organization_id: UUID, scope: Scope, done: Done) -> None:
    staged = await repository.stage_decided(db, organization_id)
    done.to_review = await repository.write_suggestions(db, organization_id)
    await repository.queue_up(db, organization_id, beside_others=scope.is_of_some_merchants)
    async with planned_for(db, staged):
        done.applied = await decisions.apply_decided(db, organization_id)


def _item(row: DictRow) -> Item:
    if row["alone_id"] or row["is_own"]:
        known = {name: row[name] for name in ("currency", "account_id", "amount")}
        known |= {"date": row["booked_on"], "transaction_id": row["alone_id"], "attributes": row["attributes"] or {}}
    else:
        known = {"amount": Decimal(1 if row["money_in"] else -1)}
        known["attributes"] = {ATTRIBUTE: row["stated"]} if row["stated"] else {}
    same = {name: row[name] for name in ("description", "merchant", "mcc", "merchant_key")}
    return Item(**same, **known)


def _row(row: DictRow, verdict: Verdict, codes: dict[str, UUID]) -> tuple[Any, ...]:
    """A verdict as `repository.stage_verdicts` wants it. What is applied needs no reasons: its version has them."""
    is_shown = verdict.decision == "review"
    alternatives = [
        {
            "detailed": each.detailed,
            "confidence": each.confidence,
            "category_id": each.category_id and str(each.category_id),
        }
        for each in verdict.alternatives
    ]
    return (
        row["descriptor_id"],
        verdict.decision,
        verdict.detailed,
        verdict.category_id or analyses.own_category(codes, verdict.detailed),
        verdict.confidence,
        verdict.decided_by,
        verdict.version,
        json.dumps(alternatives) if is_shown else None,
        json.dumps(verdict.reasons) if is_shown else None,
    )
