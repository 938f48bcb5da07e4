"""Every id of the API's description, filled with a stranger's: not there; with our own filters gone, still not there.

A new operation that takes an id fails here until it has a case: in BY_ID of test_tenancy.py, or in MORE.
"""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from psycopg import AsyncCursor, AsyncServerCursor, sql
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

from ai2.connections import mailing
from ai2.identity import api_keys
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Database
from ai2.kit.database import Role as DatabaseRole
from api.app import TITLES, build, operations
from tests.api.asking import PASSWORD, Person, PersonIn, connect
from tests.api.connecting import FILE, OF_CONNECTORS, connect_all
from tests.api.places import Case, cursors, filled, places
from tests.api.test_imports import send
from tests.api.test_tenancy import (
    BY_ID,
    CAFES,
    FOOD,
    LUNCH,
    MOVED_TO_THEIRS,
    OF_THEIR_ACCOUNT,
    OF_THEIR_CATEGORY,
    SHARED,
    SPLIT_TO_THEIRS,
)

T, I, A = "/api/core/transactions", "/api/core/imports", "/api/analytics"  # noqa: E741 - they stand in every line
YEAR = {"report": "trend", "start_date": "2026-01-01", "end_date": "2026-12-31"}
DAYS = {"start_date": "2026-01-01", "end_date": "2026-12-31"}
CUSTOM = {**YEAR, "report": "custom", "dimensions": ["merchant"]}
LEDGER = {"what": "entries", "format": "csv"}
WEEKLY = {"name": "Weekly", "report": {"report": "trend", "period": "last_week"}, "every": "week", "time_zone": "UTC"}
RELATIVE = {"report": "custom", "dimensions": ["merchant"], "period": "last_week"}
TEA = {"description": "Tea", "amount": "-1.00"}
RECEIPT = {"file": ("receipt.pdf", b"%PDF-1.7 theirs", "application/pdf")}
MENDED = "line,Date,Text,Amount\n3,2026-03-02,Coffee,-2\n"
# {so} is a stranger's id, {my_so} the caller's own; the stranger asks with theirs in both places, and may.
MORE: list[Case] = [
    ("POST", T + "/{transaction_id}/attachments", RECEIPT),
    ("GET", T + "?batch_id={batch_id}", None),
    ("GET", T + "/export?format=csv&batch_id={batch_id}", None),
    ("PATCH", T + "/{my_transaction_id}", {"category_id": "{category_id}"}),
    ("POST", T + "/bulk-update", {"transaction_ids": ["{my_transaction_id}"], "change": {"category_id": "{heir_id}"}}),
    ("GET", "/api/core/transfers?transaction_id={out_id}", None),
    ("PUT", T + "/{out_id}/transfer", {"other_transaction_id": "{in_id}"}),
    ("PUT", T + "/{my_out_id}/transfer", {"other_transaction_id": "{in_id}"}),
    ("POST", "/api/core/transfers/{transfer_id}/accept", None),
    ("POST", "/api/core/transfers/{transfer_id}/reject", None),
    ("DELETE", T + "/{out_id}/transfer", None),
    ("PATCH", "/api/core/categories/{my_category_id}", {"parent_id": "{heir_id}"}),
    ("DELETE", "/api/core/categories/{my_category_id}?reassign_to={heir_id}", None),
    ("PATCH", "/api/core/rules/{my_rule_id}", {"actions": {"category_id": "{category_id}"}}),
    ("PATCH", "/api/core/rules/{my_rule_id}", {"conditions": {"account_id": "{account_id}"}}),
    ("PATCH", "/api/core/rules/{my_rule_id}", {"actions": SPLIT_TO_THEIRS["actions"]}),
    ("PATCH", "/api/core/rules/{my_rule_id}", {"actions": MOVED_TO_THEIRS["actions"]}),
    ("POST", "/api/core/rules/{my_rule_id}/apply", {"account_id": "{account_id}"}),
    ("POST", "/api/core/filters", {"name": "Theirs", "filter": {"batch_id": "{batch_id}"}}),
    ("PATCH", "/api/core/filters/{my_filter_id}", {"filter": {"account_id": "{account_id}"}}),
    ("PATCH", "/api/core/filters/{my_filter_id}", {"filter": {"category_id": "{category_id}"}}),
    ("PATCH", "/api/core/filters/{my_filter_id}", {"filter": {"batch_id": "{batch_id}"}}),
    ("GET", I + "?account_id={account_id}", None),
    ("GET", I + "/{batch_id}", None),
    ("GET", I + "/{batch_id}/rows", None),
    ("GET", I + "/{batch_id}/rejects.csv", None),
    ("POST", I + "/{batch_id}/replay", {}),
    ("POST", I + "/{batch_id}/resubmit", {"csv_data": MENDED}),
    ("POST", I + "/{batch_id}/undo", None),
    ("POST", "/api/core/accounts/{file_account_id}/replay", {}),
    ("GET", "/api/core/accounts/{file_account_id}/layout", None),
    ("PUT", "/api/core/accounts/{file_account_id}/layout", "{layout}"),
    ("DELETE", "/api/core/accounts/{file_account_id}/layout/{signature}", None),
    ("POST", "/api/core/csv-import", {"csv_data": FILE, "account_id": "{account_id}"}),
    ("DELETE", "/api/core/sessions/{session_id}", None),
    ("POST", "/api/ai/analyze-transaction", {**TEA, "account_id": "{account_id}"}),
    ("POST", "/api/ai/batch-analyze", {"transactions": [{**TEA, "id": "a", "account_id": "{account_id}"}]}),
    ("POST", "/api/ai/batch-analyze", {"batch_id": "{batch_id}"}),
    ("GET", "/api/ai/batch-analyze/{job_id}", None),
    ("POST", "/api/ai/orchestrate", {"workflow": "categorize", "transaction_ids": ["{transaction_id}"]}),
    ("GET", "/api/ai/orchestrate/{run_id}", None),
    ("GET", "/api/ai/anomalies/{anomaly_id}", None),
    ("POST", "/api/ai/anomalies/{anomaly_id}/dismiss", {"apply_to": "merchant"}),
    ("POST", "/api/ai/anomalies/{anomaly_id}/reopen", None),
    ("POST", "/api/ai/suggestions", {"batch_id": "{batch_id}"}),
    ("POST", "/api/ai/suggestions/{suggestion_id}/accept", {"category": "Coffee"}),
    ("POST", "/api/ai/suggestions/{suggestion_id}/reject", {}),
    ("POST", "/api/ai/suggestions/bulk", {"items": [{"suggestion_id": "{suggestion_id}", "answer": "reject"}]}),
    ("POST", "/api/ai/feedback", {"transaction_id": "{transaction_id}", "field": "merchant", "value": "Tea Room"}),
    ("POST", A + "/generate-report", {**YEAR, "account_ids": ["{account_id}"]}),
    ("POST", A + "/effects", {**DAYS, "rule_id": "{rule_id}"}),
    ("POST", A + "/effects", {**DAYS, "undo_batch_id": "{batch_id}"}),
    ("POST", A + "/effects", {**DAYS, "rule_id": "{my_rule_id}", "account_ids": ["{account_id}"]}),
    ("POST", A + "/effects", {**DAYS, "rule_id": "{my_rule_id}", "where": {"account_id": "{account_id}"}}),
    ("POST", A + "/effects", {**DAYS, "rule": OF_THEIR_CATEGORY}),
    ("POST", A + "/effects", {**DAYS, "rule": OF_THEIR_ACCOUNT}),
    ("POST", A + "/effects", {**DAYS, "rule": SPLIT_TO_THEIRS}),
    ("POST", A + "/effects", {**DAYS, "rule": MOVED_TO_THEIRS}),
    ("POST", A + "/generate-report", {**CUSTOM, "filters": {"category": ["{category_id}"]}}),
    ("POST", A + "/generate-report", {**CUSTOM, "filters": {"group": ["{category_id}"]}}),
    ("POST", A + "/generate-report", {**CUSTOM, "filters": {"account": ["{account_id}"]}}),
    ("GET", A + "/reports/{report_id}", None),
    *(("GET", A + f"/reports/{{report_id}}/download?format={name}", None) for name in ("json", "pdf")),
    ("GET", A + "/trends?category_id={category_id}", None),
    ("GET", A + "/trends?account_id={account_id}", None),
    ("GET", A + "/charts/trend?category_id={category_id}", None),
    ("GET", A + "/charts/forecast?account_id={account_id}", None),
    ("POST", A + "/export-data", {**LEDGER, "account_ids": ["{account_id}"]}),
    ("POST", A + "/export-data", {"what": "report", "format": "json", "report_id": "{report_id}"}),
    ("GET", A + "/exports/{data_export_id}", None),
    ("POST", A + "/schedules", {**WEEKLY, "report": {**WEEKLY["report"], "account_ids": ["{account_id}"]}}),
    ("PATCH", A + "/schedules/{my_schedule_id}", {"report": {**WEEKLY["report"], "account_ids": ["{account_id}"]}}),
    *(
        (method, A + path, {**WEEKLY, "report": {**RELATIVE, "filters": {kind: [named]}}})
        for method, path in (("POST", "/schedules"), ("PATCH", "/schedules/{my_schedule_id}"))
        for kind, named in (("category", "{category_id}"), ("group", "{category_id}"), ("account", "{account_id}"))
    ),
    ("GET", A + "/schedules/{schedule_id}", None),
    ("GET", A + "/schedules/{schedule_id}/runs", None),
    ("PATCH", A + "/schedules/{schedule_id}", {"hour": 7}),
    ("DELETE", A + "/schedules/{schedule_id}", None),
    ("GET", A + "/reports/{report_id}/changes", None),
    ("GET", A + "/reports/{report_id}/cells/{cell_key}/explain", None),
    *OF_CONNECTORS,
]
PHONE = {"category": "Telephone"}
# Places that need no such case, and what says so.
ELSEWHERE = {
    ("login", "body:organization_id"): "test_who_is_no_member_does_not_sign_in_there",
    (
        "finish_oidc",
        "body:organization_id",
    ): "test_who_has_no_password_comes_into_another_organization_by_its_invitation",
    ("unlink_identity", "path:identity_id"): "test_what_is_unlinked_opens_nothing_and_a_strangers_is_not_there",
    ("download_privacy_export", "path:export_id"): "test_an_export_is_only_for_who_may_have_it",
    ("download_export", "path:export_id"): "test_an_export_is_not_there_for_a_stranger",
    ("get_export_manifest", "path:export_id"): "test_an_export_is_not_there_for_a_stranger",
    ("erase_privacy", "body:user_id"): "test_an_owner_erases_who_was_a_member_and_nobody_else",
    ("connect_third_party", "body:account_id"): "test_a_strangers_account_is_refused_before_anybody_is_asked",
    ("connect_third_party", "body:reconnect"): "test_a_strangers_connection_is_not_there",
    ("finish_connection", "path:connection_id"): "test_a_strangers_connection_is_not_there_to_be_finished",
    ("list_audit", "query:entity_id"): "test_the_audit_of_a_strangers_transaction_is_empty",
    ("authorize_connection", "query:connection_id"): "test_nobody_consents_for_a_strangers_connection",
}
# Lists of what is no organization's: the configuration's, a person's own (test_oidc.py), and the law's.
OF_NOBODY = {"list_oidc_providers", "list_identities", "list_tax_rules", "list_providers"}


