"""Charts: they say what the tables say, in colours that all can tell apart, and hold nothing but data."""

import json
import math
import re
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from itertools import combinations

import pytest

from ai2.books.budgets import service as budgets
from ai2.books.budgets.service import NewBudget
from ai2.books.categories import service as categories
from ai2.kit.periods import Period
from ai2.reports.charts import drawer, look, service, words
from ai2.reports.charts.flows import income_expenses
from ai2.reports.charts.look import together
from ai2.reports.charts.model import Chart
from ai2.reports.charts.of_reports import for_report, pictures
from ai2.reports.charts.page import page
from ai2.reports.charts.service import ChartAsked
from ai2.reports.charts.spending import spending
from ai2.reports.charts.words import Point
from ai2.reports.columns import columns
from ai2.reports.model import Asked, Cell, Line, Table, Where
from ai2.reports.render.paper import pdf
from tests.bookkeeping import Books
from tests.reports.reading import figures, made

QUARTER = Period(date(2026, 1, 1), date(2026, 3, 31))
SCRIPT = "</script><script>alert('1')</script><img src=x onerror=alert(1)>"


def table(currency: str, asked: Asked, lines: dict[tuple[str, str], list[str | None]]) -> Table:
    found = columns(asked)
    return Table(
        key=currency, title="", currency=currency, columns=found,
        lines=tuple(Line(key=key, label=label, where=Where()) for key, label in lines),
        cells=tuple(
            Cell(key, column.key, None if amount is None else Decimal(amount))
            for (key, _), amounts in lines.items() for column, amount in zip(found, amounts, strict=True)
        ),
    )  # fmt: skip


def spent(currency: str, **amounts: str | None) -> Chart:
    asked = Asked(report="spending", start_date=QUARTER.start, end_date=QUARTER.end)
    return spending(table(currency, asked, {(f"expense-{name}", name): [value] for name, value in amounts.items()}))


async def drawn(books: Books, name: str, **asked: object) -> list[Chart]:
    async with books.database.transaction(books.organization_id) as db:
        wanted = ChartAsked(name=name, period=QUARTER, **asked)  # type: ignore[arg-type]
        return await service.charts(db, books.organization_id, wanted, today=date(2026, 4, 2))


class TestOfTheBooks:
    async def test_a_charts_table_is_that_of_the_report(self, books: Books) -> None:
        report = await made(
            books, Asked(report="trend", start_date=QUARTER.start, end_date=QUARTER.end, group_by="month")
        )
        euros, pounds = await drawn(books, "income_expenses")
        assert (euros.currency, pounds.currency) == ("EUR", "GBP")
        for column, row in zip(report.tables[1].columns, pounds.rows, strict=False):
            assert row == (column.label, *figures(report.tables[1], column.key).values())
        places = {(each["column"], each["kind"]): each["drawn"] for each in _data(pounds) if "drawn" in each}
        assert places["Jan 2026", "Income"] == 2000.0
        assert places["Feb 2026", "Expenses"] == -35.04

    async def test_spending_the_waterfall_and_balances_add_up(self, books: Books) -> None:
        _, pounds = await drawn(books, "spending")
        assert sum(row[1] for row in pounds.rows) == Decimal("885.04")
        assert pounds.summary.startswith(
            "Spending: 885.04 GBP in all. Largest: Rent and utilities: Rent 850.00 GBP (96 %)"
        )
        _, flow = await drawn(books, "cash_flow")
        assert sum(row[1] for row in flow.rows[:-1]) == flow.rows[-1][1] == Decimal("1114.96")
        assert "Cash rose by 1,114.96 GBP." in flow.summary
        _, held = await drawn(books, "balances")
        assert held.columns == ("At the end of", "Current GBP", "Savings GBP")
        assert held.rows[-1] == ("31 Mar 2026", Decimal("714.96"), Decimal("500.00"))

    async def test_budgets_are_what_the_budgets_say(self, books: Books) -> None:
        async with books.database.transaction(books.organization_id) as db:
            known = {each.name: each for each in await categories.list_all(db, books.organization_id)}
            for name, amount in (("Rent", "800"), ("Electronics", "10")):
                new = NewBudget(
                    category_id=known[name].category_id, currency="GBP", amount=Decimal(amount),
                    first_month=date(2026, 1, 1), overrides={date(2026, 2, 1): Decimal("7.50")},
                )  # fmt: skip
                await budgets.create(db, books.organization_id, new)
            stand = [
                each
                for month in (1, 2, 3)
                for each in await budgets.standing(db, books.organization_id, date(2026, month, 1))
                if each.month
            ]
        [chart] = await drawn(books, "budget")
        for name, planned, actual, left in chart.rows:
            own = [each.month for each in stand if each.budget.category == name]
            assert (planned, actual) == (sum(each.planned for each in own), sum(each.spent for each in own))
            assert left == planned - actual
        assert chart.summary == "All 2 budgets are kept."
        report = await made(books, Asked(report="budget", start_date=QUARTER.start, end_date=QUARTER.end))
        assert [each.rows for each in for_report(report)] == [chart.rows]

    async def test_a_report_has_the_charts_of_its_kind(self, books: Books) -> None:
        asked = {"start_date": QUARTER.start, "end_date": QUARTER.end, "group_by": "month"}
        for name, expected in (
            ("profit_and_loss", ["income_expenses", "spending"]), ("balance_sheet", ["balances"]),
            ("cash_flow", ["cash_flow"]), ("trend", ["income_expenses"]), ("spending", ["spending"]),
        ):  # fmt: skip
            report = await made(books, Asked(report=name, **asked))  # type: ignore[arg-type]
            assert [each.name for each in for_report(report) if each.currency == "GBP"] == expected

    async def test_a_report_on_paper_has_its_charts(self, books: Books) -> None:
        report = await made(books, Asked(report="cash_flow", start_date=QUARTER.start, end_date=QUARTER.end))
        found = pictures(report)
        assert [each.title for each in found] == ["Cash flow, EUR", "Cash flow, GBP"]
        with_them, without = (pdf(report, charts) for charts in (found, ()))
        assert with_them.startswith(b"%PDF")
        assert len(with_them) > len(without) + 2000


