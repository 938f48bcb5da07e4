"""Every query on which connections are due, and whose consent ends. `db` is the pipeline role's: it sees everyone."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, one, rows

DUE = """
    state in ('connected', 'error', 'syncing') and next_run_at <= clock_timestamp()
    and (leased_until is null or leased_until < clock_timestamp())
"""
SYNC = """
    sync.organization_id, sync.sync_id, sync.connection_id, connection.provider, sync.trigger, sync.outcome, sync.pages,
    sync.rows_in, sync.rows_loaded, sync.rows_duplicate, sync.rows_quarantined, sync.mails, sync.error,
    sync.started_at, sync.finished_at
"""


async def is_any(db: Connection, *, warn_days: int) -> bool:
    """Whether any connection is due, or any consent to be told of."""
    query = f"""
        select exists (select from connect.connections where {DUE}) or exists (
            select from connect.connections
            where state in ('connected', 'error', 'syncing')
                and consent_expires_at < now() + make_interval(days => %(warn_days)s)
                and (warned_on is null or warned_on < current_date)
        ) as is_any
    """
    row = await one(db, query, {"warn_days": warn_days})
    return bool(row and row["is_any"])


async def due(
    db: Connection, *, limit: int, of_a_provider: int, providers: Collection[str], without: Sequence[UUID]
) -> list[DictRow]:
    """Connections whose time has come, the longest due first; of each provider only so many."""
    query = f"""
        with waiting as (
            select organization_id, connection_id, provider, next_run_at,
                row_number() over (partition by provider order by next_run_at, connection_id) as place
            from connect.connections
            where {DUE} and provider = any(%(providers)s) and connection_id <> all(%(without)s::uuid[])
        )
        select organization_id, connection_id, provider from waiting where place <= %(of_a_provider)s
        order by next_run_at, connection_id limit %(limit)s
    """
    known = {
        "limit": limit, "of_a_provider": of_a_provider, "providers": list(providers), "without": list(without),
    }  # fmt: skip
    return await rows(db, query, known)


async def ending(db: Connection, *, warn_days: int) -> list[DictRow]:
    """Connections whose consent ends within so many days, or has ended, and of which nobody was told today."""
    query = """
        select organization_id, connection_id, consent_expires_at, consent_expires_at <= now() as is_over
        from connect.connections
        where state in ('connected', 'error', 'syncing')
            and consent_expires_at < now() + make_interval(days => %(warn_days)s)
            and (warned_on is null or warned_on < current_date)
        order by consent_expires_at, connection_id limit 1000
    """
    return await rows(db, query, {"warn_days": warn_days})


async def warned(db: Connection, organization_id: UUID, connection_id: UUID) -> bool:
    """Write down that somebody is told today; false where that was done meanwhile."""
    done = await db.execute(
        """
        update connect.connections set warned_on = current_date
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s
            and (warned_on is null or warned_on < current_date)
        """,
        {"organization_id": organization_id, "connection_id": connection_id},
    )
    return done.rowcount > 0


async def expire(db: Connection, organization_id: UUID, connection_id: UUID, error: dict[str, Any]) -> bool:
    """Let a connection whose consent is over rest until there is a new one; false where it runs, or has one."""
    done = await db.execute(
        """
        update connect.connections set state = 'expired', error = %(error)s, next_run_at = null,
            sync_id = null, leased_until = null, version = version + 1, updated_at = now()
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s
            and state in ('connected', 'error', 'syncing') and consent_expires_at <= now()
            and (leased_until is null or leased_until < clock_timestamp())
        """,
        {"organization_id": organization_id, "connection_id": connection_id, "error": Jsonb(error)},
    )
    return done.rowcount > 0


async def known(db: Connection) -> list[DictRow]:
    """Every connection that is not ended, for the operators' view: no name, no setting."""
    query = """
        select organization_id, connection_id, provider, state, next_run_at, last_success_at, failures,
            coalesce(last_success_at, created_at) as in_step_at, error ->> 'code' as code
        from connect.connections where state <> 'disconnected' order by connection_id
    """
    return await rows(db, query)


async def whose(db: Connection, connection_ids: Sequence[UUID]) -> list[DictRow]:
    """Whose connections these are."""
    query = """
        select organization_id, connection_id from connect.connections
        where connection_id = any(%(connection_ids)s) order by connection_id
    """
    return await rows(db, query, {"connection_ids": list(connection_ids)})


async def to_show(db: Connection, *, days: int, limit: int) -> list[DictRow]:
    """Syncs that ended lately and that the operators' view has not shown, in the order in which they ended."""
    query = f"""
        select {SYNC} from connect.syncs as sync
        inner join connect.connections as connection using (organization_id, connection_id)
        where sync.shown_at is null and sync.outcome is not null
            and sync.finished_at > now() - make_interval(days => %(days)s)
        order by sync.finished_at, sync.sync_id limit %(limit)s
    """
    return await rows(db, query, {"days": days, "limit": limit})


async def ended(db: Connection, sync_ids: Sequence[UUID]) -> list[DictRow]:
    """These runs, as they ended."""
    query = f"""
        select {SYNC} from connect.syncs as sync
        inner join connect.connections as connection using (organization_id, connection_id)
        where sync.sync_id = any(%(sync_ids)s) order by sync.sync_id
    """
    return await rows(db, query, {"sync_ids": list(sync_ids)})


async def mark_shown(db: Connection, sync_ids: Sequence[UUID], *, days: int) -> None:
    """They are shown now; what ended longer ago than so is not shown any more."""
    await db.execute(
        """
        update connect.syncs set shown_at = now()
        where shown_at is null and outcome is not null
            and (sync_id = any(%(sync_ids)s) or finished_at <= now() - make_interval(days => %(days)s))
        """,
        {"sync_ids": list(sync_ids), "days": days},
    )


async def forget(db: Connection, *, syncs_days: int, webhooks_days: int) -> int:
    """Forget old runs but the last ones of each connection, and webhooks that nobody can repeat any more."""
    done = await db.execute(
        """
        delete from connect.syncs as old
        where old.finished_at < now() - make_interval(days => %(days)s) and exists (
            select from connect.syncs as newer
            where newer.organization_id = old.organization_id and newer.connection_id = old.connection_id
                and newer.sync_id > old.sync_id
        )
        """,
        {"days": syncs_days},
    )
    await db.execute(
        "delete from connect.webhooks where received_at < now() - make_interval(days => %s)", [webhooks_days]
    )
    return done.rowcount
