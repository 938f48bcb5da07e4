"""Privacy: what is kept of somebody is theirs to take and, where no law holds it, to have erased."""

import io
import json
import zipfile
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from ai2.consumers import CONSUMERS
from ai2.identity import audit, organizations, users
from ai2.identity.organizations import Organization, OrganizationNotFound
from ai2.identity.principal import Role
from ai2.jobs import HANDLERS
from ai2.kit import queue
from ai2.kit.database import Database, one
from ai2.kit.database import rows as rows_of
from ai2.kit.ids import new_id
from ai2.privacy import repository, retention
from tests.api.asking import PASSWORD, Person, PersonIn, connect

PRIVACY = "/api/core/privacy"
LUNCH = {"date": "2026-11-02", "amount": "-1234567890123456.78", "currency": "GBP", "description": "Corner Cafe"}
FILE = {"file": ("march.csv", b"Date,Description,Amount\n2026-03-01,TESCO STORES,-1.00\n")}


@pytest.fixture
async def ana(person_in: PersonIn, organization: Organization) -> Person:
    return await person_in(organization, Role.OWNER)


async def work(database: Database, pipeline: Database, organization: Organization, kind: str) -> None:
    """What the worker would do: the organization's newest job of this kind."""
    whose = organization.organization_id
    async with database.transaction(whose) as db:
        row = await one(db, "select job_id from queue.jobs where kind = %(k)s order by job_id desc", {"k": kind})
        job = await queue.get(db, whose, (row or {})["job_id"])
    result = await HANDLERS[kind](database, pipeline, job, lambda _: None)
    async with database.transaction(whose) as db:
        await queue.finish(db, job, result)


