"""Imports over HTTP: a file in, its rows accounted for, its questions asked."""

import base64
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient, Response

from ai2.identity import idempotency
from ai2.kit.settings import settings

ADDRESS = "/api/core/csv-import"
BANK = """Date,Description,Amount,Till
2026-03-01,Corner Cafe,-12.50,3
2026-03-02,"Ana, refund",20.00,
2026-03-02,Corner Cafe,-12.50,3
2026-03-31,Rent,-1200.00,
"""


async def send(client: AsyncClient, content: str | bytes = BANK, name: str = "march.csv", **fields: str) -> Response:
    data = {"account_name": "Current", **fields}
    headers = {"Idempotency-Key": data.pop("key")} if "key" in data else {}
    raw = content.encode() if isinstance(content, str) else content
    return await client.post(ADDRESS, files={"file": (name, io.BytesIO(raw))}, data=data, headers=headers)


async def test_a_file_becomes_transactions(owner: AsyncClient) -> None:
    answer = await send(owner)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    assert body["rows"] == {"in": 4, "loaded": 4, "duplicate": 0, "quarantined": 0}
    assert (body["status"], body["first_date"], body["last_date"]) == ("loaded", "2026-03-01", "2026-03-31")
    assert answer.headers["Location"] == f"/api/core/imports/{body['batch_id']}"
    listed = (await owner.get(f"/api/core/transactions?batch_id={body['batch_id']}&sort=amount")).json()["items"]
    assert [row["amount"] for row in listed] == ["-1200.00", "-12.50", "-12.50", "20.00"]
    assert listed[1]["attributes"] == {"Till": "3"}


async def test_the_same_file_twice_changes_nothing(owner: AsyncClient) -> None:
    await send(owner)
    again = await send(owner)
    assert again.json()["rows"] == {"in": 4, "loaded": 0, "duplicate": 4, "quarantined": 0}
    assert (await owner.get("/api/core/transactions?include=total")).json()["total"] == 4


async def test_categories_of_the_file_that_are_none_of_ours_are_said_and_stay_with_the_rows(owner: AsyncClient) -> None:
    text = "Date,Description,Amount,Category\n2026-03-01,A,-1.00,Yachts\n2026-03-02,B,-2.00,coffee\n"
    dry = (await send(owner, text, dry_run="true")).json()
    body = (await send(owner, text)).json()
    assert dry["unknown_categories"] == body["unknown_categories"] == ["Yachts"]
    kept = (await owner.get(f"/api/core/imports/{body['batch_id']}")).json()
    assert kept["unknown_categories"] == ["Yachts"]
    listed = (await owner.get("/api/core/transactions?sort=date")).json()["items"]
    assert [row["attributes"] for row in listed] == [{"category": "Yachts"}, {"category": "coffee"}]
    assert "Yachts" not in {each["name"] for each in (await owner.get("/api/core/categories")).json()["items"]}


@pytest.mark.parametrize("form", ["json", "gzip", "account_id"])
async def test_every_way_in_gives_the_same_rows(owner: AsyncClient, form: str) -> None:
    if form == "json":
        answer = await owner.post(ADDRESS, json={"csv_data": BANK, "account_name": "Current"})
    elif form == "gzip":
        answer = await send(owner, gzip.compress(BANK.encode()), "march.csv.gz")
    else:
        account = (await owner.post("/api/core/accounts", json={"name": "Main", "currency": "GBP"})).json()
        files = {"file": ("march.csv", BANK.encode())}
        answer = await owner.post(ADDRESS, files=files, data={"account_id": account["account_id"]})
    assert answer.status_code == 201, answer.text
    assert answer.json()["rows"]["loaded"] == 4


async def test_a_dry_run_shows_a_sample_and_writes_nothing(owner: AsyncClient) -> None:
    answer = await send(owner, dry_run="true")
    assert (answer.status_code, answer.json()["batch_id"]) == (200, None)
    assert answer.json()["sample"][0]["amount"] == "-12.50"
    assert answer.json()["account_id"] is None
    assert (await owner.get("/api/core/imports")).json()["items"] == []
    assert (await owner.get("/api/core/accounts")).json()["items"] == []


UNDECIDABLE = "Date,Description,Amount\n01/02/2026,Tea,-1.00\n03/04/2026,Tea,-2.00\n"


async def test_what_the_file_cannot_decide_is_asked_and_the_answer_kept(owner: AsyncClient) -> None:
    asked = await send(owner, UNDECIDABLE)
    assert (asked.status_code, asked.json()["code"]) == (422, "needs_answer")
    assert [question["field"] for question in asked.json()["questions"]] == ["date_order"]
    assert [column["name"] for column in asked.json()["columns"]] == ["Date", "Description", "Amount"]
    answered = await send(owner, UNDECIDABLE, date_order="dmy")
    assert answered.status_code == 201, answered.text
    assert answered.json()["first_date"] == "2026-02-01"
    following = await send(owner, UNDECIDABLE.replace("01/02", "05/06"))
    assert following.json()["last_date"] == "2026-06-05"


