"""Every query of privacy."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows

# They hold keys, digests of secrets, or nothing but our own machinery.
KEPT_BACK = (
    "identity.organization_keys",
    "identity.idempotency_keys",
    "identity.api_key_index",
    "identity.invitation_index",
    "identity.erasures",
    "audit.heads",
    "events.heads",
    "events.cursors",
    "ml.recurring_runs",
    "ml.own_models",
    "reports.moments",
    "receipts.looks",
    "connect.consents",
)
SECRET_COLUMNS = [
    "credentials", "refresh_digest", "spent_digests", "row_xid", "ended_xid", "created_xid", "details_digest",
]  # fmt: skip
# Where the history of an organization names who did something, and the ids of what it was.
TRACES = {
    "audit": """
        select number, at, operation, entity_kind, entity_id, details from audit.entries
        where actor = %(actor)s order by number
    """,
    "events": """
        select event_id, occurred_at, kind, payload from events.events where actor = %(actor)s order by position
    """,
    "changes": """
        select transaction_id, version, known_to as changed_at from books.transaction_versions
        where changed_by = %(actor)s or changed_by like %(actor)s || ' %%' order by known_to, transaction_id
    """,
    "categories": """
        select category_id, number, known_to as changed_at from books.category_versions where changed_by = %(actor)s
    """,
    "accounts": """
        select account_id, number, known_to as changed_at from books.account_versions where changed_by = %(actor)s
    """,
    "budgets": """
        select budget_id, number, known_to as changed_at from books.budget_versions where changed_by = %(actor)s
    """,
    "budget_months": """
        select budget_id, month, number, known_to as changed_at from books.budget_month_versions
        where changed_by = %(actor)s
    """,
    "category_codes": """
        select code, category_id, known_to as changed_at from books.category_code_versions where changed_by = %(actor)s
    """,
    "attachments_deleted": """
        select attachment_id, transaction_id, known_to as deleted_at from books.attachment_versions
        where changed_by = %(actor)s
    """,
    "feedback": """
        select feedback_id, transaction_id, field, value, created_at from ml.feedback where given_by = %(actor)s
    """,
    "recurring": """
        select pattern_id, decision, decided_at from ml.recurring_patterns where decided_by = %(actor)s
    """,
    "recurring_apart": "select transaction_id, said_at from ml.recurring_apart where said_by = %(actor)s",
    "tax_confirmations": """
        select confirmation_id, transaction_id, field, is_deductible, head, business_pct, created_at
        from ml.tax_confirmations where given_by = %(actor)s
    """,
    "imports": """
        select batch_id, file_name, created_at, imported_by, undone_at, undone_by from ingest.batches
        where %(actor)s in (imported_by, undone_by)
    """,
    "corrections": """
        select batch_id, line_number, cells, corrected_at from ingest.corrections where corrected_by = %(actor)s
    """,
    "attachments": """
        select attachment_id, transaction_id, file_name, media_type, created_at from books.attachments
        where added_by = %(actor)s
    """,
    "receipts": """
        select document_id, file_name, media_type, created_at from receipts.documents where added_by = %(actor)s
    """,
    "receipt_answers": """
        select document_id, transaction_id, state, decided_at from receipts.matches where decided_by = %(actor)s
    """,
    "filters": """
        select filter_id, name, filter, is_shared, created_at, updated_at from books.saved_filters
        where owner = %(actor)s
    """,
    "rule_applications": """
        select application_id, rule_id, applied_by, applied_at, undone_by, undone_at from books.rule_applications
        where %(actor)s in (applied_by, undone_by)
    """,
    "exports": """
        select export_id, what, format, asked, created_at from reports.exports where asked_by = %(actor)s
    """,
    "reports": """
        select report_id, report, asked, created_at from reports.reports where created_by = %(actor)s
    """,
    "schedules": """
        select schedule_id, name, report, period, created_at from reports.schedules where created_by = %(actor)s
    """,
    "connections": """
        select connection_id, provider, name, state, created_at from connect.connections
        where created_by = %(actor)s
    """,
    "rates": """
        select rate_id, base, quote, quoted_on, rate, set_by, known_from, ended_by, known_to from books.own_rates
        where %(actor)s in (set_by, ended_by)
    """,
    "periods": "select act_id, act, day, reason, acted_at from books.period_acts where acted_by = %(actor)s",
    "settings": """
        select version, known_to as changed_at from identity.organization_versions where changed_by = %(actor)s
    """,
    "invitations": """
        select invitation_id, email, role, created_at from identity.invitations where invited_by = %(user_id)s
    """,
    "api_keys": """
        select api_key_id, name, role, created_at, revoked_at from identity.api_keys where created_by = %(user_id)s
    """,
    "sessions": """
        select session_id, created_at, refreshed_at, expires_at, ended_at from identity.sessions
        where user_id = %(user_id)s and organization_id = %(organization_id)s
    """,
}


async def retention(db: Connection, organization_id: UUID) -> DictRow | None:
    query = "select books_years, audit_years, events_days, version from identity.retentions where organization_id = %s"
    return await (await db.execute(query, [organization_id])).fetchone()


async def put_retention(db: Connection, organization_id: UUID, changes: dict[str, Any]) -> None:
    """Change the named columns; null is the default again."""
    names = sorted(changes)
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    given = sql.SQL(", ").join(map(sql.Placeholder, names))
    query = sql.SQL(
        "insert into identity.retentions as known (organization_id{comma}{names}) "
        "values (%(organization_id)s{comma}{values}) "
        "on conflict (organization_id) do update set version = known.version + 1{comma}{sets}"
    ).format(
        comma=sql.SQL(", " if names else ""),
        names=listed,
        values=given,
        sets=sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in names),
    )
    await db.execute(query, {**changes, "organization_id": organization_id})


async def last_booked(db: Connection, organization_id: UUID) -> date | None:
    row = await one(
        db,
        "select max(booked_on) as last from books.transactions where organization_id = %(id)s",
        {"id": organization_id},
    )
    return row["last"] if row else None


async def tables(db: Connection) -> list[str]:
    """Every table that has rows of organizations and that we may read, but those that are kept back."""
    query = """
        select namespace.nspname || '.' || class.relname as name
        from pg_class as class
        inner join pg_namespace as namespace on namespace.oid = class.relnamespace
        inner join pg_attribute as attribute on attribute.attrelid = class.oid
        where class.relkind in ('r', 'p') and not class.relispartition and class.relpersistence <> 't'
            and attribute.attname = 'organization_id' and not attribute.attisdropped
            and namespace.nspname <> 'marts' and has_table_privilege(class.oid, 'select')
        order by name
    """
    return [row["name"] for row in await rows(db, query) if row["name"] not in KEPT_BACK]


async def lines(db: Connection, table: str, organization_id: UUID) -> AsyncIterator[str]:
    """A table's rows of an organization as JSON, read as they are written: numbers as they are, dates in ISO 8601."""
    query = sql.SQL(
        "select (to_jsonb(kept) - %s::text[])::text as line from {} as kept where organization_id = %s"
    ).format(sql.Identifier(*table.split(".", 1)))
    async with db.cursor() as cursor:
        async for row in cursor.stream(query, [SECRET_COLUMNS, organization_id]):
            yield row["line"]


