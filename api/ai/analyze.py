"""Analysing: a category for one movement of money, or for thousands, each with its reasons."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Request, Response
from pydantic import Field, model_validator

from ai2.books.accounts import service as accounts
from ai2.identity.principal import Role, Scope
from ai2.ingest import service as ingest
from ai2.kit import queue
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid
from ai2.kit.money import exact, of_any_currency
from ai2.kit.periods import EXPECTED, read_period
from api import roles
from api.ai.tax_answers import TaxAnswerOut
from api.core.transactions import Attributes, Description
from api.schemas import AmountIn, Body, Confidence, Currency, Day, Instant, Name, Out
from api.unit import Aside, Caller, Db, Unit, database_of, went_aside
from ml import service
from ml.answers import Analysis, Decider, Decision, Item
from ml.governance import shadow
from ml.llm import service as llm

router = APIRouter(prefix="/api/ai", tags=["analysis"], route_class=Unit)

INLINE = 10_000
JOB = "categorise"


class Movement(Body):
    """A movement of money that need not be stored."""

    description: Description
    amount: AmountIn = Field(description="Negative is money out.")
    currency: Currency | None = None
    date: Day | None = None
    merchant: Name | None = None
    mcc: str | None = Field(default=None, pattern=r"^\d{4}$", description="ISO 18245.")
    account_id: UUID | None = None
    attributes: Attributes = Field(default_factory=dict)


class NamedMovement(Movement):
    """A movement under the caller's own id, by which its answer is found."""

    id: Name


class BatchWanted(Body):
    """Movements; or an import or a period, whose stored transactions are to be categorised."""

    transactions: Annotated[list[NamedMovement], Field(min_length=1, max_length=INLINE)] | None = None
    batch_id: UUID | None = None
    period: str | None = Field(default=None, max_length=50, description=f"A period: it {EXPECTED}.")

    @model_validator(mode="after")
    def _one_of_them(self) -> "BatchWanted":
        if sum(named is not None for named in (self.transactions, self.batch_id, self.period)) != 1:
            raise ValueError("needs transactions, batch_id or period, and only one of them")
        return self


class CategoryGuess(Out):
    """A category twice: as predicted for anyone, and as your own (null where you have none for it)."""

    primary: str | None
    detailed: str | None
    category_id: UUID | None
    name: str | None


class Alternative(CategoryGuess):
    """Another category that it might be."""

    confidence: Confidence


class MerchantOut(Out):
    """Who it is, as far as that is public knowledge."""

    name: str
    kind: str | None
    website: str | None


class RecurringOut(Out):
    """The recurring payment that it continues."""

    pattern_id: UUID = Field(description="See GET /api/ai/recurring/{pattern_id}.")
    cadence: str
    next_due_on: Day | None
    confidence: Confidence
    is_confirmed: bool = Field(description="Whether one of your people said so.")


class AnalysisOut(Out):
    """A category, how sure it is, what to do with it, who decided and why."""

    category: CategoryGuess
    confidence: Confidence
    decision: Decision = Field(description="apply it, review it, or abstain: nothing can be said.")
    alternatives: list[Alternative] = Field(max_length=3)
    merchant: MerchantOut | None
    recurring: RecurringOut | None
    tax: TaxAnswerOut | None = Field(
        description="By the rules of where you are taxed; null where nobody said where, or of a year without rules."
    )
    decided_by: Decider
    version: str
    reasons: list[str]


class BatchAnswer(Out):
    """The answers by the caller's ids, or the job that will find them."""

    results: dict[str, AnalysisOut] | None = None
    job_id: UUID | None = Field(default=None, description="See GET /api/ai/batch-analyze/{job_id}.")


class JobOut(Out):
    """A job and how far it is."""

    job_id: UUID
    state: Literal["queued", "running", "done", "failed"]
    progress: float = Field(description="0 to 1.")
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: Instant | None


@router.post("/analyze-transaction", response_model=AnalysisOut)
async def analyze_transaction(
    movement: Movement, db: Db, who: Caller, request: Request, later: BackgroundTasks
) -> Analysis:
    """What this movement of money is. Nothing is stored, but for what a language model answers, if you allow one."""
    await _check_theirs(db, who.organization_id, [movement])
    item = _item(movement)
    found = await service.analyze(db, who.organization_id, item)
    if found.decision == "abstain" and not went_aside(request):
        left = await llm.left(db, who.organization_id, [item.descriptor])
        if left:
            raise Aside(partial(llm.ask, organization_id=who.organization_id, descriptors=left))
    if shadow.is_asked_too():
        later.add_task(shadow.answered, database_of(request), who.organization_id, [item.descriptor])
    return found


@router.post(
    "/batch-analyze",
    response_model=BatchAnswer,
    responses={202: {"model": BatchAnswer, "description": "A job, for stored transactions."}},
)
async def batch_analyze(wanted: BatchWanted, db: Db, who: Caller, response: Response) -> dict[str, Any]:
    """Up to 10,000 movements at once, answered by your ids; or categorise what is stored, as a job."""
    if wanted.transactions is None:
        roles.require(who, Role.ACCOUNTANT)
        roles.require_scope(who, Scope.WRITE)
        response.status_code = 202
        return {"job_id": await _enqueue(db, who.organization_id, wanted)}
    _check_distinct(wanted.transactions)
    await _check_theirs(db, who.organization_id, wanted.transactions)
    items = [_item(movement, movement.id) for movement in wanted.transactions]
    found = await service.batch_analyze(db, who.organization_id, items)
    return {"results": {analysis.id: analysis for analysis in found}}


@router.get("/batch-analyze/{job_id}", response_model=JobOut)
async def get_batch_analysis(job_id: UUID, db: Db, who: Caller) -> queue.Job:
    """How far a job is, and what came of it."""
    job = await queue.get(db, who.organization_id, job_id)
    if job.kind != JOB:
        raise queue.JobNotFound
    return job


async def _enqueue(db: Connection, organization_id: UUID, wanted: BatchWanted) -> UUID:
    if wanted.batch_id:
        known = await ingest.batch(db, organization_id, wanted.batch_id)
        return await queue.enqueue(db, organization_id, JOB, {"batch_id": str(known.batch_id)})
    period = read_period(wanted.period or "", datetime.now(UTC).date())
    days = [period.start.isoformat(), period.end.isoformat()]
    return await queue.enqueue(db, organization_id, JOB, {"period": days})


async def _check_theirs(db: Connection, organization_id: UUID, movements: list[Any]) -> None:
    """A stranger's account is not there."""
    await accounts.check_theirs(db, organization_id, {movement.account_id for movement in movements} - {None})


def _check_distinct(movements: list[NamedMovement]) -> None:
    if len({movement.id for movement in movements}) < len(movements):
        raise Invalid(errors=(FieldError("transactions", "have an id each, no two the same"),))


def _item(movement: Movement, name: str | None = None) -> Item:
    amount = exact(movement.amount, movement.currency) if movement.currency else of_any_currency(movement.amount)
    known = {field: getattr(movement, field) for field in ("description", "currency", "date", "merchant", "mcc")}
    return Item(**known, amount=amount, account_id=movement.account_id, attributes=movement.attributes, id=name)
