"""The queue: background jobs as rows of `queue.jobs`, added by the transaction that wants them done.

A job runs at least once: its handler must bear being run again. PostgreSQL is all that is needed: a notification
wakes the workers when the adding transaction commits, `skip locked` keeps two from taking the same job, and a worker
holds an advisory lock for as long as its connection lives, so that a killed worker's jobs are seen at once to be
nobody's.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, number, one
from ai2.kit.errors import NotFound
from ai2.kit.ids import new_id

CHANNEL = "ai2_jobs"
MAX_ATTEMPTS = 5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2, 300

# A running job whose worker holds its lock no more: the two halves of a lock's number lie in two columns.
ORPHANED = """
    state = 'running' and not exists (
        select from pg_catalog.pg_locks as lock
        where lock.locktype = 'advisory' and lock.granted and lock.objsubid = 1
            and lock.classid::bigint << 32 | lock.objid::bigint = worker_id
    )
"""


class JobNotFound(NotFound):
    """There is no such job."""


@dataclass(frozen=True)
class Job:
    """A job and how far it is. `progress` is 0 to 1; `error` is the last attempt's problem, as in RFC 9457."""

    organization_id: UUID
    job_id: UUID
    kind: str
    payload: dict[str, Any]
    state: str
    attempts: int
    progress: float
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    created_at: datetime | None = field(default=None, compare=False)


COLUMNS = "organization_id, job_id, kind, payload, state, attempts, progress::float8, result, error, created_at"


async def enqueue(
    db: Connection,
    organization_id: UUID,
    kind: str,
    payload: dict[str, Any],
    *,
    key: str | None = None,
    job_id: UUID | None = None,
) -> UUID:
    """Have a job done once this transaction commits. While one of the same key waits, that one serves."""
    row = await one(
        db,
        """
        with added as (
            insert into queue.jobs as waiting (organization_id, job_id, kind, payload, key)
            values (%(organization_id)s, %(job_id)s, %(kind)s, %(payload)s, %(key)s)
            on conflict (organization_id, kind, key) where state = 'queued'
            do update set payload = waiting.payload || excluded.payload
            returning job_id
        )
        select job_id, pg_notify(%(channel)s, '') from added
        """,
        {
            "organization_id": organization_id,
            "job_id": job_id or new_id(),
            "kind": kind,
            "payload": Jsonb(payload),
            "key": key,
            "channel": CHANNEL,
        },
    )
    return UUID(str((row or {})["job_id"]))


async def enqueue_once(
    db: Connection, organization_id: UUID, kind: str, payload: dict[str, Any], *, job_id: UUID
) -> None:
    """Have a job done that may be asked for again: of an id there is one, whatever became of it."""
    await db.execute(
        """
        with added as (
            insert into queue.jobs (organization_id, job_id, kind, payload)
            values (%(organization_id)s, %(job_id)s, %(kind)s, %(payload)s)
            on conflict (organization_id, job_id) do nothing
            returning job_id
        )
        select pg_notify(%(channel)s, '') from added
        """,
        {
            "organization_id": organization_id,
            "job_id": job_id,
            "kind": kind,
            "payload": Jsonb(payload),
            "channel": CHANNEL,
        },
    )


async def get(db: Connection, organization_id: UUID, job_id: UUID) -> Job:
    row = await one(
        db,
        f"select {COLUMNS} from queue.jobs where organization_id = %(organization_id)s and job_id = %(job_id)s",  # noqa: S608
        {"organization_id": organization_id, "job_id": job_id},
    )
    if row is None:
        raise JobNotFound
    return Job(**row)


async def depth(db: Connection) -> int:
    """How many jobs wait or run, of all that this connection may see."""
    return await number(db, "select count(*) as open from queue.jobs where state in ('queued', 'running')")


async def become(db: Connection, worker_id: int) -> None:
    """Take the lock that says that this worker lives; it is held until the connection ends."""
    await db.execute("select pg_advisory_lock(%s)", [worker_id])


async def claim(db: Connection, worker_id: int) -> Job | None:
    """The job that is due longest, now this worker's. `db` is the pipeline role's: it sees every tenant."""
    row = await one(
        db,
        f"""
        update queue.jobs set
            state = 'running', key = null, attempts = attempts + 1, progress = 0,
            started_at = now(), worker_id = %(worker_id)s
        where (organization_id, job_id) = (
            select organization_id, job_id from queue.jobs
            where run_after <= now() and (state = 'queued' or {ORPHANED})
            order by run_after, job_id limit 1 for update skip locked
        )
        returning {COLUMNS}
        """,  # noqa: S608 - words of this file
        {"worker_id": worker_id},
    )
    return Job(**row) if row else None


async def bury(db: Connection) -> None:
    """Give up the jobs that ended their worker as often as a job is tried."""
    await db.execute(
        f"""
        update queue.jobs set state = 'failed', finished_at = now(), error = %s
        where attempts >= %s and {ORPHANED}
        """,  # noqa: S608 - words of this file
        [
            Jsonb({"code": "worker_died", "title": "Its worker died each time it was tried", "status": 500}),
            MAX_ATTEMPTS,
        ],
    )


async def seconds_to_next(db: Connection) -> float | None:
    """How long until a waiting job is due; none where none waits."""
    row = await one(
        db, "select extract(epoch from min(run_after) - now())::float8 as s from queue.jobs where state = 'queued'"
    )
    return row["s"] if row else None


async def report(db: Connection, job: Job, progress: float) -> None:
    """Write how far a job is."""
    await db.execute(
        "update queue.jobs set progress = %s where organization_id = %s and job_id = %s",
        [round(progress, 3), job.organization_id, job.job_id],
    )


async def finish(db: Connection, job: Job, result: dict[str, Any] | None) -> None:
    await db.execute(
        """
        update queue.jobs set state = 'done', progress = 1, result = %s, error = null, finished_at = now()
        where organization_id = %s and job_id = %s
        """,
        [Jsonb(result), job.organization_id, job.job_id],
    )


async def fail(db: Connection, job: Job, error: dict[str, Any], *, again: bool) -> None:
    """Note why a job failed: it is tried again later, or not at all."""
    again = again and job.attempts < MAX_ATTEMPTS
    await db.execute(
        """
        update queue.jobs set
            state = %s, error = %s, run_after = now() + make_interval(secs => %s),
            finished_at = case when %s then null else now() end
        where organization_id = %s and job_id = %s
        """,
        [
            "queued" if again else "failed", Jsonb(error), pause_s(job.attempts), again,
            job.organization_id, job.job_id,
        ],
    )  # fmt: skip


async def release(db: Connection, worker_id: int) -> None:
    """Hand back what a worker that is about to stop has not finished; this was not an attempt."""
    await db.execute(
        """
        update queue.jobs set state = 'queued', attempts = attempts - 1
        where worker_id = %s and state = 'running'
        """,
        [worker_id],
    )
    await db.execute("select pg_notify(%s, '')", [CHANNEL])


def pause_s(attempts: int) -> int:
    """How long a job rests after its nth failure: 2, 4, 8 ... seconds."""
    return int(min(FIRST_PAUSE_S * 2 ** (attempts - 1), LONGEST_PAUSE_S))
