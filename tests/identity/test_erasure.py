"""Erasure: nothing of an organization is left, no copy of its files can be read, and nobody else notices."""

import asyncio
import io
import shutil
from pathlib import Path
from uuid import UUID

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.transactions import service as transactions
from ai2.connections import repository as connections
from ai2.identity import api_keys, erasure, invitations, organizations, sessions, users
from ai2.identity.organizations import Organization, OrganizationNotFound
from ai2.identity.principal import Principal, Role
from ai2.identity.sessions import NotAMember, SessionEnded, WrongPassword
from ai2.ingest import service
from ai2.ingest.sources.model import ONLY_ACCOUNT, RemoteAccount
from ai2.kit import blobs
from ai2.kit.database import Connection, Database, one, rows
from ai2.kit.envelope import Tampered, decrypt, fresh_wrapped_key, unwrap_key
from ai2.kit.ids import new_id
from ai2.kit.security import BadCredential, read_access_token
from ai2.kit.settings import settings
from pipelines import dbt

STATEMENT = "Date,Description,Amount,Balance\n2026-03-02,RENT,-850.00,150.00\n2026-03-03,PAY,20.00,170.00\n"
PASSWORD = "correct horse battery"
ROWS = """
    select namespace.nspname || '.' || class.relname as name
    from pg_class as class
    join pg_namespace as namespace on namespace.oid = class.relnamespace
    join pg_attribute as attribute on attribute.attrelid = class.oid
    where class.relkind = 'r' and attribute.attname = 'organization_id' and class.relpersistence <> 't'
"""


async def settle_in(database: Database, organization: Organization, email: str) -> UUID:
    """Books, a batch, a deleted row and its history, a session and a key; the person who signs in."""
    whose = organization.organization_id
    async with database.transaction() as db:
        person = await users.create(db, email=email, name="Ann", password=PASSWORD)
        await users.join(db, whose, person.user_id, Role.OWNER)
    async with database.transaction(whose) as db:
        account = await accounts.create(db, whose, name="Current", currency="GBP")
        file = io.BytesIO(STATEMENT.encode())
        done = {"account_id": account.account_id, "file": file, "file_name": "x.csv"}
        await service.import_file(db, organization_id=whose, **done)  # type: ignore[arg-type]
        rent = await one(db, "select transaction_id from books.transactions where amount < 0")
        category = await one(db, "select category_id from books.categories where kind = 'expense' limit 1")
        await transactions.update(db, whose, (rent or {})["transaction_id"], dict(category or {}))
        await transactions.delete(db, whose, (rent or {})["transaction_id"])
        await api_keys.create(db, whose, name="key", role=Role.OWNER, created_by=person.user_id)
        who = Principal(whose, Role.OWNER, user_id=person.user_id)
        await invitations.create(db, who, email="guest@example.com", role=Role.VIEWER)
        await connect(db, whose, account.account_id)
    return person.user_id


async def connect(db: Connection, whose: UUID, account_id: UUID) -> None:
    """A connection with its account, a run of it and what its provider calls it."""
    connection_id = new_id()
    await connections.insert(
        db, whose, connection_id=connection_id, provider="folder", kind="bank", name="Till", state="connected",
        settings={}, credentials=b"sealed", consent_expires_at=None, next_run_at=None, created_by="test",
    )  # fmt: skip
    till = RemoteAccount(ONLY_ACCOUNT, "Till", "GBP")
    await connections.put_accounts(db, whose, connection_id, [(till, account_id)])
    run = {"sync_id": new_id(), "connection_id": connection_id, "trigger": "person", "since": None, "until": None}
    await connections.begin_sync(db, whose, **run)
    await connections.put_external_id(db, whose, connection_id, "folder", str(connection_id))


async def left(pipeline: Database, organization_id: UUID) -> dict[str, int]:
    """How many rows of an organization there are, by table."""
    found = {}
    async with pipeline.transaction() as db:
        for name in [row["name"] for row in await rows(db, ROWS)]:
            query = f"select count(*) as n from {name} where organization_id = %(id)s"
            counted = await one(db, query, {"id": organization_id})
            found[name] = int((counted or {})["n"])
    return {name: number for name, number in found.items() if number}


def raw_file(organization: Organization) -> Path:
    [path] = (Path(settings().blobs) / "raw" / str(organization.organization_id)).iterdir()
    return path


async def test_nothing_is_left_and_nobody_else_notices(
    database: Database, pipeline: Database, organization: Organization, stranger: Organization
) -> None:
    whose = organization.organization_id
    await settle_in(database, organization, f"{new_id()}@example.com")
    await settle_in(database, stranger, f"{new_id()}@example.com")
    dbt.build("--exclude-resource-type", "unit_test")
    before, theirs = await left(pipeline, whose), await left(pipeline, stranger.organization_id)
    some = {"books.transactions", "books.transaction_versions", "ingest.raw_files", "ingest.stated_balances",
            "identity.organization_keys", "identity.sessions", "identity.api_key_index",
            "identity.invitations", "identity.invitation_index", "marts.fct_transactions",
            "marts.fct_daily_balances"}  # fmt: skip
    assert some - {"identity.sessions"} <= before.keys()

    erased = await erasure.erase(pipeline, whose, erased_by="operator")

    assert await left(pipeline, whose) == {"identity.erasures": 1}
    assert await left(pipeline, stranger.organization_id) == theirs
    assert {name: number for name, number in before.items() if name in some} == {
        name: number for name, number in erased.rows.items() if name in some
    }
    async with pipeline.transaction() as db:
        tomb = await one(db, "select * from identity.erasures where organization_id = %(id)s", {"id": whose})
        with pytest.raises(OrganizationNotFound):
            await organizations.find(db, str(whose))
    assert tomb is not None
    assert tomb.keys() == {"organization_id", "erased_at", "erased_by"}
    assert raw_file(stranger).exists()
    assert not raw_file(stranger).parent.with_name(str(whose)).exists()


