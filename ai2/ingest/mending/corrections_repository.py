"""Every query of corrections: the rows that people wrote in the place of quarantined ones."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, rows


async def of_batch(db: Connection, organization_id: UUID, batch_id: UUID) -> dict[int, tuple[str, ...]]:
    """The corrected rows of a batch by line number."""
    found = await rows(
        db,
        """
        select line_number, cells from ingest.corrections
        where organization_id = %(organization_id)s and batch_id = %(batch_id)s order by line_number
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )
    return {row["line_number"]: tuple(row["cells"]) for row in found}


async def put(
    db: Connection, organization_id: UUID, batch_id: UUID, corrected: Mapping[int, tuple[str, ...]], corrected_by: str
) -> None:
    """Keep corrected rows; a later one takes the place of the former."""
    async with db.cursor() as cursor:
        await cursor.executemany(
            """
            insert into ingest.corrections (organization_id, batch_id, line_number, cells, corrected_by)
            values (%s, %s, %s, %s, %s)
            on conflict (organization_id, batch_id, line_number) do update set
                cells = excluded.cells, corrected_by = excluded.corrected_by, corrected_at = now()
            """,
            [
                (organization_id, batch_id, line, Jsonb(list(cells)), corrected_by)
                for line, cells in sorted(corrected.items())
            ],
        )


async def forget(db: Connection, organization_id: UUID, batch_id: UUID, lines: Iterable[int]) -> None:
    """Corrections that are no use: their rows still cannot be read. One that only waits for a reopening is."""
    await db.execute(
        """
        delete from ingest.corrections as correction
        where organization_id = %(organization_id)s and batch_id = %(batch_id)s and line_number = any(%(lines)s)
            and not exists (
                select from ingest.unloaded_lines as line
                where line.organization_id = %(organization_id)s and line.batch_id = %(batch_id)s
                    and line.line_number = correction.line_number and line.reason_code = 'period_closed'
            )
        """,
        {"organization_id": organization_id, "batch_id": batch_id, "lines": list(lines)},
    )


async def closed(db: Connection, organization_id: UUID, batch_id: UUID, lines: Iterable[int]) -> list[DictRow]:
    """Those of these lines that are quarantined because their period is closed."""
    return await rows(
        db,
        """
        select line_number, reason_code, original from ingest.unloaded_lines
        where organization_id = %(organization_id)s and batch_id = %(batch_id)s
            and line_number = any(%(lines)s) and reason_code = 'period_closed'
        """,
        {"organization_id": organization_id, "batch_id": batch_id, "lines": list(lines)},
    )


async def states(db: Connection, organization_id: UUID, batch_id: UUID, lines: Iterable[int]) -> dict[int, str]:
    """What became of these lines of a batch."""
    found = await rows(
        db,
        """
        select line_number, state from published.statement_lines
        where organization_id = %(organization_id)s and batch_id = %(batch_id)s
            and line_number = any(%(lines)s::integer[])
        """,
        {"organization_id": organization_id, "batch_id": batch_id, "lines": list(lines)},
    )
    return {row["line_number"]: row["state"] for row in found}
