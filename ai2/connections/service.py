"""Connections: connecting, what there is and where it stands, and parting.

Whatever asks a provider is done outside of any database transaction.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import UUID

import jsonschema
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.books.accounts import service as books
from ai2.connections import credentials, limits, linking, repository, telling
from ai2.connections.limits import Paced
from ai2.connections.model import Connection, LinkedAccount, Status, Sync, Trigger
from ai2.connections.scrubbing import scrubbed
from ai2.connections.turns import Turns
from ai2.identity import audit, organizations
from ai2.identity.audit import Entity
from ai2.ingest.sources import names
from ai2.ingest.sources.model import ONLY_ACCOUNT, Connected, Institution, Kind, RemoteAccount, Session, Source
from ai2.ingest.sources.problems import FinishedAlready, Transient
from ai2.kit import events, queue
from ai2.kit.database import Connection as Db
from ai2.kit.database import Database
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound, Problem
from ai2.kit.ids import new_id
from ai2.kit.logs import logger
from ai2.kit.settings import settings as ours

Answer = TypeVar("Answer")
log = logger("ai2.connections")

# What a source can that may tell of no accounts: what it brings is of one.
OF_ONE_ACCOUNT = frozenset({"files", "one_account"})


class ConnectionNotFound(NotFound):
    """There is no such connection; GET /api/connectors/connections lists yours."""


class SettingsDoNotHold(Invalid):
    """The provider needs something else; GET /api/connectors/providers says what."""


class NoInstitutions(NotFound):
    """This provider has no list of institutions; its settings say what it needs."""


class WrongKind(Conflict):
    """This provider is connected by another endpoint; GET /api/connectors/providers says which."""


class NothingToFinish(Conflict):
    """This provider is connected without a link; there is nothing to finish."""


class LinkedAccountNotFound(NotFound):
    """The provider tells of no such account; GET /api/connectors/connections/{connection_id} lists those it does."""


class OtherCurrency(Conflict):
    """The provider's account and yours are in different currencies."""


class LinkedAlready(Conflict):
    """Another account of this connection is this one of yours already."""


class IsDisconnected(Conflict):
    """The connection was ended; make a new one."""


class ConsentFirst(Conflict):
    """The provider gives nothing before somebody consents; connect again with reconnect naming this connection."""


class SourceBroke(Transient):
    """The provider could not be asked; try again later, and if it stays so tell the operator, whose log says more."""


async def connect(database: Database, organization_id: UUID, **wanted: Any) -> tuple[Connection, str | None]:
    """As `begin`: the connection, and the link to consent at where there is one."""
    connection, connected = await begin(database, organization_id, **wanted)
    return connection, connected.link


async def begin(
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
) -> tuple[Connection, Connected]:
    """Connect to a provider: the connection, and what it came to; with a link, somebody has to consent there.

    What tells of no accounts, as files do, is of one: `account_id`, or a new one of the connection's name.

    `reconnect` gives an existing connection new credentials or a new consent: its accounts, cursor and history stay.
    Raises SettingsDoNotHold, what names no provider, and what the provider says.
    """
    source = names.source(provider)
    if source.kind != kind:
        raise WrongKind
    check(source, settings, secret)
    if account_id is not None:  # before anybody outside is asked
        async with database.transaction(organization_id) as db:
            await books.check_theirs(db, organization_id, [account_id])
    known, former = await _former(database, organization_id, reconnect, source, settings)
    # what is given whole replaces what was: else nothing could be left out again
    told = {**(known.settings if known and source.way == "consent" else {}), **settings}
    called = name or (known.name if known else source.title)
    connected = await asked(database, source, told, {**former, **secret}, source.connect)
    async with database.transaction(organization_id, actor=created_by) as db:
        connection_id = await _write(
            db, organization_id, source, reconnect, called, {**told, **connected.settings},
            {**former, **secret, **connected.credentials}, connected, created_by,
        )  # fmt: skip
        brings_files = source.can & OF_ONE_ACCOUNT or (account_id is not None and "mails" in source.can)
        if brings_files and not await repository.accounts(db, organization_id, connection_id):
            only = RemoteAccount(ONLY_ACCOUNT, called, settings.get("currency"))
            await linking.link_to(db, organization_id, connection_id, called, only, account_id)
        await _record(db, organization_id, connection_id, created_by, f"connect_{kind}")
        return await get(db, organization_id, connection_id), connected


async def finish(
    database: Database, organization_id: UUID, connection_id: UUID, answer: Mapping[str, Any], *, actor: str
) -> Connection:
    """Take what came back from the link that the customer consented at. Finished already, it stays so.

    The browser and a webhook tell of it at the same time, and what came back can be used once.
    """
    async with database.transaction(organization_id) as db:
        known = await get(db, organization_id, connection_id)
        secret = await secrets_of(db, organization_id, connection_id)
    source = names.source(known.provider)
    if known.state == "disconnected":
        raise IsDisconnected
    if source.finish is None:
        raise NothingToFinish
    finish_ = source.finish
    try:
        connected = await asked(database, source, known.settings, secret, lambda session: finish_(session, answer))
    except FinishedAlready:
        return known
    except Problem:
        async with database.transaction(organization_id) as db:
            now = await get(db, organization_id, connection_id)
        if known.state == "connecting" and now.state in {"connected", "syncing"}:
            return now
        raise
    async with database.transaction(organization_id, actor=actor) as db:
        await _write(
            db, organization_id, source, connection_id, known.name, {**known.settings, **connected.settings},
            {**secret, **connected.credentials}, connected, actor,
        )  # fmt: skip
        await _record(db, organization_id, connection_id, actor, "finish_connection")
        return await get(db, organization_id, connection_id)


