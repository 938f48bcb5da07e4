"""Every query of anomalies."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import DictRow

from ai2.kit.database import Connection, number, one, rows
from ai2.kit.periods import Period

# Posted, and no transfer between own accounts: what the dashboard counts.
COUNTED = """
    transaction.organization_id = %(organization_id)s and transaction.deleted_at is null
    and transaction.status = 'posted'
    and (transaction.category_id is null or transaction.category_id <> all(array(
        select category_id from books.categories
        where organization_id = %(organization_id)s and kind = 'transfer'
    )))
"""
# Columns of files say something of a row where most rows have them and few values come again and again.
CONTEXTS = f"""
    with looked_at as (
        select attributes from books.transactions as transaction
        where {COUNTED} and booked_on between %(start)s and %(end)s
        order by booked_on desc limit 20000
    )
    select each.key as name
    from looked_at cross join lateral jsonb_each_text(looked_at.attributes) as each
    group by each.key
    having count(*) >= (select count(*) from looked_at) * 0.8
        and count(distinct each.value) between 2 and (select count(*) from looked_at) * 0.1
    order by count(distinct each.value) desc, each.key limit 5
"""


async def contexts(db: Connection, organization_id: UUID, start: date, end: date) -> list[str]:
    """The columns of files that a row can be judged by."""
    known = {"organization_id": organization_id, "start": start, "end": end}
    return [row["name"] for row in await rows(db, CONTEXTS, known)]


async def copied(
    db: Connection, organization_id: UUID, names: Sequence[str], start: date, end: date
) -> AsyncIterator[bytes]:
    """The rows of these days as CSV, by currency and day, with the values of these columns of files."""
    attributes = [sql.SQL(", attributes ->> {}").format(sql.Literal(name)) for name in names]
    known = {"organization_id": organization_id, "start": start, "end": end}
    query = sql.SQL(
        "copy ("
        "select transaction.transaction_id, currency, booked_on - date '2000-01-01', merchant_key, account_id,"
        " category_id, amount, exists ("
        "  select from ml.anomalies as known where known.organization_id = transaction.organization_id"
        "  and known.transaction_id = transaction.transaction_id and known.state = 'open'"
        "  and known.kind in ('unusual_amount', 'sign_flip')){attributes}"
        " from books.transactions as transaction where {counted} and booked_on between {start} and {end}"
        " order by currency, booked_on, transaction_id"
        ") to stdout (format csv)"
    ).format(
        attributes=sql.SQL("").join(attributes),
        counted=sql.SQL(COUNTED.replace("%(organization_id)s", "{whose}")).format(whose=sql.Literal(organization_id)),
        start=sql.Literal(known["start"]),
        end=sql.Literal(known["end"]),
    )
    async with db.cursor().copy(query) as copy:
        async for piece in copy:
            yield bytes(piece)


async def told(db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID]) -> dict[UUID, DictRow]:
    """What there is to tell of some transactions, exactly."""
    found = await rows(
        db,
        """
        select transaction_id, booked_on, amount, currency::text as currency, merchant_key
        from books.transactions
        where organization_id = %(organization_id)s and transaction_id = any(%(ids)s)
        """,
        {"organization_id": organization_id, "ids": list(transaction_ids)},
    )
    return {row["transaction_id"]: row for row in found}


async def changed_since(db: Connection, organization_id: UUID) -> DictRow:
    """From which day to which there are rows that came or changed since the last run, and the mark of this one."""
    found = await one(
        db,
        """
        with former as (
            select row_xid from ml.anomaly_runs where organization_id = %(organization_id)s
        )
        select
            pg_snapshot_xmin(pg_current_snapshot())::text as mark, exists (select from former) as is_again,
            min(transaction.booked_on) as first_day, max(transaction.booked_on) as last_day
        from books.transactions as transaction
        where transaction.organization_id = %(organization_id)s
            and transaction.row_xid >= coalesce((select row_xid from former), '0'::xid8)
        """,
        {"organization_id": organization_id},
    )
    return found or {}


async def last_day(db: Connection, organization_id: UUID) -> date | None:
    """The last day that has rows."""
    found = await one(
        db,
        """
        select booked_on from books.transactions
        where organization_id = %(organization_id)s and deleted_at is null
        order by booked_on desc limit 1
        """,
        {"organization_id": organization_id},
    )
    return found["booked_on"] if found else None


async def keep_run(db: Connection, organization_id: UUID, **values: Any) -> None:
    await db.execute(
        """
        insert into ml.anomaly_runs (organization_id, judged_at, row_xid, first_day, last_day, rows, version)
        values (
            %(organization_id)s, now(), %(mark)s::xid8, %(first_day)s, %(last_day)s, %(rows)s, %(version)s
        )
        on conflict (organization_id) do update set
            judged_at = excluded.judged_at, row_xid = excluded.row_xid, first_day = excluded.first_day,
            last_day = excluded.last_day, rows = excluded.rows, version = excluded.version
        """,
        {"organization_id": organization_id, **values},
    )


async def run(db: Connection, organization_id: UUID) -> DictRow | None:
    """The last run, and whether rows came or changed since."""
    return await one(
        db,
        """
        select
            judged_at, first_day, last_day, run.rows, version,
            exists (
                select from books.transactions as transaction
                where transaction.organization_id = %(organization_id)s and transaction.row_xid >= run.row_xid
                    and greatest(transaction.created_at, transaction.updated_at) > run.judged_at
            ) as is_behind
        from ml.anomaly_runs as run where organization_id = %(organization_id)s
        """,
        {"organization_id": organization_id},
    )


async def replace(
    db: Connection, organization_id: UUID, period: Period, kinds: Sequence[str], found: Sequence[dict[str, Any]]
) -> int:
    """Put what was found of some kinds in a period in the place of what is open there, and say how many are new.

    What was dismissed stays as it is.
    """
    known = {
        "organization_id": organization_id, "start": period.start, "end": period.end, "kinds": list(kinds),
    }  # fmt: skip
    await db.execute(
        """
        create temporary table found_anomalies (
            anomaly_id uuid, kind text, subject text, transaction_id uuid, pattern_id uuid, booked_on date,
            amount numeric, currency text, merchant_key text, score numeric, normal jsonb, related uuid[],
            reasons text[], version text
        ) on commit drop
        """
    )
    names = (
        "anomaly_id", "kind", "subject", "transaction_id", "pattern_id", "booked_on", "amount", "currency",
        "merchant_key", "score", "normal", "related", "reasons", "version",
    )  # fmt: skip
    async with db.cursor().copy("copy pg_temp.found_anomalies from stdin") as copy:
        for each in found:
            await copy.write_row([each[name] for name in names])
    await db.execute(
        """
        delete from ml.anomalies as former
        where former.organization_id = %(organization_id)s and former.state = 'open'
            and former.booked_on between %(start)s and %(end)s and former.kind = any(%(kinds)s)
            and not exists (
                select from pg_temp.found_anomalies as found
                where (found.kind, found.subject) = (former.kind, former.subject)
            )
        """,
        known,
    )
    new = await number(
        db,
        """
        with written as (insert into ml.anomalies as former (
            organization_id, anomaly_id, kind, subject, transaction_id, pattern_id, booked_on, amount, currency,
            merchant_key, score, normal, related, reasons, version
        )
        select %(organization_id)s, found.* from pg_temp.found_anomalies as found
        where not exists (
            select from ml.anomaly_silences as silence
            where silence.organization_id = %(organization_id)s and silence.kind = found.kind
                and silence.merchant_key = found.merchant_key
        )
        order by found.anomaly_id
        on conflict (organization_id, kind, subject) do update set
            booked_on = excluded.booked_on, amount = excluded.amount, currency = excluded.currency,
            merchant_key = excluded.merchant_key, score = excluded.score, normal = excluded.normal,
            related = excluded.related, reasons = excluded.reasons, version = excluded.version
        where former.state = 'open'
        returning xmax = 0 as is_new)
        select count(*) filter (where is_new) as new from written
        """,
        known,
    )
    await db.execute("drop table pg_temp.found_anomalies")
    return new


COLUMNS = """
    anomaly.anomaly_id, anomaly.kind, anomaly.transaction_id, anomaly.pattern_id, anomaly.booked_on, anomaly.amount,
    anomaly.currency::text as currency, coalesce(transaction.merchant, anomaly.merchant_key) as merchant,
    anomaly.score, anomaly.normal, anomaly.related, anomaly.reasons, anomaly.version, anomaly.found_at,
    anomaly.state, anomaly.dismissed_by, anomaly.dismissed_at, anomaly.note
