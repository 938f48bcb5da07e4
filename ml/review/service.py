"""Reviewing: what one answer settles most comes first; yes is a person's decision and teaches, no is kept too.

How useful an answer is: the amounts of all equal rows that it settles, in the organization's base currency, times how
unsure the suggestion is (1 - confidence). Rows are equal where merchant, direction and suggested category are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.periods import service as periods
from ai2.books.rates import service as rates
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import Transaction
from ai2.identity import organizations
from ai2.kit.database import Connection
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound
from ml import analyses, learning
from ml.answers import Alternative, Analysis, Verdict
from ml.learning import Learned
from ml.review import repository

Reach = Literal["this", "similar"]


class SuggestionNotFound(NotFound):
    """There is no such suggestion; GET /api/ai/suggestions lists those that wait for you."""


class SuggestionAnswered(Conflict):
    """Somebody answered this suggestion, or the transaction was decided otherwise; change its category itself."""


class NoCategory(Invalid):
    """You have no category for what is suggested; name the one that you want."""


@dataclass(frozen=True)
class Suggestion:
    """A suggestion for a transaction, which stands for all that ask the same. It goes by the transaction's id."""

    suggestion_id: UUID
    transaction: Transaction
    analysis: Analysis
    settles: int
    # of all that it settles, in the base currency as far as rates are known
    amount: Decimal
    usefulness: Decimal


@dataclass(frozen=True)
class Place:
    """Where a page of the queue ends, in the order as it was when the first page was read."""

    as_of: datetime
    usefulness: Decimal
    question: str

    def __str__(self) -> str:
        return f"{self.as_of.isoformat()}|{self.usefulness}|{self.question}"

    @classmethod
    def read(cls, text: str) -> "Place":
        as_of, usefulness, question = text.split("|", 2)
        at, number = datetime.fromisoformat(as_of), Decimal(usefulness)
        if at.tzinfo is None or not number.is_finite() or "\0" in question:
            raise ValueError
        return cls(at, number, question)


async def page(
    db: Connection, organization_id: UUID, *, after: Place | None, limit: int
) -> tuple[list[Suggestion], Place | None]:
    """Open questions, most useful first, and where the page ends if there are more."""
    as_of = after.as_of if after else datetime.now(UTC)
    found = await repository.page(
        db,
        organization_id,
        as_of=as_of,
        rates=await _rates(db, organization_id),
        closed_through=await periods.closed_through(db, organization_id),
        after=(after.usefulness, after.question) if after else None,
        limit=limit + 1,
    )
    items = await _suggestions(db, organization_id, found[:limit])
    last = found[limit - 1] if len(found) > limit else None
    return items, Place(as_of, last["usefulness"], last["question"]) if last else None


async def count(db: Connection, organization_id: UUID) -> int:
    """How many questions wait."""
    return await repository.count(
        db,
        organization_id,
        as_of=datetime.now(UTC),
        rates=await _rates(db, organization_id),
        closed_through=await periods.closed_through(db, organization_id),
    )


async def _rates(db: Connection, organization_id: UUID) -> dict[str, Decimal]:
    """What each currency is worth in the base currency, as last known; one whose worth is not known counts as it is."""
    base = (await organizations.get(db, organization_id)).base_currency
    others = [currency for currency in await repository.currencies(db, organization_id) if currency != base]
    if not others:
        return {}
    today = datetime.now(UTC).date()
    found = await rates.rates(db, organization_id, [(currency, base, today) for currency in others])
    return {base: each.rate for (base, _, _), each in found.items() if each.rate is not None}


async def _suggestions(db: Connection, organization_id: UUID, found: Sequence[DictRow]) -> list[Suggestion]:
    ids = [row["suggestion_id"] for row in found]
    said = {row["suggestion_id"]: row for row in await repository.get_many(db, organization_id, ids)}
    told = await analyses.tell(db, organization_id, [_verdict(said[each]) for each in ids])
    known = {each.transaction_id: each for each in await transactions.get_many(db, organization_id, ids)}
    return [
        Suggestion(each, known[each], analysis, row["settles"], row["amount"], row["usefulness"])
        for each, row, analysis in zip(ids, found, told, strict=True)
        if each in known
    ]


def _verdict(row: DictRow) -> Verdict:
    return Verdict(
        detailed=row["detailed"],
        confidence=row["confidence"],
        decision="review",
        decided_by=row["decided_by"],
        version=row["version"],
        reasons=tuple(row["reasons"]),
        alternatives=tuple(
            Alternative(
                other["detailed"],
                other["confidence"],
                UUID(other["category_id"]) if other.get("category_id") else None,
            )
            for other in row["alternatives"]
        ),
        category_id=row["category_id"],
    )


async def accept(
    db: Connection,
    organization_id: UUID,
    suggestion_id: UUID,
    *,
    category: str | None = None,
    apply_to: Reach = "this",
    given_by: str,
) -> Learned:
    """Take what is suggested, or the category named instead, as a person's decision, and learn from it."""
    row = await _open(db, organization_id, suggestion_id)
    value = category or str(row["category_id"] or "")
    if not value:
        raise NoCategory(errors=(FieldError("category", "is needed: you have none for what is suggested"),))
    learned = await learning.learn(
        db,
        organization_id,
        transaction_id=suggestion_id,
        field="category",
        value=value,
        apply_to=apply_to,
        given_by=given_by,
    )
    took = learned.transaction.category_id == row["category_id"]
    await repository.close(db, organization_id, suggestion_id, "accepted" if took else "rejected")
    return learned


async def reject(db: Connection, organization_id: UUID, suggestion_id: UUID, *, apply_to: Reach = "this") -> int:
    """Say no: this answer never comes back for it, by whomever. Says for how many transactions."""
    await _open(db, organization_id, suggestion_id)
    return await repository.reject(db, organization_id, suggestion_id, similar=apply_to == "similar")


async def _open(db: Connection, organization_id: UUID, suggestion_id: UUID) -> DictRow:
    row = await repository.hold(db, organization_id, suggestion_id)
    if row is None:
        raise SuggestionNotFound
    if row["state"] != "open":
        raise SuggestionAnswered
    return row