async def test_a_copy_of_a_raw_file_can_be_read_before_and_never_after(
    database: Database, pipeline: Database, organization: Organization, tmp_path: Path
) -> None:
    whose = organization.organization_id
    await settle_in(database, organization, f"{new_id()}@example.com")
    original = raw_file(organization)
    copy = tmp_path / "backup"
    shutil.copy(original, copy)
    async with database.transaction(whose) as db:
        key = await organizations.file_key(db, whose)
    with copy.open("rb") as stored:
        assert b"".join(decrypt(key, stored)) == STATEMENT.encode(), "the control: before, the copy can be read"

    await erasure.erase(pipeline, whose, erased_by="operator")

    original.parent.mkdir(parents=True)
    shutil.copy(copy, original)
    async with database.transaction(whose) as db:
        with pytest.raises(OrganizationNotFound):
            await organizations.file_key(db, whose)
    with pytest.raises(Tampered), copy.open("rb") as stored:
        list(decrypt(unwrap_key(fresh_wrapped_key()), stored))
    shutil.rmtree(original.parent)


async def test_logins_sessions_and_keys_end_and_who_belongs_elsewhere_stays(
    database: Database, pipeline: Database, organization: Organization, stranger: Organization
) -> None:
    alone, elsewhere = f"{new_id()}@example.com", f"{new_id()}@example.com"
    await settle_in(database, organization, alone)
    async with database.transaction() as db:
        person = await users.create(db, email=elsewhere, name="Bob", password=PASSWORD)
        for each in (organization, stranger):
            await users.join(db, each.organization_id, person.user_id, Role.ADMIN)
    async with database.transaction() as db:
        tokens = await sessions.login(db, email=alone, password=PASSWORD)
    async with database.transaction(organization.organization_id) as db:
        key = await api_keys.create(db, organization.organization_id, name="k", role=Role.OWNER)
    token = read_access_token(tokens.access_token)
    async with database.transaction() as db:
        assert (await sessions.authenticate(db, token)).role is Role.OWNER

    erased = await erasure.erase(pipeline, organization.organization_id, erased_by="operator")

    assert erased.users == 1
    async with database.transaction() as db:
        with pytest.raises(WrongPassword):
            await sessions.login(db, email=alone, password=PASSWORD)
    async with database.transaction() as db:
        with pytest.raises(SessionEnded):
            await sessions.authenticate(db, token)
    async with database.transaction() as db:
        with pytest.raises(BadCredential):
            await api_keys.authenticate(db, key.secret)
    async with database.transaction() as db:
        with pytest.raises(NotAMember):
            await sessions.login(db, email=elsewhere, password=PASSWORD, organization_id=organization.organization_id)
    async with database.transaction() as db:
        kept = await sessions.login(db, email=elsewhere, password=PASSWORD)
    assert kept.organization_id == stranger.organization_id


async def test_what_a_backup_brings_back_is_erased_again(
    database: Database, pipeline: Database, organization: Organization
) -> None:
    whose = organization.organization_id
    await erasure.erase(pipeline, whose, erased_by="operator")
    assert whose in erasure.tombstones()
    async with pipeline.transaction() as db:  # a backup from before: the organization, and no tombstone
        await db.execute("insert into identity.organizations values (%s, 'Back', 'GBP')", [whose])
    await erasure.erase(pipeline, whose, erased_by="operator")
    assert await left(pipeline, whose) == {"identity.erasures": 1}


async def test_files_that_wait_in_its_inbox_go_too(
    pipeline: Database, organization: Organization, stranger: Organization
) -> None:
    for each in (organization, stranger):
        folder = settings().inbox / each.name / "Current" / "done"
        folder.mkdir(parents=True)
        (folder / "march.csv").write_text(STATEMENT)
    await erasure.erase(pipeline, organization.organization_id, erased_by="operator")
    assert not (settings().inbox / organization.name).exists()
    assert (settings().inbox / stranger.name / "Current" / "done" / "march.csv").exists()
    await asyncio.to_thread(shutil.rmtree, settings().inbox / stranger.name)


async def test_who_was_never_there_cannot_be_erased(pipeline: Database) -> None:
    with pytest.raises(OrganizationNotFound):
        await erasure.erase(pipeline, new_id(), erased_by="operator")
    assert all(blobs.exists(f"erased/{name}") for name in erasure.tombstones())


async def test_keys_that_somebody_who_goes_left_elsewhere_end_with_them(
    database: Database, pipeline: Database, organization: Organization, stranger: Organization
) -> None:
    """A key that nobody made any more would be held back by nobody's role."""
    elsewhere = stranger.organization_id
    gone = await settle_in(database, organization, f"{new_id()}@example.com")
    async with database.transaction() as db:
        await users.join(db, elsewhere, gone, Role.ADMIN)
        key = await api_keys.create(db, elsewhere, name="left", role=Role.ADMIN, created_by=gone)
        other = await api_keys.create(db, elsewhere, name="other", role=Role.ADMIN)
    async with database.transaction(elsewhere) as db:
        assert await api_keys.authenticate(db, key.secret), "the control"
        await db.execute("delete from identity.memberships where user_id = %s", [gone])

    await erasure.erase(pipeline, organization.organization_id, erased_by="operator")

    async with database.transaction() as db:
        with pytest.raises(BadCredential):
            await api_keys.authenticate(db, key.secret)
    async with database.transaction() as db:
        assert await api_keys.authenticate(db, other.secret)