async def test_a_saved_layout_is_read_and_edited(owner: AsyncClient) -> None:
    account_id = (await send(owner, UNDECIDABLE, date_order="dmy")).json()["account_id"]
    address = f"/api/core/accounts/{account_id}/layout"
    (kept,) = (await owner.get(address)).json()["items"]
    assert kept["layout"]["date_order"] == "dmy"
    edited = await owner.put(address, json={**kept["layout"], "date_order": "mdy"})
    assert (edited.status_code, edited.json()["decided_by"]) == (200, "person")
    following = await send(owner, UNDECIDABLE.replace("01/02", "05/06"))
    assert following.json()["last_date"] == "2026-05-06"


async def test_a_layout_is_deleted_and_decided_anew(owner: AsyncClient, their_owner: AsyncClient) -> None:
    account_id = (await send(owner, UNDECIDABLE, date_order="dmy")).json()["account_id"]
    address = f"/api/core/accounts/{account_id}/layout"
    (kept,) = (await owner.get(address)).json()["items"]
    assert (await their_owner.delete(f"{address}/{kept['signature']}")).status_code == 404
    assert (await owner.delete(f"{address}/{kept['signature']}")).status_code == 204
    assert (await owner.get(address)).json()["items"] == []
    assert (await owner.delete(f"{address}/{kept['signature']}")).json()["code"] == "layout_not_found"
    assert (await send(owner, UNDECIDABLE.replace("01/02", "05/06"))).json()["code"] == "needs_answer"


async def test_a_dry_run_with_a_key_leaves_nothing_but_its_answer(owner: AsyncClient) -> None:
    first = await send(owner, dry_run="true", key="look")
    again = await send(owner, dry_run="true", key="look")
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
    assert (await owner.get("/api/core/accounts")).json()["items"] == []


async def test_where_the_answer_cannot_be_kept_nothing_is_imported(
    owner: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "keep", broken)
        assert (await send(owner, key="crash")).status_code == 500
    assert (await owner.get("/api/core/imports")).json()["items"] == []
    repeated = await send(owner, key="crash")
    assert repeated.json()["rows"]["loaded"] == 4


QUARANTINE = "Date,Description,Amount\n2026-03-01,Tea,-1.00\n2026-02-30,No such day,-2.00\n2026-03-03,Milk,-3.00\n"


async def test_a_rejected_row_comes_back_as_a_file_that_can_be_fixed(owner: AsyncClient) -> None:
    batch_id = (await send(owner, QUARANTINE)).json()["batch_id"]
    rows = (await owner.get(f"/api/core/imports/{batch_id}/rows?state=quarantined")).json()["items"]
    assert [(row["line_number"], row["reason_code"], row["original"]) for row in rows] == [
        (3, "bad_date", "2026-02-30,No such day,-2.00")
    ]
    rejects = await owner.get(f"/api/core/imports/{batch_id}/rejects.csv")
    assert rejects.headers["content-type"] == "text/csv; charset=utf-8"
    assert rejects.text == (
        "line,reason_code,reason,Date,Description,Amount\r\n"
        "3,bad_date,there is no such day between 1970 and 2100,2026-02-30,No such day,-2.00\r\n"
    )


async def test_corrected_rows_load_into_their_import(owner: AsyncClient) -> None:
    batch_id = (await send(owner, QUARANTINE)).json()["batch_id"]
    rejects = (await owner.get(f"/api/core/imports/{batch_id}/rejects.csv")).text
    address, key = f"/api/core/imports/{batch_id}/resubmit", {"Idempotency-Key": "corrected"}
    fixed = rejects.replace("02-30", "02-28")
    sent = await owner.post(address, files={"file": ("rejects.csv", fixed.encode())}, headers=key)
    assert sent.status_code == 200, sent.text
    assert {name: sent.json()[name] for name in ("loaded", "duplicate", "quarantined", "ignored")} == {
        "loaded": 1, "duplicate": 0, "quarantined": 0, "ignored": [],
    }  # fmt: skip
    assert sent.json()["import"]["rows"] == {"in": 3, "loaded": 3, "duplicate": 0, "quarantined": 0}
    again = await owner.post(address, files={"file": ("rejects.csv", fixed.encode())}, headers=key)
    assert (again.content, again.headers["Idempotency-Replayed"]) == (sent.content, "true")
    twice = await owner.post(address, json={"csv_data": fixed})
    assert (twice.json()["loaded"], twice.json()["ignored"][0]["line_number"]) == (0, 3)
    other = await owner.post(address, json={"csv_data": "a,b\n1,2\n"})
    assert (other.status_code, other.json()["code"]) == (422, "not_rejects")


