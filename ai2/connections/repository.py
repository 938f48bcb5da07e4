"""Every query on connections, their accounts and their syncs."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.ingest.sources.model import RemoteAccount
from ai2.kit.database import Connection, number, one, rows

COLUMNS = """
    connection_id, provider, kind, name, state, settings, cursor_at, consent_expires_at, next_run_at, last_success_at,
    rows_loaded, error, notices, failures, version, created_by, created_at, updated_at
"""
SYNC = """
    sync_id, connection_id, trigger, since, until, outcome, pages, rows_in, rows_loaded, rows_duplicate,
    rows_quarantined, mails, batches, error, started_at, finished_at
"""
SYNC_OF = ", ".join(f"sync.{name.strip()}" for name in SYNC.split(","))
SECRETS = "credentials, cursor"


async def insert(db: Connection, organization_id: UUID, **values: Any) -> None:
    await db.execute(
        """
        insert into connect.connections (
            organization_id, connection_id, provider, kind, name, state, settings, credentials, consent_expires_at,
            next_run_at, created_by
        ) values (
            %(organization_id)s, %(connection_id)s, %(provider)s, %(kind)s, %(name)s, %(state)s, %(settings)s,
            %(credentials)s, %(consent_expires_at)s, %(next_run_at)s, %(created_by)s
        )
        """,
        {**values, "organization_id": organization_id, "settings": Jsonb(values["settings"])},
    )


async def update(db: Connection, organization_id: UUID, connection_id: UUID, **values: Any) -> None:
    """Write down what is named."""
    asides = {name: Jsonb(v) if isinstance(v, Mapping) and v is not None else v for name, v in values.items()}
    await db.execute(
        f"""
        update connect.connections set
            {", ".join(f"{name} = %({name})s" for name in values)}, version = version + 1, updated_at = now()
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s
        """,
        {**asides, "organization_id": organization_id, "connection_id": connection_id},
    )


async def get(db: Connection, organization_id: UUID, connection_id: UUID, *, lock: bool = False) -> DictRow | None:
    """A connection; locked, nobody else changes it until our transaction ends."""
    query = f"""
        select {COLUMNS} from connect.connections
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s
        {"for no key update" if lock else ""}
    """
    return await one(db, query, {"organization_id": organization_id, "connection_id": connection_id})


async def kept(db: Connection, organization_id: UUID, connection_id: UUID) -> DictRow | None:
    """Its sealed credentials, and where it stands."""
    query = f"""
        select {SECRETS} from connect.connections
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s
    """
    return await one(db, query, {"organization_id": organization_id, "connection_id": connection_id})


async def page(db: Connection, organization_id: UUID, *, before: UUID | None, limit: int) -> list[DictRow]:
    """Connections, newest first."""
    query = f"""
        select {COLUMNS} from connect.connections
        where organization_id = %(organization_id)s and (%(before)s::uuid is null or connection_id < %(before)s)
        order by connection_id desc limit %(limit)s
    """
    return await rows(db, query, {"organization_id": organization_id, "before": before, "limit": limit})


async def count(db: Connection, organization_id: UUID) -> int:
    query = "select count(*) as connections from connect.connections where organization_id = %(organization_id)s"
    return await number(db, query, {"organization_id": organization_id})


async def take(
    db: Connection,
    organization_id: UUID,
    connection_id: UUID,
    sync_id: UUID,
    *,
    lease_s: float,
    only_if_due: bool = False,
) -> DictRow | None:
    """Let this run be the only one; none where another is, or where the connection cannot be synced, or is not due.

    Until it ends the connection is due when its lease is over; `was_due_at` says when it was before.
    """
    query = f"""
        with former as (
            select organization_id, connection_id, state as was, next_run_at as was_due_at from connect.connections
            where organization_id = %(organization_id)s and connection_id = %(connection_id)s
                and state not in ('connecting', 'disconnected')
                and (leased_until is null or leased_until < clock_timestamp())
                and (next_run_at <= clock_timestamp() or not %(only_if_due)s)
            for no key update
        )
        update connect.connections as mine set
            sync_id = %(sync_id)s, state = 'syncing', asked_at = null, updated_at = now(),
            leased_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
            next_run_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
        from former
        where mine.organization_id = former.organization_id and mine.connection_id = former.connection_id
        returning {", ".join(f"mine.{name.strip()}" for name in f"{COLUMNS}, {SECRETS}".split(","))},
            case when former.was <> 'syncing' then former.was_due_at end as was_due_at
    """
    known = {
        "organization_id": organization_id,
        "connection_id": connection_id,
        "sync_id": sync_id,
        "lease_s": lease_s,
        "only_if_due": only_if_due,
    }
    return await one(db, query, known)


async def prolong(db: Connection, organization_id: UUID, connection_id: UUID, sync_id: UUID, *, lease_s: float) -> bool:
    """Whether it is still this run's turn; then for longer."""
    done = await db.execute(
        """
        update connect.connections set
            leased_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
            next_run_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s and sync_id = %(sync_id)s
        """,
        {
            "organization_id": organization_id,
            "connection_id": connection_id,
            "sync_id": sync_id,
            "lease_s": lease_s,
        },
    )
    return done.rowcount > 0