"""
# What was edited or deleted since it was found is not told: what is found of it now is, after the next run.
HOLDING = """
    from ml.anomalies as anomaly
    left join books.transactions as transaction
        on transaction.organization_id = anomaly.organization_id
            and transaction.transaction_id = anomaly.transaction_id
    where anomaly.organization_id = %(organization_id)s
        and (
            anomaly.transaction_id is null
            or (
                transaction.deleted_at is null and transaction.status = 'posted'
                and (transaction.amount, transaction.booked_on) = (anomaly.amount, anomaly.booked_on)
            )
        )
"""
WANTED = f"""
    {HOLDING}
    and (%(state)s::text is null or anomaly.state = %(state)s)
    and (%(kind)s::text is null or anomaly.kind = %(kind)s)
    and (%(currency)s::text is null or anomaly.currency = %(currency)s)
    and (%(start)s::date is null or anomaly.booked_on between %(start)s and %(end)s)
    and anomaly.score >= %(least)s
"""


async def page(db: Connection, wanted: dict[str, Any], *, after: tuple[date, UUID] | None, limit: int) -> list[DictRow]:
    """Anomalies, the last first."""
    day, last = after or (None, None)
    query = f"""
        select {COLUMNS} {WANTED}
            and (
                %(after_day)s::date is null
                or (anomaly.booked_on, anomaly.anomaly_id) < (%(after_day)s, %(after_id)s::uuid)
            )
        order by anomaly.booked_on desc, anomaly.anomaly_id desc limit %(limit)s
    """
    return await rows(db, query, {**wanted, "after_day": day, "after_id": last, "limit": limit})


async def surest(db: Connection, wanted: dict[str, Any], limit: int) -> list[DictRow]:
    """Anomalies, the surest first, and of these the largest."""
    query = f"""
        select {COLUMNS} {WANTED}
        order by anomaly.score desc, abs(anomaly.amount) desc, anomaly.anomaly_id limit %(limit)s
    """
    return await rows(db, query, {**wanted, "limit": limit})


async def count(db: Connection, wanted: dict[str, Any]) -> int:
    return await number(db, f"select count(*) as anomalies {WANTED}", wanted)


async def get(db: Connection, organization_id: UUID, anomaly_id: UUID) -> DictRow | None:
    query = f"select {COLUMNS} {HOLDING} and anomaly.anomaly_id = %(anomaly_id)s"
    return await one(db, query, {"organization_id": organization_id, "anomaly_id": anomaly_id})


async def set_state(
    db: Connection, organization_id: UUID, anomaly_id: UUID, *, state: str, by: str | None, note: str | None
) -> None:
    await db.execute(
        """
        update ml.anomalies set
            state = %(state)s, dismissed_by = %(by)s, note = %(note)s,
            dismissed_at = case when %(state)s = 'dismissed' then now() end
        where organization_id = %(organization_id)s and anomaly_id = %(anomaly_id)s
        """,
        {"organization_id": organization_id, "anomaly_id": anomaly_id, "state": state, "by": by, "note": note},
    )


OF_THE_SAME = """
    from ml.anomalies as named
    where named.organization_id = %(organization_id)s and named.anomaly_id = %(anomaly_id)s
