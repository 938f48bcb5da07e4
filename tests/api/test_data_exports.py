"""Exports and schedules over HTTP: asked for, watched, taken, changed, and told to nobody else."""

import csv
import hashlib
import io
from typing import Any

import pytest
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Database
from tests.api.asking import ClientOf, PersonIn
from tests.api.test_privacy import work

A = "/api/analytics"
LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "=Corner Cafe"}
MONTHLY: dict[str, Any] = {
    "name": "Monthly", "report": {"report": "trend", "period": "last_month"}, "every": "month", "day": 31,
    "time_zone": "Europe/Paris",
}  # fmt: skip


async def test_a_viewer_takes_the_books_as_a_file(
    client_of: ClientOf, owner: AsyncClient, database: Database, pipeline: Database, organization: Organization
) -> None:
    viewer = await client_of(organization, Role.VIEWER)
    await owner.post("/api/core/transactions", json=LUNCH)
    asked = await viewer.post(f"{A}/export-data", json={"what": "transactions", "format": "csv"})
    assert asked.status_code == 202, asked.text
    known = asked.json()
    address = f"{A}/exports/{known['export_id']}"
    assert (known["state"], known["download"], known["rows"]) == ("queued", None, None)
    early = await viewer.get(f"{address}/download")
    assert (early.status_code, early.json()["code"]) == (409, "export_not_ready")
    assert (await viewer.get(f"{address}/manifest")).status_code == 409
    await work(database, pipeline, organization, "export_data")
    done = (await viewer.get(address)).json()
    assert (done["state"], done["progress"], done["rows"]) == ("done", 1, 1)
    answer = await viewer.get(done["download"])
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert hashlib.sha256(answer.content).hexdigest() == done["sha256"]
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert (row["amount"], row["description"]) == ("-12.50", "'=Corner Cafe")
    manifest = (await viewer.get(done["manifest"])).json()
    assert manifest["totals"] == [{"currency": "GBP", "status": "posted", "rows": 1, "amount": "-12.50"}]
    assert manifest["file"]["sha256"] == done["sha256"]
    listed = (await viewer.get(f"{A}/exports?include=total")).json()
    assert (listed["total"], listed["items"]) == (1, [done])


async def test_an_export_is_not_there_for_a_stranger(
    owner: AsyncClient, their_owner: AsyncClient, database: Database, pipeline: Database, organization: Organization
) -> None:
    known = (await owner.post(f"{A}/export-data", json={"what": "accounts", "format": "json"})).json()
    await work(database, pipeline, organization, "export_data")
    for part in ("", "/manifest", "/download"):
        address = f"{A}/exports/{known['export_id']}{part}"
        assert (await their_owner.get(address)).status_code == 404
        assert (await owner.get(address)).status_code == 200
    assert (await their_owner.get(f"{A}/exports")).json()["items"] == []


async def test_what_has_expired_is_gone(
    owner: AsyncClient, database: Database, pipeline: Database, organization: Organization
) -> None:
    known = (await owner.post(f"{A}/export-data", json={"what": "accounts", "format": "json"})).json()
    await work(database, pipeline, organization, "export_data")
    async with pipeline.transaction() as db:
        await db.execute("update reports.exports set expires_at = now() where export_id = %s", [known["export_id"]])
    answer = await owner.get(f"{A}/exports/{known['export_id']}/download")
    assert (answer.status_code, answer.json()["code"]) == (410, "export_expired")
    assert (await owner.get(f"{A}/exports/{known['export_id']}")).json()["state"] == "expired"


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"what": "transactions", "format": "pdf"}, "format"),
        ({"what": "rules", "format": "csv", "end_date": "2026-01-01"}, "end_date"),
        ({"what": "report", "format": "json"}, "report_id"),
        ({"what": "everything", "format": "json"}, "what"),
    ],
)
async def test_what_cannot_be_had_is_refused(owner: AsyncClient, wanted: dict[str, Any], field: str) -> None:
    answer = await owner.post(f"{A}/export-data", json=wanted)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_a_schedule_is_written_down_changed_and_deleted(
    client_of: ClientOf, person_in: PersonIn, organization: Organization
) -> None:
    bo = await person_in(organization, Role.ACCOUNTANT)
    made = await bo.client.post(f"{A}/schedules", json={**MONTHLY, "recipients": [bo.email]})
    assert made.status_code == 201, made.text
    known, address = made.json(), f"{A}/schedules/{made.json()['schedule_id']}"
    assert known["report"]["period"] == "last_month"
    assert known["recipients"] == [bo.email]
    assert known["next_due_at"].endswith("Z")
    changed = await bo.client.patch(address, json={"every": "day", "recipients": []})
    assert (changed.json()["every"], changed.json()["recipients"], changed.json()["version"]) == ("day", [], 2)
    assert changed.json()["report"] == known["report"]
    stale = {"If-Match": made.headers["etag"]}
    assert (await bo.client.patch(address, json={}, headers=stale)).status_code == 412
    viewer = await client_of(organization, Role.VIEWER)
    assert (await viewer.get(address)).json() == changed.json()
    assert (await viewer.get(f"{address}/runs")).json()["items"] == []
    assert (await viewer.delete(address)).status_code == 403
    assert (await bo.client.delete(address)).status_code == 204
    assert (await viewer.get(address)).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"every": "week", "day": 8}, "day"),
        ({"recipients": ["stranger@example.com"]}, "recipients.0"),
        ({"report": {"report": "trend", "period": "last_month", "start_date": "2026-01-01"}}, "report.start_date"),
    ],
)
async def test_a_schedule_that_does_not_hold_is_refused(owner: AsyncClient, change: dict[str, Any], field: str) -> None:
    answer = await owner.post(f"{A}/schedules", json={**MONTHLY, **change})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
