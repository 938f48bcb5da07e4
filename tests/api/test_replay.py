"""Replay over HTTP: shown first, applied on request, of what is one's own."""

from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from tests.api.asking import ClientOf
from tests.api.test_imports import send

CARD = "Date,Merchant,Amount\n2024-03-01,Ryman,66.15\n2024-03-02,Refund,-9.25\n2024-03-03,Tesco,5\n"


async def turn(owner: AsyncClient, account_id: str) -> None:
    """Say that this account's files were read with the wrong sign."""
    address = f"/api/core/accounts/{account_id}/layout"
    (kept,) = (await owner.get(address)).json()["items"]
    assert (await owner.put(address, json={**kept["layout"], "positive_is": "in"})).status_code == 200


async def test_a_wrong_sign_is_shown_and_put_right(owner: AsyncClient) -> None:
    made = (await send(owner, CARD, positive_is="out")).json()
    address = f"/api/core/imports/{made['batch_id']}/replay"
    same = (await owner.post(address, json={})).json()
    assert (same["counts"]["unchanged"], same["lines"], same["is_applied"]) == (3, [], False)
    await turn(owner, made["account_id"])
    shown = await owner.post(address, json={"limit": 2})
    assert shown.status_code == 200, shown.text
    assert (shown.json()["counts"]["changed"], len(shown.json()["lines"])) == (3, 2)
    assert shown.json()["lines"][0]["fields"] == [{"field": "amount", "from": "-66.15", "to": "66.15", "stays": False}]
    rest = (await owner.post(address, json={"limit": 2, "cursor": shown.json()["next_cursor"]})).json()
    assert ([line["line_number"] for line in rest["lines"]], rest["next_cursor"]) == ([4], None)
    applied = (await owner.post(address, json={"apply": True})).json()
    assert applied["is_applied"] is True
    listed = (await owner.get("/api/core/transactions?sort=amount")).json()["items"]
    assert [row["amount"] for row in listed] == ["-9.25", "5.00", "66.15"]
    kept = (await owner.get(f"/api/core/imports/{made['batch_id']}")).json()
    assert kept["replays"][0]["counts"]["changed"] == 3
    assert kept["rows"] == {"in": 3, "loaded": 3, "duplicate": 0, "quarantined": 0}


async def test_an_account_is_replayed_as_one(owner: AsyncClient) -> None:
    made = (await send(owner, CARD, positive_is="out")).json()
    await send(owner, CARD + "2024-03-04,Ryman,1\n")
    await turn(owner, made["account_id"])
    address = f"/api/core/accounts/{made['account_id']}/replay"
    for apply in (False, True):
        found = await owner.post(address, json={"apply": apply})
        assert found.status_code == 200, found.text
        assert [each["counts"]["changed"] for each in found.json()["items"]] == [3, 1]
    assert [each["counts"]["changed"] for each in (await owner.post(address, json={})).json()["items"]] == [0, 0]


async def test_with_options_said_and_a_key(owner: AsyncClient) -> None:
    made = (await send(owner, CARD, positive_is="out")).json()
    address, key = f"/api/core/imports/{made['batch_id']}/replay", {"Idempotency-Key": "turn"}
    body = {"apply": True, "positive_is": "in"}
    first = await owner.post(address, json=body, headers=key)
    assert first.json()["counts"]["changed"] == 3
    again = await owner.post(address, json=body, headers=key)
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")


async def test_viewers_may_not_and_strangers_see_nothing(
    owner: AsyncClient, their_owner: AsyncClient, client_of: ClientOf, organization: Organization
) -> None:
    made = (await send(owner, CARD, positive_is="out")).json()
    viewer = await client_of(organization, Role.VIEWER)
    batch, account = f"/api/core/imports/{made['batch_id']}", f"/api/core/accounts/{made['account_id']}"
    for address in (f"{batch}/replay", f"{account}/replay", f"{batch}/resubmit"):
        body = {"csv_data": "line,a\n1,b\n"} if address.endswith("resubmit") else {}
        assert (await viewer.post(address, json=body)).status_code == 403
        assert (await their_owner.post(address, json=body)).status_code == 404


async def test_an_undone_import_is_not_replayed(owner: AsyncClient) -> None:
    made = (await send(owner, CARD, positive_is="out")).json()
    await owner.post(f"/api/core/imports/{made['batch_id']}/undo")
    refused = await owner.post(f"/api/core/imports/{made['batch_id']}/replay", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_loaded")