async def files(db: Connection, organization_id: UUID) -> list[DictRow]:
    """Whatever lies in the blob store for an organization: imported files, attachments, mails, receipts, each once."""
    query = """
        select distinct on (digest) digest, blob_key from (
            select digest, blob_key from ingest.raw_files where organization_id = %(id)s
            union all
            select digest, blob_key from books.attached_files where organization_id = %(id)s
            union all
            select digest, blob_key from receipts.documents where organization_id = %(id)s
            union all
            select digest, blob_key from receipts.mails where organization_id = %(id)s
        ) as kept
        order by digest
    """
    return await rows(db, query, {"id": organization_id})


async def user(db: Connection, user_id: UUID) -> DictRow | None:
    query = "select user_id, email, name, created_at from identity.users where user_id = %(id)s and erased_at is null"
    return await one(db, query, {"id": user_id})


async def ways_in(db: Connection, user_id: UUID) -> list[DictRow]:
    """By what somebody signs in, besides a password."""
    query = """
        select issuer as what, subject, email, created_at, used_at from identity.user_identities
        where user_id = %(id)s
        union all
        select 'second factor', null, null, created_at, confirmed_at from identity.second_factors
        where user_id = %(id)s
    """
    return await rows(db, query, {"id": user_id})


async def traces(db: Connection, organization_id: UUID, user_id: UUID, kind: str) -> list[DictRow]:
    """What the history of one organization says that somebody did."""
    values = {"organization_id": organization_id, "user_id": user_id, "actor": f"user:{user_id}"}
    return await rows(db, TRACES[kind], values)