async def mine(db: Connection, organization_id: UUID, connection_id: UUID, sync_id: UUID) -> DictRow | None:
    """The connection, locked, where it is this run's turn still."""
    query = f"""
        select {COLUMNS}, asked_at from connect.connections
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s and sync_id = %(sync_id)s
        for no key update
    """
    known = {"organization_id": organization_id, "connection_id": connection_id, "sync_id": sync_id}
    return await one(db, query, known)


async def renew(
    db: Connection, organization_id: UUID, connection_id: UUID, *, former: bytes, credentials: bytes
) -> bool:
    """Put renewed credentials in place of those that they were renewed from, if those are still there."""
    done = await db.execute(
        """
        update connect.connections set credentials = %(credentials)s, updated_at = now()
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s
            and credentials = %(former)s
        """,
        {
            "organization_id": organization_id,
            "connection_id": connection_id,
            "former": former,
            "credentials": credentials,
        },
    )
    return done.rowcount > 0


async def ask_again(db: Connection, organization_id: UUID, connection_id: UUID) -> bool:
    """Let it be due once more when the run that is at it ends: it may have looked too early."""
    done = await db.execute(
        """
        update connect.connections set asked_at = clock_timestamp()
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s and state = 'syncing'
        """,
        {"organization_id": organization_id, "connection_id": connection_id},
    )
    return done.rowcount > 0


async def add_rows(db: Connection, organization_id: UUID, connection_id: UUID, loaded: int) -> None:
    """Count what a connection brought into the books."""
    await db.execute(
        """
        update connect.connections set rows_loaded = rows_loaded + %(loaded)s
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s
        """,
        {"organization_id": organization_id, "connection_id": connection_id, "loaded": loaded},
    )


async def begin_sync(db: Connection, organization_id: UUID, **values: Any) -> None:
    await db.execute(
        """
        insert into connect.syncs (organization_id, sync_id, connection_id, trigger, since, until)
        values (%(organization_id)s, %(sync_id)s, %(connection_id)s, %(trigger)s, %(since)s, %(until)s)
        """,
        {**values, "organization_id": organization_id},
    )


async def add_to_sync(db: Connection, organization_id: UUID, sync_id: UUID, brought: Mapping[str, Any]) -> None:
    """Count what a safe point wrote into the books."""
    await db.execute(
        """
        update connect.syncs set
            pages = pages + %(pages)s, rows_in = rows_in + %(rows_in)s, rows_loaded = rows_loaded + %(rows_loaded)s,
            rows_duplicate = rows_duplicate + %(rows_duplicate)s,
            rows_quarantined = rows_quarantined + %(rows_quarantined)s, mails = mails + %(mails)s,
            batches = batches || %(batches)s::uuid[]
        where organization_id = %(organization_id)s and sync_id = %(sync_id)s
        """,
        {**brought, "organization_id": organization_id, "sync_id": sync_id},
    )


async def end_sync(
    db: Connection, organization_id: UUID, sync_id: UUID, outcome: str, error: Mapping[str, Any] | None
) -> None:
    await db.execute(
        """
        update connect.syncs set outcome = %(outcome)s, error = %(error)s, finished_at = clock_timestamp()
        where organization_id = %(organization_id)s and sync_id = %(sync_id)s and outcome is null
        """,
        {
            "organization_id": organization_id,
            "sync_id": sync_id,
            "outcome": outcome,
            "error": Jsonb(error) if error else None,
        },
    )


async def cut_off(db: Connection, organization_id: UUID, connection_id: UUID, but: UUID) -> None:
    """Former runs that never said how they ended were cut off."""
    await db.execute(
        """
        update connect.syncs set outcome = 'cut_off', finished_at = clock_timestamp()
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s and outcome is null
            and sync_id <> %(but)s
        """,
        {"organization_id": organization_id, "connection_id": connection_id, "but": but},
    )


async def syncs(
    db: Connection, organization_id: UUID, connection_id: UUID, *, before: UUID | None, limit: int
) -> list[DictRow]:
    """Runs of a connection, newest first."""
    query = f"""
        select {SYNC} from connect.syncs
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s
            and (%(before)s::uuid is null or sync_id < %(before)s)
        order by sync_id desc limit %(limit)s
    """
    known = {"organization_id": organization_id, "connection_id": connection_id, "before": before, "limit": limit}
    return await rows(db, query, known)


async def last_syncs(db: Connection, organization_id: UUID, connection_ids: Sequence[UUID]) -> list[DictRow]:
    """The last run that ended of each connection."""
    query = f"""
        select last.* from unnest(%(connection_ids)s::uuid[]) as wanted (connection_id)
        cross join lateral (
            select {SYNC_OF} from connect.syncs as sync
            where sync.organization_id = %(organization_id)s and sync.connection_id = wanted.connection_id
                and outcome is not null
            order by sync_id desc limit 1
        ) as last
    """
    known = {"organization_id": organization_id, "connection_ids": list(connection_ids)}
    return await rows(db, query, known)


