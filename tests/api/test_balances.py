"""Balances over HTTP: day by day, page by page, with the proof and who is suspected."""

from unittest.mock import ANY

import pytest
from httpx import AsyncClient

MARCH = """Date,Description,Amount,Balance
2026-03-02,RENT MARCH,-850.00,1150.00
2026-03-03,SALARY ACME LTD,2000.00,3150.00
2026-03-05,TESCO STORES 3297,-45.27,3104.73
2026-03-09,ELECTRIC COMPANY,-61.00,3043.73
"""


@pytest.fixture
async def account(owner: AsyncClient) -> str:
    made = await owner.post("/api/core/accounts", json={"name": "Current", "currency": "GBP"})
    account_id = str(made.json()["account_id"])
    sent = {"file": ("march.csv", MARCH.encode(), "text/csv")}
    answer = await owner.post("/api/core/csv-import", files=sent, data={"account_id": account_id})
    assert answer.status_code == 201, answer.text
    return account_id


async def test_every_day_is_held_against_what_the_bank_states(owner: AsyncClient, account: str) -> None:
    found = (await owner.get(f"/api/core/accounts/{account}/balances?start_date=2026-03-03&end_date=2026-03-03")).json()
    assert found["items"] == [
        {
            "currency": "GBP",
            "date": "2026-03-03",
            "opening": "1150.00",
            "money_in": "2000.00",
            "money_out": "0.00",
            "closing": "3150.00",
            "stated": "3150.00",
            "difference": "0.00",
            "is_proven": True,
            "contradicted_by": [],
        }
    ]
    assert found["proof"] == {
        "state": "holds",
        "proven_until": "2026-03-09",
        "opening_is": "stated",
        "anchored_on": "2026-03-01",
        "first_break": None,
        "suspects": [],
        "as_of": ANY,
        "computed_by": "ingest.balances",
    }


async def test_pages_show_every_day_once(owner: AsyncClient, account: str) -> None:
    seen, cursor = [], ""
    while cursor is not None:
        page = (
            await owner.get(f"/api/core/accounts/{account}/balances?limit=3{cursor and '&cursor=' + cursor}")
        ).json()
        seen += [day["date"] for day in page["items"]]
        cursor = page["next_cursor"]
    assert seen == ["2026-03-02", "2026-03-03", "2026-03-05", "2026-03-09"]
    refused = await owner.get(f"/api/core/accounts/{account}/balances?cursor=not-a-day")
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_cursor")


async def test_what_a_deleted_row_breaks_is_explained(owner: AsyncClient, account: str) -> None:
    listed = (await owner.get(f"/api/core/transactions?account_id={account}&search=tesco")).json()
    [tesco] = [row["transaction_id"] for row in listed["items"]]
    await owner.delete(f"/api/core/transactions/{tesco}")
    proof = (await owner.get(f"/api/core/accounts/{account}/balances")).json()["proof"]
    assert (proof["state"], proof["proven_until"]) == ("breaks", "2026-03-03")
    assert proof["first_break"] == {
        "currency": "GBP",
        "date": "2026-03-05",
        "difference": "-45.27",
        "previous_proven_date": "2026-03-03",
    }
    [first, *_] = proof["suspects"]
    assert (first["kind"], first["transaction_ids"], first["lines"][0]["line_number"]) == ("missing", [tesco], 4)
    assert first["reason"].endswith(".")
    assert first["what_to_do"].endswith(".")


async def test_without_statements_the_books_say_that_nothing_is_proven(owner: AsyncClient) -> None:
    made = (await owner.post("/api/core/accounts", json={"name": "Cash", "currency": "GBP", "kind": "cash"})).json()
    assert made["opening_is"] == "unknown"
    found = (await owner.get(f"/api/core/accounts/{made['account_id']}/balances")).json()
    assert (found["items"], found["proof"]["state"], found["proof"]["opening_is"]) == ([], "unproven", "unknown")


async def test_the_dashboard_begins_where_the_bank_does(owner: AsyncClient, account: str) -> None:
    [shown] = (await owner.get("/api/core/dashboard")).json()["balances"]
    assert (shown["account_id"], shown["balance"], shown["opening_is"]) == (account, "3043.73", "stated")
    assert (await owner.get(f"/api/core/accounts/{account}")).json()["opening_is"] == "stated"


async def test_a_stranger_finds_no_balances(their_owner: AsyncClient, account: str) -> None:
    assert (await their_owner.get(f"/api/core/accounts/{account}/balances")).status_code == 404