async def anonymise(db: Connection, user_id: UUID, password_hash: str) -> None:
    """Leave the id, which the history names, and no way to sign in."""
    await db.execute(
        """
        update identity.users set
            email = 'erased-' || user_id || '@erased.invalid', name = 'Erased', password_hash = %(password_hash)s,
            erased_at = now()
        where user_id = %(user_id)s
        """,
        {"user_id": user_id, "password_hash": password_hash},
    )
    await db.execute(
        "update identity.sessions set ended_at = now() where user_id = %(id)s and ended_at is null", {"id": user_id}
    )
    await _forget_ways_in(db, [user_id])


async def _forget_ways_in(db: Connection, user_ids: list[UUID]) -> None:
    for table in ("user_identities", "second_factors", "recovery_codes", "sign_ins"):
        await db.execute(f"delete from identity.{table} where user_id = any(%(ids)s)", {"ids": user_ids})


async def has_been_here(db: Connection, organization_id: UUID, user_id: UUID) -> bool:
    """Whether somebody who is no member had a session in this organization."""
    query = "select from identity.sessions where organization_id = %(organization_id)s and user_id = %(user_id)s"
    values = {"organization_id": organization_id, "user_id": user_id}
    return await one(db, f"{query} limit 1", values) is not None


async def forget(db: Connection, *, sessions_days: int, jobs_days: int) -> dict[str, int]:
    """Take away what is past its time, of everyone. `db` is the pipeline role's."""
    statements = {
        "sessions": """
            delete from identity.sessions
            where least(ended_at, expires_at) < now() - make_interval(days => %(sessions_days)s)
        """,
        "invitations": """
            with old as (
                delete from identity.invitations where expires_at < now() returning organization_id, invitation_id
            )
            delete from identity.invitation_index as indexed using old
            where (indexed.organization_id, indexed.invitation_id) = (old.organization_id, old.invitation_id)
        """,
        "answers": "delete from identity.idempotency_keys where created_at < now() - interval '24 hours'",
        "jobs": """
            delete from queue.jobs
            where state in ('done', 'failed') and finished_at < now() - make_interval(days => %(jobs_days)s)
        """,
    }
    values = {"sessions_days": sessions_days, "jobs_days": jobs_days}
    return {name: (await db.execute(statement, values)).rowcount for name, statement in statements.items()}


async def anonymise_stranded(db: Connection, *, days: int) -> int:
    """Whoever has belonged nowhere for so long is erased: nobody else is left to ask for it."""
    found: Sequence[DictRow] = await rows(
        db,
        """
        update identity.users as person set
            email = 'erased-' || user_id || '@erased.invalid', name = 'Erased', password_hash = '', erased_at = now()
        where erased_at is null and created_at < now() - make_interval(days => %(days)s)
            and not exists (select from identity.memberships as membership where membership.user_id = person.user_id)
            and not exists (
                select from identity.sessions as session
                where session.user_id = person.user_id
                    and coalesce(session.ended_at, session.expires_at) > now() - make_interval(days => %(days)s)
            )
        returning user_id
        """,
        {"days": days},
    )
    await _forget_ways_in(db, [person["user_id"] for person in found])
    return len(found)
