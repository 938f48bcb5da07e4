"""Reports over HTTP: what each takes, and what it refuses by the field's name."""

from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

MAKE = "/api/analytics/generate-report"
YEAR = {"start_date": "2026-01-01", "end_date": "2026-12-31"}
BESIDE = {"report": "custom", "dimensions": ["category"], "measures": ["expense"], "compare_to": "budget"}
REFUSED = [
    ({"report": "trend", "dimensions": ["category"]}, "dimensions"),
    ({"report": "trend", "measures": ["net"]}, "measures"),
    ({"report": "trend", "filters": {"tag": ["home"]}}, "filters"),
    ({"report": "trend", "jurisdiction": "GB"}, "jurisdiction"),
    ({"report": "trend", "rows": 5}, "rows"),
    ({"report": "trend", "order_by": "name"}, "order_by"),
    ({"report": "trend", "compare_to": "budget"}, "compare_to"),
    ({"report": "spending", "compare_to": "budget", "end_date": "2999-12-31"}, "end_date"),
    ({"report": "budget", "currency": "GBP"}, "currency"),
    ({"report": "budget", "compare_to": "previous_year"}, "compare_to"),
    ({"report": "budget", "start_date": "2026-01-02"}, "start_date"),
    ({"report": "tax_summary", "jurisdiction": "GB", "currency": "EUR"}, "currency"),
    ({"report": "custom"}, "dimensions"),
    ({"report": "custom", "dimensions": ["tag", "tag"]}, "dimensions"),
    ({"report": "custom", "dimensions": ["colour"]}, "dimensions"),
    ({"report": "custom", "dimensions": ["tag"], "filters": {"colour": ["red"]}}, "filters"),
    ({"report": "custom", "dimensions": ["tag"], "filters": {"month": ["2026-13"]}}, "filters"),
    ({"report": "custom", "dimensions": ["month"], "compare_to": "previous_year"}, "compare_to"),
    ({**BESIDE, "dimensions": ["tag"]}, "dimensions"),
    ({**BESIDE, "dimensions": ["category", "group"]}, "dimensions"),
    ({**BESIDE, "measures": []}, "measures"),
    ({**BESIDE, "measures": ["net", "count"]}, "measures"),
    ({**BESIDE, "filters": {"tag": ["home"]}}, "filters"),
    ({**BESIDE, "account_ids": [str(UUID(int=1))]}, "account_ids"),
    ({**BESIDE, "end_date": "2999-12-31"}, "end_date"),
]


@pytest.mark.parametrize(("asked", "field"), REFUSED)
async def test_refuses_what_a_report_does_not_take(
    owner: AsyncClient, marts: None, asked: dict[str, Any], field: str
) -> None:
    answer = await owner.post(MAKE, json={**YEAR, **asked})
    assert answer.status_code == 422
    assert [error["field"].split(".")[0] for error in answer.json()["errors"]][:1] == [field]


@pytest.mark.parametrize(
    "asked",
    [
        {"report": "budget"}, {"report": "spending", "compare_to": "budget"}, BESIDE,
        {"report": "tax_summary", "jurisdiction": "GB"}, {"report": "vat", "jurisdiction": "GB"},
    ],
    ids=lambda asked: "-".join(map(str, asked.values()))[:30],
)  # fmt: skip
async def test_is_given_again_as_it_was_known_and_says_what_moved(
    owner: AsyncClient, marts: None, asked: dict[str, Any]
) -> None:
    spent = {"date": "2026-03-01", "amount": "-12.50", "currency": "GBP", "description": "Paint", "category": "Rent"}
    first, _ = [(await owner.post("/api/core/transactions", json=spent)).json() for _ in range(2)]
    made = (await owner.post(MAKE, json={**YEAR, **asked})).json()
    assert (await owner.delete(f"/api/core/transactions/{first['transaction_id']}")).status_code == 204
    again = (await owner.post(MAKE, json={**YEAR, **asked, "as_of": made["as_of"]})).json()
    assert (again["digest"], again["as_of"]) == (made["digest"], made["as_of"])
    moved = await owner.get(f"/api/analytics/reports/{made['report_id']}/changes")
    assert moved.status_code == 200
    assert {item["transaction_id"] for item in moved.json()["items"]} <= {first["transaction_id"]}
    later = await owner.post(MAKE, json={**YEAR, **asked, "as_of": "2999-01-01T00:00:00Z"})
    assert [error["field"] for error in later.json()["errors"]] == ["as_of"]


async def test_a_custom_report_says_what_it_was_asked(owner: AsyncClient, marts: None) -> None:
    for amount, tags in (("-12.50", ["home"]), ("-7.50", ["home", "car"])):
        spent = {"date": "2026-03-01", "amount": amount, "currency": "GBP", "description": "Paint", "tags": tags}
        assert (await owner.post("/api/core/transactions", json=spent)).status_code == 201
    asked = {
        **YEAR, "report": "custom", "dimensions": ["tag"], "measures": ["expense", "count"],
        "filters": {"description": ["paint"], "tag": ["home", None], "amount_to": "-1"}, "rows": 10,
    }  # fmt: skip
    made = (await owner.post(MAKE, json=asked)).json()
    assert made["filters"] == {"tag": ["home", None], "amount_to": ["-1"], "description": ["paint"]}
    [table] = made["tables"]
    assert {line["label"]: [cell["amount"] for cell in line["cells"]] for line in table["lines"]} == {
        "home": ["20.00", "2"], "car": ["7.50", "1"], "Total": ["20.00", "2"],
    }  # fmt: skip
    told = await owner.get(
        f"/api/analytics/reports/{made['report_id']}/cells/{table['lines'][0]['cells'][0]['key']}/explain"
    )
    assert [each["amount"] for each in told.json()["items"]] == ["12.50", "7.50"]
    listed = (await owner.get("/api/analytics/reports")).json()["items"]
    assert listed[0]["filters"] == made["filters"]


@pytest.mark.parametrize("name", ["tax_summary", "vat", "budget"])
async def test_each_is_made_and_explained(owner: AsyncClient, marts: None, name: str) -> None:
    profile = {"jurisdiction": "GB", "registered": True, "role": "self_employed"}
    assert (await owner.put("/api/ai/tax/profile", json=profile)).status_code == 200
    spent = {
        "date": "2026-03-01",
        "amount": "-12.50",
        "currency": "GBP",
        "description": "Pens",
        "category": "Office supplies",
    }
    assert (await owner.post("/api/core/transactions", json=spent)).status_code == 201
    category = (await owner.post("/api/core/categories", json={"name": "Snacks", "kind": "expense"})).json()
    planned = {"category_id": category["category_id"], "currency": "GBP", "amount": 50, "first_month": "2026-01"}
    assert (await owner.post("/api/core/budgets", json=planned)).status_code == 201
    made = (await owner.post(MAKE, json={**YEAR, "report": name, "end_date": "2026-03-31"})).json()
    seen = 0
    for line in made["tables"][0]["lines"]:
        for cell in line["cells"]:
            told = await owner.get(f"/api/analytics/reports/{made['report_id']}/cells/{cell['key']}/explain")
            assert told.status_code == 200
            seen += len(told.json()["items"])
    assert seen > 0
