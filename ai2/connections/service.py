"""Connections: connecting, what there is and where it stands, and parting.

Whatever asks a provider is done outside of any database transaction.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import jsonschema
from psycopg.types.json import Jsonb

from ai2.connections import credentials, linking, repository
from ai2.connections.limits import pace_of
from ai2.connections.model import Connection, LinkedAccount, Sync, Trigger
from ai2.identity import organizations
from ai2.ingest.sources import names
from ai2.ingest.sources.model import ONLY_ACCOUNT, Connected, Kind, RemoteAccount, Session, Source
from ai2.kit import events, queue
from ai2.kit import settings as process
from ai2.kit.database import Connection as Db
from ai2.kit.database import Database
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound
from ai2.kit.ids import new_id


class ConnectionNotFound(NotFound):
    """There is no such connection; GET /api/connectors/connections lists yours."""


class SettingsDoNotHold(Invalid):
    """The provider needs something else; GET /api/connectors/providers says what."""


class WrongKind(Conflict):
    """This provider is connected by another endpoint; GET /api/connectors/providers says which."""


class IsDisconnected(Conflict):
    """The connection was ended; make a new one."""


async def connect(
    database: Database,
    organization_id: UUID,
    *,
    provider: str,
    kind: Kind,
    name: str | None,
    settings: Mapping[str, Any],
    secret: Mapping[str, Any],
    created_by: str,
    reconnect: UUID | None = None,
    account_id: UUID | None = None,
) -> tuple[Connection, str | None]:
    """Connect to a provider: the connection, and the link to consent at where there is one.

    What brings files brings them for one account: `account_id`, or a new one of the connection's name.

    `reconnect` gives an existing connection new credentials or a new consent: its accounts, cursor and history stay.
    Raises SettingsDoNotHold, what names no provider, and what the provider says.
    """
    source = names.source(provider)
    if source.kind != kind:
        raise WrongKind
    check(source, settings, secret)
    former = await _former(database, organization_id, reconnect, provider)
    session = await _session(database, source, settings, {**former, **secret})
    connected = await asyncio.to_thread(source.connect, session)
    async with database.transaction(organization_id, actor=created_by) as db:
        connection_id = await _write(
            db, organization_id, source, reconnect, name or source.title, {**settings, **connected.settings},
            {**former, **secret, **connected.credentials}, connected, created_by,
        )  # fmt: skip
        brings_files = "files" in source.can or (account_id is not None and "mails" in source.can)
        if brings_files and not await repository.accounts(db, organization_id, connection_id):
            only = RemoteAccount(ONLY_ACCOUNT, name or source.title, None)
            await linking.link_to(db, organization_id, connection_id, name or source.title, only, account_id)
        return await get(db, organization_id, connection_id), connected.link


async def finish(
    database: Database, organization_id: UUID, connection_id: UUID, answer: Mapping[str, Any], *, actor: str
) -> Connection:
    """Take what came back from the link that the customer consented at."""
    async with database.transaction(organization_id) as db:
        known = await get(db, organization_id, connection_id)
        secret = await secrets_of(db, organization_id, connection_id)
    source = names.source(known.provider)
    if source.finish is None or known.state == "disconnected":
        raise IsDisconnected
    session = await _session(database, source, known.settings, secret)
    connected = await asyncio.to_thread(source.finish, session, answer)
    async with database.transaction(organization_id, actor=actor) as db:
        await _write(
            db, organization_id, source, connection_id, known.name, {**known.settings, **connected.settings},
            {**secret, **connected.credentials}, connected, actor,
        )  # fmt: skip
        return await get(db, organization_id, connection_id)


async def disconnect(database: Database, organization_id: UUID, connection_id: UUID) -> None:
    """End a connection: its credentials are gone here, and at the provider where it can; what it brought stays."""
    async with database.transaction(organization_id) as db:
        known = await get(db, organization_id, connection_id)
        secret = await secrets_of(db, organization_id, connection_id)
        await repository.update(
            db, organization_id, connection_id, state="disconnected", credentials=None, sync_id=None,
            leased_until=None, next_run_at=None, cursor=None,
        )  # fmt: skip
        await repository.forget_external_ids(db, organization_id, connection_id)
        await events.emit(db, organization_id, "connection.disconnected", {"connection_id": connection_id})
    source = names.source(known.provider)
    if source.disconnect is not None and known.state != "disconnected":
        await asyncio.to_thread(source.disconnect, await _session(database, source, known.settings, secret))


async def get(db: Db, organization_id: UUID, connection_id: UUID) -> Connection:
    row = await repository.get(db, organization_id, connection_id)
    if row is None:
        raise ConnectionNotFound
    return Connection(**row)


async def page(db: Db, organization_id: UUID, *, before: UUID | None, limit: int) -> list[Connection]:
    """Connections, newest first."""
    found = await repository.page(db, organization_id, before=before, limit=limit)
    return [Connection(**row) for row in found]


async def count(db: Db, organization_id: UUID) -> int:
    return await repository.count(db, organization_id)


async def accounts(db: Db, organization_id: UUID, connection_id: UUID) -> list[LinkedAccount]:
    """The provider's accounts, and which of ours each is."""
    found = await repository.accounts(db, organization_id, connection_id)
    return [LinkedAccount(**{name: row[name] for name in LinkedAccount.__dataclass_fields__}) for row in found]


