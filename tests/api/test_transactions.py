"""Transactions over HTTP."""

import json
from typing import Any

import pytest
from httpx import AsyncClient

ADDRESS = "/api/core/transactions"


def lunch(**fields: Any) -> dict[str, Any]:
    return {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe", **fields}


async def test_a_transaction_written_down_is_read_back(owner: AsyncClient) -> None:
    made = await owner.post(ADDRESS, json=lunch(notes="with Ana", tags=["team"], attributes={"till": "3"}))
    assert made.status_code == 201, made.text
    read = await owner.get(f"{ADDRESS}/{made.json()['transaction_id']}")
    assert read.json() == made.json()
    assert {k: read.json()[k] for k in ("date", "amount", "type", "notes", "tags")} == {
        "date": "2026-11-02", "amount": "-12.50", "type": "expense", "notes": "with Ana", "tags": ["team"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("number", "currency", "written"),
    [
        ("1234567890123456.78", "GBP", "1234567890123456.78"),  # a double would have rounded it
        ("0.1", "GBP", "0.10"),
        ('"-0.07"', "GBP", "-0.07"),
        ("1e2", "GBP", "100.00"),
        ("12", "JPY", "12"),
        ('"1.234"', "KWD", "1.234"),
        ("0", "GBP", "0.00"),
        ("-0.0", "GBP", "0.00"),
    ],
)
async def test_amounts_stay_exact(owner: AsyncClient, number: str, currency: str, written: str) -> None:
    body = json.dumps(lunch(currency=currency)).replace('"-12.50"', number)
    made = await owner.post(ADDRESS, content=body, headers={"Content-Type": "application/json"})
    assert made.json()["amount"] == written


async def test_instants_are_utc(owner: AsyncClient) -> None:
    made = (await owner.post(ADDRESS, json=lunch())).json()
    assert made["created_at"].endswith("Z")
    assert made["decided_at"] is None


async def test_tags_and_notes_are_kept_changed_and_found(owner: AsyncClient) -> None:
    new = lunch(tags=["team", "cash"], notes="with the auditors")
    made = (await owner.post(ADDRESS, json=new)).json()
    assert (made["tags"], made["notes"]) == (["team", "cash"], "with the auditors")
    assert len((await owner.get(f"{ADDRESS}?tag=cash")).json()["items"]) == 1
    changed = await owner.patch(f"{ADDRESS}/{made['transaction_id']}", json={"tags": ["team"], "notes": None})
    assert (changed.json()["tags"], changed.json()["notes"]) == (["team"], None)
    assert (await owner.get(f"{ADDRESS}?tag=cash")).json()["items"] == []


async def test_what_a_person_deleted_no_later_sync_brings_back(owner: AsyncClient) -> None:
    """Not the same file, nor a longer one, nor the same rows from another source; its history is there for ever."""
    rows = "Date,Description,Amount\n2026-11-03,Tea,-1.00\n2026-11-04,Bread,-2.00\n"
    into = {"account_name": "Imported", "positive_is": "in", "currency": "GBP"}
    loaded = (await owner.post("/api/core/csv-import", json={"csv_data": rows, **into})).json()
    [tea] = (await owner.get(f"{ADDRESS}?search=tea")).json()["items"]
    assert (await owner.delete(f"{ADDRESS}/{tea['transaction_id']}")).status_code == 204
    longer = rows + "2026-11-05,Milk,-3.00\n"
    again = [
        (await owner.post("/api/core/csv-import", json={"csv_data": text, **into})).json() for text in (rows, longer)
    ]
    assert loaded["rows"]["loaded"] == 2
    assert again[1]["rows"]["loaded"] == 1
    found = {each["description"] for each in (await owner.get(ADDRESS)).json()["items"]}
    assert found == {"Bread", "Milk"}
    versions = (await owner.get(f"{ADDRESS}/{tea['transaction_id']}/history")).json()["items"]
    assert [change["field"] for change in versions[0]["changes"]] == ["deleted_at"]


async def test_every_change_is_in_its_history(owner: AsyncClient) -> None:
    """Each field that a person may change, one at a time, and each with what it was before."""
    made = (await owner.post(ADDRESS, json=lunch())).json()
    address = f"{ADDRESS}/{made['transaction_id']}"
    changes = {
        "date": "2026-11-03", "amount": "-13.00", "description": "Cafe", "merchant": "Cafe Ltd", "notes": "n",
        "tags": ["t"], "reference": "r", "attributes": {"till": "3"},
    }  # fmt: skip
    for field, value in changes.items():
        assert (await owner.patch(address, json={field: value})).status_code == 200
    versions = (await owner.get(f"{address}/history")).json()["items"]
    told = [(change["field"], change["from"], change["to"]) for version in versions for change in version["changes"]]
    assert told[::-1] == [(field, made[field], value) for field, value in changes.items()]