async def test_imports_and_their_rows_are_paged(owner: AsyncClient) -> None:
    ids = [(await send(owner, BANK.replace("03-", f"0{month}-"))).json()["batch_id"] for month in (4, 5, 6)]
    first = (await owner.get("/api/core/imports?limit=2")).json()
    rest = (await owner.get(f"/api/core/imports?limit=2&cursor={first['next_cursor']}")).json()
    assert [item["batch_id"] for item in first["items"] + rest["items"]] == ids[::-1]
    assert rest["next_cursor"] is None
    address = f"/api/core/imports/{ids[0]}/rows?limit=3"
    page = (await owner.get(address)).json()
    last = (await owner.get(f"{address}&cursor={page['next_cursor']}")).json()
    assert [row["line_number"] for row in page["items"] + last["items"]] == [2, 3, 4, 5]
    assert (await owner.get("/api/core/imports?cursor=%20")).status_code == 422
    beyond = base64.urlsafe_b64encode(b"9" * 30).decode()
    assert (await owner.get(f"{address}&cursor={beyond}")).json()["items"] == []


async def test_a_large_file_waits_for_the_worker(owner: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "inline_import_bytes", 50)
    answer = await send(owner)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    waiting = (await owner.get(answer.headers["Location"])).json()
    assert (waiting["status"], waiting["progress"], waiting["rows"]) == ("queued", 0.0, None)


async def test_an_upload_beyond_the_limit_is_too_large(owner: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "upload_bytes", 100)
    answer = await send(owner)
    assert (answer.status_code, answer.json()["code"]) == (413, "upload_too_large")


async def test_the_same_upload_again_gets_the_first_answer(owner: AsyncClient) -> None:
    first = await send(owner, key="march")
    second = await send(owner, key="march")
    assert (second.content, second.headers["Idempotency-Replayed"]) == (first.content, "true")
    other = await send(owner, BANK + "2026-03-31,More,-1.00,\n", key="march")
    assert (other.status_code, other.json()["code"]) == (422, "key_of_another")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        ("", 400, "empty_file"),
        (b"\x00\x01\x02" * 100, 400, "not_text"),
        ("no table here", 400, "no_transactions"),
        (gzip.compress(BANK.encode())[:40], 400, "damaged_archive"),
    ],
)
async def test_what_is_no_statement_is_refused(
    owner: AsyncClient, content: str | bytes, status: int, code: str
) -> None:
    answer = await send(owner, content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await owner.get("/api/core/accounts")).json()["items"] == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"account_name": ""}, "account_name"),
        ({"account_id": "x"}, "account_id"),
        ({"positive_is": "up"}, "positive_is"),
        ({"currency": "pounds"}, "currency"),
        ({"mapping": "{"}, "mapping"),
        ({"mapping": '{"colour": 1}'}, None),
        ({"dry_run": "perhaps"}, "dry_run"),
        ({"organization_id": "x"}, "organization_id"),
        ({"account_name": "a\x00b"}, "account_name"),
    ],
)
async def test_a_field_that_does_not_hold_is_named(
    owner: AsyncClient, fields: dict[str, str], field: str | None
) -> None:
    answer = await send(owner, **fields)
    assert answer.status_code == 422, answer.text
    assert field is None or field in [error["field"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "text/csv"}, BANK.encode(), 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--y\r\nnothing", 400),
        ({"Content-Type": "multipart/form-data"}, b"x", 400),
        ({"Content-Type": "application/json"}, b"{", 400),
        ({"Content-Type": "application/json"}, b"[]", 422),
        ({"Content-Type": "application/json"}, json.dumps({"csv_data": 7}).encode(), 422),
    ],
)
async def test_what_is_no_upload_is_refused(
    owner: AsyncClient, headers: dict[str, str], content: bytes, status: int
) -> None:
    answer = await owner.post(ADDRESS, content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_upload_without_a_credential_is_not_read(anonymous: AsyncClient) -> None:
    assert (await send(anonymous)).status_code == 401


async def test_a_strangers_account_takes_no_file(owner: AsyncClient, their_owner: AsyncClient) -> None:
    theirs = (await send(their_owner)).json()
    files = {"file": ("march.csv", BANK.encode())}
    refused = await owner.post(ADDRESS, files=files, data={"account_id": theirs["account_id"]})
    assert (refused.status_code, refused.json()["code"]) == (404, "account_not_found")
    for address in ("", "/rows", "/rejects.csv"):
        assert (await owner.get(f"/api/core/imports/{theirs['batch_id']}{address}")).status_code == 404
        assert (await their_owner.get(f"/api/core/imports/{theirs['batch_id']}{address}")).status_code == 200


async def test_the_councils_file_comes_in_whole(owner: AsyncClient, data: Path) -> None:
    file = data / "purchases" / "council_cards_2013_2016.csv.gz"
    answer = await send(owner, file.read_bytes(), file.name, positive_is="out", date_order="dmy")
    assert answer.status_code == 201, answer.text
    rows = answer.json()["rows"]
    assert rows["in"] == rows["loaded"] + rows["duplicate"] + rows["quarantined"] == 131_618
