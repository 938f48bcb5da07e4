"""The forecast over HTTP: what it says of whom, and what it refuses."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient

from ml.cashflow.span import after

THIS = datetime.now(UTC).date().replace(day=1)
FORECAST = "/api/ai/forecast"


def month(number: int) -> date:
    return after(THIS, number)


async def lives(client: AsyncClient, pay: str, rent: str) -> dict[str, Any]:
    """Two years of pay on the 1st and rent on the 2nd, in an account that held 500.00 before."""
    opened = {"name": "Main", "currency": "GBP", "opening_balance": "500.00"}
    account: dict[str, Any] = (await client.post("/api/core/accounts", json=opened)).json()
    items = [
        {
            "date": month(-back).replace(day=day).isoformat(), "amount": amount, "currency": "GBP",
            "description": text, "account_id": account["account_id"],
        }
        for back in range(1, 25)
        for day, amount, text in ((1, pay, "Pay"), (2, rent, "Rent"))
    ]  # fmt: skip
    written = await client.post("/api/core/transactions/bulk", json={"items": items})
    assert written.is_success, written.text
    return account


async def test_two_organizations_are_told_of_their_own_months(owner: AsyncClient, their_owner: AsyncClient) -> None:
    await lives(owner, "2000.00", "-800.00")
    await lives(their_owner, "3000.00", "-1500.00")
    ours, theirs = [(await client.get(FORECAST)).json() for client in (owner, their_owner)]
    for told, pay, rent, held in ((ours, 2000, 800, 29300), (theirs, 3000, 1500, 36500)):
        assert (told["history_months"], told["reason"], told["computed_by"]) == (24, None, "cashflow-1")
        [pounds] = told["currencies"]
        assert len(pounds["months"]) == 3
        assert Decimal(pounds["balance"]) == held
        last = pounds["months"][-1]
        assert abs(Decimal(last["income"]["amount"]) - pay) <= 1
        assert abs(Decimal(last["expense"]["amount"]) - rent) <= 1
        assert abs(Decimal(last["balance"]["amount"]) - held - 3 * (pay - rent)) <= 6
        assert last["net"]["low_95"] is not None
        assert [each["flow"] for each in pounds["backtest"]] == ["income", "expense", "net"]
        assert pounds["backtest"][0]["origins"] > 0
        assert [each["name"] for each in pounds["accounts"]] == ["Main"]


async def test_one_account_a_year_ahead(owner: AsyncClient) -> None:
    account = await lives(owner, "2000.00", "-800.00")
    told = (await owner.get(FORECAST, params={"months": 12, "account_id": account["account_id"]})).json()
    [pounds] = told["currencies"]
    assert [each["month"] for each in pounds["months"]] == [month(number).isoformat() for number in range(12)]
    assert pounds["categories"] == []


async def test_without_history_there_is_a_reason_and_no_figure(owner: AsyncClient) -> None:
    told = (await owner.get(FORECAST)).json()
    assert told["currencies"] == []
    assert "3 whole months" in told["reason"]


@pytest.mark.parametrize(
    "query",
    [{"months": 0}, {"months": 13}, {"months": "x"}, {"currency": "pounds"}, {"account_id": "x"}, {"horizon": 3}],
)
async def test_what_it_does_not_understand_is_refused(owner: AsyncClient, query: dict[str, Any]) -> None:
    answer = await owner.get(FORECAST, params=query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_one_account_is_not_converted(owner: AsyncClient) -> None:
    account = await lives(owner, "2000.00", "-800.00")
    query = {"account_id": account["account_id"], "convert_to": "USD"}
    refused = await owner.get(FORECAST, params=query)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "convert_to"
    assert (await owner.get(FORECAST, params={"convert_to": "XAU"})).status_code == 422
