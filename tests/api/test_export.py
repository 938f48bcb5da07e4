"""Export over HTTP: what the list shows, as a file, exact and harmless."""

import asyncio
import csv
import io
from typing import Any

import openpyxl
import pytest
from httpx import AsyncClient, Response

ADDRESS = "/api/core/transactions"
LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}


@pytest.fixture
async def books(owner: AsyncClient) -> list[dict[str, Any]]:
    """A few transactions of every sort."""
    items = [
        {**LUNCH, "category": "groceries", "tags": ["team", "cash"], "attributes": {"till": "3"}},
        {**LUNCH, "date": "2026-10-01", "amount": "1234567890123456.78", "description": "=1+1", "notes": "-2"},
        {**LUNCH, "currency": "JPY", "amount": "1200", "description": 'Ramen; "large"\nwith egg'},
    ]
    answer = await owner.post(f"{ADDRESS}/bulk", json={"items": items})
    assert answer.status_code == 201, answer.text
    return list(answer.json()["items"])


async def export(client: AsyncClient, query: str) -> Response:
    answer = await client.get(f"{ADDRESS}/export?{query}")
    assert answer.status_code == 200, answer.text
    return answer


def read_csv(answer: Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


def read_xlsx(answer: Response) -> list[dict[str, Any]]:
    head, *rows = openpyxl.load_workbook(io.BytesIO(answer.content)).active.iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in rows]


QUERIES = [
    "",
    "&sort=amount",
    "&sort=-description",
    "&currency=GBP&sort=date",
    "&type=income",
    "&tag=team",
    "&uncategorized=true",
    "&start_date=2026-11-01",
    "&search=ramen",
    "&max_amount=0",
    "&type=transfer",
]


@pytest.mark.parametrize("query", QUERIES)
async def test_filters_and_sorts_are_the_lists(owner: AsyncClient, books: list[dict[str, Any]], query: str) -> None:
    listed = (await owner.get(f"{ADDRESS}?limit=1000{query}")).json()["items"]
    assert (await export(owner, f"format=json{query}")).json() == listed
    ids = [item["transaction_id"] for item in listed]
    assert [row["transaction_id"] for row in read_csv(await export(owner, f"format=csv{query}"))] == ids
    assert [row["transaction_id"] for row in read_xlsx(await export(owner, f"format=xlsx{query}"))] == ids


async def test_amounts_survive_and_formulas_do_not(owner: AsyncClient, books: list[dict[str, Any]]) -> None:
    ramen, lunch, large = read_csv(await export(owner, "format=csv&sort=-description"))
    assert (large["amount"], large["description"], large["notes"]) == ("1234567890123456.78", "'=1+1", "'-2")
    assert (lunch["amount"], lunch["date"], lunch["tags"]) == ("-12.50", "2026-11-02", "team, cash")
    assert (lunch["attributes"], lunch["confidence"]) == ('{"till": "3"}', "1.0")
    assert (ramen["amount"], ramen["description"]) == ("1200", 'Ramen; "large"\nwith egg')


async def test_a_workbook_has_numbers_and_days(owner: AsyncClient, books: list[dict[str, Any]]) -> None:
    ramen, lunch, large = read_xlsx(await export(owner, "format=xlsx&sort=-description"))
    assert (large["amount"], large["description"], large["notes"]) == ("1234567890123456.78", "'=1+1", "'-2")
    assert (lunch["amount"], lunch["date"].date().isoformat(), lunch["version"]) == (-12.5, "2026-11-02", 1)
    assert (ramen["amount"], ramen["merchant"], ramen["confidence"]) == (1200, None, None)


@pytest.mark.parametrize(
    ("name", "kind"), [("csv", "text/csv"), ("xlsx", "application/vnd.openxml"), ("json", "application/json")]
)
async def test_the_file_has_a_name_and_a_kind(owner: AsyncClient, name: str, kind: str) -> None:
    answer = await owner.get(f"/api/core/transactions/export?format={name}", headers={"Accept-Encoding": "identity"})
    assert answer.headers["content-disposition"] == f'attachment; filename="transactions.{name}"'
    assert answer.headers["content-type"].startswith(kind)
    assert int(answer.headers["content-length"]) == len(answer.content)


async def test_of_nothing_there_are_the_names_alone(owner: AsyncClient) -> None:
    assert (await export(owner, "format=json")).json() == []
    [head] = csv.reader(io.StringIO((await export(owner, "format=csv")).text))
    assert head[:4] == ["transaction_id", "account_id", "date", "amount"]
    assert read_xlsx(await export(owner, "format=xlsx")) == []


async def test_a_byte_order_mark_comes_when_asked(owner: AsyncClient) -> None:
    assert (await export(owner, "format=csv&bom=true")).content.startswith(b"\xef\xbb\xbftransaction_id")
    assert (await export(owner, "format=csv")).content.startswith(b"transaction_id")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("format=pdf", 422),
        ("format=csv&start_date=yesterday", 422),
        ("format=csv&sort=colour", 422),
        ("format=csv&limit=5", 422),
        ("format=csv&account_id=01a2229e-2833-74a7-a5c0-74d6bfe1daf6", 404),
    ],
)
async def test_what_is_wrong_is_said_before_the_first_byte(owner: AsyncClient, query: str, status: int) -> None:
    answer = await owner.get(f"{ADDRESS}/export?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_more_than_is_read_at_once_is_one_state_of_the_books(owner: AsyncClient) -> None:
    """While it is read others write; the file has what was there, each once, and in order."""
    for _ in range(5):
        items = [{**LUNCH, "amount": f"-{number}.10"} for number in range(1, 1001)]
        await owner.post(f"{ADDRESS}/bulk", json={"items": items})
    answer, *_ = await asyncio.gather(
        export(owner, "format=json&sort=amount"),
        *(owner.post(f"{ADDRESS}/bulk", json={"items": [LUNCH] * 7}) for _ in range(3)),
    )
    rows = answer.json()
    assert len({row["transaction_id"] for row in rows}) == len(rows)
    assert len(rows) in {5000, 5007, 5014, 5021}
    amounts = [float(row["amount"]) for row in rows]
    assert amounts == sorted(amounts)
