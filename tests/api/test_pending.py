"""Pending rows over HTTP: listed with their state, found by it, and counted nowhere."""

import pytest
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.kit.database import Database

ADDRESS = "/api/core/transactions"


@pytest.fixture
async def three(owner: AsyncClient, database: Database, organization: Organization) -> dict[str, str]:
    """A transaction of each state, by state."""
    made = {}
    for status, amount in (("posted", "-1.00"), ("pending", "-20.00"), ("closed", "-300.00")):
        body = {"date": "2026-11-02", "amount": amount, "currency": "GBP", "description": status}
        made[status] = (await owner.post(ADDRESS, json=body)).json()["transaction_id"]
        async with database.transaction(organization.organization_id) as db:
            query = """
                update books.transactions set status = %s, value_on = '2026-11-04', counterparty = %s
                where transaction_id = %s
            """
            await db.execute(query, [status, "GB33BUKB20201555555555", made[status]])
    return made


@pytest.mark.parametrize(
    ("query", "states"),
    [
        ("", {"posted", "pending"}),
        ("?status=posted", {"posted"}),
        ("?status=pending", {"pending"}),
        ("?status=closed", {"closed"}),
    ],
)
async def test_the_list_shows_the_states_asked_for(
    owner: AsyncClient, three: dict[str, str], query: str, states: set[str]
) -> None:
    page = (await owner.get(f"{ADDRESS}{query}{'&' if query else '?'}include=total")).json()
    assert {item["status"] for item in page["items"]} == states
    assert page["total"] == len(states)


async def test_a_state_that_there_is_not_is_refused(owner: AsyncClient) -> None:
    assert (await owner.get(f"{ADDRESS}?status=lost")).status_code == 422


async def test_a_transaction_says_its_state_value_date_and_other_side(
    owner: AsyncClient, three: dict[str, str]
) -> None:
    for status, transaction_id in three.items():
        found = (await owner.get(f"{ADDRESS}/{transaction_id}")).json()
        assert (found["status"], found["value_date"]) == (status, "2026-11-04")
        assert found["counterparty"] == "GB33BUKB20201555555555"


async def test_only_what_is_posted_counts(owner: AsyncClient, three: dict[str, str]) -> None:
    seen = (await owner.get("/api/core/dashboard?period=2026-11")).json()
    assert [flow["expense"] for flow in seen["totals"]] == ["1.00"]
    assert [account["balance"] for account in seen["balances"]] == ["-1.00"]
    assert {item["status"] for item in seen["recent"]} == {"posted", "pending"}