async def disconnect(database: Database, organization_id: UUID, connection_id: UUID, *, actor: str = "system") -> None:
    """End a connection: its credentials are gone at the provider where it can, and here; what it brought stays.

    A provider that does not answer keeps nobody from leaving. Done again, it changes nothing.
    """
    async with database.transaction(organization_id) as db:
        known = await get(db, organization_id, connection_id)
        secret = await secrets_of(db, organization_id, connection_id)
    source = names.source(known.provider)
    is_revoked = False
    if known.state != "disconnected" and source.disconnect is not None:
        with suppress(Problem):  # what it was is in the log
            await asked(database, source, known.settings, secret, source.disconnect)
            is_revoked = True
    async with database.transaction(organization_id, actor=actor) as db:
        row = await repository.get(db, organization_id, connection_id, lock=True)
        if row is None or row["state"] == "disconnected":
            return
        await repository.update(
            db, organization_id, connection_id, state="disconnected", credentials=None, sync_id=None,
            leased_until=None, next_run_at=None, cursor=None, error=None, failures=0, consent_expires_at=None,
        )  # fmt: skip
        await repository.forget_external_ids(db, organization_id, connection_id)
        told = {"connection_id": connection_id, "is_revoked": is_revoked}
        await events.emit(db, organization_id, "connection.disconnected", told)
        await _record(db, organization_id, connection_id, actor, "delete_connection")


async def _record(db: Db, organization_id: UUID, connection_id: UUID, actor: str, operation: str) -> None:
    """Tell the audit, which is told of requests by themselves only where these write in one transaction."""
    what = Entity("connection", connection_id)
    await audit.record(db, organization_id, actor=actor, operation=operation, entity=what)


async def get(db: Db, organization_id: UUID, connection_id: UUID) -> Connection:
    row = await repository.get(db, organization_id, connection_id)
    if row is None:
        raise ConnectionNotFound
    return _connection(row)


def _connection(row: DictRow) -> Connection:
    """While it is being synced nobody knows when it is due next: the row says when its run counts as dead."""
    return Connection(**{**row, "next_run_at": None if row["state"] == "syncing" else row["next_run_at"]})


async def page(db: Db, organization_id: UUID, *, before: UUID | None, limit: int) -> list[Connection]:
    """Connections, newest first."""
    found = await repository.page(db, organization_id, before=before, limit=limit)
    return [*map(_connection, found)]


async def count(db: Db, organization_id: UUID) -> int:
    return await repository.count(db, organization_id)


async def statuses(db: Db, organization_id: UUID, *, before: UUID | None, limit: int) -> list[Status]:
    """Where each connection stands, newest first."""
    found = await page(db, organization_id, before=before, limit=limit)
    last = await repository.last_syncs(db, organization_id, [each.connection_id for each in found])
    by_connection = {row["connection_id"]: Sync(**row) for row in last}
    now = datetime.now(UTC)
    return [
        Status(
            each, telling.what_to_do(each, now, last), telling.is_in_step(each, names.source(each.provider), now), last
        )
        for each, last in ((each, by_connection.get(each.connection_id)) for each in found)
    ]  # fmt: skip


async def accounts(db: Db, organization_id: UUID, connection_id: UUID) -> list[LinkedAccount]:
    """The provider's accounts, and which of ours each is."""
    found = await repository.accounts(db, organization_id, connection_id)
    return [LinkedAccount(**{name: row[name] for name in LinkedAccount.__dataclass_fields__}) for row in found]


async def history(db: Db, organization_id: UUID, connection_id: UUID, *, before: UUID | None, limit: int) -> list[Sync]:
    """Runs of a connection, newest first."""
    await get(db, organization_id, connection_id)
    found = await repository.syncs(db, organization_id, connection_id, before=before, limit=limit)
    return [Sync(**row) for row in found]


async def link_account(
    db: Db, organization_id: UUID, connection_id: UUID, account_key: str, account_id: UUID | None
) -> None:
    """Let what a provider's account brings from now on go into this account of ours; none: it is left out.

    What it brought before stays where it is. Raises LinkedAccountNotFound, OtherCurrency, LinkedAlready.
    """
    if (await get(db, organization_id, connection_id)).state == "disconnected":
        raise IsDisconnected
    known = {row["account_key"]: row for row in await repository.accounts(db, organization_id, connection_id)}
    if account_key not in known:
        raise LinkedAccountNotFound
    if account_id is not None:
        ours = await books.get(db, organization_id, account_id)
        if ours.archived_at is not None:
            raise books.AccountIsArchived
        if known[account_key]["currency"] not in (None, ours.currency):
            raise OtherCurrency
        if any(row["account_id"] == account_id and key != account_key for key, row in known.items()):
            raise LinkedAlready
    await repository.link_account(db, organization_id, connection_id, account_key, account_id)