async def make_all(client: AsyncClient, person: Person) -> dict[str, Any]:
    """One of everything that has an id, and a second of what is listed."""
    kinds = {"name": "Mine", "kind": "expense"}
    account = (await client.post("/api/core/accounts", json={"name": "Savings", "currency": "GBP"})).json()
    rows = [(await client.post(T, json={**LUNCH, "amount": amount, "type": "expense"})).json()
            for amount in ("-12.50", "-71.00", "-72.00")]  # fmt: skip
    into = [(await client.post(T, json={**LUNCH, "amount": amount, "account_id": account["account_id"]})).json()
            for amount in ("71.00", "72.00")]  # fmt: skip
    pairs = [
        (
            await client.put(
                f"{T}/{out['transaction_id']}/transfer", json={"other_transaction_id": in_["transaction_id"]}
            )
        )
        for out, in_ in zip(rows[1:], into, strict=True)
    ]
    category = (await client.post("/api/core/categories", json=kinds)).json()
    heir = (await client.post("/api/core/categories", json={**kinds, "name": "Ours"})).json()
    rule = (await client.post("/api/core/rules", json={"name": "Mine", **CAFES})).json()
    applied = [(await client.post(f"/api/core/rules/{rule['rule_id']}/apply", json={})).json() for _ in range(2)]
    saved = (await client.post("/api/core/filters", json={"name": "Mine", **SHARED})).json()
    budget = (await client.post("/api/core/budgets", json={**FOOD, "category_id": heir["category_id"]})).json()
    attached = (await client.post(f"{T}/{rows[0]['transaction_id']}/attachments", files=RECEIPT)).json()
    export = (await client.post("/api/core/privacy/export", json={"scope": "organization"})).json()
    key = (await client.post("/api/core/api-keys", json={"name": "mine", "role": "viewer"})).json()
    guest = {"email": "guest@example.com", "role": "viewer"}
    invitation = (await client.post("/api/core/members/invitations", json=guest)).json()
    batch = (await send(client, FILE, account_name="From files", positive_is="in")).json()
    await send(client, FILE.replace("Tea", "Milk"), account_name="From files", positive_is="in")
    layout = (await client.get(f"/api/core/accounts/{batch['account_id']}/layout")).json()["items"][0]
    report, _ = [(await client.post(f"{A}/generate-report", json=YEAR)).json() for _ in range(2)]
    data_export, _ = [(await client.post(f"{A}/export-data", json=LEDGER)).json() for _ in range(2)]
    schedule, _ = [(await client.post(f"{A}/schedules", json=WEEKLY)).json() for _ in range(2)]
    for row in (rows[0], into[0]):
        monthly = {"transaction_id": row["transaction_id"], "field": "recurring", "value": "monthly"}
        assert (await client.post("/api/ai/feedback", json=monthly)).is_success
    recurring = (await client.get("/api/ai/recurring")).json()["items"]
    job = (await client.post("/api/ai/batch-analyze", json={"batch_id": batch["batch_id"]})).json()
    run = (await client.post("/api/ai/orchestrate", json={"workflow": "categorize", "period": "2026-03"})).json()
    return {
        **await connect_all(client),
        "transaction_id": rows[0]["transaction_id"], "account_id": rows[0]["account_id"],
        "out_id": rows[1]["transaction_id"], "in_id": into[0]["transaction_id"],
        "transfer_id": pairs[0].json()["transfer_id"], "category_id": category["category_id"],
        "heir_id": heir["category_id"], "rule_id": rule["rule_id"], "application_id": applied[0]["application_id"],
        "api_key_id": key["api_key_id"], "invitation_id": invitation["invitation_id"], "user_id": person.user_id,
        "session_id": person.session_id, "batch_id": batch["batch_id"], "file_account_id": batch["account_id"],
        "layout": layout["layout"], "signature": layout["layout"]["signature"], "job_id": job["job_id"],
        "filter_id": saved["filter_id"], "budget_id": budget["budget_id"], "export_id": export["export_id"],
        "attachment_id": attached["attachment_id"], "suggestion_id": rows[0]["transaction_id"],
        "pattern_id": recurring[0]["pattern_id"],
        "run_id": run["run_id"],
        "anomaly_id": rows[0]["transaction_id"],
        "report_id": report["report_id"], "data_export_id": data_export["export_id"],
        "schedule_id": schedule["schedule_id"],
        "cell_key": report["tables"][0]["lines"][0]["cells"][0]["key"],
    }  # fmt: skip


