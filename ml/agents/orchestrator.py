"""The orchestrator: runs a workflow's agents one after the other, each in a transaction of its own or a savepoint.

A step that fails is reported and the others keep what they did; what waits for it is skipped, and says so. What is
done is written down with its step, so that a run that was broken off goes on where it was.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import structlog

from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import TransactionNotFound
from ai2.kit.database import Connection, Database, DatabaseDown
from ai2.kit.errors import FieldError, Invalid, NotFound, Problem
from ai2.kit.ids import new_id
from ai2.kit.masking import mask
from ai2.kit.periods import Period
from ml.agents import repository
from ml.agents.agent import Step
from ml.agents.workflows import OF_A_PERIOD, WORKFLOWS, Workflow
from ml.scope import Scope

# A step that ended its worker so often is given up.
MOST_ATTEMPTS = 3

Opening = Callable[[], AbstractAsyncContextManager[Connection]]
Progress = Callable[[float], None]

log = structlog.get_logger(__name__)


class RunNotFound(NotFound):
    """There is no such run."""


class NeedsPeriod(Invalid):
    """This workflow is for a period."""


@dataclass(frozen=True)
class RunStep:
    """A step and what came of it; `error` is as in RFC 9457."""

    step: str
    state: str
    attempts: int
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class Run:
    """A workflow that was asked for. It is `partly` done where some steps failed or were skipped."""

    run_id: UUID
    workflow: Workflow
    state: str
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    steps: list[RunStep]


async def begin(db: Connection, organization_id: UUID, *, workflow: Workflow, scope: Scope, requested_by: str) -> UUID:
    """Write a run down, to be done by `run_within` or `run`."""
    if workflow in OF_A_PERIOD and scope.period is None:
        raise NeedsPeriod(errors=(FieldError("period", f"is needed for {workflow}"),))
    if scope.transaction_ids is not None:
        wanted = set(scope.transaction_ids)
        if len(await transactions.get_many(db, organization_id, list(wanted))) < len(wanted):
            raise TransactionNotFound
    run_id = new_id()
    await repository.insert(
        db,
        organization_id,
        run_id=run_id,
        workflow=workflow,
        scope=_kept(scope),
        steps=[step.name for step in WORKFLOWS[workflow]],
        requested_by=requested_by,
    )
    return run_id


async def get(db: Connection, organization_id: UUID, run_id: UUID) -> Run:
    """A run as it stands."""
    row = await repository.get(db, organization_id, run_id)
    if row is None:
        raise RunNotFound
    found = await repository.steps(db, organization_id, run_id)
    steps = [RunStep(**{name: value for name, value in step.items() if name != "place"}) for step in found]
    return Run(**{name: value for name, value in row.items() if name != "scope"}, steps=steps)


async def run_within(db: Connection, organization_id: UUID, run_id: UUID) -> Run:
    """Do a run in the caller's transaction, each step in a savepoint."""

    @asynccontextmanager
    async def savepoint() -> AsyncIterator[Connection]:
        async with db.transaction():
            yield db

    await _run(savepoint, organization_id, run_id)
    return await get(db, organization_id, run_id)


async def run(database: Database, organization_id: UUID, run_id: UUID, *, progress: Progress = lambda _: None) -> Run:
    """Do a run, or what is left of it, each step in a transaction of its own."""
    await _run(lambda: database.transaction(organization_id), organization_id, run_id, progress)
    async with database.transaction(organization_id) as db:
        return await get(db, organization_id, run_id)


async def _run(opening: Opening, organization_id: UUID, run_id: UUID, progress: Progress = lambda _: None) -> None:
    async with opening() as db:
        row = await repository.get(db, organization_id, run_id)
        if row is None:
            raise RunNotFound
        if row["finished_at"] is not None:
            return
        await repository.begin(db, organization_id, run_id)
        known = {step["step"]: step for step in await repository.steps(db, organization_id, run_id)}
    steps, scope = WORKFLOWS[row["workflow"]], _read(row["scope"])
    states: dict[str, str] = {}
    for place, step in enumerate(steps):
        state, attempts = known[step.name]["state"], known[step.name]["attempts"]
        if state not in {"done", "failed", "skipped"}:
            state = await _do(opening, organization_id, run_id, step, scope, states, attempts)
        states[step.name] = state
        progress((place + 1) / len(steps))
    async with opening() as db:
        await repository.end(db, organization_id, run_id, _outcome(list(states.values())))


async def _do(
    opening: Opening,
    organization_id: UUID,
    run_id: UUID,
    step: Step,
    scope: Scope,
    states: Mapping[str, str],
    attempts: int,
) -> str:
    """Do one step and write down what came of it: its state."""
    missing = [name for name in step.after if states[name] != "done"]
    if missing:
        error: dict[str, Any] = {
            "code": "step_skipped",
            "title": f"It needs {' and '.join(missing)}, which gave nothing",
        }
        return await _end(opening, organization_id, run_id, step, "skipped", error)
    if attempts >= MOST_ATTEMPTS:
        error = {"code": "worker_died", "title": "Its worker died each time it was tried", "status": 500}
        return await _end(opening, organization_id, run_id, step, "failed", error)
    async with opening() as db:
        await repository.begin_step(db, organization_id, run_id, step.name)
    try:
        async with asyncio.timeout(step.deadline_s), opening() as db:
            result = await step.agent(db, organization_id, scope)
            await repository.end_step(db, organization_id, run_id, step.name, state="done", result=result)
    except DatabaseDown:
        raise  # nothing can be written down: the run goes on when it is back
    except Exception as error:
        log.warning("step_failed", run_id=str(run_id), step=step.name, exc_info=error)
        return await _end(opening, organization_id, run_id, step, "failed", _problem(error, step))
    return "done"


async def _end(
    opening: Opening, organization_id: UUID, run_id: UUID, step: Step, state: str, error: Mapping[str, Any]
) -> str:
    async with opening() as db:
        await repository.end_step(db, organization_id, run_id, step.name, state=state, error=error)
    return state


def _outcome(states: Sequence[str]) -> str:
    if all(state == "done" for state in states):
        return "done"
    return "partly" if "done" in states else "failed"


def _problem(error: Exception, step: Step) -> dict[str, Any]:
    """The error as in RFC 9457. What is no problem of ours is only named: its message may hold somebody's data."""
    if isinstance(error, TimeoutError):
        title = f"It took longer than {step.deadline_s:g} s, and nothing of it was kept"
        return {"code": "deadline_passed", "title": title, "status": 503}
    if isinstance(error, Problem):
        return {"code": error.code, "title": error.title, "detail": mask(error.detail), "status": error.status}
    return {"code": "unexpected", "title": f"{type(error).__name__}; the log says more", "status": 500}


def _kept(scope: Scope) -> dict[str, Any]:
    """A scope as its run keeps it."""
    return {
        "batch_id": scope.batch_id and str(scope.batch_id),
        "period": scope.period and [scope.period.start.isoformat(), scope.period.end.isoformat()],
        "transaction_ids": None if scope.transaction_ids is None else [str(each) for each in scope.transaction_ids],
    }


def _read(kept: Mapping[str, Any]) -> Scope:
    ids = kept["transaction_ids"]
    return Scope(
        batch_id=UUID(kept["batch_id"]) if kept["batch_id"] else None,
        period=Period(*map(date.fromisoformat, kept["period"])) if kept["period"] else None,
        transaction_ids=None if ids is None else tuple(map(UUID, ids)),
    )
