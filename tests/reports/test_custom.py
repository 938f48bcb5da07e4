"""Custom reports: dimensions, measures and filters, to be added up by hand; each row followed down."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ai2.books.rates import service as rates
from ai2.reports.model import Asked
from tests.bookkeeping import Books
from tests.reports.reading import assert_explained, explained, figures, made

CUSTOM = Asked(
    report="custom", start_date=date(2026, 1, 1), end_date=date(2026, 3, 31), dimensions=("category",),
    measures=("expense",),
)  # fmt: skip


@pytest.fixture
async def tagged(books: Books) -> Books:
    """Two transactions of two tags, of which one is split."""
    async with books.database.transaction(books.organization_id) as db:
        for tags, where in ((["home", "fixed"], "description like 'Rent%%'"), (["home"], "amount = -40.10")):
            query = f"update books.transactions set tags = %s where organization_id = %s and {where}"
            await db.execute(query, [tags, books.organization_id])  # type: ignore[arg-type]
    return books


async def test_by_category_with_the_rest_in_other(books: Books) -> None:
    report = await made(books, CUSTOM)
    told = figures(report.tables[1])
    assert [told["Rent"], told["Electronics"], told["Not categorised"], told["Wages"], told["Total"]] == [
        Decimal("850.00"), Decimal("25.05"), Decimal("9.99"), 0, Decimal("885.04"),
    ]  # fmt: skip
    few = figures((await made(books, replace(CUSTOM, rows=1))).tables[1])
    assert (few["Rent"], few["Other"], few["Total"]) == (Decimal("850.00"), Decimal("35.04"), Decimal("885.04"))


async def test_every_measure(books: Books) -> None:
    every = ("amount", "income", "expense", "net", "count", "average", "smallest", "largest")
    report = await made(books, replace(CUSTOM, dimensions=("section",), measures=every))
    pounds = report.tables[1]
    told = {
        measure: figures(pounds, f"{pounds.columns[0].start}_{pounds.columns[0].end}_{measure}") for measure in every
    }
    assert {name: row["Expenses"] for name, row in told.items()} == {
        "amount": Decimal("-885.04"), "income": 0, "expense": Decimal("885.04"), "net": Decimal("-885.04"),
        "count": 4, "average": Decimal("-221.26"), "smallest": Decimal("-850.00"), "largest": Decimal("15.05"),
    }  # fmt: skip
    assert (told["net"]["Total"], told["count"]["Total"]) == (Decimal("1114.96"), 7)


async def test_a_row_of_each_tag_and_the_total_once(tagged: Books) -> None:
    report = await made(tagged, replace(CUSTOM, dimensions=("tag",), filters=(("currency", ("GBP",)),)))
    (pounds,) = report.tables
    told = figures(pounds)
    assert (told["home"], told["fixed"]) == (Decimal("890.10"), Decimal("850.00"))
    assert told["Total"] == Decimal("885.04")
    assert "tags_overlap" in {note.code for note in report.notes}


FILTERS = [
    (("merchant", (None,)), None),
    (("amount_from", ("-10",)), Decimal("-5.06")),
    (("amount_to", ("-10",)), Decimal("890.10")),
    (("description", ("elec", "2026-02-14")), Decimal("-15.05")),
    (("month", ("2026-01",)), Decimal("850.00")),
    (("quarter", ("2026-01",)), Decimal("885.04")),
    (("year", ("2025-01",)), None),
    (("section", ("expense",)), Decimal("885.04")),
    (("tag", ("home",)), Decimal("890.10")),
    (("tag", ("fixed", None)), Decimal("844.94")),
    (("decided_by", ("user",)), Decimal("875.05")),
    (("decided_by", (None,)), Decimal("9.99")),
    (("category", (None,)), Decimal("9.99")),
]


@pytest.mark.parametrize(("wanted", "expected"), FILTERS)
async def test_filters(tagged: Books, wanted: tuple[str, tuple[str | None, ...]], expected: Decimal | None) -> None:
    asked = replace(CUSTOM, filters=(("currency", ("GBP",)), wanted))
    report = await made(tagged, asked)
    assert (figures(report.tables[0])["Total"] if report.tables else None) == expected
    await assert_explained(tagged, report)


SHAPES = [
    {"dimensions": ("category", "month")},
    {"dimensions": ("group", "account", "section"), "measures": ("amount", "count")},
    {"dimensions": ("tag",), "rows": 1},
    {"dimensions": ("tag", "month"), "rows": 2},
    {"dimensions": ("merchant", "decided_by"), "rows": 2, "measures": ("net", "average")},
    {"dimensions": ("year", "quarter", "currency"), "order_by": "size"},
    {"dimensions": ("category",), "group_by": "month", "compare_to": "previous_period"},
    {"dimensions": ("section",), "measures": ("count", "income"), "compare_to": "previous_year"},
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("currency", [None, "GBP"])
async def test_every_cell_is_the_sum_of_its_parts(
    tagged: Books, shape: dict[str, object], currency: str | None
) -> None:
    async with tagged.database.transaction(tagged.organization_id) as db:
        await rates.set_own(
            db, tagged.organization_id, base="EUR", quote="GBP", on=date(2026, 2, 14), rate=Decimal("0.8333"),
            set_by="test",
        )  # fmt: skip
    asked = replace(CUSTOM, currency=currency, end_date=date(2026, 2, 20), **shape)  # type: ignore[arg-type]
    report = await made(tagged, asked)
    await assert_explained(tagged, report)
    if "tag" not in asked.dimensions:
        for table in report.tables:
            for column in table.columns:
                cells = [table.by_place[line.key, column.key].amount for line in table.lines if line.kind == "item"]
                if column.measure != "average" and not column.is_derived:
                    assert sum(each or 0 for each in cells) == table.by_place["total", column.key].amount


async def test_a_row_names_its_transactions(books: Books) -> None:
    report = await made(books, CUSTOM)
    table = report.tables[1]
    line = next(line.key for line in table.lines if line.label == "Electronics")
    _, entries = await explained(books, report, f"GBP.{line}.{table.columns[0].key}", limit=1)
    assert [each.amount for each in entries] == [Decimal("40.10"), Decimal("-15.05")]
