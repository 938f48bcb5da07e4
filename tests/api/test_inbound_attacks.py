"""Mails that are handed over: again and again in any order they come to the same, and what means harm has no effect."""

import asyncio
import io
import json
import time
import zipfile
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from httpx import AsyncClient

from ai2 import flows
from ai2.connections import mailing
from ai2.connections.forwarding import SIGNATURE, TIMESTAMP
from ai2.identity.organizations import Organization
from ai2.kit.database import Database
from ai2.kit.errors import Problem
from ai2.kit.settings import settings
from api.connectors import inbound
from api.connectors.room import NoRoom, Room
from tests import seeds
from tests.api.test_forwarding import MAILS, connected, domain, public, signed, whole  # noqa: F401 - a fixture
from tests.connections.letters import STATEMENT, letter
from tests.receipts.test_mails import apart

SIGNED_BY_SHOP = {"dkim": "{@shop.example : pass}"}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
ORDER = """
<script type="application/ld+json">{"@context": "https://schema.org", "@type": "Order", "orderNumber": "SH-1",
"orderDate": "2026-03-02", "merchant": {"@type": "Organization", "name": "Shop"}, "price": "12.40",
"priceCurrency": "GBP"}</script><p>Total paid: 12.40 GBP</p>
"""


def form(**fields: bytes | str) -> bytes:
    """A form as it is sent, whatever is in its fields."""
    parts = [
        b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        % (name.encode(), value.encode() if isinstance(value, str) else value)
        for name, value in fields.items()
    ]
    return b"".join(parts) + b"--x--\r\n"


async def told(client: AsyncClient) -> list[Any]:
    """What is kept of an organization's mails, and what became of them."""
    mails = (await client.get(MAILS)).json()["items"]
    receipts = (await client.get("/api/connectors/receipts")).json()["items"]
    kept = ("subject", "sender", "state", "is_sender_verified", "held", "error", "message_id")
    return [
        sorted(json.dumps([mail[name] for name in kept] + [len(mail["batches"])]) for mail in mails),
        sorted(json.dumps([each[name] for name in ("supplier", "total", "state", "sha256")]) for each in receipts),
    ]


@pytest.mark.parametrize("seed", seeds.seeds("mails handed over", 1))
async def test_every_mail_ten_times_in_any_order_at_once_comes_to_the_same(
    anonymous: AsyncClient, owner: AsyncClient, their_owner: AsyncClient, database: Database,
    organization: Organization, stranger: Organization, seed: int,
) -> None:  # fmt: skip
    """The same as for another organization, which is handed each once and in order."""
    paths = []
    for client in (owner, their_owner):
        account = (await client.post("/api/core/accounts", json={"name": "Current", "currency": "GBP"})).json()
        named = {"statements_from": ["shop.example"]}
        paths.append((await connected(client, settings=named, account_id=account["account_id"]))[1])
    raws = [
        letter(number=1, html=ORDER),
        letter(number=2, text="Rows", attached={"march.csv": STATEMENT}),
        letter(number=3, text="Hello"),
        letter(number=3, text="Hello, and something else under the same id"),
    ]
    mails: list[dict[str, Any]] = [whole(raw, **SIGNED_BY_SHOP) for raw in raws]
    mails.append({"files": [(f.name, (f.file_name, f.content, f.media_type)) for f in apart(raws[0])]})
    for mail in mails:
        assert (await anonymous.post(paths[1], **mail)).status_code == 200
    await mailing.read_waiting(database, stranger.organization_id)

    many = mails * 10
    Random(seed).shuffle(many)
    reading = [mailing.read_waiting(database, organization.organization_id) for _ in range(3)]
    answers, _ = await asyncio.gather(
        asyncio.gather(*(anonymous.post(paths[0], **mail) for mail in many)), asyncio.gather(*reading)
    )
    await mailing.read_waiting(database, organization.organization_id)

    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["taken"] for answer in answers) == 4
    assert await told(owner) == await told(their_owner)
    assert [len(each) for each in await told(owner)] == [4, 1]


