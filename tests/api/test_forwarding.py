"""Forwarding: a mail that SendGrid hands over is kept once for whom it is, and nobody else hands one over."""

import base64
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from httpx import AsyncClient
from pydantic import SecretStr

from ai2.connections import mailing
from ai2.connections.forwarding import SIGNATURE, TIMESTAMP
from ai2.identity.organizations import Organization
from ai2.kit.database import Database, rows
from ai2.kit.settings import settings
from ai2.receipts.mails import service as mails
from tests.connections.letters import STATEMENT, letter
from tests.receipts.test_mails import apart

CONNECT, INBOUND, MAILS = "/api/connectors/email/connect", "/api/connectors/email/inbound", "/api/connectors/mails"
EVERYONES = "a-token-of-the-whole-installation"


@pytest.fixture(autouse=True)
def domain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "inbound_mail_domain", "in.example")
    monkeypatch.setattr(settings(), "inbound_mail_token", SecretStr(EVERYONES))


async def connected(client: AsyncClient, **more: Any) -> tuple[str, str]:
    """The address that mail is forwarded to, and the path that it is handed over at."""
    answer = await client.post(CONNECT, json={"provider": "forwarding", **more})
    assert answer.status_code == 201, answer.text
    told = answer.json()
    return told["forwarding_address"], told["webhook_url"].removeprefix(settings().public_address)


def whole(raw: bytes, *to: str, **more: Any) -> dict[str, Any]:
    """As SendGrid sends a whole message."""
    fields = {"email": raw, "envelope": json.dumps({"to": to, "from": "b@shop.example"}), "SPF": "none", **more}
    return {"files": {name: (None, value) for name, value in fields.items()}}


async def subjects(client: AsyncClient) -> list[str]:
    return [mail["subject"] for mail in (await client.get(MAILS)).json()["items"]]


async def test_a_mail_is_kept_once_for_whom_it_is_sent_to(
    anonymous: AsyncClient, owner: AsyncClient, their_owner: AsyncClient
) -> None:
    address, path = await connected(owner)
    await connected(their_owner)
    raw = letter(text="Grüße \x80").replace(b"7bit", b"8bit") + b"\xff\xfe not UTF-8"
    dkim = {"dkim": "{@shop.example : pass}"}
    for given in (whole(raw, address, **dkim), whole(raw, address.upper(), "x@in.example", **dkim)):
        answer = await anonymous.post(f"{INBOUND}/{EVERYONES}", **given)
        assert answer.status_code == 200, answer.text
    assert answer.json() == {"taken": 0}, "it was there"
    assert (await anonymous.post(path, **whole(raw))).json() == {"taken": 0}, "nor by another way"
    [mail] = (await owner.get(MAILS)).json()["items"]
    assert (mail["subject"], mail["is_sender_verified"], mail["authentication"]["dkim"]) == (
        "Your receipt",
        True,
        "pass",
    )
    assert await subjects(their_owner) == []
    assert (await owner.get(f"{MAILS}/{mail['mail_id']}")).json() == mail
    basic = base64.b64encode(f"sendgrid:{EVERYONES}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"}
    assert (await anonymous.post(INBOUND, **whole(letter(number=2), address), headers=headers)).json() == {"taken": 1}


async def test_a_mail_that_was_taken_apart_is_the_same_and_is_read(
    anonymous: AsyncClient, owner: AsyncClient, database: Database, organization: Organization
) -> None:
    account = (await owner.post("/api/core/accounts", json={"name": "Current", "currency": "GBP"})).json()
    named = {"statements_from": ["shop.example"]}
    _, path = await connected(owner, settings=named, account_id=account["account_id"])
    raw = letter(html="<p>Total 3.00</p>", attached={"march.csv": STATEMENT})
    files = [(f.name, (f.file_name, f.content, f.media_type)) for f in apart(raw)]
    assert (await anonymous.post(path, files=files)).json() == {"taken": 1}
    assert (await anonymous.post(path, **whole(raw))).json() == {"taken": 0}
    await mailing.read_waiting(database, organization.organization_id)
    [mail] = (await owner.get(MAILS)).json()["items"]
    assert (mail["state"], len(mail["batches"]), mail["held"]) == ("read", 1, [])


