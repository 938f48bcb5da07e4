"""Charts, key figures and trends over HTTP: of the caller's own books, in agreement with reports and the forecast."""

from datetime import UTC, datetime
from typing import Any

from httpx import AsyncClient

from tests.api.test_insights import month, write

CHARTS, INSIGHTS, TRENDS = "/api/analytics/charts", "/api/analytics/insights", "/api/analytics/trends"
NAMES = ("income_expenses", "spending", "balances", "cash_flow", "budget", "forecast", "trend")
TODAY = datetime.now(UTC).date()


async def thirty_months(client: AsyncClient) -> str:
    """Wages, rent, and a heating bill that is high each January; gives the account."""
    made = {"name": "Main", "currency": "GBP", "opening_balance": "1000", "opening_on": month(31).isoformat()}
    account = str((await client.post("/api/core/accounts", json=made)).json()["account_id"])
    for name, kind in (("Heating", "expense"), ("Lodging", "expense"), ("Pay", "income")):
        await client.post("/api/core/categories", json={"name": name, "kind": kind})
    rows: list[dict[str, Any]] = []
    for back in range(30, 0, -1):
        cold = 300 if month(back).month == 1 else 0
        of = {"account_id": account}
        rows += [
            {**of, "date": month(back, 1), "amount": "2000.00", "description": "Employer", "category": "Pay"},
            {**of, "date": month(back, 6), "amount": f"-{900 + back % 4}.00", "category": "Lodging"},
            {**of, "date": month(back, 9), "amount": f"-{60 + back % 3 + cold}.00", "category": "Heating"},
        ]
    await write(client, [*rows, {"account_id": account, "date": TODAY, "amount": "-3.00", "category": "Lodging"}])
    return account


async def test_trends_are_those_of_the_report_and_of_the_forecast(owner: AsyncClient, their_owner: AsyncClient) -> None:
    account = await thirty_months(owner)
    found = (await owner.get(TRENDS)).json()
    by_of = {each["of"]: each for each in found["series"]}
    assert list(by_of) == ["income", "expense", "net"]
    asked = {"report": "trend", "start_date": month(30).replace(day=1), "end_date": TODAY, "group_by": "month"}
    answer = await owner.post("/api/analytics/generate-report", json={k: str(v) for k, v in asked.items()})
    [table] = answer.json()["tables"]
    for line in table["lines"]:
        cells = [cell["amount"] for cell in line["cells"] if cell["column"] != "total"]
        assert [point["amount"] for point in by_of[line["key"]]["points"]] == cells
    forecast = (await owner.get("/api/ai/forecast")).json()["currencies"][0]
    for of, each in by_of.items():
        ahead = [{name: m[name] for name in ("amount", "low_80", "high_95")} for m in each["forecast"]["months"]]
        assert ahead == [{name: m[of][name] for name in ("amount", "low_80", "high_95")} for m in forecast["months"]]
        assert each["forecast"]["backtest"]["flow"] == of
    expense = by_of["expense"]
    assert not by_of["income"]["direction"]["is_significant"], "it never changes"
    january = next(each for each in expense["months_of_year"]["seasons"] if each["season"] == 1)
    assert float(january["effect"]) > 200
    assert expense["months_of_year"]["strength"] > 0.8
    balance = (await owner.get(TRENDS, params={"account_id": account})).json()["series"]
    held = (await owner.get("/api/core/dashboard")).json()["balances"]
    assert balance[0]["points"][-1]["amount"] == next(e["balance"] for e in held if e["account_id"] == account)
    assert (await their_owner.get(TRENDS)).json()["series"] == []


def figures(answer: dict[str, Any], currency: str = "GBP") -> dict[str, dict[str, Any]]:
    [found] = [each for each in answer["currencies"] if each["currency"] == currency]
    return {each["name"]: each for each in found["figures"]}


async def test_key_figures_are_cells_of_the_report_and_the_runway_is_that_of_the_insights(
    owner: AsyncClient, their_owner: AsyncClient
) -> None:
    await thirty_months(owner)
    answer = (await owner.get(INSIGHTS)).json()
    found = figures(answer)
    made = (await owner.post("/api/analytics/generate-report", json=answer["report"])).json()
    cells = {cell["key"]: cell["amount"] for line in made["tables"][0]["lines"] for cell in line["cells"]}
    for name in ("income", "expenses", "net_profit"):
        [key] = found[name]["source"]["cells"]
        assert found[name]["value"] == cells[key]
        explained = await owner.get(f"/api/analytics/reports/{made['report_id']}/cells/{key}/explain")
        assert explained.json()["amount"] == found[name]["value"]
    this_month = {"start_date": f"{month(11, 1)}", "end_date": f"{TODAY}"}
    [runway] = (await owner.get("/api/ai/insights")).json()["runway"]
    now = figures((await owner.get(INSIGHTS, params=this_month)).json())
    assert (now["monthly_burn"]["value"], now["runway"]["value"]) == (runway["monthly_burn"], None)
    assert now["runway"]["reason"] == runway["reason"]
    assert now["cash"]["value"] == runway["balance"]
    assert (await their_owner.get(INSIGHTS)).json()["currencies"] == []


async def test_each_chart_is_drawn_in_each_format_of_the_callers_own_books(
    owner: AsyncClient, their_owner: AsyncClient
) -> None:
    await thirty_months(owner)
    name = "<script>alert(1)</script>"
    made = (await owner.post("/api/core/categories", json={"name": name, "kind": "expense"})).json()["category_id"]
    await write(owner, [{"date": month(1), "amount": "-7.50", "category_id": made}])
    limit = {"category_id": made, "currency": "GBP", "amount": "5", "first_month": f"{month(1):%Y-%m}"}
    assert (await owner.post("/api/core/budgets", json=limit)).is_success
    for each in NAMES:
        answer = await owner.get(f"{CHARTS}/{each}")
        [chart] = answer.json()["charts"]
        assert chart["summary"], each
        assert chart["spec"]["description"] == chart["summary"]
        assert chart["table"]["rows"], each
        theirs = (await their_owner.get(f"{CHARTS}/{each}")).json()["charts"]
        assert theirs == [], each
        svg = await owner.get(f"{CHARTS}/{each}", params={"format": "svg"})
        assert svg.headers["content-type"] == "image/svg+xml"
        assert "sandbox" in svg.headers["content-security-policy"]
        assert "<script" not in svg.text
        assert "GBP" in svg.text
    png = await owner.get(f"{CHARTS}/spending", params={"format": "png"})
    assert png.content.startswith(b"\x89PNG")
    nothing = await their_owner.get(f"{CHARTS}/spending", params={"format": "svg"})
    assert "Nothing to show" in nothing.text
    page = await owner.get(f"{CHARTS}/spending", params={"format": "html"})
    assert name not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


async def test_what_is_asked_wrongly_is_refused(owner: AsyncClient) -> None:
    for path in (INSIGHTS, TRENDS, f"{CHARTS}/spending"):
        for query in (
            {"start_date": "2026-01-01"}, {"start_date": "2026-02-01", "end_date": "2026-01-01"},
            {"start_date": "0001-01-01", "end_date": "9999-12-31"}, {"currency": "XAU"},
        ):  # fmt: skip
            answer = await owner.get(path, params=query)
            assert answer.status_code == 422, (path, query, answer.text)
    both = {"merchant": "x", "account_id": "01a2233c-c561-7374-aea7-ed4c9ad7a885"}
    assert (await owner.get(TRENDS, params=both)).json()["errors"][0]["field"] == "merchant"
