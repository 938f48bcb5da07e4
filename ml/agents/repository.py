"""Every query on runs and their steps."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, one, rows

RUN = "run_id, workflow, scope, state, requested_by, created_at, started_at, finished_at"
STEP = "step, place, state, attempts, result, error, started_at, finished_at"


async def insert(
    db: Connection,
    organization_id: UUID,
    *,
    run_id: UUID,
    workflow: str,
    scope: Mapping[str, Any],
    steps: Sequence[str],
    requested_by: str,
) -> None:
    """Write a run and its steps down."""
    await db.execute(
        """
        with run as (
            insert into ml.runs (organization_id, run_id, workflow, scope, requested_by)
            values (%(organization_id)s, %(run_id)s, %(workflow)s, %(scope)s, %(requested_by)s)
        )
        insert into ml.run_steps (organization_id, run_id, step, place)
        select %(organization_id)s, %(run_id)s, step, place
        from unnest(%(steps)s::text[]) with ordinality as named (step, place)
        """,
        {
            "organization_id": organization_id,
            "run_id": run_id,
            "workflow": workflow,
            "scope": Jsonb(scope),
            "steps": list(steps),
            "requested_by": requested_by,
        },
    )


async def get(db: Connection, organization_id: UUID, run_id: UUID) -> DictRow | None:
    query = f"select {RUN} from ml.runs where organization_id = %(organization_id)s and run_id = %(run_id)s"
    return await one(db, query, {"organization_id": organization_id, "run_id": run_id})


async def steps(db: Connection, organization_id: UUID, run_id: UUID) -> list[DictRow]:
    query = f"""
        select {STEP} from ml.run_steps
        where organization_id = %(organization_id)s and run_id = %(run_id)s order by place
    """
    return await rows(db, query, {"organization_id": organization_id, "run_id": run_id})


async def begin(db: Connection, organization_id: UUID, run_id: UUID) -> None:
    """The run is at work, from the first time on."""
    await db.execute(
        """
        update ml.runs set state = 'running', started_at = coalesce(started_at, clock_timestamp())
        where organization_id = %s and run_id = %s
        """,
        [organization_id, run_id],
    )


async def begin_step(db: Connection, organization_id: UUID, run_id: UUID, step: str) -> None:
    await db.execute(
        """
        update ml.run_steps set
            state = 'running', attempts = attempts + 1, error = null, started_at = clock_timestamp(),
            finished_at = null
        where organization_id = %s and run_id = %s and step = %s
        """,
        [organization_id, run_id, step],
    )


async def end_step(
    db: Connection,
    organization_id: UUID,
    run_id: UUID,
    step: str,
    *,
    state: str,
    result: Mapping[str, Any] | None = None,
    error: Mapping[str, Any] | None = None,
) -> None:
    await db.execute(
        """
        update ml.run_steps set
            state = %(state)s, result = %(result)s, error = %(error)s, finished_at = clock_timestamp()
        where organization_id = %(organization_id)s and run_id = %(run_id)s and step = %(step)s
        """,
        {
            "organization_id": organization_id,
            "run_id": run_id,
            "step": step,
            "state": state,
            "result": None if result is None else Jsonb(dict(result)),
            "error": None if error is None else Jsonb(dict(error)),
        },
    )


async def end(db: Connection, organization_id: UUID, run_id: UUID, state: str) -> None:
    await db.execute(
        "update ml.runs set state = %s, finished_at = clock_timestamp() where organization_id = %s and run_id = %s",
        [state, organization_id, run_id],
    )
