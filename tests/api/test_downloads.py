"""Downloads over HTTP: a report in each format, only for those whose it is, and never as something else."""

import asyncio
import csv
import io
from typing import Any

import openpyxl
import pytest
from httpx import AsyncClient

from api.analytics import downloads

A = "/api/analytics"
ASKED = {"report": "profit_and_loss", "start_date": "2026-01-01", "end_date": "2026-03-31", "group_by": "month"}
LUNCH = {"date": "2026-02-02", "amount": "-12.50", "currency": "GBP", "description": "Cafe", "category": "groceries"}
KINDS = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "html": "text/html; charset=utf-8",
}


@pytest.fixture
async def report(owner: AsyncClient) -> dict[str, Any]:
    assert (await owner.post("/api/core/transactions", json=LUNCH)).status_code == 201
    answer = await owner.post(f"{A}/generate-report", json={**ASKED, "format": "pdf"})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


@pytest.mark.parametrize("name", KINDS)
async def test_each_format_is_a_file_with_its_type_and_name(
    owner: AsyncClient, report: dict[str, Any], name: str
) -> None:
    answer = await owner.get(f"{A}/reports/{report['report_id']}/download?format={name}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == KINDS[name]
    file_name = f"Profit and loss 2026-01-01 to 2026-03-31.{name}"
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="{file_name}"')
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].endswith("sandbox")
    match name:
        case "json":
            assert answer.json() == (await owner.get(f"{A}/reports/{report['report_id']}")).json()
        case "csv":
            assert ["Net profit", "total", "0", "GBP", "0.00", "-12.50", "0.00", "-12.50", ""] in list(
                csv.reader(io.StringIO(answer.text, newline=""))
            )
        case "xlsx":
            rows = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0].iter_rows(values_only=True)
            assert ("Net profit", 0, -12.5, 0, -12.5) in list(rows)
        case "pdf":
            assert answer.content.startswith(b"%PDF-1.7")
        case "html":
            assert "−12.50" in answer.text


async def test_the_address_that_a_report_gives_is_the_format_that_was_asked_for(
    owner: AsyncClient, report: dict[str, Any]
) -> None:
    assert (await owner.get(report["download_url"])).headers["content-type"] == "application/pdf"


@pytest.mark.parametrize("name", KINDS)
async def test_a_stranger_has_none_of_them(
    owner: AsyncClient, their_owner: AsyncClient, report: dict[str, Any], name: str
) -> None:
    address = f"{A}/reports/{report['report_id']}/download?format={name}"
    answer = await their_owner.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert (await owner.get(address)).status_code == 200


@pytest.mark.parametrize("query", ["", "?format=docx", "?format=pdf&other=1", "?format=PDF"])
async def test_what_is_no_format_is_refused(owner: AsyncClient, report: dict[str, Any], query: str) -> None:
    answer = await owner.get(f"{A}/reports/{report['report_id']}/download{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_others_are_answered_while_a_file_is_made(
    owner: AsyncClient, report: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    let, begun = asyncio.Event(), asyncio.Event()
    loop, make = asyncio.get_running_loop(), downloads.render

    def slow(*told: Any) -> Any:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(let.wait(), loop).result(20)
        return make(*told)

    monkeypatch.setattr(downloads, "render", slow)
    making = asyncio.create_task(owner.get(report["download_url"]))
    await asyncio.wait_for(begun.wait(), 20)
    assert (await owner.get(f"{A}/reports")).status_code == 200
    let.set()
    assert (await making).status_code == 200
