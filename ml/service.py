"""The classification service: an organization's own people first, then what is publicly known, then the model."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.categories import service as categories
from ai2.books.periods import service as periods
from ai2.books.transactions import decisions
from ai2.identity import organizations
from ai2.kit import events
from ai2.kit.database import Connection
from ai2.kit.merchants import merchant_key
from ai2.kit.periods import Period
from ml import registry, repository
from ml.answers import Analysis, Category, Descriptor, KnownMerchant, Verdict
from ml.knowledge.labels import primary_of
from ml.learning import TAUGHT

Taught = dict[tuple[str, bool], DictRow]


@dataclass(frozen=True)
class Item:
    """A movement of money to analyse, stored or not. `id` is the caller's own."""

    description: str
    amount: Decimal
    merchant: str | None = None
    mcc: str | None = None
    id: str | None = None

    @cached_property
    def descriptor(self) -> Descriptor:
        return Descriptor(self.description, self.amount > 0, self.merchant, self.mcc)

    @cached_property
    def key(self) -> tuple[str, bool]:
        return merchant_key(self.description, self.merchant), self.amount > 0


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
    taught = await _taught(db, organization_id, [item.key for item in items])
    ids = await categories.by_code(db, organization_id)
    open_ones = list(dict.fromkeys(item.descriptor for item in items if item.key not in taught))
    least = await _least_confidence(db, organization_id) if open_ones else None
    decided = [_held(verdict, least) for verdict in await _decide(open_ones)]
    verdicts = dict(zip(open_ones, decided, strict=True))
    own = {verdict.detailed: _own(ids, verdict.detailed) for verdict in verdicts.values()}
    names = await categories.names(db, organization_id, {each for each in own.values() if each})

    def answer(item: Item) -> Analysis:
        if item.key in taught:
            return replace(_from_people(taught[item.key]), id=item.id)
        verdict = verdicts[item.descriptor]
        category_id = own[verdict.detailed]
        name = names.get(category_id) if category_id else None
        return replace(_from_verdict(verdict, category_id, name), id=item.id)

    return [answer(item) for item in items]


async def suggest(
    db: Connection, organization_id: UUID, batch_id: UUID | None = None, period: Period | None = None
) -> Suggested:
    """Decide every transaction that has no decision: what is sure is applied, what is not waits for a person."""
    closed_through = await periods.closed_through(db, organization_id)
    closed = await repository.stage_undecided(db, organization_id, batch_id, period, closed_through)
    descriptors = await repository.descriptors(db)
    taught = await _taught(db, organization_id, [(row["merchant_key"], row["money_in"]) for row in descriptors])
    ids = await categories.by_code(db, organization_id)
    open_ones = [row for row in descriptors if (row["merchant_key"], row["money_in"]) not in taught]
    least = await _least_confidence(db, organization_id)
    verdicts = [_held(verdict, least) for verdict in await _decide([_descriptor(row) for row in open_ones])]
    by_people = [row for row in descriptors if (row["merchant_key"], row["money_in"]) in taught]
    staged = await repository.stage_verdicts(db, _rows(open_ones, verdicts, ids, by_people, taught))
    applied = await decisions.apply_decided(db, organization_id)
    if applied:
        told = {"count": applied, "batch_id": batch_id, "decided_by": "model"}
        await events.emit(db, organization_id, "transaction.categorized", told)
    to_review = await repository.write_suggestions(db, organization_id)
    return Suggested(staged, len(descriptors), applied, to_review, registry.champion().version, closed)


def _own(ids: dict[str, UUID], detailed: str | None) -> UUID | None:
    """The organization's category for a predicted one: the one it means by it, or else by the primary above it."""
    return ids.get(detailed or "") or ids.get(primary_of(detailed) or "")


async def _decide(descriptors: Sequence[Descriptor]) -> list[Verdict]:
    """Few are decided at once; many go to a thread, so that others are served meanwhile."""
    if len(descriptors) <= 1:
        return registry.champion().decide(descriptors) if descriptors else []
    return await asyncio.to_thread(lambda: registry.champion().decide(descriptors))


async def _least_confidence(db: Connection, organization_id: UUID) -> Decimal | None:
    """How sure a decider must be in this organization to be followed unasked; none leaves it to the decider."""
    return (await organizations.get(db, organization_id)).auto_apply_confidence


def _held(verdict: Verdict, least: Decimal | None) -> Verdict:
    """What is less sure than the organization wants waits for a person."""
    if least is None or verdict.decision != "apply" or Decimal(str(verdict.confidence)) >= least:
        return verdict
    return replace(verdict, decision="review")


async def _taught(db: Connection, organization_id: UUID, keys: Sequence[tuple[str, bool]]) -> Taught:
    names = sorted({name for name, _ in keys if name})
    found = await repository.taught(db, organization_id, names)
    return {(row["merchant_key"], row["money_in"]): row for row in found}


def _descriptor(row: DictRow) -> Descriptor:
    return Descriptor(row["description"], row["money_in"], row["merchant"], row["mcc"])


def _from_people(row: DictRow) -> Analysis:
    merchant = row["merchant"] or row["merchant_key"]
    detailed = row["detailed"]
    way = "from" if row["money_in"] else "to"
    times = "once" if row["times"] == 1 else f"{row['times']} times"
    return Analysis(
        category=Category(primary_of(detailed), detailed, str(row["category_id"]), row["category"]),
        confidence=_succession(row["times"]),
        decision="apply",
        alternatives=(),
        merchant=KnownMerchant(merchant),
        decided_by="merchant",
        version=TAUGHT,
        reasons=(f"your people put payments {way} {merchant} in {row['category']} {times}",),
    )


def _succession(times: int) -> float:
    """How sure `times` agreeing cases out of as many make the next one: (s + 1) / (n + 2), Laplace 1774."""
    return round((times + 1) / (times + 2), 4)


def _from_verdict(verdict: Verdict, category_id: UUID | None, name: str | None) -> Analysis:
    return Analysis(
        category=Category(
            primary_of(verdict.detailed), verdict.detailed, str(category_id) if category_id else None, name
        ),
        confidence=verdict.confidence,
        decision=verdict.decision,
        alternatives=verdict.alternatives,
        merchant=verdict.merchant,
        decided_by=verdict.decided_by,
        version=verdict.version,
        reasons=verdict.reasons,
    )


def _rows(
    open_ones: Sequence[DictRow],
    verdicts: Sequence[Verdict],
    ids: dict[str, UUID],
    by_people: Sequence[DictRow],
    taught: Taught,
) -> Iterator[tuple[Any, ...]]:
    """Verdicts as `repository.stage_verdicts` wants them."""
    for row, verdict in zip(open_ones, verdicts, strict=True):
        if verdict.detailed is None:
            continue
        yield (
            row["descriptor_id"],
            verdict.decision,
            verdict.detailed,
            _own(ids, verdict.detailed),
            verdict.confidence,
            verdict.decided_by,
            verdict.version,
            json.dumps([vars(alternative) for alternative in verdict.alternatives]),
            json.dumps(verdict.reasons),
        )
    for row in by_people:
        known = taught[row["merchant_key"], row["money_in"]]
        sure = _succession(known["times"])
        category_id = known["category_id"]
        yield row["descriptor_id"], "apply", known["detailed"], category_id, sure, "merchant", TAUGHT, "[]", "[]"
