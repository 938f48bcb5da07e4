"""Rates over HTTP, and amounts in another currency: only when asked, and never without saying by which rate."""

import io
from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient

from ai2.books.rates import ecb as exchange_rates
from ai2.kit.database import Database

RATES = "/api/core/rates"
FRIDAY = {"base": "USD", "quote": "GBP", "date": "2003-03-07"}


@pytest.fixture(autouse=True)
async def published(pipeline: Database) -> AsyncIterator[None]:
    """A year that no other test has."""
    async with pipeline.transaction() as db:
        await exchange_rates.put(db, exchange_rates.read(io.StringIO("Date,USD,GBP\n2003-03-07,1.1,0.66\n")))
    yield
    async with pipeline.transaction() as db:
        await db.execute("delete from books.exchange_rates where quoted_on between '2003-01-01' and '2003-12-31'")


async def test_tells_the_rate_its_day_and_its_source(owner: AsyncClient) -> None:
    assert (await owner.get(RATES, params={**FRIDAY, "date": "2003-03-09"})).json() == {
        "base": "USD", "quote": "GBP", "date": "2003-03-09", "rate": "0.6", "rate_date": "2003-03-07",
        "source": "ecb", "max_age_days": 7, "frozen_at": None, "reason": None,
    }  # fmt: skip
    missing = (await owner.get(RATES, params={**FRIDAY, "date": "2003-03-15"})).json()
    assert (missing["rate"], missing["rate_date"]) == (None, None)
    assert missing["reason"]


@pytest.mark.parametrize("change", [{"base": "XAU"}, {"quote": "abc"}, {"date": "today"}, {"date": None}])
async def test_refuses_what_is_no_currency_or_day(owner: AsyncClient, change: dict[str, str | None]) -> None:
    wanted = {name: value for name, value in {**FRIDAY, **change}.items() if value}
    assert (await owner.get(RATES, params=wanted)).status_code == 422


@pytest.mark.parametrize("address", ["transactions", "dashboard"])
async def test_nothing_is_converted_into_gold(owner: AsyncClient, address: str) -> None:
    assert (await owner.get(f"/api/core/{address}", params={"convert_to": "XAU"})).status_code == 422


async def test_ones_own_rate_is_set_listed_and_taken_away(owner: AsyncClient, their_owner: AsyncClient) -> None:
    put = await owner.put(RATES, json={**FRIDAY, "rate": "0.61"})
    assert (put.json()["rate"], put.json()["source"]) == ("0.61", "own")
    assert (await their_owner.get(RATES, params=FRIDAY)).json()["rate"] == "0.6"
    [own] = (await owner.get(f"{RATES}/own")).json()["items"]
    assert (own["date"], own["rate"]) == ("2003-03-07", "0.61")
    assert (await their_owner.get(f"{RATES}/own")).json()["items"] == []
    assert (await their_owner.delete(RATES, params=FRIDAY)).status_code == 404
    assert (await owner.delete(RATES, params=FRIDAY)).status_code == 204
    assert (await owner.get(RATES, params=FRIDAY)).json()["source"] == "ecb"


@pytest.mark.parametrize("change", [{"rate": "0"}, {"rate": "-1"}, {"quote": "USD"}, {"rate": "1e400"}])
async def test_refuses_a_rate_that_is_none(owner: AsyncClient, change: dict[str, str]) -> None:
    assert (await owner.put(RATES, json={**FRIDAY, "rate": "1", **change})).status_code == 422


async def test_a_list_is_converted_when_asked(owner: AsyncClient) -> None:
    for day, amount in (("2003-03-08", "-10.01"), ("2003-06-01", "-5.00")):
        new = {"date": day, "amount": amount, "currency": "USD", "description": "Diner"}
        await owner.post("/api/core/transactions", json=new)
    assert "converted" not in (await owner.get("/api/core/transactions")).json()["items"][0]
    late, early = (await owner.get("/api/core/transactions", params={"convert_to": "GBP"})).json()["items"]
    assert (early["amount"], early["currency"]) == ("-10.01", "USD")
    found = early["converted"]
    assert (found["amount"], found["quote"], found["rate"], found["rate_date"]) == ("-6.01", "GBP", "0.6", "2003-03-07")
    assert late["converted"]["amount"] is None
    assert late["converted"]["reason"]


async def test_the_dashboard_is_converted_by_each_days_rate_when_asked(owner: AsyncClient) -> None:
    await owner.put(RATES, json={**FRIDAY, "date": "2003-03-10", "rate": "0.5"})
    for day, amount, currency in (
        ("2003-03-07", "-10.00", "USD"), ("2003-03-10", "-10.00", "USD"), ("2003-03-11", "100.00", "GBP"),
    ):  # fmt: skip
        new = {"date": day, "amount": amount, "currency": currency, "description": "x"}
        await owner.post("/api/core/transactions", json=new)
    asked = {"period": "2003", "convert_to": "GBP"}
    assert "converted" not in (await owner.get("/api/core/dashboard", params={"period": "2003"})).json()
    found = (await owner.get("/api/core/dashboard", params=asked)).json()["converted"]
    assert found["totals"] == {"currency": "GBP", "income": "100.00", "expense": "11.00", "net": "89.00"}
    [used] = found["rates"]
    assert used == {
        "base": "USD", "days": 2, "first_rate_date": "2003-03-07", "last_rate_date": "2003-03-10", "lowest": "0.5",
        "highest": "0.6", "sources": ["ecb", "own"],
    }  # fmt: skip
    # today has no rate of this test's, so that there is no balance in pounds
    assert found["balance"] is None
    assert found["balance_rates"][0]["reason"]

    new = {"date": "2003-08-01", "amount": "-7.00", "currency": "USD", "description": "x"}
    await owner.post("/api/core/transactions", json=new)
    found = (await owner.get("/api/core/dashboard", params=asked)).json()["converted"]
    assert found["totals"]["expense"] is None
    assert [(each["month"], each["expense"]) for each in found["by_month"]] == [
        ("2003-03-01", "11.00"), ("2003-08-01", None),
    ]  # fmt: skip
    [gone] = found["unconverted"]
    assert (gone["currency"], gone["expense"], gone["first_date"]) == ("USD", "7.00", "2003-08-01")


async def test_an_empty_account_needs_no_rate(owner: AsyncClient) -> None:
    await owner.post("/api/core/accounts", json={"name": "Dollars", "currency": "USD"})
    new = {"date": "2003-03-07", "amount": "100.00", "currency": "GBP", "description": "x"}
    await owner.post("/api/core/transactions", json=new)
    asked = {"period": "2003", "convert_to": "GBP"}
    found = (await owner.get("/api/core/dashboard", params=asked)).json()
    assert {each["currency"] for each in found["balances"]} == {"GBP", "USD"}
    assert (found["converted"]["balance"], found["converted"]["balance_rates"]) == ("100.00", [])