ROWS = [("02 Mar 2026", "BAKERY", "-4.20", "995.80"), ("03 Mar 2026", "WAGES ACME LTD", "1,200.00", "2,195.80")]
IN_ITS_BODY = f"""
<html><body><h1>Your weekly statement</h1><p>Account ending 5555, 2 to 3 March 2026</p>
<table><tr><th>Date</th><th>Description</th><th>Amount</th><th>Balance</th></tr>
{"".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in ROWS)}
</table><p>Opening balance GBP 1,000.00. Closing balance GBP 2,195.80.</p></body></html>
"""


async def test_rows_in_a_mails_own_text_are_kept_and_told_as_read_by_nobody(
    anonymous: AsyncClient, owner: AsyncClient, database: Database, organization: Organization
) -> None:
    account = (await owner.post("/api/core/accounts", json={"name": "Current", "currency": "GBP"})).json()
    named = {"statements_from": ["shop.example"]}
    _, path = await connected(owner, settings=named, account_id=account["account_id"])
    believed = {"dkim": "{@shop.example : pass}"}
    alone = letter(text="See the table.", html=IN_ITS_BODY)
    attached = letter(number=2, text="See the table.", html=IN_ITS_BODY, attached={"march.csv": STATEMENT})
    for raw in (alone, attached):
        assert (await anonymous.post(path, **whole(raw, **believed))).json() == {"taken": 1}
    await mailing.read_waiting(database, organization.organization_id)
    with_it, without = (await owner.get(MAILS)).json()["items"]
    assert (without["state"], without["is_sender_verified"], without["batches"], without["held"]) == (
        "read", True, [], [],
    )  # fmt: skip
    assert without["error"]["code"] == "nothing_read"
    assert "import a statement" in without["error"]["what_to_do"]
    assert (len(with_it["batches"]), with_it["error"]) == (1, None), "the control: what is attached is taken"
    assert (await owner.get("/api/connectors/receipts")).json()["items"] == []
    async with database.transaction(organization.organization_id) as db:
        found = await rows(db, "select blob_key from receipts.mails where mail_id = %(id)s", {"id": without["mail_id"]})
        assert await mails.raw(db, organization.organization_id, found[0]["blob_key"]) == alone


async def test_a_statement_that_waits_is_imported_by_whoever_looked_at_it(
    anonymous: AsyncClient, owner: AsyncClient, database: Database, organization: Organization
) -> None:
    _, path = await connected(owner)
    assert (await anonymous.post(path, **whole(letter(attached={"march.csv": STATEMENT})))).json() == {"taken": 1}
    await mailing.read_waiting(database, organization.organization_id)
    [mail] = (await owner.get(MAILS)).json()["items"]
    assert mail["held"] == [{"name": "march.csv", "reason": "sender_not_named", "code": None}]
    account = (await owner.post("/api/core/accounts", json={"name": "Current", "currency": "GBP"})).json()
    wanted = {"account_id": account["account_id"]}
    answer = await owner.post(f"{MAILS}/{mail['mail_id']}/statements", json=wanted)
    assert (answer.status_code, len(answer.json()["batches"])) == (202, 1)
    again = await owner.post(f"{MAILS}/{mail['mail_id']}/statements", json=wanted)
    assert (again.status_code, again.json()["code"]) == (409, "nothing_held")


def signed(key: ec.EllipticCurvePrivateKey, body: bytes, at: float) -> dict[str, str]:
    timestamp = str(int(at))
    made = key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {SIGNATURE: base64.b64encode(made).decode(), TIMESTAMP: timestamp}


def public(key: ec.EllipticCurvePrivateKey) -> str:
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