async def get_sync(db: Connection, organization_id: UUID, sync_id: UUID) -> DictRow | None:
    query = f"select {SYNC} from connect.syncs where organization_id = %(organization_id)s and sync_id = %(sync_id)s"
    return await one(db, query, {"organization_id": organization_id, "sync_id": sync_id})


async def count_syncs(db: Connection, organization_id: UUID, connection_id: UUID) -> int:
    query = """
        select count(*) as syncs from connect.syncs
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s
    """
    return await number(db, query, {"organization_id": organization_id, "connection_id": connection_id})


async def accounts(db: Connection, organization_id: UUID, connection_id: UUID) -> list[DictRow]:
    """A connection's accounts, by the provider's key."""
    query = """
        select account_key, account_id, name, currency, kind, number, match from connect.accounts
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s order by account_key
    """
    return await rows(db, query, {"organization_id": organization_id, "connection_id": connection_id})


async def put_accounts(
    db: Connection, organization_id: UUID, connection_id: UUID, told: Sequence[tuple[RemoteAccount, UUID | None]]
) -> None:
    """Write down a provider's accounts and which of ours each is; of one that is known that stays as it was."""
    query = """
        insert into connect.accounts as known
            (organization_id, connection_id, account_key, account_id, name, currency, kind, number, match)
        select %(organization_id)s, %(connection_id)s, told.* from unnest(
            %(keys)s::text[], %(ours)s::uuid[], %(names)s::text[], %(currencies)s::text[], %(kinds)s::text[],
            %(numbers)s::text[], %(matches)s::text[]
        ) as told
        on conflict (organization_id, connection_id, account_key) do update set
            name = excluded.name, currency = excluded.currency, kind = excluded.kind, number = excluded.number,
            match = coalesce(excluded.match, known.match)
            where (known.name, known.currency, known.kind, known.number, known.match) is distinct from (
                excluded.name, excluded.currency, excluded.kind, excluded.number, coalesce(excluded.match, known.match)
            )
    """
    remotes = [remote for remote, _ in told]
    known = {
        "keys": [each.key for each in remotes], "ours": [account_id for _, account_id in told],
        "names": [each.name for each in remotes], "currencies": [each.currency for each in remotes],
        "kinds": [each.kind for each in remotes], "numbers": [each.number for each in remotes],
        "matches": [each.match for each in remotes],
    }  # fmt: skip
    await db.execute(query, {**known, "organization_id": organization_id, "connection_id": connection_id})


async def link_account(
    db: Connection, organization_id: UUID, connection_id: UUID, account_key: str, account_id: UUID | None
) -> None:
    """Let a provider's account be this one of ours; none: it is left out."""
    await db.execute(
        """
        update connect.accounts set account_id = %(account_id)s
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s
            and account_key = %(account_key)s
        """,
        {
            "organization_id": organization_id,
            "connection_id": connection_id,
            "account_key": account_key,
            "account_id": account_id,
        },
    )


async def move_accounts(db: Connection, organization_id: UUID, connection_id: UUID, keys: Mapping[str, str]) -> None:
    """A new consent gave accounts other keys: by each former one the one it has now."""
    await db.execute(
        """
        update connect.accounts as known set account_key = moved.account_key
        from unnest(%(former)s::text[], %(present)s::text[]) as moved (former_key, account_key)
        where known.organization_id = %(organization_id)s and known.connection_id = %(connection_id)s
            and known.account_key = moved.former_key
        """,
        {
            "organization_id": organization_id,
            "connection_id": connection_id,
            "former": [*keys],
            "present": [*keys.values()],
        },
    )


async def put_external_id(
    db: Connection, organization_id: UUID, connection_id: UUID, provider: str, external_id: str
) -> None:
    """Let webhooks and returning users that name this id be this connection's."""
    await db.execute(
        """
        insert into connect.external_ids (provider, external_id, organization_id, connection_id)
        values (%(provider)s, %(external_id)s, %(organization_id)s, %(connection_id)s)
        on conflict (provider, external_id) do update set
            organization_id = excluded.organization_id, connection_id = excluded.connection_id
        """,
        {
            "organization_id": organization_id,
            "connection_id": connection_id,
            "provider": provider,
            "external_id": external_id,
        },
    )


async def of_external_id(db: Connection, provider: str, external_id: str) -> DictRow | None:
    """Whose an id of a provider is."""
    query = """
        select organization_id, connection_id from connect.external_ids
        where provider = %(provider)s and external_id = %(external_id)s
    """
    return await one(db, query, {"provider": provider, "external_id": external_id})


async def forget_external_ids(db: Connection, organization_id: UUID, connection_id: UUID) -> None:
    await db.execute(
        "delete from connect.external_ids where organization_id = %s and connection_id = %s",
        [organization_id, connection_id],
    )


async def forget_external_id(db: Connection, provider: str, external_id: str) -> None:
    """Nobody is awaited by this id any more."""
    await db.execute(
        "delete from connect.external_ids where provider = %s and external_id = %s", [provider, external_id]
    )