async def ask_for_sync(
    db: Db,
    organization_id: UUID,
    connection_id: UUID,
    *,
    trigger: Trigger = "person",
    since: date | None = None,
    until: date | None = None,
) -> UUID:
    """Have a connection synced by the worker; while one such job waits, it serves.

    Raises IsDisconnected, Invalid, and for a person ConsentFirst.
    """
    check_days(since, until)
    state = (await get(db, organization_id, connection_id)).state
    if state == "disconnected":
        raise IsDisconnected
    if trigger == "person" and state in ("connecting", "needs_consent", "expired"):
        raise ConsentFirst
    payload = {
        "connection_id": str(connection_id), "trigger": "backfill" if since else trigger,
        "since": since and since.isoformat(), "until": until and until.isoformat(),
    }  # fmt: skip
    key = f"{connection_id} {since or ''} {until or ''}"
    return await queue.enqueue(db, organization_id, "sync", payload, key=key)


def check_days(since: date | None, until: date | None) -> None:
    """Past days begin somewhere and end later. Raises Invalid."""
    if until is not None and (since is None or until < since):
        raise Invalid(errors=(FieldError("end_date", "is not before start_date, nor without one"),))


async def ask_again(db: Db, organization_id: UUID, connection_id: UUID) -> bool:
    """Have a connection that is being synced synced once more after that; false where none is at it."""
    return await repository.ask_again(db, organization_id, connection_id)


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


async def _former(
    database: Database, organization_id: UUID, reconnect: UUID | None, source: Source, settings: Mapping[str, Any]
) -> tuple[Connection | None, dict[str, Any]]:
    """The connection that is to be connected again, and its credentials; none where others than before get them."""
    if reconnect is None:
        return None, {}
    async with database.transaction(organization_id) as db:
        known = await get(db, organization_id, reconnect)
        if known.provider != source.name or known.state == "disconnected":
            raise IsDisconnected
        if any(settings.get(name) != known.settings.get(name) for name in source.servers):
            return known, {}
        return known, await secrets_of(db, organization_id, reconnect)


async def asked(
    database: Database,
    source: Source,
    settings: Mapping[str, Any],
    secret: Mapping[str, Any],
    ask: Callable[[Session], Answer],
) -> Answer:
    """What a provider answers, asked in a thread within its limits. No error of it tells any of the credentials."""
    turns = Turns(database)
    paced = Paced(turns, source, asyncio.get_running_loop())
    session = Session(
        settings=settings, credentials=secret, cursor=None, pace=paced, keep=lambda _: None,
        allows_private=ours().connect_private,
    )  # fmt: skip
    try:
        answer = await asyncio.to_thread(ask, session)
    except Problem as problem:
        await limits.went_wrong(turns, source, paced.used, problem)
        log.warning("a provider refused", provider=source.name, code=problem.code)
        raise scrubbed(problem, secret) from None
    except Exception as error:
        log.error("a provider could not be asked", provider=source.name, exc_info=error)
        raise SourceBroke from None
    finally:
        paced.stop()
    await limits.went_well(turns, source, paced.used)
    return answer


async def institutions(database: Database, provider: str, country: str) -> list[Institution]:
    """A country's banks. Raises ProviderNotFound, NoInstitutions, and what the provider says."""
    source = names.source(provider)
    if source.institutions is None:
        raise NoInstitutions
    list_ = source.institutions
    return await asked(database, source, {}, {}, lambda session: list_(session, country))


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
    if is_new:
        await repository.insert(
            db, organization_id, connection_id=connection_id, provider=source.name, kind=source.kind, name=name,
            state="connecting" if waits else "connected", settings=settings, credentials=sealed, created_by=actor,
            consent_expires_at=connected.consent_expires_at, next_run_at=None if waits else datetime.now(UTC),
        )  # fmt: skip
    else:
        again = {
            "state": "connected", "error": None, "failures": 0, "next_run_at": datetime.now(UTC),
            "consent_expires_at": connected.consent_expires_at, "warned_on": None,
            # a run by the former credentials has nothing more to say
            "sync_id": None, "leased_until": None,
        }  # fmt: skip
        # while a new consent is waited for, the former one serves for as long as it lasts
        values = {"name": name, "settings": Jsonb(dict(settings)), "credentials": sealed, **({} if waits else again)}
        await repository.update(db, organization_id, connection_id, **values)
    if connected.external_id:
        await repository.put_external_id(db, organization_id, connection_id, source.name, connected.external_id)
    if connected.accounts:
        await linking.link(db, organization_id, connection_id, name, connected.accounts)
    if not waits:
        await events.emit(db, organization_id, "connection.connected", {"connection_id": connection_id})
    return connection_id
