"""Traces: what people entrust to us is in the books, and nowhere that is kept, hashed or read beside them."""

import io
import json
import logging
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from ai2.consumers import CONSUMERS
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit import deliveries, logs
from ai2.kit.database import Database, rows
from tests.api.asking import PASSWORD, PersonIn, connect

# Marked, so that any of it is found wherever it got.
NAME, EMAIL, IBAN = "Zebulon Quagmire", "zebulon.quagmire@quagga.example", "GB33BUKB20201555555555"
WHAT, NOTE, SECRET = "QUAGGA HUSBANDRY", "xylophone lessons", "quixotic zebra password"
AMOUNT = "-7318.42"
MARKS = (NAME, "zebulon", "quagga", IBAN, "2020155555", WHAT, NOTE, "xylophone", SECRET, "7318.42", "192.0.2.44")
ROW = {"date": "2026-11-02", "amount": AMOUNT, "currency": "GBP", "description": f"{WHAT} {IBAN}", "notes": NOTE}
FILE = {"file": (f"{NAME}.csv", f"Date,Description,Amount\n2026-03-01,{WHAT} {IBAN},{AMOUNT}\n".encode())}


def found_in(text: str) -> list[str]:
    return [mark for mark in MARKS if mark.lower() in text.lower()]


async def live_a_day(app: FastAPI, owner: AsyncClient, person_in: PersonIn, organization: Organization) -> list[str]:
    """Typical requests, good and bad; the bodies of what was refused."""
    await person_in(organization, Role.OWNER)
    invited = await owner.post("/api/core/members/invitations", json={"email": EMAIL, "role": "accountant"})
    async with connect(app, address="192.0.2.44") as client:
        accept = {"token": invited.json()["token"], "name": NAME, "password": SECRET}
        tokens = (await client.post("/api/core/auth/accept-invitation", json=accept)).json()
        refused = [await client.post("/api/core/auth/login", json={"email": EMAIL, "password": f"{SECRET}!"})]
        refused += [await client.get(f"/api/core/transactions/{EMAIL}")]
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        made = (await client.post("/api/core/transactions", json=ROW)).json()
        address = f"/api/core/transactions/{made['transaction_id']}"
        await client.patch(address, json={"merchant": NAME, "notes": NOTE, "attributes": {"payer": NAME}})
        await client.get("/api/core/transactions", params={"search": WHAT})
        await client.post("/api/core/csv-import", files=FILE, data={"account_name": f"Account of {NAME}"})
        await client.post("/api/core/categories", json={"name": WHAT, "kind": "expense"})
        rule = {"conditions": {"description": {"by": "contains", "text": WHAT}}, "actions": {"tags": [NOTE]}}
        ruled = (await client.post("/api/core/rules", json={"name": NAME, **rule})).json()
        await client.post(f"/api/core/rules/{ruled['rule_id']}/apply", json={})
        refused += [
            await client.post("/api/core/transactions", json={**ROW, "currency": NAME, "payer": IBAN}),
            await client.post("/api/core/transactions", json={**ROW, "amount": f"{AMOUNT} {IBAN}", "category": WHAT}),
            await client.get("/api/core/transactions", params={"cursor": IBAN}),
            await client.post("/api/core/categories", json={"name": WHAT, "kind": "expense"}),
            await client.post("/api/core/privacy/erase", json={"scope": "person", "confirm": NAME}),
        ]
        await client.delete(address)
        assert (await client.post("/api/core/privacy/export", json={"scope": "person"})).status_code == 202
    assert all(answer.is_error for answer in refused)
    return [answer.text for answer in refused]


async def test_nothing_of_anybody_is_in_logs_audit_events_metrics_or_errors(
    app: FastAPI,
    owner: AsyncClient,
    person_in: PersonIn,
    database: Database,
    pipeline: Database,
    organization: Organization,
) -> None:
    stream = io.StringIO()
    logs.configure("test", stream=stream)
    logging.getLogger("httpx").setLevel("WARNING")  # the test's own client, not ours
    try:
        errors = await live_a_day(app, owner, person_in, organization)
        for consumer in CONSUMERS:
            await deliveries.deliver(database, pipeline, consumer, organization.organization_id)
        metrics = (await owner.get("/metrics")).text
    finally:
        logging.getLogger("httpx").setLevel("NOTSET")
        logs.configure("test")
    async with database.transaction(organization.organization_id) as db:
        kept = {
            "audit": await rows(db, "select * from audit.entries"),
            "events": await rows(db, "select * from events.events"),
            "jobs": await rows(db, "select payload, result, error from queue.jobs"),
            "answers": await rows(db, "select key, request_digest from identity.idempotency_keys"),
        }
        books = await rows(db, "select description, notes from books.transactions")
    assert stream.getvalue().count('"request"') > 10
    assert len(kept["audit"]) > 8
    assert len(kept["events"]) > 8
    told: dict[str, Any] = {"logs": stream.getvalue(), "metrics": metrics, "errors": json.dumps(errors), **kept}
    assert {name: marks for name, text in told.items() if (marks := found_in(str(text)))} == {}
    assert found_in(str(books)), "the positive control: it is in the books"
    assert PASSWORD not in stream.getvalue()


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_would_be_found(mark: str) -> None:
    assert mark in found_in(f"anything with {mark.upper()} in it")