"""


async def silence(db: Connection, organization_id: UUID, anomaly_id: UUID, by: str) -> int:
    """Tell nothing more of this kind and merchant; says how many others were dismissed with it."""
    known = {"organization_id": organization_id, "anomaly_id": anomaly_id, "by": by}
    await db.execute(
        f"""
        insert into ml.anomaly_silences (organization_id, kind, merchant_key, silenced_by)
        select organization_id, kind, merchant_key, %(by)s {OF_THE_SAME}
        on conflict do nothing
        """,
        known,
    )
    done = await db.execute(
        f"""
        update ml.anomalies as other set state = 'dismissed', dismissed_by = %(by)s, dismissed_at = now()
        where other.organization_id = %(organization_id)s and other.state = 'open'
            and (other.kind, other.merchant_key) = (select kind, merchant_key {OF_THE_SAME})
        """,
        known,
    )
    return done.rowcount


async def unsilence(db: Connection, organization_id: UUID, anomaly_id: UUID) -> None:
    await db.execute(
        f"""
        delete from ml.anomaly_silences as silence
        where silence.organization_id = %(organization_id)s
            and (silence.kind, silence.merchant_key) = (select kind, merchant_key {OF_THE_SAME})
        """,
        {"organization_id": organization_id, "anomaly_id": anomaly_id},
    )
