"""Suggestions: the review queue, most useful first; yes, no, or many answers at once."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field, model_validator

from ai2.identity.principal import Principal
from ai2.ingest import service as ingest
from ai2.kit import queue
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid, Problem
from ai2.kit.periods import EXPECTED, read_period
from api.ai.analyze import JOB, Alternative, CategoryGuess
from api.ai.feedback import FeedbackOut
from api.core.transactions import TransactionOut
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Amount, Body, Confidence, ListOf, Name, Out
from api.unit import Caller, Db, Unit
from ml.answers import Decider
from ml.learning import Learned
from ml.review import service as review
from ml.review.service import Place, Reach, Suggestion

router = APIRouter(prefix="/api/ai/suggestions", tags=["suggestions"], route_class=Unit)

AT_ONCE = 200


class Repeated(Invalid):
    """A suggestion is answered once."""


class SuggestionOut(Out):
    """What may be so, for a transaction that stands for all that ask the same."""

    suggestion_id: UUID = Field(description="The transaction's id.")
    transaction: TransactionOut
    category: CategoryGuess
    confidence: Confidence
    alternatives: list[Alternative] = Field(max_length=3)
    decided_by: Decider
    version: str
    reasons: list[str]
    settles: int = Field(description="How many transactions an answer for all similar ones settles.")
    amount: Amount = Field(description="Of all these, without signs, in your base currency as far as rates are known.")
    usefulness: Amount = Field(description="`amount` times how unsure it is (1 - confidence): the order of the list.")


class Suggestions(ListOf):
    """One page."""

    items: list[SuggestionOut]


class SuggestionsWanted(Body):
    """Which transactions: of an import, of a period, or without both all that have no category."""

    batch_id: UUID | None = None
    period: str | None = Field(default=None, max_length=50, description=f"A period: it {EXPECTED}.")

    @model_validator(mode="after")
    def _one_at_most(self) -> "SuggestionsWanted":
        if self.batch_id is not None and self.period is not None:
            raise ValueError("names batch_id or period, not both")
        return self


class Asked(Out):
    """The job that looks for them."""

    job_id: UUID = Field(description="See GET /api/ai/batch-analyze/{job_id}.")


class Accepting(Body):
    """Yes, and how far it goes."""

    category: Name | None = Field(
        default=None, description="Another one than is suggested, such as an alternative: by id, name or code."
    )
    apply_to: Reach = Field(
        default="this", description="similar: also the merchant's other transactions that no person or rule decided."
    )


class Rejecting(Body):
    """No, and how far it goes."""

    apply_to: Reach = Field(default="this", description="similar: also all others that were suggested the same.")


class Rejected(Out):
    """What was said no to."""

    rejected: int = Field(description="For how many transactions.")


class BulkAnswer(Accepting):
    """An answer to one of many."""

    suggestion_id: UUID
    answer: Literal["accept", "reject"]


class BulkAnswers(Body):
    """Answers, all of which are taken or none."""

    items: Annotated[list[BulkAnswer], Field(min_length=1, max_length=AT_ONCE)]


class BulkOut(Out):
    """What came of it."""

    accepted: int = Field(description="How many suggestions were accepted.")
    rejected: int = Field(description="For how many transactions no was said.")
    others_changed: int = Field(description="How many other transactions follow what was accepted.")
    others_closed: int = Field(description="How many stay as they are, because their period is closed.")


@router.get("", response_model=Suggestions)
async def list_suggestions(db: Db, who: Caller, wanted: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    """What waits for a person, most useful first. Pages keep their order while answers are given and rows come in."""
    after = read_cursor(wanted.cursor, Place.read)
    items, last = await review.page(db, who.organization_id, after=after, limit=wanted.limit)
    return {
        "items": [_shown(each) for each in items],
        "next_cursor": write_cursor(last),
        "total": await review.count(db, who.organization_id) if wanted.include else None,
    }


@router.post("", response_model=Asked, status_code=202)
async def request_suggestions(wanted: SuggestionsWanted, db: Db, who: Caller) -> dict[str, UUID]:
    """Look for suggestions now: what is sure is applied, what is not comes into this list."""
    payload: dict[str, Any] = {}
    if wanted.batch_id:
        payload = {"batch_id": str((await ingest.batch(db, who.organization_id, wanted.batch_id)).batch_id)}
    elif wanted.period:
        period = read_period(wanted.period, datetime.now(UTC).date())
        payload = {"period": [period.start.isoformat(), period.end.isoformat()]}
    return {"job_id": await queue.enqueue(db, who.organization_id, JOB, payload)}


@router.post("/bulk", response_model=BulkOut)
async def answer_suggestions(wanted: BulkAnswers, db: Db, who: Caller) -> dict[str, int]:
    """Many answers at once, all or none. What an answer for all similar ones settled needs none of its own."""
    counted = {"accepted": 0, "rejected": 0, "others_changed": 0, "others_closed": 0}
    settled: set[UUID] = set()
    for place, each in enumerate(wanted.items):
        if each.suggestion_id in settled:
            raise Repeated(errors=(FieldError(f"items.{place}.suggestion_id", "is named once"),))
        settled.add(each.suggestion_id)
        try:
            for name, number in (await _answer(db, who, each)).items():
                counted[name] += number
        except Problem as problem:
            told = problem.errors or (FieldError("suggestion_id", problem.title),)
            problem.errors = tuple(FieldError(f"items.{place}.{one.field}", one.message) for one in told)
            raise
    return counted


@router.post("/{suggestion_id}/accept", response_model=FeedbackOut)
async def accept_suggestion(suggestion_id: UUID, said: Accepting, db: Db, who: Caller) -> Learned:
    """Say yes: it is your decision then, and is learnt from."""
    return await review.accept(db, who.organization_id, suggestion_id, **dict(said), given_by=who.actor)


@router.post("/{suggestion_id}/reject", response_model=Rejected)
async def reject_suggestion(suggestion_id: UUID, said: Rejecting, db: Db, who: Caller) -> dict[str, int]:
    """Say no: this answer never comes back for it. Another one may."""
    return {"rejected": await review.reject(db, who.organization_id, suggestion_id, apply_to=said.apply_to)}


async def _answer(db: Connection, who: Principal, said: BulkAnswer) -> dict[str, int]:
    if said.answer == "reject":
        rejected = await review.reject(db, who.organization_id, said.suggestion_id, apply_to=said.apply_to)
        return {"rejected": rejected}
    learned = await review.accept(
        db,
        who.organization_id,
        said.suggestion_id,
        category=said.category,
        apply_to=said.apply_to,
        given_by=who.actor,
    )
    return {"accepted": 1, "others_changed": learned.others_changed, "others_closed": learned.others_closed}


def _shown(each: Suggestion) -> dict[str, Any]:
    return {**vars(each.analysis), **vars(each)}
