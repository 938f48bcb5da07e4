"""Receipts over HTTP: sent, read, shown, answered for, and deleted; each once, and by whom it may be."""

import pytest
from httpx import AsyncClient, Response

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Database
from ai2.receipts import looking
from ai2.receipts.extraction import reading
from tests.api.asking import ClientOf
from tests.receipts import doubles

R = "/api/connectors/receipts"
TEA = {"supplier": "Harbour Tea Rooms", "total": "12.4", "currency": "GBP", "issued_on": "2026-11-02"}
PAID = {"date": "2026-11-03", "amount": "-12.40", "currency": "GBP", "description": "HARBOUR TEA ROOMS 12"}


@pytest.fixture(autouse=True)
def reads_what_tests_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "read", doubles.read)


async def send(client: AsyncClient, content: bytes, name: str = "tea.json", **headers: str) -> Response:
    return await client.post(R, files={"file": (name, content, "application/json")}, headers=headers)


async def test_a_receipt_is_sent_matched_and_beside_its_transaction(
    owner: AsyncClient, database: Database, organization: Organization
) -> None:
    paid = (await owner.post("/api/core/transactions", json=PAID)).json()["transaction_id"]
    sent = await send(owner, doubles.document(**TEA))
    assert (sent.status_code, sent.headers["location"]) == (201, f"{R}/{sent.json()['document_id']}")
    shown = (await owner.get(sent.headers["location"])).json()
    assert (shown["supplier"], shown["date"], shown["total"], shown["state"]) == (
        "Harbour Tea Rooms", "2026-11-02", "12.40", "waiting",
    )  # fmt: skip
    assert shown["readings"]["total"] == {"confidence": 0.99, "where": "JSON-LD"}
    await looking.look(database, organization.organization_id)
    [match] = (await owner.get(f"{sent.headers['location']}/matches")).json()["items"]
    assert (match["transaction_id"], match["state"], match["is_attached"]) == (paid, "applied", True)
    proving = (await owner.get(R, params={"transaction_id": paid, "state": "matched", "include": "total"})).json()
    assert (proving["total"], proving["items"][0]["document_id"]) == (1, shown["document_id"])
    [attached] = (await owner.get(f"/api/core/transactions/{paid}/attachments")).json()["items"]
    assert (attached["file_name"], attached["added_by"]) == ("tea.txt", "receipts")


async def test_the_same_file_is_one_receipt_and_comes_back_as_it_was(owner: AsyncClient) -> None:
    page = b"<html><script>alert(1)</script>" + doubles.document(**TEA)
    first, again = [await send(owner, page, "page.html") for _ in range(2)]
    assert first.json()["document_id"] == again.json()["document_id"]
    assert (first.json()["state"], first.json()["media_type"]) == ("unread", "text/html")
    file = await owner.get(f"{first.headers['location']}/file")
    assert file.content == page
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in file.headers["content-security-policy"]


async def test_a_person_says_what_no_machine_saw_and_takes_it_back(owner: AsyncClient) -> None:
    paid = (await owner.post("/api/core/transactions", json=PAID)).json()["transaction_id"]
    receipt = (await send(owner, b"<html><body>Tea <b>12.40</b></body></html>", "page.html")).json()["document_id"]
    pair = f"{R}/{receipt}/matches/{paid}"
    accepted = await owner.post(f"{pair}/accept")
    assert (accepted.json()["state"], accepted.json()["is_attached"]) == ("accepted", True)
    [attached] = (await owner.get(f"/api/core/transactions/{paid}/attachments")).json()["items"]
    file = await owner.get(f"/api/core/transactions/{paid}/attachments/{attached['attachment_id']}")
    assert (file.headers["content-type"].partition(";")[0], b"<" in file.content) == ("text/plain", False)
    assert file.content.endswith(b"Tea\n12.40")
    rejected = await owner.post(f"{pair}/reject")
    assert (rejected.json()["state"], rejected.json()["is_attached"]) == ("rejected", False)
    assert (await owner.get(f"/api/core/transactions/{paid}/attachments")).json()["items"] == []
    assert (await owner.delete(f"{R}/{receipt}")).status_code == 204
    assert (await owner.get(f"{R}/{receipt}")).status_code == 404


async def test_a_viewer_looks_and_changes_nothing(
    owner: AsyncClient, client_of: ClientOf, organization: Organization
) -> None:
    paid = (await owner.post("/api/core/transactions", json=PAID)).json()["transaction_id"]
    receipt = (await send(owner, doubles.document(**TEA))).json()["document_id"]
    viewer, accountant = await client_of(organization, Role.VIEWER), await client_of(organization, Role.ACCOUNTANT)
    for path in ("", f"/{receipt}", f"/{receipt}/file", f"/{receipt}/matches"):
        assert (await viewer.get(f"{R}{path}")).status_code == 200
    pair = f"{R}/{receipt}/matches/{paid}"
    refused = [
        await send(viewer, b"x"), await viewer.post(f"{pair}/accept"), await viewer.post(f"{pair}/reject"),
        await viewer.delete(f"{R}/{receipt}"),
    ]  # fmt: skip
    assert {answer.status_code for answer in refused} == {403}
    assert (await accountant.post(f"{pair}/accept")).status_code == 200


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "422"),
        (doubles.document(total="1E+40", currency="GBP"), "unread"),
        (doubles.document(total="NaN", currency="XXQ", supplier="\x00\ud800"), "unread"),
        (doubles.document(total="12.345", currency="ZZZ", issued_on="0001-01-01"), "waiting"),
        (b"\xff\xfe\x00not text", "unread"),
        (b"<" * 5000, "unread"),
    ],
)
async def test_no_receipt_is_an_error_of_ours(owner: AsyncClient, content: bytes, said: str) -> None:
    answer = await send(owner, content)
    assert said in (str(answer.status_code), answer.json().get("state"))
    if answer.is_success:
        paid = (await owner.post("/api/core/transactions", json=PAID)).json()["transaction_id"]
        accepted = await owner.post(f"{answer.headers['location']}/matches/{paid}/accept")
        assert (accepted.status_code, accepted.json()["is_attached"]) == (200, True)
