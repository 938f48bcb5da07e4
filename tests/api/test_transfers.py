"""Transfers over HTTP: what is paired, what waits for a person, and what a person says."""

from typing import Any

import pytest
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.ids import new_id
from tests.api.asking import ClientOf

ADDRESS = "/api/core/transactions"
QUEUE = "/api/core/transfers"


async def book(client: AsyncClient, account_id: str, amount: str, description: str, **more: Any) -> dict[str, Any]:
    body = {"date": "2026-11-02", "amount": amount, "currency": "GBP", "description": description}
    answer = await client.post(ADDRESS, json={**body, "account_id": account_id, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
async def own(owner: AsyncClient) -> dict[str, str]:
    """Two accounts, by name."""
    made = {}
    for name, kind in (("Current", "bank"), ("Rainy day", "savings")):
        answer = await owner.post("/api/core/accounts", json={"name": name, "currency": "GBP", "kind": kind})
        made[name] = answer.json()["account_id"]
    return made


@pytest.fixture
async def paired(owner: AsyncClient, own: dict[str, str]) -> tuple[str, str]:
    """Two sides that the rules pair."""
    out = await book(owner, own["Current"], "-500.00", "TRANSFER TO RAINY DAY")
    into = await book(owner, own["Rainy day"], "500.00", "TRANSFER FROM CURRENT")
    return out["transaction_id"], into["transaction_id"]


@pytest.fixture
async def suggested(owner: AsyncClient, own: dict[str, str]) -> dict[str, Any]:
    """A transfer that waits for a person."""
    await book(owner, own["Current"], "-70.00", "ONLINE PAYMENT", date="2026-10-01")
    await book(owner, own["Rainy day"], "70.00", "TRANSFER", date="2026-10-01")
    [found] = (await owner.get(f"{QUEUE}?state=suggested")).json()["items"]
    return found


async def test_both_sides_say_that_they_are_a_transfer(owner: AsyncClient, paired: tuple[str, str]) -> None:
    for transaction_id in paired:
        found = (await owner.get(f"{ADDRESS}/{transaction_id}")).json()
        assert (found["type"], found["decided_by"], found["decided_version"]) == ("transfer", "rule", "transfers-1")
    assert {item["transaction_id"] for item in (await owner.get(f"{ADDRESS}?type=transfer")).json()["items"]} == set(
        paired
    )
    for wrong in ("income", "expense"):
        assert (await owner.get(f"{ADDRESS}?type={wrong}")).json()["items"] == []
    seen = (await owner.get("/api/core/dashboard?period=2026-11")).json()
    assert all(flow["income"] == flow["expense"] == "0.00" for flow in seen["totals"])
    [item] = (await owner.get(QUEUE)).json()["items"]
    assert (item["state"], item["decided_by"]) == ("paired", "rule")
    assert (item["out_transaction"]["transaction_id"], item["in_transaction"]["transaction_id"]) == paired


async def test_taken_apart_it_stays_apart(owner: AsyncClient, paired: tuple[str, str]) -> None:
    out, into = paired
    assert (await owner.delete(f"{ADDRESS}/{into}/transfer")).status_code == 204
    assert (await owner.get(f"{ADDRESS}/{out}")).json()["type"] == "expense"
    assert (await owner.get(f"{ADDRESS}/{into}")).json()["type"] == "income"
    assert (await owner.delete(f"{ADDRESS}/{into}/transfer")).status_code == 404
    await owner.patch(f"{ADDRESS}/{into}", json={"date": "2026-11-03"})
    assert (await owner.get(f"{ADDRESS}/{out}")).json()["type"] == "expense"
    again = await owner.put(f"{ADDRESS}/{out}/transfer", json={"other_transaction_id": into})
    assert (again.status_code, again.json()["state"], again.json()["decided_by"]) == (200, "paired", "user")


async def test_pairing_twice_is_pairing_once(owner: AsyncClient, own: dict[str, str]) -> None:
    out = await book(owner, own["Current"], "-33.00", "A", date="2026-10-01")
    into = await book(owner, own["Rainy day"], "33.00", "B", date="2026-10-20")
    address, body = f"{ADDRESS}/{out['transaction_id']}/transfer", {"other_transaction_id": into["transaction_id"]}
    first, second = await owner.put(address, json=body), await owner.put(address, json=body)
    assert first.json() == second.json()
    assert first.json()["in_transaction"]["type"] == "transfer"


async def test_a_suggestion_is_accepted_once(owner: AsyncClient, suggested: dict[str, Any]) -> None:
    address = f"{QUEUE}/{suggested['transfer_id']}/accept"
    headers = {"Idempotency-Key": "one"}
    first = await owner.post(address, headers=headers)
    again = await owner.post(address, headers=headers)
    assert (first.status_code, first.json()["state"]) == (200, "paired")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (await owner.post(address)).json()["state"] == "paired"
    assert first.json()["out_transaction"]["type"] == "transfer"
    assert (await owner.get(f"{QUEUE}?state=suggested")).json()["items"] == []


async def test_a_rejected_suggestion_is_not_made_again(owner: AsyncClient, suggested: dict[str, Any]) -> None:
    address = f"{QUEUE}/{suggested['transfer_id']}"
    for _ in range(2):
        assert (await owner.post(f"{address}/reject")).json()["state"] == "rejected"
    assert (await owner.post(f"{address}/accept")).status_code == 409
    await owner.patch(f"{ADDRESS}/{suggested['in_transaction_id']}", json={"date": "2026-10-02"})
    assert (await owner.get(f"{QUEUE}?state=suggested")).json()["items"] == []


async def test_the_queue_comes_page_by_page(owner: AsyncClient, own: dict[str, str]) -> None:
    for month in range(1, 6):
        await book(owner, own["Current"], f"-{month}.00", "ONLINE PAYMENT", date=f"2026-0{month}-01")
        await book(owner, own["Rainy day"], f"{month}.00", "TRANSFER", date=f"2026-0{month}-01")
    seen, cursor = [], ""
    while cursor is not None:
        page = (await owner.get(f"{QUEUE}?state=suggested&limit=2{cursor and f'&cursor={cursor}'}")).json()
        seen += [item["out_transaction"]["amount"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [f"-{month}.00" for month in (5, 4, 3, 2, 1)]
    assert (await owner.get(f"{QUEUE}?cursor=x")).status_code == 422


@pytest.mark.parametrize("said", ["income", None])
async def test_income_that_is_said_to_be_income_is_left_alone(
    owner: AsyncClient, own: dict[str, str], said: str | None
) -> None:
    await book(owner, own["Current"], "-500.00", "TRANSFER TO RAINY DAY")
    made = await book(owner, own["Rainy day"], "500.00", "TRANSFER FROM CURRENT", **({"type": said} if said else {}))
    assert made["type"] == (said or "transfer")


async def test_what_cannot_be_a_transfer_is_refused(owner: AsyncClient, own: dict[str, str]) -> None:
    out = await book(owner, own["Current"], "-500.00", "A")
    other = await book(owner, own["Rainy day"], "-500.00", "B")
    answer = await owner.put(
        f"{ADDRESS}/{out['transaction_id']}/transfer", json={"other_transaction_id": other["transaction_id"]}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "no_transfer")


async def test_to_a_stranger_nothing_is_there(
    owner: AsyncClient, their_owner: AsyncClient, paired: tuple[str, str], suggested: dict[str, Any]
) -> None:
    out, into = paired
    theirs = (
        await their_owner.post(
            ADDRESS, json={"date": "2026-11-02", "amount": "500.00", "currency": "GBP", "description": "X"}
        )
    ).json()["transaction_id"]
    for method, address, body in (
        ("PUT", f"{ADDRESS}/{out}/transfer", {"other_transaction_id": into}),
        ("PUT", f"{ADDRESS}/{theirs}/transfer", {"other_transaction_id": out}),
        ("DELETE", f"{ADDRESS}/{out}/transfer", None),
        ("POST", f"{QUEUE}/{suggested['transfer_id']}/accept", None),
        ("POST", f"{QUEUE}/{suggested['transfer_id']}/reject", None),
        ("GET", f"{QUEUE}?transaction_id={out}", None),
    ):
        answer = await their_owner.request(method, address, json=body)
        assert answer.status_code == 404, (method, address, answer.text)
    assert (await their_owner.get(QUEUE)).json()["items"] == []
    assert len((await owner.get(f"{QUEUE}?transaction_id={out}")).json()["items"]) == 1
    assert (await owner.put(f"{ADDRESS}/{out}/transfer", json={"other_transaction_id": str(new_id())})).is_error


async def test_a_viewer_looks_and_says_nothing(
    owner: AsyncClient, client_of: ClientOf, organization: Organization, suggested: dict[str, Any]
) -> None:
    viewer = await client_of(organization, Role.VIEWER)
    assert len((await viewer.get(QUEUE)).json()["items"]) == 1
    assert (await viewer.post(f"{QUEUE}/{suggested['transfer_id']}/accept")).status_code == 403
