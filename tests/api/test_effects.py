"""Effects and operators' pages over HTTP: who may ask, what is refused, and that nothing of a preview stays."""

from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.settings import Settings
from ai2.reports.quality import pages
from ml.governance import service as governance
from pipelines import offline
from tests.api.asking import ClientOf

EFFECTS, PAGES = "/api/analytics/effects", "/api/analytics/quality"
DAYS = {"start_date": "2026-01-01", "end_date": "2026-12-31"}
LUNCH = {"date": "2026-03-01", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}


async def rule(owner: AsyncClient) -> dict[str, Any]:
    found = (await owner.get("/api/core/categories?limit=1000")).json()["items"]
    category_id = next(each["category_id"] for each in found if each["kind"] == "expense")
    conditions = {"description": {"by": "contains", "text": "cafe"}}
    return {"conditions": conditions, "actions": {"category_id": category_id}}


async def test_shows_what_a_rule_would_do_to_each_report_and_keeps_nothing(owner: AsyncClient) -> None:
    made = (await owner.post("/api/core/transactions", json=LUNCH)).json()
    draft = await rule(owner)
    audited = (await owner.get("/api/core/audit?include=total")).json()["total"]
    again = {"Idempotency-Key": "effect"}
    for _ in range(2):
        shown = await owner.post(EFFECTS, json={**DAYS, "rule": draft}, headers=again)
        assert shown.status_code == 200, shown.text
        assert "Idempotency-Replayed" not in shown.headers
    told = shown.json()
    assert (told["act"], told["rows_changed"], told["rows_within"], told["rows_closed"]) == ("rule", 1, 1, 0)
    by_report = {each["report"]: each for each in told["reports"]}
    cells = {cell["line"]: cell for cell in by_report["profit_and_loss"]["cells"]}
    assert cells["Not categorised"]["difference"] == "-12.50"
    assert by_report["balance_sheet"]["cells"] == []
    [row] = told["items"]
    assert (row["transaction_id"], row["before"]["category_id"]) == (made["transaction_id"], None)
    assert row["after"]["category_id"] == draft["actions"]["category_id"]
    now = (await owner.get(f"/api/core/transactions/{made['transaction_id']}")).json()
    assert (now["category_id"], (await owner.get("/api/core/rules")).json()["items"]) == (None, [])
    assert (await owner.get("/api/core/audit?include=total")).json()["total"] == audited


@pytest.mark.parametrize(
    "act",
    [
        {},
        {"rule_id": "018f0000-0000-7000-8000-000000000001", "undo_batch_id": "018f0000-0000-7000-8000-000000000002"},
        {"rule": {"conditions": {}, "actions": {}}},
    ],
)
async def test_refuses_what_is_no_single_act(owner: AsyncClient, act: dict[str, Any]) -> None:
    assert (await owner.post(EFFECTS, json={**DAYS, **act})).status_code == 422


async def test_who_may_not_do_it_may_not_try_it(
    client_of: ClientOf, organization: Organization, owner: AsyncClient
) -> None:
    viewer = await client_of(organization, Role.VIEWER)
    assert (await viewer.post(EFFECTS, json={**DAYS, "rule": await rule(owner)})).status_code == 403


async def test_a_model_is_for_operators_alone(owner: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {**DAYS, "model": {"name": "categoriser", "version": "none such"}}
    monkeypatch.setattr(governance, "settings", lambda: Settings(ENABLE_MULTI_TENANT=True))
    assert (await owner.post(EFFECTS, json=asked)).json()["code"] == "not_an_operator"
    monkeypatch.setattr(governance, "settings", lambda: Settings(ENABLE_MULTI_TENANT=False))
    assert (await owner.post(EFFECTS, json=asked)).json()["code"] == "model_version_not_found"


async def test_pages_are_for_operators_and_load_nothing(
    owner: AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = Settings(AI2_HOME=tmp_path, ENABLE_MULTI_TENANT=True)
    monkeypatch.setattr(pages, "settings", lambda: settings)
    monkeypatch.setattr(governance, "settings", lambda: settings)
    site = pages.folder("data-docs")
    (site / "expectations").mkdir(parents=True)
    foreign = '<html><head><script src="https://cdn.example/x.js"></script></head><body>held</body></html>'
    (site / "expectations/lines.html").write_text(foreign)
    (tmp_path / "secrets.html").write_text("secret")
    offline.make_plain(site)
    for address in ("dbt-docs", "data-docs", "data-docs/expectations/lines.html"):
        assert (await owner.get(f"{PAGES}/{address}")).json()["code"] == "not_an_operator"
    monkeypatch.setattr(governance, "settings", lambda: Settings(ENABLE_MULTI_TENANT=False))
    page = await owner.get(f"{PAGES}/data-docs/expectations/lines.html")
    assert (page.status_code, "held" in page.text, "cdn.example" in page.text) == (200, True, False)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "expectations/lines.html" in (await owner.get(f"{PAGES}/data-docs")).text
    for away in ("..%2F..%2F..%2F..%2Fsecrets.html", "%2Fetc%2Fpasswd", "nothing.html"):
        assert (await owner.get(f"{PAGES}/data-docs/{away}")).status_code == 404
    assert (await owner.get(f"{PAGES}/dbt-docs")).json()["code"] == "page_not_found"
