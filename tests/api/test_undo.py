"""Undo over HTTP: once, reported, by those who may, of what is theirs."""

from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.ids import new_id
from tests.api.asking import ClientOf
from tests.api.test_imports import send

TRANSACTIONS = "/api/core/transactions"


async def test_a_batch_is_taken_back_and_says_so(owner: AsyncClient) -> None:
    batch_id = (await send(owner)).json()["batch_id"]
    rows = (await owner.get(f"{TRANSACTIONS}?batch_id={batch_id}")).json()["items"]
    edited = next(row for row in rows if row["description"] == "Rent")
    await owner.patch(f"{TRANSACTIONS}/{edited['transaction_id']}", json={"notes": "ask Ana"})
    undone = await owner.post(f"/api/core/imports/{batch_id}/undo")
    assert (undone.status_code, undone.json()["status"]) == (200, "undone"), undone.text
    report = undone.json()["undo_report"]
    assert (report["closed"], report["left_alone"], report["left"][0]["fields"]) == (3, 1, ["notes"])
    assert undone.json()["rows"] == {"in": 4, "loaded": 4, "duplicate": 0, "quarantined": 0}
    assert [row["notes"] for row in (await owner.get(TRANSACTIONS)).json()["items"]] == ["ask Ana"]
    assert (await owner.get(f"/api/core/imports/{batch_id}")).json() == undone.json()
    assert (await owner.post(f"/api/core/imports/{batch_id}/undo")).json() == undone.json()


async def test_the_same_request_again_gets_the_first_answer(owner: AsyncClient) -> None:
    batch_id = (await send(owner)).json()["batch_id"]
    key = {"Idempotency-Key": "take it back"}
    first = await owner.post(f"/api/core/imports/{batch_id}/undo", headers=key)
    await send(owner)
    second = await owner.post(f"/api/core/imports/{batch_id}/undo", headers=key)
    assert (second.content, second.headers["Idempotency-Replayed"]) == (first.content, "true")


async def test_what_loaded_nothing_is_refused_with_the_reason(owner: AsyncClient) -> None:
    held = await send(owner, "Date,Description,Amount\n2064-03-01,Far,-1.00\n")
    assert held.json()["status"] == "held"
    refused = await owner.post(f"/api/core/imports/{held.json()['batch_id']}/undo")
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_undo")
    assert "held" in refused.json()["detail"]


async def test_viewers_may_not_and_strangers_see_nothing(
    owner: AsyncClient, their_owner: AsyncClient, client_of: ClientOf, organization: Organization
) -> None:
    batch_id = (await send(owner)).json()["batch_id"]
    viewer = await client_of(organization, Role.VIEWER)
    assert (await viewer.post(f"/api/core/imports/{batch_id}/undo")).status_code == 403
    assert (await their_owner.post(f"/api/core/imports/{batch_id}/undo")).status_code == 404
    assert (await owner.post(f"/api/core/imports/{new_id()}/undo")).status_code == 404
    assert (await owner.get(f"/api/core/imports/{batch_id}")).json()["status"] == "loaded"