async def history(db: Db, organization_id: UUID, connection_id: UUID, *, before: UUID | None, limit: int) -> list[Sync]:
    """Runs of a connection, newest first."""
    await get(db, organization_id, connection_id)
    found = await repository.syncs(db, organization_id, connection_id, before=before, limit=limit)
    return [Sync(**row) for row in found]


async def ask_for_sync(
    db: Db,
    organization_id: UUID,
    connection_id: UUID,
    *,
    trigger: Trigger = "person",
    since: date | None = None,
    until: date | None = None,
) -> UUID:
    """Have a connection synced by the worker; while one such job waits, it serves. Raises IsDisconnected."""
    if (await get(db, organization_id, connection_id)).state == "disconnected":
        raise IsDisconnected
    payload = {
        "connection_id": str(connection_id), "trigger": "backfill" if since else trigger,
        "since": since and since.isoformat(), "until": until and until.isoformat(),
    }  # fmt: skip
    key = f"{connection_id} {since or ''} {until or ''}"
    return await queue.enqueue(db, organization_id, "sync", payload, key=key)


async def count_history(db: Db, organization_id: UUID, connection_id: UUID) -> int:
    return await repository.count_syncs(db, organization_id, connection_id)


async def secrets_of(db: Db, organization_id: UUID, connection_id: UUID) -> dict[str, Any]:
    """A connection's credentials, for whoever talks to its provider."""
    kept = await repository.kept(db, organization_id, connection_id)
    if kept is None or kept["credentials"] is None:
        return {}
    return credentials.opened(await organizations.file_key(db, organization_id), connection_id, kept["credentials"])


def check(source: Source, settings: Mapping[str, Any], secret: Mapping[str, Any]) -> None:
    """Hold what was given to what the provider needs. The rejected value is never repeated: it may be a secret."""
    faults = [
        FieldError(".".join([place, *map(str, error.absolute_path)]), _expected(error))
        for place, schema, given in (
            ("settings", source.settings, settings), ("credentials", source.credentials, secret)
        )
        for error in jsonschema.Draft202012Validator(schema).iter_errors(dict(given))
    ]  # fmt: skip
    if faults:
        raise SettingsDoNotHold(errors=tuple(faults))


def _expected(error: jsonschema.ValidationError) -> str:
    return f"does not hold to {error.validator}: {error.validator_value}"


async def _former(database: Database, organization_id: UUID, reconnect: UUID | None, provider: str) -> dict[str, Any]:
    """The credentials of a connection that is to be connected again."""
    if reconnect is None:
        return {}
    async with database.transaction(organization_id) as db:
        known = await get(db, organization_id, reconnect)
        if known.provider != provider or known.state == "disconnected":
            raise IsDisconnected
        return await secrets_of(db, organization_id, reconnect)


async def _session(
    database: Database, source: Source, settings: Mapping[str, Any], secret: Mapping[str, Any]
) -> Session:
    pace = pace_of(database, source, asyncio.get_running_loop())
    return Session(
        settings=settings, credentials=secret, cursor=None, pace=pace, keep=lambda _: None,
        allows_private=process.settings().connect_private,
    )  # fmt: skip


async def _write(
    db: Db,
    organization_id: UUID,
    source: Source,
    connection_id: UUID | None,
    name: str,
    settings: Mapping[str, Any],
    secret: Mapping[str, Any],
    connected: Connected,
    actor: str,
) -> UUID:
    """The connection as it is after a connect: waiting for consent, or connected and due at once."""
    is_new, connection_id = connection_id is None, connection_id or new_id()
    sealed = credentials.sealed(await organizations.file_key(db, organization_id), connection_id, secret)
    waits = connected.link is not None
    values = {
        "name": name, "credentials": sealed, "consent_expires_at": connected.consent_expires_at,
        "next_run_at": None if waits else datetime.now(UTC),
    }  # fmt: skip
    if is_new:
        await repository.insert(
            db, organization_id, connection_id=connection_id, provider=source.name, kind=source.kind,
            state="connecting" if waits else "connected", settings=settings, created_by=actor, **values,
        )  # fmt: skip
    else:
        state = {} if waits else {"state": "connected", "error": None, "failures": 0}
        await repository.update(db, organization_id, connection_id, settings=Jsonb(dict(settings)), **values, **state)
    if connected.external_id:
        await repository.put_external_id(db, organization_id, connection_id, source.name, connected.external_id)
    if connected.accounts:
        await linking.link(db, organization_id, connection_id, name, connected.accounts)
    if not waits:
        await events.emit(db, organization_id, "connection.connected", {"connection_id": connection_id})
    return connection_id