class TestWords:
    @pytest.mark.parametrize(
        ("amounts", "said"),
        [
            (["1", "3", "2"], "Net: highest 3.00 GBP (b), lowest 1.00 GBP (a); up 1.00 GBP (100 %) from a to c."),
            (
                ["-5", "-1"],
                "Net: highest -1.00 GBP (b), lowest -5.00 GBP (a); up 4.00 GBP from a to b.",
            ),
            (["4"], "Net: 4.00 GBP (a)."),
            (["4", "4"], "Net: 4.00 GBP throughout, from a to b."),
            (["2", "3", "2"], "Net: highest 3.00 GBP (b), lowest 2.00 GBP (a); no change from a to c."),
            (["4", None], "Net: 4.00 GBP (a). Net cannot be told of b."),
            ([], ""),
        ],
    )
    def test_how_it_went(self, amounts: list[str | None], said: str) -> None:
        points = [Point(label, each and Decimal(each)) for label, each in zip("abc", amounts, strict=False)]  # type: ignore[arg-type]
        assert words.course("Net", points, "GBP") == said

    def test_shares_only_of_what_is_a_whole(self) -> None:
        assert "(75 %)" in spent("GBP", Rent="75", Food="25").summary
        assert "%" not in spent("GBP", Rent="75", Refund="-25").summary

    def test_yen_have_no_decimals(self) -> None:
        assert spent("JPY", Rent="1200000").summary.startswith("Spending: 1,200,000 JPY in all.")

    def test_nothing_says_so_and_an_unknown_figure_is_no_zero(self) -> None:
        assert spent("GBP", Rent="0").summary == "Spending by category: there is nothing to show in these days."
        unknown = spent("GBP", Rent="5", Food=None)
        assert unknown.rows[-1] == ("Food", None, None)
        assert unknown.summary.endswith("Spending cannot be told of Food.")


class TestPictures:
    async def test_texts_of_the_books_are_texts(self) -> None:
        chart = spent("GBP", **{SCRIPT: "5"})
        svg = (await drawer.draw(chart.spec, "svg")).decode()
        assert "&lt;script&gt;" in svg
        assert harmful(svg) == []
        html = await page(SCRIPT, [chart])
        assert harmful(html) == ["script"], "Vega's own"
        assert html.count("</script>") == 1
        assert harmful(f"<svg><desc>{SCRIPT}</desc></svg>") == ["script", "img", "onerror"], "the control"

    async def test_a_page_names_no_address(self) -> None:
        html = await page("Spending", [spent("GBP", Rent="75")])
        assert set(re.findall(r"https?://[^/\"'`\s]+", html)) == {"http://www.w3.org"}, "names of XML, never fetched"
        assert "<table>" in html
        assert '<th scope="row">Rent</th><td class="amount">75.00</td>' in html

    async def test_a_drawing_fetches_nothing(self) -> None:
        spec = {**spent("GBP", Rent="75").spec, "data": {"url": "http://127.0.0.1:9/theirs.json"}}
        spec["layer"] = [{key: value for key, value in each.items() if key != "data"} for each in spec["layer"]]
        with pytest.raises(drawer.DrawingFailed):
            await drawer.draw(spec, "svg")

    async def test_every_chart_is_drawn_with_what_it_says(self) -> None:
        asked = Asked(report="trend", start_date=date(2021, 1, 1), end_date=date(2025, 12, 31), group_by="month")
        amounts: list[str | None] = [str(each * 1000 - 9000) for each in range(60)]
        lines = {
            ("income", "Income"): [*amounts, "1"],
            ("expense", "E"): [*amounts[::-1], "1"],
            ("net", "N"): ["0"] * 61,
        }
        charts = [income_expenses(table("JPY", asked, lines)), spent("GBP", Rent="-1"), spent("EUR")]
        svg = (await drawer.draw(together([each.spec for each in charts]), "svg")).decode()
        for each in charts:
            assert each.title in svg
        assert "<desc>Income: highest 50,000 JPY (Dec 2025), lowest -9,000 JPY (Jan 2021)" in svg
        assert (await drawer.draw(charts[0].spec, "png")).startswith(b"\x89PNG")


