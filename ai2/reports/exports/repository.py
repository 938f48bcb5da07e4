"""Every query on what was asked for as a file and what was written."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, number, one, rows

# How far it is says its job, until it is written; a job that is gone ended long ago.
COLUMNS = """
    export.export_id, export.what, export.format, export.asked, export.asked_by, export.created_at, export.rows,
    export.size_bytes, export.sha256, export.finished_at, export.expires_at,
    case
        when export.finished_at is null then coalesce(job.state, 'failed')
        when export.expires_at <= now() then 'expired' else 'done'
    end as state,
    case when export.finished_at is null then coalesce(job.progress, 0) else 1 end::float8 as progress,
    case when export.finished_at is null then job.error end as error
"""
FROM = """
    reports.exports as export
    left join published.jobs as job
        on job.organization_id = export.organization_id and job.job_id = export.export_id
"""


async def insert(db: Connection, organization_id: UUID, *, asked: dict[str, Any], **values: Any) -> None:
    await db.execute(
        """
        insert into reports.exports (organization_id, export_id, what, format, asked, asked_by)
        values (%(organization_id)s, %(export_id)s, %(what)s, %(format)s, %(asked)s, %(asked_by)s)
        """,
        {**values, "organization_id": organization_id, "asked": Jsonb(asked)},
    )


async def get(db: Connection, organization_id: UUID, export_id: UUID) -> DictRow | None:
    query = f"""
        select {COLUMNS} from {FROM}
        where export.organization_id = %(organization_id)s and export.export_id = %(export_id)s
    """
    return await one(db, query, {"organization_id": organization_id, "export_id": export_id})


async def manifest(db: Connection, organization_id: UUID, export_id: UUID) -> dict[str, Any] | None:
    query = """
        select manifest from reports.exports
        where organization_id = %(organization_id)s and export_id = %(export_id)s
    """
    row = await one(db, query, {"organization_id": organization_id, "export_id": export_id})
    return row["manifest"] if row else None


async def page(db: Connection, organization_id: UUID, *, before: UUID | None, limit: int) -> list[DictRow]:
    """Exports, newest first."""
    query = f"""
        select {COLUMNS} from {FROM}
        where export.organization_id = %(organization_id)s
            and (%(before)s::uuid is null or export.export_id < %(before)s)
        order by export.export_id desc limit %(limit)s
    """
    return await rows(db, query, {"organization_id": organization_id, "before": before, "limit": limit})


async def count(db: Connection, organization_id: UUID) -> int:
    query = "select count(*) as exports from reports.exports where organization_id = %(organization_id)s"
    return await number(db, query, {"organization_id": organization_id})


async def waiting(db: Connection, organization_id: UUID, kind: str) -> int:
    """How many are asked for and not written."""
    query = """
        select count(*) as jobs from published.jobs
        where organization_id = %(organization_id)s and kind = %(kind)s and state in ('queued', 'running')
    """
    return await number(db, query, {"organization_id": organization_id, "kind": kind})


async def finish(
    db: Connection, organization_id: UUID, export_id: UUID, *, manifest: dict[str, Any], days: int, **values: Any
) -> bool:
    """Note what was written; says whether the export is still there."""
    done = await db.execute(
        """
        update reports.exports set
            manifest = %(manifest)s, rows = %(rows)s, size_bytes = %(size_bytes)s, sha256 = %(sha256)s,
            finished_at = now(), expires_at = now() + make_interval(days => %(days)s)
        where organization_id = %(organization_id)s and export_id = %(export_id)s
        """,
        {
            **values,
            "organization_id": organization_id,
            "export_id": export_id,
            "manifest": Jsonb(manifest),
            "days": days,
        },
    )
    return done.rowcount > 0


async def past(db: Connection, before: datetime) -> list[DictRow]:
    """Exports past their time, and those that were not written though asked for so long ago; everyone's."""
    query = """
        select organization_id, export_id from reports.exports
        where coalesce(expires_at <= now(), created_at < %(before)s)
    """
    return await rows(db, query, {"before": before})


async def delete(db: Connection, past: list[DictRow]) -> None:
    await db.execute(
        """
        delete from reports.exports as export
        using unnest(%(organizations)s::uuid[], %(exports)s::uuid[]) as past (organization_id, export_id)
        where (export.organization_id, export.export_id) = (past.organization_id, past.export_id)
        """,
        {
            "organizations": [each["organization_id"] for each in past],
            "exports": [each["export_id"] for each in past],
        },
    )