async def exported(
    client: AsyncClient, database: Database, pipeline: Database, organization: Organization, scope: str
) -> dict[str, bytes]:
    """The files of an export by name."""
    asked = await client.post(f"{PRIVACY}/export", json={"scope": scope})
    assert asked.status_code == 202, asked.text
    assert (await client.get(f"{PRIVACY}/exports/{asked.json()['export_id']}/download")).status_code == 409
    await work(database, pipeline, organization, "privacy_export")
    known = (await client.get(f"{PRIVACY}/exports/{asked.json()['export_id']}")).json()
    assert known["state"] == "done"
    answer = await client.get(known["download"])
    assert answer.headers["content-type"] == "application/zip"
    assert len(answer.content) == known["size_bytes"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rows(files: dict[str, bytes], name: str) -> list[dict[str, Any]]:
    return [json.loads(line, parse_float=str) for line in files[name].splitlines()]


async def test_an_organization_takes_all_it_has(
    ana: Person, database: Database, pipeline: Database, organization: Organization
) -> None:
    await ana.client.post("/api/core/transactions", json=LUNCH)
    await ana.client.post("/api/core/csv-import", files=FILE, data={"account_name": "Current"})
    key = (await ana.client.post("/api/core/api-keys", json={"name": "mine", "role": "viewer"})).json()
    files = await exported(ana.client, database, pipeline, organization, "organization")
    amounts = {row["description"]: row["amount"] for row in rows(files, "books.transactions.jsonl")}
    assert amounts["Corner Cafe"] == "-1234567890123456.78"
    assert FILE["file"][1] in files.values(), "the raw file as it came"
    assert [row["email"] for row in rows(files, "members.jsonl")] == [ana.email]
    manifest = json.loads(files["manifest.json"])
    counted = {each["file"]: each.get("rows") for each in manifest["files"]}
    assert counted["books.transactions.jsonl"] == 2
    assert counted.keys() == files.keys() - {"manifest.json"}
    everything = b"".join(files.values()).decode()
    assert all(secret not in everything for secret in (key["key"] if "key" in key else key["secret"], "wrapped_key"))


async def test_a_person_takes_what_is_kept_of_them_and_nobody_elses(
    person_in: PersonIn, owner: AsyncClient, database: Database, pipeline: Database, organization: Organization
) -> None:
    bo = await person_in(organization, Role.ACCOUNTANT)
    made = (await bo.client.post("/api/core/transactions", json=LUNCH)).json()
    await bo.client.patch(f"/api/core/transactions/{made['transaction_id']}", json={"notes": "with Ana"})
    await owner.post("/api/core/transactions", json=LUNCH)
    files = await exported(bo.client, database, pipeline, organization, "person")
    whose = organization.organization_id
    assert rows(files, "user.jsonl")[0]["email"] == bo.email
    assert [row["transaction_id"] for row in rows(files, f"{whose}/changes.jsonl")] == [made["transaction_id"]]
    operations = [row["operation"] for row in rows(files, f"{whose}/audit.jsonl")]
    assert operations == ["login", "create_transaction", "update_transaction", "export_privacy"]
    assert len(rows(files, f"{whose}/sessions.jsonl")) == 1
    assert b"password_hash" not in b"".join(files.values())


async def test_an_export_is_only_for_who_may_have_it(
    ana: Person, person_in: PersonIn, owner: AsyncClient, their_owner: AsyncClient, organization: Organization
) -> None:
    mine = (await ana.client.post(f"{PRIVACY}/export", json={"scope": "person"})).json()["export_id"]
    ours = (await ana.client.post(f"{PRIVACY}/export", json={"scope": "organization"})).json()["export_id"]
    bo = await person_in(organization, Role.ADMIN)
    assert (await bo.client.post(f"{PRIVACY}/export", json={"scope": "organization"})).status_code == 403
    assert (await owner.post(f"{PRIVACY}/export", json={"scope": "person"})).status_code == 422, "a key is no person"
    for client, export_id, status in (
        (ana.client, mine, 200), (ana.client, ours, 200), (owner, ours, 200),
        (owner, mine, 404), (bo.client, mine, 404), (bo.client, ours, 404),
        (their_owner, mine, 404), (their_owner, ours, 404),
    ):  # fmt: skip
        assert (await client.get(f"{PRIVACY}/exports/{export_id}")).status_code == status
        if status == 404:
            assert (await client.get(f"{PRIVACY}/exports/{export_id}/download")).status_code == 404


async def test_a_key_for_the_books_alone_neither_takes_nor_erases_all(
    app: FastAPI, owner: AsyncClient, organization: Organization
) -> None:
    ours = (await owner.post(f"{PRIVACY}/export", json={"scope": "organization"})).json()["export_id"]
    for scope, status in (("read", 403), ("admin", 202)):
        new = {"name": scope, "role": "owner", "scopes": sorted({"read", scope})}
        key = (await owner.post("/api/core/api-keys", json=new)).json()
        async with connect(app, **{"X-API-Key": key.get("key") or key["secret"]}) as client:
            erase = {"scope": "organization", "confirm": organization.name}
            if status == 403:
                assert (await client.post(f"{PRIVACY}/erase", json=erase)).status_code == 403
                assert (await client.get(f"{PRIVACY}/exports/{ours}")).status_code == 403
            assert (await client.post(f"{PRIVACY}/export", json={"scope": "organization"})).status_code == status


async def test_who_erases_themselves_is_an_id_and_nothing_else(
    ana: Person, person_in: PersonIn, anonymous: AsyncClient, database: Database, organization: Organization
) -> None:
    bo = await person_in(organization, Role.ACCOUNTANT)
    await bo.client.post("/api/core/transactions", json=LUNCH)
    wrong = await bo.client.post(f"{PRIVACY}/erase", json={"scope": "person", "confirm": ana.email})
    assert wrong.status_code == 422
    assert (await bo.client.post(f"{PRIVACY}/erase", json={"scope": "person", "confirm": bo.email})).status_code == 200
    assert (await bo.client.get("/api/core/auth/me")).status_code == 401
    again = {"email": bo.email, "password": PASSWORD}
    assert (await anonymous.post("/api/core/auth/login", json=again)).status_code == 401
    assert bo.user_id not in (await ana.client.get("/api/core/members")).text
    async with database.transaction(organization.organization_id) as db:
        person = await one(db, "select * from identity.users where user_id = %(id)s", {"id": bo.user_id}) or {}
        verdict = await audit.verify(db, organization.organization_id)
    assert bo.email not in str(person)
    assert (person["name"], person["erased_at"] is not None) == ("Erased", True)
    assert verdict.holds
    told = (await ana.client.get("/api/core/audit", params={"actor": f"user:{bo.user_id}"})).json()["items"]
    assert [(each["operation"], each["details"] is None) for each in told] == [
        ("erase_privacy", False), ("create_transaction", True), ("login", True),
    ]  # fmt: skip


async def test_the_last_owner_hands_over_first(ana: Person, person_in: PersonIn, organization: Organization) -> None:
    wanted = {"scope": "person", "confirm": ana.email}
    refused = await ana.client.post(f"{PRIVACY}/erase", json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (409, "last_owner")
    assert (await ana.client.get("/api/core/auth/me")).json()["user"]["email"] == ana.email
    await person_in(organization, Role.OWNER)
    assert (await ana.client.post(f"{PRIVACY}/erase", json=wanted)).status_code == 200


async def test_an_owner_erases_who_was_a_member_and_nobody_else(
    ana: Person, person_in: PersonIn, organization: Organization, stranger: Organization
) -> None:
    bo, theirs = await person_in(organization, Role.VIEWER), await person_in(stranger, Role.VIEWER)

    async def erase(user_id: str) -> int:
        wanted = {"scope": "person", "user_id": user_id, "confirm": user_id}
        return (await ana.client.post(f"{PRIVACY}/erase", json=wanted)).status_code

    assert await erase(theirs.user_id) == await erase(str(new_id())) == 404
    assert await erase(bo.user_id) == 409
    assert (await ana.client.delete(f"/api/core/members/{bo.user_id}")).status_code == 204
    assert await erase(bo.user_id) == 200


async def test_books_that_the_law_holds_are_erased_only_by_saying_so(
    ana: Person, database: Database, pipeline: Database, organization: Organization
) -> None:
    await ana.client.post("/api/core/transactions", json=LUNCH)
    wanted = {"scope": "organization", "confirm": organization.name}
    refused = await ana.client.post(f"{PRIVACY}/erase", json=wanted)
    assert (refused.status_code, refused.json()["kept_until"]) == (409, "2032-12-31")
    assert (await ana.client.post(f"{PRIVACY}/erase", json={**wanted, "confirm": "another"})).status_code == 422
    answer = await ana.client.post(f"{PRIVACY}/erase", json={**wanted, "despite_retention": True})
    assert answer.status_code == 202, answer.text
    await work(database, pipeline, organization, "erase_organization")
    async with pipeline.transaction() as db:
        with pytest.raises(OrganizationNotFound):
            await organizations.find(db, str(organization.organization_id))
        assert await one(db, "select from identity.users where user_id = %(id)s", {"id": ana.user_id}) is None
    assert (await ana.client.get("/api/core/auth/me")).status_code == 401


async def test_books_are_kept_for_as_long_as_the_law_wants_or_longer(ana: Person, person_in: PersonIn) -> None:
    known = await ana.client.get(f"{PRIVACY}/retention")
    assert {name: known.json()[name] for name in ("books_years", "law_years", "audit_years", "events_days")} == {
        "books_years": 6, "law_years": 6, "audit_years": 10, "events_days": 90,
    }  # fmt: skip
    shorter = await ana.client.patch(f"{PRIVACY}/retention", json={"books_years": 5})
    assert (shorter.status_code, shorter.json()["errors"][0]["field"]) == (422, "books_years")
    longer = await ana.client.patch(f"{PRIVACY}/retention", json={"books_years": 8, "events_days": 30})
    assert (longer.json()["books_years"], longer.json()["events_days"]) == (8, 30)
    stale = {"If-Match": known.headers["etag"]}
    assert (await ana.client.patch(f"{PRIVACY}/retention", json={}, headers=stale)).status_code == 412
    back = await ana.client.patch(f"{PRIVACY}/retention", json={"books_years": None})
    assert (back.json()["books_years"], back.json()["events_days"]) == (6, 30)


async def test_a_night_takes_what_is_past_its_time_and_nothing_else(
    ana: Person, person_in: PersonIn, database: Database, pipeline: Database, organization: Organization
) -> None:
    gone, stays = [await person_in(organization, Role.VIEWER) for _ in range(2)]
    await ana.client.delete(f"/api/core/members/{gone.user_id}")
    old = "now() - interval '100 days'"
    whose = {"user": gone.user_id}
    async with pipeline.transaction() as db:
        await db.execute(f"update identity.users set created_at = {old}")
        await db.execute(f"update identity.sessions set ended_at = {old} where user_id = %(user)s", whose)
    names = [consumer.name for consumer in CONSUMERS]
    purged = await retention.purge(pipeline, consumers=names)
    assert purged.users >= 1
    assert purged.sessions >= 1
    async with database.transaction() as db:
        people = {
            each: (await one(db, "select name from identity.users where user_id = %(id)s", {"id": each}) or {})["name"]
            for each in (gone.user_id, stays.user_id)
        }
    assert people == {gone.user_id: "Erased", stays.user_id: "Ana"}
    assert (await stays.client.get("/api/core/auth/me")).status_code == 200
    assert (await retention.purge(pipeline, consumers=names)).users == 0


# Who did something is named in these columns, besides whom the books say decided.
NAMES_SOMEBODY = """
    select distinct namespace.nspname || '.' || class.relname as name
    from pg_class as class
    inner join pg_namespace as namespace on namespace.oid = class.relnamespace
    inner join pg_attribute as attribute on attribute.attrelid = class.oid and not attribute.attisdropped
    where class.relkind in ('r', 'p') and not class.relispartition and class.relpersistence <> 't'
        and namespace.nspname in ('identity', 'books', 'ingest', 'ml', 'events', 'audit')
        and attribute.attname in (
            'user_id', 'owner', 'actor', 'added_by', 'set_by', 'ended_by', 'acted_by', 'closed_by', 'changed_by',
            'created_by', 'invited_by', 'imported_by', 'undone_by', 'applied_by', 'corrected_by', 'given_by'
        )
"""
TOLD_OTHERWISE = {
    "identity.users", "identity.memberships", "identity.second_factors", "identity.user_identities",
    "identity.recovery_codes",  # digests
    "identity.sign_ins",  # for minutes
    "books.closed_periods",  # as the acts on periods say
    "ingest.pending_lines",  # closed by an import
}  # fmt: skip
FILES = """
    select namespace.nspname || '.' || class.relname as name
    from pg_class as class
    inner join pg_namespace as namespace on namespace.oid = class.relnamespace
    inner join pg_attribute as attribute on attribute.attrelid = class.oid and attribute.attname = 'blob_key'
    where class.relkind = 'r'
"""
HELD = """
    select namespace.nspname || '.' || class.relname as name
    from pg_class as class
    inner join pg_namespace as namespace on namespace.oid = class.relnamespace
    inner join pg_attribute as attribute on attribute.attrelid = class.oid and attribute.attname = 'organization_id'
    where class.relkind in ('r', 'p') and not class.relispartition and class.relpersistence <> 't'
        and namespace.nspname <> 'marts' and not attribute.attisdropped
"""


async def test_no_table_is_forgotten_by_an_export(database: Database, pipeline: Database) -> None:
    async with database.transaction() as db:
        exported = set(await repository.tables(db))
    async with pipeline.transaction() as db:
        held, naming, files = [
            {row["name"] for row in await rows_of(db, query)} for query in (HELD, NAMES_SOMEBODY, FILES)
        ]
    assert exported | set(repository.KEPT_BACK) == held, "all, or kept back by name"
    traced = {name for name in naming if any(name in query for query in repository.TRACES.values())}
    assert naming - traced == TOLD_OTHERWISE & naming, "what names somebody is in their export"
    assert len(traced) > 12, "the positive control"
    assert files == {"ingest.raw_files", "books.attached_files", "receipts.documents", "receipts.mails"}, (
        "what lies in the blob store: repository.files"
    )


async def test_attachments_and_saved_filters_are_taken_and_what_was_private_is_erased(
    ana: Person, person_in: PersonIn, database: Database, pipeline: Database, organization: Organization
) -> None:
    bo = await person_in(organization, Role.ACCOUNTANT)
    made = (await bo.client.post("/api/core/transactions", json=LUNCH)).json()
    receipt = {"file": ("lunch.pdf", b"%PDF-1.7 a receipt", "application/pdf")}
    address = f"/api/core/transactions/{made['transaction_id']}/attachments"
    assert (await bo.client.post(address, files=receipt)).status_code == 201
    for name, is_shared in (("mine", False), ("ours", True)):
        new = {"name": name, "filter": {"search": f"{name} doctor"}, "is_shared": is_shared}
        assert (await bo.client.post("/api/core/filters", json=new)).status_code == 201
    files = await exported(bo.client, database, pipeline, organization, "person")
    whose = organization.organization_id
    assert {row["name"] for row in rows(files, f"{whose}/filters.jsonl")} == {"mine", "ours"}
    assert [row["file_name"] for row in rows(files, f"{whose}/attachments.jsonl")] == ["lunch.pdf"]
    assert receipt["file"][1] in (await exported(ana.client, database, pipeline, organization, "organization")).values()
    assert (await bo.client.post(f"{PRIVACY}/erase", json={"scope": "person", "confirm": bo.email})).status_code == 200
    async with database.transaction(whose) as db:
        left = [row["name"] for row in await rows_of(db, "select name from books.saved_filters")]
    assert left == ["ours"]


async def test_who_erases_themselves_is_told_of_in_every_organization(
    ana: Person, person_in: PersonIn, their_owner: AsyncClient, database: Database, stranger: Organization,
    organization: Organization,
) -> None:  # fmt: skip
    bo = await person_in(organization, Role.VIEWER)
    async with database.transaction() as db:
        await users.join(db, stranger.organization_id, UUID(bo.user_id), Role.VIEWER)
    assert (await bo.client.post(f"{PRIVACY}/erase", json={"scope": "person", "confirm": bo.email})).status_code == 200
    for client in (ana.client, their_owner):
        asked = {"actor": f"user:{bo.user_id}", "operation": "erase_privacy"}
        assert len((await client.get("/api/core/audit", params=asked)).json()["items"]) == 1


@pytest.mark.parametrize(
    ("country", "begins", "booked_on", "until"),
    [
        ("GB", (4, 6), date(2026, 4, 5), date(2032, 4, 5)),
        ("GB", (4, 6), date(2026, 4, 6), date(2033, 4, 5)),
        ("GB", (1, 1), date(2026, 12, 31), date(2032, 12, 31)),
        ("DE", (4, 1), date(2026, 3, 31), date(2036, 12, 31)),
        ("DE", (1, 1), date(2026, 3, 31), date(2036, 12, 31)),
    ],
)
def test_years_count_from_the_end_of_the_year_that_the_law_means(
    organization: Organization, country: str, begins: tuple[int, int], booked_on: date, until: date
) -> None:
    months = {"fiscal_year_start": begins[0], "fiscal_year_start_day": begins[1]}
    years = retention.BOOKS_YEARS[country][0]
    assert retention.kept_until(booked_on, replace(organization, country=country, **months), years) == until
