"""Orchestrating: a workflow of several agents over stored transactions, at once where it is small, else as a run."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, model_validator

from ai2.kit import queue
from ai2.kit.periods import EXPECTED, read_period
from api.schemas import Body, Instant, Out
from api.unit import Caller, Db, Unit
from ml.agents import orchestrator
from ml.agents.orchestrator import Run
from ml.agents.workflows import SMALL, Workflow
from ml.scope import Scope

router = APIRouter(prefix="/api/ai/orchestrate", tags=["orchestration"], route_class=Unit)

MOST, FEW = 10_000, 200
JOB = "orchestrate"


class RunWanted(Body):
    """A workflow, and which transactions it is for."""

    workflow: Workflow = Field(
        description="categorize brings what people taught to what machines decided, and decides what has no category. "
        "tax_review then says what is deductible. full_analysis also finds what recurs and what is odd, and renews "
        "the insights; monthly_close does all that for a period and says what is left open before it is closed."
    )
    transaction_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST)] | None = None
    period: str | None = Field(default=None, max_length=50, description=f"A period: it {EXPECTED}.")

    @model_validator(mode="after")
    def _one_of_them(self) -> "RunWanted":
        if (self.transaction_ids is None) == (self.period is None):
            raise ValueError("needs transaction_ids or period, and only one of them")
        return self


class StepOut(Out):
    """A step and what came of it."""

    step: str
    state: Literal["waiting", "running", "done", "failed", "skipped"]
    attempts: int
    result: dict[str, Any] | None
    error: dict[str, Any] | None = Field(description="Why it failed or was skipped, as in RFC 9457.")
    started_at: Instant | None
    finished_at: Instant | None


class RunOut(Out):
    """A run and its steps."""

    run_id: UUID
    workflow: Workflow
    state: Literal["queued", "running", "done", "partly", "failed"] = Field(
        description="partly: some steps failed or were skipped, and the others keep what they did."
    )
    requested_by: str
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    steps: list[StepOut]


@router.post(
    "",
    response_model=RunOut,
    responses={202: {"model": RunOut, "description": "A run, for a period or for many transactions."}},
)
async def orchestrate(wanted: RunWanted, db: Db, who: Caller, response: Response) -> Run:
    """Run a workflow. Up to 200 transactions are categorised or reviewed at once; all else is a run to be asked for."""
    owner = who.organization_id
    ids = None if wanted.transaction_ids is None else tuple(dict.fromkeys(wanted.transaction_ids))
    period = read_period(wanted.period, datetime.now(UTC).date()) if wanted.period else None
    scope = Scope(period=period, transaction_ids=ids)
    run_id = await orchestrator.begin(db, owner, workflow=wanted.workflow, scope=scope, requested_by=who.actor)
    if wanted.workflow in SMALL and ids is not None and len(ids) <= FEW:
        return await orchestrator.run_within(db, owner, run_id)
    await queue.enqueue(db, owner, JOB, {"run_id": str(run_id)}, job_id=run_id)
    response.status_code = 202
    return await orchestrator.get(db, owner, run_id)


@router.get("/{run_id}", response_model=RunOut)
async def get_orchestration(run_id: UUID, db: Db, who: Caller) -> Run:
    """How far a run is, and what came of each step."""
    return await orchestrator.get(db, who.organization_id, run_id)