async def suggest(database: Database, owner: Organization) -> None:
    """Leave a suggestion for each transaction that nobody decided, and tell of each that it is unusual."""
    async with database.transaction(owner.organization_id) as db:
        await db.execute(
            """
            insert into ml.suggestions (organization_id, transaction_id, detailed, confidence, decided_by, version)
            select organization_id, transaction_id, 'FOOD_AND_DRINK_COFFEE', 0.5, 'model', 'test'
            from books.transactions where organization_id = %s and decided_by is null
            """,
            [owner.organization_id],
        )
        await db.execute(
            """
            insert into ml.anomalies (
                organization_id, anomaly_id, kind, subject, transaction_id, booked_on, amount, currency, merchant_key,
                score, normal, reasons, version
            )
            select organization_id, transaction_id, 'unusual_amount', transaction_id, transaction_id, booked_on, amount,
                currency, merchant_key, 0.9, '{"rows": 9}', '{}', 'test'
            from books.transactions where organization_id = %s and status = 'posted'
            """,
            [owner.organization_id],
        )
        await mailing.read_waiting(database, owner.organization_id)


async def make_second_ones(client: AsyncClient, person: Person, made: dict[str, Any]) -> None:
    """Another of what make_all makes one of, so that every list has two pages."""
    login = {"email": person.email, "password": PASSWORD}
    rate = {"base": "USD", "quote": "GBP", "date": "2026-03-02", "rate": "0.8"}
    asked = [
        ("POST", "auth/login", login),
        ("POST", "rules", {"name": "Another", **CAFES}),
        ("POST", "filters", {"name": "Another", **SHARED}),
        ("POST", "budgets", {**FOOD, "category_id": made["category_id"]}),
        ("POST", "api-keys", {"name": "another", "role": "viewer"}),
        ("POST", "members/invitations", {"email": "another@example.com", "role": "viewer"}),
        ("PUT", "rates", rate),
        ("PUT", "rates", {**rate, "date": "2026-03-03"}),
        ("PATCH", "organization", {"fiscal_year_start": 4}),
        ("PATCH", "organization", {"fiscal_year_start": 5}),
        ("POST", "periods/close", {"through": "2026-01-31"}),
        ("POST", "periods/reopen", {"from": "2026-01-01", "reason": "late bill"}),
        # what may be deductible this year
        *(
            ("POST", "transactions", {**LUNCH, "date": f"{datetime.now(UTC):%Y-%m-%d}", "description": name, **PHONE})
            for name in ("Giffgaff", "Lebara")
        ),
    ]
    for method, address, body in asked:
        answer = await client.request(method, f"/api/core/{address}", json=body)
        assert answer.is_success, (address, answer.text)