async def test_where_a_key_is_known_only_what_it_signed_is_taken(anonymous: AsyncClient, owner: AsyncClient) -> None:
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    _, path = await connected(owner, settings={"verification_key": public(key)})
    body = anonymous.build_request("POST", path, **whole(letter(), boundary="x"))
    content, kind = body.read(), {"Content-Type": body.headers["content-type"]}
    now = time.time()
    forged: list[dict[str, str]] = [
        {},
        signed(other, content, now),
        signed(key, content + b"x", now),
        signed(key, content, now - 9 * 24 * 3600),
        signed(key, content, now + 3600),
        {**signed(key, content, now), TIMESTAMP: str(int(now) - 1)},
        {**signed(key, content, now), SIGNATURE: "%%%"},
        {**signed(key, content, now), TIMESTAMP: "٣"},
    ]
    for headers in forged:
        raw = [(name.encode(), value.encode()) for name, value in {**kind, **headers}.items()]
        answer = await anonymous.post(path, content=content, headers=raw)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_handed_over"), headers
    assert await subjects(owner) == []
    answer = await anonymous.post(path, content=content, headers={**kind, **signed(key, content, now)})
    assert answer.json() == {"taken": 1}


async def test_who_knows_the_address_alone_hands_nothing_over(anonymous: AsyncClient, owner: AsyncClient) -> None:
    address, _ = await connected(owner)
    for token in (address.partition("@")[0], address, "x", "%00", EVERYONES + "x"):
        answer = await anonymous.post(f"{INBOUND}/{token}", **whole(letter(), address))
        assert answer.status_code in {401, 404}, token
    assert (await anonymous.post(INBOUND, **whole(letter(), address))).status_code == 401
    assert (await anonymous.post(f"{INBOUND}/{EVERYONES}", **whole(letter(), "z@in.example"))).status_code == 404
    assert await subjects(owner) == []


async def test_a_token_that_was_replaced_or_ended_opens_nothing(anonymous: AsyncClient, owner: AsyncClient) -> None:
    made = (await owner.post(CONNECT, json={"provider": "forwarding"})).json()
    connection_id = made["connection"]["connection_id"]
    address, path = await connected(owner, reconnect=connection_id)
    former = made["webhook_url"].removeprefix(settings().public_address)
    assert address == made["forwarding_address"]
    assert (await anonymous.post(former, **whole(letter()))).status_code == 401
    assert (await anonymous.post(path, **whole(letter()))).json() == {"taken": 1}
    assert (await owner.delete(f"/api/connectors/connections/{connection_id}")).status_code == 204
    assert (await anonymous.post(path, **whole(letter(number=2)))).status_code == 401
    assert (await anonymous.post(f"{INBOUND}/{EVERYONES}", **whole(letter(number=2), address))).status_code == 404


async def test_what_is_no_mail_is_refused_and_never_an_error_of_ours(
    anonymous: AsyncClient, owner: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, path = await connected(owner)
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    many = b"".join(b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' for _ in range(400)) + b"--x--\r\n"
    for content, headers, status in (
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"--x", form, 400),
        (b"--x\r\n\r\nx\r\n--x--\r\n", form, 400),
        (b'--x\r\nContent-Disposition: form-data; name="subject"\r\n\r\nx\r\n--x--\r\n', form, 400),
        (many, form, 400),
        (b"", {"Content-Type": "multipart/form-data; boundary="}, 415),
    ):
        answer = await anonymous.post(path, content=content, headers=headers)
        assert answer.status_code == status, (content[:50], answer.text)
    monkeypatch.setattr(settings(), "mail_bytes", -900_000)
    assert (await anonymous.post(path, **whole(letter(text="x" * 200_000)))).status_code == 413
    assert await subjects(owner) == []


async def test_tokens_are_nowhere_but_sealed(
    app: FastAPI, owner: AsyncClient, anonymous: AsyncClient, pipeline: Database, caplog: pytest.LogCaptureFixture
) -> None:
    _, path = await connected(owner)
    assert (await anonymous.post(path, **whole(letter()))).json() == {"taken": 1}
    token = path.rpartition("/")[2]
    async with pipeline.transaction() as db:
        tables = ("connect.connections", "connect.external_ids", "events.events", "audit.entries", "queue.jobs")
        kept = [str(await rows(db, f"select * from {name}")) for name in tables]
    listed = (await owner.get("/api/connectors/connections")).text
    # the library by which the test asks logs its own addresses
    logged = [str(record.__dict__) for record in caplog.records if record.name != "httpx"]
    assert not any(token in text for text in [*kept, listed, *logged])