# Machado, Oliveira and Fernandes (2009), severity 1.0, of linear RGB.
SEEN = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900),
    ),
}  # fmt: skip
# What a chart has beside each other.
PAIRS = {*combinations((look.INCOME, look.EXPENSE, look.INK), 2), (look.EXPENSE, look.GREEN)}


class TestColours:
    @pytest.mark.parametrize("sight", SEEN)
    def test_can_be_told_apart(self, sight: str) -> None:
        lines = set(combinations(look.LINES, 2))
        near = {pair: distance(*(seen(each, SEEN[sight]) for each in pair)) for pair in lines | PAIRS}
        assert min(near[pair] for pair in PAIRS) > 15, near
        assert min(near[pair] for pair in lines) > 10, near

    def test_the_measure_sees_colours_that_cannot(self) -> None:
        red, green = "#C0504D", "#6B8E3A"
        assert distance(seen(red, SEEN["all"]), seen(green, SEEN["all"])) > 40
        assert distance(seen(red, SEEN["deuteranopia"]), seen(green, SEEN["deuteranopia"])) < 15

    def test_published_pairs_of_the_measure(self) -> None:
        """Sharma, Wu and Dalal (2005)."""
        assert round(distance((50, 2.6772, -79.7751), (50, 0, -82.7485)), 4) == 2.0425
        assert round(distance((50, 2.5, 0), (73, 25, -18)), 4) == 27.1492

    def test_lines_have_a_dash_and_a_shape_of_their_own(self) -> None:
        assert len({*map(tuple, look.DASHES)}) == len(set(look.SHAPES)) == len(look.LINES)


class Markup(HTMLParser):
    """Elements and attributes that do something, or lead elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [tag] if tag in ("script", "img", "a", "iframe", "image", "foreignobject") else []
        self.found += [name for name, _ in attrs if name.startswith("on") or name.endswith("href")]


def harmful(text: str) -> list[str]:
    parser = Markup()
    parser.feed(text)
    return parser.found


def _data(chart: Chart) -> list[dict[str, object]]:
    return [row for values in chart.spec["datasets"].values() for row in values] if "datasets" in chart.spec else [
        row for layer in chart.spec["layer"] for row in layer.get("data", {}).get("values", [])
    ]  # fmt: skip


def seen(colour: str, matrix: tuple[tuple[float, ...], ...]) -> tuple[float, float, float]:
    """A colour as it is seen, in CIELAB (D65)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    r, g, b = (min(max(sum(m * c for m, c in zip(row, linear, strict=True)), 0), 1) for row in matrix)
    xyz = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047, 0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883,
    )  # fmt: skip
    x, y, z = (each ** (1 / 3) if each > 0.008856 else 7.787 * each + 16 / 116 for each in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """CIEDE2000."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    middle = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(middle**7 / (middle**7 + 25**7)))
    (c1, h1), (c2, h2) = (
        (math.hypot(a * (1 + g), b), math.degrees(math.atan2(b, a * (1 + g))) % 360) for a, b in ((a1, b1), (a2, b2))
    )
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    dh = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    lm, cm = (l1 + l2) / 2, (c1 + c2) / 2
    hm = h1 + h2 if c1 * c2 == 0 else ((h1 + h2) / 2 + (180 if abs(h1 - h2) > 180 and h1 + h2 < 360 else 0)
                                       - (180 if abs(h1 - h2) > 180 and h1 + h2 >= 360 else 0))  # fmt: skip
    t = 1 - 0.17 * _cos(hm - 30) + 0.24 * _cos(2 * hm) + 0.32 * _cos(3 * hm + 6) - 0.20 * _cos(4 * hm - 63)
    sl = 1 + 0.015 * (lm - 50) ** 2 / math.sqrt(20 + (lm - 50) ** 2)
    sc, sh = 1 + 0.045 * cm, 1 + 0.015 * cm * t
    rc = 2 * math.sqrt(cm**7 / (cm**7 + 25**7))
    rt = -math.sin(math.radians(60 * math.exp(-(((hm - 275) / 25) ** 2)))) * rc
    dl, dc = (l2 - l1) / sl, (c2 - c1) / sc
    return math.sqrt(dl**2 + dc**2 + (dh / sh) ** 2 + rt * dc * (dh / sh))


def _cos(degrees: float) -> float:
    return math.cos(math.radians(degrees))


def test_a_specification_is_plain_json() -> None:
    assert json.loads(json.dumps(spent("GBP", Rent="75").spec, allow_nan=False))
