"""Amounts survive: what goes in as text or as a JSON number comes out digit by digit, whichever way it goes."""

import csv
import io
import json
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from httpx import AsyncClient

ADDRESS = "/api/core/transactions"
LARGE = "1234567890123456.78"  # as a double it is ...456.75 or ...457
LUNCH = {"date": "2026-11-02", "currency": "GBP", "description": "Corner Cafe"}
JSON = {"Content-Type": "application/json"}


async def posted(client: AsyncClient, path: str, body: str) -> dict[str, Any]:
    answer = await client.post(path, content=body.encode(), headers=JSON)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("written", [f'"{LARGE}"', LARGE, f'"-{LARGE}"', f"-{LARGE}"])
async def test_an_amount_comes_back_as_it_was(owner: AsyncClient, written: str) -> None:
    wanted = written.strip('"')
    item = json.dumps(LUNCH)[:-1] + f', "amount": {written}}}'
    made = await posted(owner, ADDRESS, item)
    assert made["amount"] == wanted
    one = f"{ADDRESS}/{made['transaction_id']}"
    assert f'"amount":"{wanted}"' in (await owner.get(one)).text
    assert [each["amount"] for each in (await owner.get(ADDRESS)).json()["items"]] == [wanted]
    sought = (await owner.get(f"{ADDRESS}?min_amount={wanted}&max_amount={wanted}")).json()["items"]
    assert len(sought) == 1
    changed = await owner.patch(one, content=f'{{"amount": {written}, "notes": "seen"}}'.encode(), headers=JSON)
    assert changed.json()["amount"] == wanted
    many = await posted(owner, f"{ADDRESS}/bulk", f'{{"items": [{item}, {item}]}}')
    assert [each["amount"] for each in many["items"]] == [wanted] * 2


async def test_an_amount_leaves_in_every_file_and_comes_back_from_it(owner: AsyncClient) -> None:
    await posted(owner, ADDRESS, json.dumps({**LUNCH, "amount": LARGE}))
    await posted(owner, ADDRESS, json.dumps({**LUNCH, "amount": "-0.10"}))
    exported = {
        kind: (await owner.get(f"{ADDRESS}/export?format={kind}&sort=-amount")).content
        for kind in ("csv", "json", "xlsx")
    }
    assert [row["amount"] for row in json.loads(exported["json"])] == [LARGE, "-0.10"]
    assert [row["amount"] for row in csv.DictReader(io.StringIO(exported["csv"].decode()))] == [LARGE, "-0.10"]
    head, large, small = openpyxl.load_workbook(io.BytesIO(exported["xlsx"])).active.iter_rows(values_only=True)
    at = head.index("amount")
    assert large[at] == LARGE, "a cell that is a number has fifteen digits: this one is told as text"
    assert Decimal(repr(small[at])) == Decimal("-0.10")
    for kind in ("csv", "xlsx"):
        assert sorted(await _imported(owner, exported[kind], kind)) == ["-0.10", LARGE], kind


async def _imported(owner: AsyncClient, content: bytes, kind: str) -> list[str]:
    """The amounts of our own export, brought into a new account."""
    form = {"account_name": f"From {kind}", "currency": "GBP"}
    answer = await owner.post("/api/core/csv-import", data=form, files={"file": (f"transactions.{kind}", content)})
    assert answer.status_code == 201, answer.text
    assert answer.json()["rows"] == {"in": 2, "loaded": 2, "duplicate": 0, "quarantined": 0}
    listed = await owner.get(f"{ADDRESS}?account_id={answer.json()['account_id']}")
    return [each["amount"] for each in listed.json()["items"]]