async def test_what_is_signed_is_taken_whole_and_now_or_not_at_all(anonymous: AsyncClient, owner: AsyncClient) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    _, path = await connected(owner, settings={"verification_key": public(key)})
    body, now = form(email=letter(), envelope="{}"), time.time()
    good = {**FORM, **signed(key, body, now)}
    for content, headers in (
        (body[: len(body) // 2], good), (body[:-1], good), (body + b"\r\n", good), (b"", good),
        (body, {**FORM, **signed(key, body, now - 5 * 24 * 3600)}), (body, {**FORM, **signed(key, body, now + 600)}),
        (body, {**good, SIGNATURE: good[SIGNATURE][:20]}), (body, {**good, SIGNATURE: "A" * 100_000}),
        (body, {**good, TIMESTAMP: "9" * 400}), (body, {**good, TIMESTAMP: f"-{int(now)}"}),
        (body.replace(b"shop", b"bank"), good), (body, FORM),
    ):  # fmt: skip
        answer = await anonymous.post(path, content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_handed_over"), headers
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", ""):
        assert (await anonymous.post(path, content=body, headers={**good, "Content-Type": kind})).status_code == 415
    packed = await anonymous.post(path, content=body, headers={**good, "Content-Encoding": "gzip"})
    assert packed.status_code == 415
    assert (await owner.get(MAILS)).json()["items"] == []
    assert (await anonymous.post(path, content=body, headers=good)).json() == {"taken": 1}, "the control"


DEEP = b"[" * 400_000
TEN_THOUSAND = b"From: a@shop.example\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 10_000
# What is sent as a form, and whether it is taken (and kept as what it is) or refused.
HOSTILE: dict[str, tuple[bytes, int]] = {
    "ten thousand parts": (form(email=TEN_THOUSAND), 200),
    "no end of headers": (form(email=b"X: y\n" * 200_000), 200),
    "bytes that are no text": (form(email=bytes(range(256)) * 40), 200),
    "nothing": (form(email=b""), 200),
    "JSON without a bottom": (form(email=letter(), envelope=DEEP, charsets=DEEP), 200),
    "JSON of another shape": (
        form(email=letter(), envelope=b'{"to": 3, "from": ["a"]}', dkim=b"\xff", SPF=b"\xff"), 200,
    ),
    "apart, of no charset": (form(headers=b"Subject: \xff", text=b"\xff\x00", charsets=b'{"text": "\\u0000"}'), 200),
    "apart, of a charset that takes long": (
        form(headers=b"Subject: x", text=b"a" * 300_000 + b"-" + b"b9" * 300_000, charsets=b'{"text": "punycode"}'),
        200,
    ),
    "apart, of what tells of no file": (form(headers=b"Subject: x", html=b"<p>", **{"attachment-info": DEEP}), 200),
    "apart, of lines alone": (form(headers=b"Subject: x", text=b"\n" * 3_000_000), 200),
    "apart, of no kind of file": (
        b'--x\r\nContent-Disposition: form-data; name="headers"\r\n\r\nSubject: x\r\n--x\r\nContent-Disposition: '
        b'form-data; name="a"; filename="\xff\x00\x1b"\r\nContent-Type: t\xe9xt/\xff; x\r\n\r\nx\r\n--x--\r\n', 200,
    ),
    "neither whole nor apart": (form(subject=b"x", **{"from": b"a@b.example"}), 400),
    "more fields than any has": (form(**{f"f{number}": b"" for number in range(5_000)}), 400),
    "a header without an end": (b"--x\r\nContent-Disposition: " + b"a" * 1_000_000, 400),
    "headers without an end": (b"--x\r\n" + b"A: b\r\n" * 100_000, 400),
    "boundaries without parts": (b"--x\r\n" * 100_000, 400),
    "ends of lines alone": (b"--x\r\n\r\n" + b"\r" * 3_000_000, 400),
    "no form": (b"\x00" * 1_000_000, 400),
    "half a form": (form(email=letter())[:200], 400),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_means_harm_is_refused_or_kept_as_what_it_is(
    anonymous: AsyncClient, owner: AsyncClient, database: Database, organization: Organization, name: str
) -> None:
    _, path = await connected(owner)
    body, status = HOSTILE[name]
    began = time.process_time()
    answer = await anonymous.post(path, content=body, headers=FORM)
    await mailing.read_waiting(database, organization.organization_id)
    mails = (await owner.get(MAILS)).json()["items"]
    assert (answer.status_code, len(mails)) == (status, int(status == 200)), answer.text
    assert time.process_time() - began < 5
    assert {mail["state"] for mail in mails} <= {"read", "too_complex"}
    assert all(mail["batches"] == [] for mail in mails)
    if name in {"ten thousand parts", "no end of headers", "apart, of lines alone"}:
        assert mails[0]["state"] == "too_complex"
    assert (await anonymous.post(path, content=form(email=letter(number=9)), headers=FORM)).json() == {"taken": 1}


async def test_a_small_archive_that_unpacks_to_a_huge_one_is_told_on_its_batch(
    anonymous: AsyncClient, owner: AsyncClient, database: Database, organization: Organization
) -> None:
    account = (await owner.post("/api/core/accounts", json={"name": "Current", "currency": "GBP"})).json()
    _, path = await connected(owner, settings={"statements_from": ["shop.example"]}, account_id=account["account_id"])
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("march.csv", bytes(400_000_000))
    handed = whole(letter(attached={"a.zip": bomb.getvalue()}), **SIGNED_BY_SHOP)
    assert (await anonymous.post(path, **handed)).json() == {"taken": 1}
    await mailing.read_waiting(database, organization.organization_id)
    [mail] = (await owner.get(MAILS)).json()["items"]
    [batch_id] = mail["batches"]
    with pytest.raises(Problem):
        await flows.run_import(database, organization.organization_id, batch_id)
    batch = (await owner.get(f"/api/core/imports/{batch_id}")).json()
    assert (batch["status"], batch["rows"]) == ("failed", None)


async def test_a_mail_without_an_end_is_not_read_whole(anonymous: AsyncClient, owner: AsyncClient) -> None:
    _, path = await connected(owner)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield form(email=letter())[:200]
        while True:
            sent += 1_000_000
            yield b"x" * 1_000_000

    answer = await anonymous.post(path, content=endless(), headers=FORM)
    assert (answer.status_code, sent <= settings().mail_bytes + 3_000_000) == (413, True)
    before = sent
    said = await anonymous.post(path, content=endless(), headers={**FORM, "Content-Length": "99999999999"})
    assert (said.status_code, sent - before <= 1_000_000) == (413, True)
    assert (await owner.get(MAILS)).json()["items"] == []


async def test_who_hands_over_more_at_once_than_there_is_room_for_is_asked_to_come_again(
    anonymous: AsyncClient, owner: AsyncClient, their_owner: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (_, path), (_, theirs) = await connected(owner), await connected(their_owner)
    body, begun, goes_on = form(email=letter()), asyncio.Event(), asyncio.Event()
    monkeypatch.setattr(inbound, "ROOM", Room(all_bytes=3 * len(body), each_bytes=2 * len(body)))

    async def slowly() -> AsyncIterator[bytes]:
        yield body[:100]
        begun.set()
        await goes_on.wait()
        yield body[100:]

    slow = [
        asyncio.create_task(anonymous.post(path, content=slowly(), headers={**FORM, "Content-Length": str(len(body))}))
        for _ in range(2)
    ]
    await begun.wait()
    await asyncio.sleep(0.1)
    refused = await anonymous.post(path, content=body, headers=FORM)
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (503, "no_room", "30")
    assert (await anonymous.post(theirs, content=body, headers=FORM)).json() == {"taken": 1}, "others have theirs"
    goes_on.set()
    assert sorted([(await each).json()["taken"] for each in slow]) == [0, 1]
    again = form(email=letter(number=2))
    assert (await anonymous.post(path, content=again, headers=FORM)).json() == {"taken": 1}, "there is room again"


def test_what_is_larger_than_all_the_room_comes_in_alone() -> None:
    room = Room(all_bytes=10, each_bytes=5)
    with room.holding("a", 50), pytest.raises(NoRoom), room.holding("b", 1):
        raise AssertionError("there is no room")
    with room.holding("a", 5), room.holding("b", 5), pytest.raises(NoRoom), room.holding("c", 1):
        raise AssertionError("there is no room")
    with room.holding("c", 5):
        assert room._held.total() == 5


async def test_a_mail_that_breaks_off_is_not_taken(app: FastAPI, owner: AsyncClient, anonymous: AsyncClient) -> None:
    _, path = await connected(owner)
    whole_body = form(email=letter())
    for body in (whole_body[:300], whole_body):  # the sender is gone before its end
        messages = iter([
            {"type": "http.request", "body": body, "more_body": True}, {"type": "http.disconnect"},
        ])  # fmt: skip
        answered: list[Any] = []

        async def receive(messages: Any = messages) -> Any:
            return next(messages)

        async def send(message: Any, answered: list[Any] = answered) -> None:
            answered.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "server": ("api.test", 80),
            "client": ("127.0.0.1", 1), "headers": [(b"content-type", FORM["Content-Type"].encode())],
        }  # fmt: skip
        await app(scope, receive, send)
        assert [message.get("status") for message in answered if message.get("status", 0) >= 500] == []
    assert (await owner.get(MAILS)).json()["items"] == []
    assert (await anonymous.post(path, content=whole_body, headers=FORM)).json() == {"taken": 1}


@pytest.mark.parametrize("seed", seeds.seeds("forms", 1))
async def test_no_form_however_it_is_damaged_is_an_error_of_ours(
    anonymous: AsyncClient, owner: AsyncClient, database: Database, organization: Organization, seed: int
) -> None:
    _, path = await connected(owner)
    chance = Random(seed)
    raw = letter(html="<p>Grüße</p>", attached={"a.csv": STATEMENT, "b.pdf": b"%PDF-1.7 x"})
    wholes = [form(email=raw, envelope='{"to": ["a@in.example"], "from": "b@shop.example"}', **SIGNED_BY_SHOP)]
    wholes.append(form(**{field.name: field.content for field in apart(raw)}))
    for _ in range(150):
        body = bytearray(chance.choice(wholes))
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(body))
            damage = chance.choice([b"", b"\x00", b"\r\n", b"--x", b"\xff\xfe", b'"', b";", b"=?utf-8?q?", bytes(3)])
            body[place : place + chance.choice([0, 1, 1, 40])] = damage
        answer = await anonymous.post(path, content=bytes(body), headers=FORM)
        assert answer.status_code in {200, 400}, (answer.status_code, answer.text, bytes(body))
    await mailing.read_waiting(database, organization.organization_id)
    states = {mail["state"] for mail in (await owner.get(MAILS, params={"limit": 1000})).json()["items"]}
    assert states <= {"read", "too_complex"}
