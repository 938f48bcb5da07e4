"""Every query on the moments that reports are of."""

from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.moments import Moment, seen
from ai2.kit.database import Connection, one

# The numbers of transactions are a server's own: what a backup brought here from another one, others numbered.
SERVER = "(select system_identifier from pg_control_system())"
SETTLED = f"""
    (
        select case when server = {SERVER} then settled_before else clock_timestamp() end
        from reports.moments where organization_id = %(organization_id)s order by as_of desc limit 1
    )
"""


async def get(db: Connection, organization_id: UUID, at: datetime) -> DictRow | None:
    query = """
        select as_of, snapshot::text as snapshot, settled_before, null as own, fiscal_year_start
        from reports.moments where organization_id = %(organization_id)s and as_of = %(at)s
    """
    return await one(db, query, {"organization_id": organization_id, "at": at})


async def present(db: Connection, organization_id: UUID) -> DictRow:
    """A time at which this statement's snapshot was taken already, so that all it sees was written before."""
    query = f"""
        select
            clock_timestamp() as as_of, pg_current_snapshot()::text as snapshot, {SETTLED} as settled_before,
            pg_current_xact_id_if_assigned()::text as own, fiscal_year_start
        from identity.organizations where organization_id = %(organization_id)s
    """
    return await one(db, query, {"organization_id": organization_id}) or {}


async def clock(db: Connection) -> datetime:
    found: datetime = ((await one(db, "select clock_timestamp() as now")) or {})["now"]
    return found


async def insert(db: Connection, organization_id: UUID, moment: Moment, fiscal_year_start: int) -> None:
    query = f"""
        insert into reports.moments (organization_id, as_of, snapshot, server, settled_before, fiscal_year_start)
        values (%(organization_id)s, %(moment)s, %(snapshot)s::pg_snapshot, {SERVER}, %(settled_before)s,
            %(fiscal_year_start)s)
        on conflict do nothing
    """
    values = {**moment.parameters, "organization_id": organization_id, "fiscal_year_start": fiscal_year_start}
    await db.execute(query, values)


async def decide(db: Connection, organization_id: UUID, at: datetime) -> None:
    """Keep a moment that is over. It knows no more than the next one that is kept: what is known stays known."""
    query = f"""
        insert into reports.moments (organization_id, as_of, snapshot, server, settled_before, fiscal_year_start)
        select
            %(organization_id)s, %(at)s, coalesce(later.snapshot, pg_current_snapshot()),
            coalesce(later.server, {SERVER}),
            case when later.as_of is null then {SETTLED} else later.settled_before end,
            coalesce(
                (
                    select (former.settings ->> 'fiscal_year_start')::smallint
                    from identity.organization_versions as former
                    where former.organization_id = %(organization_id)s and former.known_to > %(at)s
                    order by former.version limit 1
                ),
                whose.fiscal_year_start
            )
        from identity.organizations as whose
        left join lateral (
            select * from reports.moments as moment
            where moment.organization_id = %(organization_id)s and moment.as_of > %(at)s
            order by moment.as_of limit 1
        ) as later on true
        where whose.organization_id = %(organization_id)s
        on conflict do nothing
    """
    await db.execute(query, {"organization_id": organization_id, "at": at})


async def has_moved(db: Connection, organization_id: UUID, moment: Moment) -> bool:
    """Whether a transaction, an account or a category was written since, by others."""
    query = f"""
        select exists (
            select from published.transactions
            where organization_id = %(organization_id)s and row_xid >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
                and not {seen("row_xid", "updated_at")}
        ) or exists (
            select from published.accounts
            where organization_id = %(organization_id)s and row_xid is distinct from %(own)s::xid8
                and not pg_visible_in_snapshot(row_xid, %(snapshot)s::pg_snapshot)
        ) or exists (
            select from published.categories
            where organization_id = %(organization_id)s and row_xid is distinct from %(own)s::xid8
                and not pg_visible_in_snapshot(row_xid, %(snapshot)s::pg_snapshot)
        ) as moved
    """
    found = await one(db, query, {**moment.parameters, "organization_id": organization_id})
    return bool(found and found["moved"])
