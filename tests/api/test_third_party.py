"""Third parties over the API: a mapping is tried, connected, and its credentials go nowhere else."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Database
from ai2.kit.settings import settings
from tests.api.asking import ClientOf
from tests.connections.fakes.rest import Payments

C = "/api/connectors/third-party"


@pytest.fixture
def payments(monkeypatch: pytest.MonkeyPatch) -> Iterator[Payments]:
    monkeypatch.setattr(settings(), "connect_private", True)
    with Payments() as made:
        made.add("p1", "2026-03-01", 120_000, "Takings")
        made.add("p2", "2026-03-02", -420, "Fee")
        made.add("p3", "2026-03-03", -999, "Refused", status="failed")
        yield made


def wanted(payments: Payments, **more: Any) -> dict[str, Any]:
    return {"settings": payments.mapping(incremental={}), "credentials": {"token": payments.token}, **more}


async def test_a_preview_shows_the_first_rows_and_what_is_made_of_them(owner: AsyncClient, payments: Payments) -> None:
    payments.add("p4", "2026-03-03", -100, "Odd", created="soon")
    payments.answer = lambda _: (200, {}, {"data": payments.entries, "paging": {"has_more": True, "next": "x"}})
    answer = await owner.post(f"{C}/preview", json=wanted(payments))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["first_page_rows"], found["has_more"]) == (4, True)
    assert [row["line"] and (row["line"]["date"], row["line"]["amount"]) for row in found["rows"]] == [
        ("2026-03-01", "1200.00"), ("2026-03-02", "-4.20"), None, (None, "-1.00"),
    ]  # fmt: skip
    assert found["rows"][0]["original"] == payments.entries[0]
    assert (await owner.get("/api/connectors/connections")).json()["items"] == []


async def test_a_third_party_is_connected_and_its_credentials_are_never_told(
    owner: AsyncClient, payments: Payments
) -> None:
    payments.token = "canary-81"
    answer = await owner.post(C, json=wanted(payments, name="Till"))
    assert answer.status_code == 201, answer.text
    made = answer.json()["connection"]
    assert (made["provider"], made["kind"], made["name"], made["state"]) == ("rest", "third_party", "Till", "connected")
    told = await owner.get(f"/api/connectors/connections/{made['connection_id']}")
    assert [(each["account_key"], each["currency"]) for each in told.json()["accounts"]] == [("", "GBP")]
    assert "canary-81" not in answer.text + told.text


async def test_with_a_key_it_is_connected_once(owner: AsyncClient, payments: Payments) -> None:
    new, key = wanted(payments, name="Till"), {"Idempotency-Key": "the till"}
    answer, payments.answer = payments.answer, lambda _: (500, {}, {})
    assert (await owner.post(C, json=new, headers=key)).status_code == 503
    payments.answer = answer
    answers = await asyncio.gather(*(owner.post(C, json=new, headers=key) for _ in range(5)))
    assert {each.status_code for each in answers} <= {201, 409}, "what was refused may be sent again"
    again = await owner.post(C, json=new, headers=key)
    assert {each.content for each in answers if each.is_success} == {again.content}
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len((await owner.get("/api/connectors/connections")).json()["items"]) == 1
    other = await owner.post(C, json={**new, "name": "Stall"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "key_of_another")


async def test_a_key_whose_request_ended_without_a_word_is_free_after_a_while(
    owner: AsyncClient, payments: Payments, pipeline: Database, organization: Organization
) -> None:
    new, key = wanted(payments, name="Till"), {"Idempotency-Key": "the till"}
    whose = [organization.organization_id]
    await owner.post(C, json=new, headers=key)
    async with pipeline.transaction() as db:
        await db.execute("update identity.idempotency_keys set status = null where organization_id = %s", whose)
    assert (await owner.post(C, json=new, headers=key)).json()["code"] == "key_at_work"
    async with pipeline.transaction() as db:
        await db.execute(
            "update identity.idempotency_keys set created_at = created_at - interval '11 minutes'"
            " where organization_id = %s", whose,
        )  # fmt: skip
    assert (await owner.post(C, json=new, headers=key)).status_code == 201


async def test_what_is_wrong_with_a_mapping_is_told_by_its_field(owner: AsyncClient, payments: Payments) -> None:
    for change, field in (({"rows": "$..x"}, "settings.rows"), ({"auth": {"type": "basic"}}, "credentials.username")):
        for address in (C, f"{C}/preview"):
            answer = await owner.post(address, json=wanted(payments, settings=payments.mapping(**change)))
            assert answer.status_code == 422, answer.text
            assert field in [error["field"] for error in answer.json()["errors"]]
    assert payments.asked == []


async def test_an_address_in_this_network_is_refused(
    owner: AsyncClient, payments: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "connect_private", False)
    for address in (C, f"{C}/preview"):
        answer = await owner.post(address, json=wanted(payments))
        assert (answer.status_code, answer.json()["code"]) == (422, "address_not_allowed")
    assert payments.asked == []


async def test_only_admins_connect(client_of: ClientOf, organization: Organization, payments: Payments) -> None:
    for role, status in ((Role.VIEWER, 403), (Role.ACCOUNTANT, 403), (Role.ADMIN, 200)):
        client = await client_of(organization, role)
        assert (await client.post(f"{C}/preview", json=wanted(payments))).status_code == status


async def test_a_strangers_account_is_refused_before_anybody_is_asked(
    owner: AsyncClient, their_owner: AsyncClient, payments: Payments
) -> None:
    account = (await their_owner.post("/api/core/accounts", json={"name": "Till", "currency": "GBP"})).json()
    given = wanted(payments, account_id=account["account_id"])
    assert (await owner.post(C, json=given)).status_code == 404
    assert payments.asked == []
    assert (await their_owner.post(C, json=given)).status_code == 201


async def test_a_strangers_connection_is_not_there(
    owner: AsyncClient, their_owner: AsyncClient, payments: Payments
) -> None:
    theirs = (await their_owner.post(C, json=wanted(payments))).json()["connection"]["connection_id"]
    payments.asked.clear()
    given = wanted(payments, reconnect=theirs)
    assert (await owner.post(C, json=given)).status_code == 404
    assert payments.asked == []
    assert (await their_owner.post(C, json=given)).status_code == 201


async def test_former_credentials_do_not_go_to_another_server(owner: AsyncClient, payments: Payments) -> None:
    """The control: at the same server a connection is had again without naming them."""
    made = (await owner.post(C, json=wanted(payments))).json()["connection"]["connection_id"]
    again = {"settings": payments.mapping(incremental={}), "reconnect": made}
    assert (await owner.post(C, json=again)).status_code == 201
    with Payments() as other:
        answer = await owner.post(C, json={"settings": other.mapping(incremental={}), "reconnect": made})
        assert answer.status_code == 422, answer.text
        assert other.asked == []