def fill(value: Any, strangers: dict[str, Any], own: dict[str, Any]) -> Any:
    """The value with a stranger's ids and one's own in it."""
    if isinstance(value, dict):
        return {name: fill(inner, strangers, own) for name, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, strangers, own) for inner in value]
    if not isinstance(value, str):
        return value
    if whole := re.fullmatch(r"\{(\w+)\}", value):
        known = own[whole[1].removeprefix("my_")] if whole[1].startswith("my_") else strangers[whole[1]]
        return known if isinstance(known, dict) else str(known)
    mine = {f"my_{name}": known for name, known in own.items()}
    return re.sub(r"\{(\w+)\}", lambda match: str({**strangers, **mine}[match[1]]), value)


def request(case: Case, strangers: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    method, address, body = case
    sent = {} if body is None else {"files": body} if body is RECEIPT else {"json": fill(body, strangers, own)}
    return {"method": method, "url": fill(address, strangers, own), **sent}


@pytest.fixture(scope="module")
def described(app: FastAPI) -> dict[str, Any]:
    return operations(app, [*TITLES])


@pytest.fixture
async def their_person(person_in: PersonIn, stranger: Organization) -> Person:
    return await person_in(stranger, Role.OWNER)


@pytest.fixture
async def theirs(their_person: Person, database: Database, stranger: Organization) -> dict[str, Any]:
    made = await make_all(their_person.client, their_person)
    await suggest(database, stranger)
    return made


@pytest.fixture
async def ours(owner: AsyncClient, person_in: PersonIn, organization: Organization) -> dict[str, Any]:
    return await make_all(owner, await person_in(organization, Role.VIEWER))


def test_every_id_that_the_description_takes_has_a_case(described: dict[str, Any]) -> None:
    """What is missing here is an operation whose ids nobody has tried with a stranger's."""
    cases = [*BY_ID, *MORE]
    assert places(described) - filled(described, cases) - ELSEWHERE.keys() == set()
    assert filled(described, cases) & ELSEWHERE.keys() == set()
    assert len(places(described)) > 60


def test_an_operation_without_a_case_is_seen(described: dict[str, Any]) -> None:
    id_ = {"type": "string", "format": "uuid"}
    new = {
        "operationId": "new", "parameters": [{"in": "query", "name": "thing_id", "schema": {"anyOf": [id_]}}],
        "requestBody": {"content": {"a": {"schema": {"properties": {"rows": {"items": {"properties": {"id": id_}}}}}}}},
    }  # fmt: skip
    more = {**described, "paths": {**described["paths"], "/api/core/new": {"post": new}}}
    found = places(more) - filled(more, [*BY_ID, *MORE]) - ELSEWHERE.keys()
    assert found == {("new", "query:thing_id"), ("new", "body:rows[].id")}


# They take nothing from each other: one of everything is enough for all of them.
ASKED = (A + "/effects", A + "/generate-report", A + "/export-data", "/api/ai/analyze-transaction")
ASKING = [case for case in MORE if case[0] == "GET" or case[1] in ASKED]
CHANGING = [case for case in MORE if case not in ASKING]


@pytest.mark.parametrize("case", CHANGING, ids=[f"{method} {address}" for method, address, _ in CHANGING])
async def test_a_strangers_id_is_not_there_to_be_changed_and_its_owners_is(
    owner: AsyncClient, ours: dict[str, Any], their_person: Person, theirs: dict[str, Any], case: Case
) -> None:
    await assert_only_its_owners(owner, ours, their_person, theirs, case)


async def test_a_strangers_id_is_not_there_to_be_asked_of_and_its_owners_is(
    owner: AsyncClient, ours: dict[str, Any], their_person: Person, theirs: dict[str, Any]
) -> None:
    for case in ASKING:
        await assert_only_its_owners(owner, ours, their_person, theirs, case)


async def assert_only_its_owners(
    owner: AsyncClient, ours: dict[str, Any], their_person: Person, theirs: dict[str, Any], case: Case
) -> None:
    refused = await owner.request(**request(case, theirs, ours))
    assert refused.status_code == 404, (case, refused.text)
    allowed = await their_person.client.request(**request(case, theirs, theirs))
    assert allowed.is_success, (case, allowed.text)


async def test_a_strangers_cursor_shows_nothing_of_theirs(
    owner: AsyncClient,
    ours: dict[str, Any],
    their_person: Person,
    theirs: dict[str, Any],
    described: dict[str, Any],
    person_in: PersonIn,
    stranger: Organization,
) -> None:
    """Of every list that is read by pages and whose path names nothing."""
    await person_in(stranger, Role.VIEWER)
    await make_second_ones(their_person.client, their_person, theirs)
    for name, path in cursors(described):
        if name in OF_NOBODY or "{" in path:
            continue
        first = (await their_person.client.get(path, params={"limit": 1})).json()
        wanted = {"limit": 1, "cursor": first["next_cursor"]}
        rest = (await their_person.client.get(path, params=wanted)).json()["items"]
        assert len(rest) == 1, f"{name}: theirs go on"
        answer = await owner.get(path, params={**wanted, "limit": 1000})
        assert answer.status_code == 200 or answer.json()["code"] == "unknown_cursor", name
        known = {str(value) for value in theirs.values()}
        assert not any(value in answer.text for value in known), name
        assert str(rest[0]) not in answer.text


async def test_the_audit_of_a_strangers_transaction_is_empty(
    owner: AsyncClient, their_person: Person, theirs: dict[str, Any]
) -> None:
    asked = {"entity_id": theirs["transaction_id"]}
    assert (await owner.get("/api/core/audit", params=asked)).json()["items"] == []
    told = (await their_person.client.get("/api/core/audit", params=asked)).json()["items"]
    assert told[-1]["operation"] == "create_transaction"


async def test_who_is_no_member_does_not_sign_in_there(
    anonymous: AsyncClient, their_person: Person, stranger: Organization, organization: Organization
) -> None:
    said = {"email": their_person.email, "password": PASSWORD}
    address = "/api/core/auth/login"
    elsewhere = await anonymous.post(address, json={**said, "organization_id": str(organization.organization_id)})
    assert elsewhere.is_client_error
    assert "access_token" not in elsewhere.text
    own = await anonymous.post(address, json={**said, "organization_id": str(stranger.organization_id)})
    assert own.status_code == 200


# Conditions of ours that name the organization, wherever a query has one.
FILTER = re.compile(r'(?:\w+\.)?"?organization_id"? = (%\(\w+\)s|%s)')


def unfiltered(query: Any, connection: Any) -> Any:
    """The query without any condition of ours on the organization."""
    text = query.as_string(connection) if isinstance(query, sql.Composable) else query
    return FILTER.sub(r"(\1::uuid is not null)", text) if isinstance(text, str) else text


class Unfiltered(AsyncCursor[DictRow]):
    async def execute(self, query: Any, *more: Any, **known: Any) -> "Unfiltered":
        return await super().execute(unfiltered(query, self.connection), *more, **known)


class UnfilteredOnServer(AsyncServerCursor[DictRow]):
    async def execute(self, query: Any, *more: Any, **known: Any) -> "UnfilteredOnServer":
        return await super().execute(unfiltered(query, self.connection), *more, **known)


class WithoutFilters(Database):
    """A database whose every query has lost the application's own filter."""

    def __init__(self, role: DatabaseRole) -> None:
        super().__init__(role)

        async def configure(connection: Any) -> None:
            connection.cursor_factory, connection.server_cursor_factory = Unfiltered, UnfilteredOnServer

        self._pool = AsyncConnectionPool(
            self._pool.conninfo, min_size=1, max_size=4, open=False, kwargs=self._pool.kwargs, configure=configure
        )


async def client_without_filters(role: DatabaseRole, secret: str) -> AsyncIterator[AsyncClient]:
    async with WithoutFilters(role) as database:
        app = build([*TITLES], database=database)
        app.state.limits.windows.limit = 1_000_000
        async with connect(app, **{"X-API-Key": secret}) as client:
            yield client


@pytest.fixture
async def secret(database: Database, organization: Organization) -> str:
    async with database.transaction(organization.organization_id) as db:
        return (await api_keys.create(db, organization.organization_id, name="test", role=Role.OWNER)).secret


@pytest.mark.timeout(200)
async def test_the_database_alone_keeps_a_stranger_out(
    secret: str, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    """Every case again, by an API whose queries name no organization: what policies hide is not there."""
    leaks, served = [], 0
    async for client in client_without_filters(DatabaseRole.API, secret):
        for case in [*BY_ID, *MORE]:
            answer = await client.request(**request(case, theirs, ours))
            if answer.status_code != 404:
                leaks.append((case, answer.status_code, answer.text))
        served = (await client.get(f"{T}/{ours['transaction_id']}")).status_code
    assert leaks == []
    assert served == 200, "its own are there"


async def test_without_filters_and_without_policies_a_stranger_gets_in(
    secret: str, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    """The control of the test above: the filters were gone, and nothing but the policies stood in the way.

    An attachment's bytes are encrypted by its organization's key besides.
    """
    closed = ("applications?rule_id={rule_id}", "{attachment_id}")
    async for client in client_without_filters(DatabaseRole.PIPELINE, secret):
        for case in BY_ID:
            if case[0] == "GET" and not case[1].endswith(closed):
                answer = await client.request(**request(case, theirs, ours))
                assert answer.status_code == 200, (case, answer.text)
