"""Recomputed: what a report has to say, worked out in plain Python from the rows of the books alone.

It shares nothing with what it holds to account: no mart, no view, no code of the reports or of the rates.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from ai2.reports.model import Asked
from tests.bookkeeping import Books

DECIMALS = {"GBP": 2, "EUR": 2, "USD": 2, "JPY": 0}
EXACT, TWELVE_DIGITS = Context(prec=60), Context(prec=12, rounding=ROUND_HALF_EVEN)
ZERO = Decimal(0)
# Sections of which reports, and the sign by which a debit counts in each.
SIGNS = {
    "profit_and_loss": {"income": -1, "expense": 1},
    "cash_flow": {"income": -1, "expense": -1},
    "spending": {"expense": 1},
    "category_breakdown": {"income": -1, "expense": 1, "transfer": -1},
    "trend": {"income": -1, "expense": 1},
}


class Leg(NamedTuple):
    """One side of a transaction; a debit is positive."""

    section: str
    account_id: UUID
    category_id: UUID | None
    day: date
    amount: Decimal
    currency: str
    transaction_id: UUID
    place: int


class Span(NamedTuple):
    """What a column is of."""

    role: str
    start: date | None
    end: date


@dataclass(frozen=True)
class Rows:
    """The books as they lie in their tables."""

    legs: list[Leg]
    openings: dict[UUID, Decimal]
    currencies: dict[UUID, str]
    owed: set[UUID]
    groups: dict[UUID, UUID]
    rates: list[tuple[str, str, date, Decimal]]
    fiscal_year_start: int

    def convert(self, amount: Decimal, base: str, into: str, day: date) -> Decimal | None:
        """By the organization's own rate of the day, or of the last of seven before; nothing needs none."""
        if base == into or not amount:
            return amount
        known = [
            (on, rate if one == base else TWELVE_DIGITS.divide(Decimal(1), rate))
            for one, other, on, rate in self.rates
            if {one, other} == {base, into} and day - timedelta(days=7) <= on <= day
        ]
        if not known:
            return None
        rate = TWELVE_DIGITS.plus(max(known)[1])
        unit = Decimal(1).scaleb(-DECIMALS[into])
        return EXACT.multiply(amount, rate).quantize(unit, rounding=ROUND_HALF_UP, context=EXACT)


@dataclass(frozen=True)
class Expected:
    """A table: its columns, the figures of each line, and of the items the entries behind each."""

    columns: list[Span]
    figures: dict[str, list[Decimal | None]]
    entries: dict[tuple[str, int], set[tuple[UUID, int, Decimal]]]


async def rows_of(books: Books) -> Rows:
    """The organization's rows."""
    categories = {
        each["category_id"]: each
        for each in await _all(books, "select category_id, parent_id, kind from books.categories")
    }
    transactions = await _all(
        books,
        """
        select transaction_id, account_id, category_id, booked_on, amount, currency::text as currency, splits
        from books.transactions where status = 'posted' and deleted_at is null
        """,
    )
    legs = [leg for each in transactions for leg in _legs(each, categories)]
    accounts = await _all(
        books,
        """
        select account_id, kind, currency::text as currency, opening_balance, opening_on, anchored_on, anchored_balance
        from books.accounts
        """,
    )
    rates = await _all(
        books,
        "select base::text as base, quote::text as quote, quoted_on, rate from books.own_rates where known_to is null",
    )
    [organization] = await _all(books, "select fiscal_year_start from identity.organizations")
    return Rows(
        legs=legs,
        openings={each["account_id"]: _opening(each, legs) for each in accounts},
        currencies={each["account_id"]: each["currency"] for each in accounts},
        owed={each["account_id"] for each in accounts if each["kind"] in ("card", "loan")},
        groups={key: each["parent_id"] or key for key, each in categories.items()},
        rates=[(each["base"], each["quote"], each["quoted_on"], each["rate"]) for each in rates],
        fiscal_year_start=organization["fiscal_year_start"],
    )


async def _all(books: Books, query: str) -> list[dict[str, Any]]:
    joined = f"{query} {'and' if ' where ' in query else 'where'} organization_id = %s"
    async with books.database.transaction(books.organization_id) as db:
        return await (await db.execute(joined, [books.organization_id])).fetchall()


def _legs(row: Mapping[str, Any], categories: Mapping[UUID, Mapping[str, Any]]) -> Iterator[Leg]:
    def leg(section: str, category_id: UUID | None, amount: Decimal, place: int) -> Leg:
        own = (row["booked_on"], amount, row["currency"], row["transaction_id"], place)
        return Leg(section, row["account_id"], category_id, *own)

    yield leg("account", None, row["amount"], 0)
    whole = [{"amount": row["amount"], "category_id": row["category_id"]}]
    for place, part in enumerate(row["splits"] or whole, 1):
        category_id = UUID(str(part["category_id"])) if part["category_id"] else None
        amount = Decimal(part["amount"])
        section = "income" if amount > 0 else "expense"
        if category_id:
            section = categories[category_id]["kind"]
        yield leg(section, category_id, -amount, place)


def _opening(account: Mapping[str, Any], legs: Iterable[Leg]) -> Decimal:
    if account["opening_on"] or account["opening_balance"] or not account["anchored_on"]:
        return Decimal(account["opening_balance"])
    moved = [
        leg.amount
        for leg in legs
        if (leg.section, leg.account_id) == ("account", account["account_id"]) and leg.day <= account["anchored_on"]
    ]
    return Decimal(account["anchored_balance"] - sum(moved, ZERO))


def spans(asked: Asked, fiscal_year_start: int) -> list[Span]:
    """The columns, cut day by day."""
    number = (asked.end_date - asked.start_date).days + 1
    days = [asked.start_date + timedelta(days=each) for each in range(number)]

    def piece(day: date) -> int:
        month = day.year * 12 + day.month - fiscal_year_start
        return {"none": 0, "month": month, "quarter": month // 3, "year": month // 12}[asked.group_by]

    own = [list(each) for _, each in groupby(days, key=piece)]
    if asked.report == "balance_sheet":
        columns = [Span("balance", None, each[-1]) for each in own]
    else:
        columns = [Span("period", each[0], each[-1]) for each in own]
        columns += [Span("period", days[0], days[-1])] * (len(own) > 1)
    if not asked.compare_to:
        return columns
    back = _a_year_back if asked.compare_to == "previous_year" else _period_back(asked)
    return [
        Span(role, start and by(start), by(end))
        for _, start, end in columns
        for role, by in ((_, _stay), ("comparison", back), ("change", _stay), ("change_pct", _stay))
    ]


def _stay(day: date) -> date:
    return day


def _is_last(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


def _a_year_back(day: date) -> date:
    return _months_back(day, 12)


def _months_back(day: date, number: int) -> date:
    """The same day of an earlier month; a month's last day stays the last."""
    index = day.year * 12 + day.month - 1 - number
    after = date((index + 1) // 12, (index + 1) % 12 + 1, 1)
    last = after - timedelta(days=1)
    return last if _is_last(day) else last.replace(day=day.day)


def _period_back(asked: Asked) -> Callable[[date], date]:
    start, end = asked.start_date, asked.end_date
    if start.day == 1 and _is_last(end):
        number = (end.year - start.year) * 12 + end.month - start.month + 1
        return lambda day: _months_back(day, number)
    return lambda day: day - (end - start) - timedelta(days=1)


def expected(rows: Rows, asked: Asked) -> dict[str, Expected]:
    """Every table of the report, by its currency."""
    columns = spans(asked, rows.fiscal_year_start)
    own = [each for each in columns if not each.role.startswith("change")]
    chosen = [leg for leg in rows.legs if not asked.account_ids or leg.account_id in asked.account_ids]
    openings = {
        key: amount
        for key, amount in rows.openings.items()
        if amount and (not asked.account_ids or key in asked.account_ids)
    }
    if asked.currency:
        return {asked.currency: _Sheet(rows, asked, columns, chosen, openings, asked.currency).filled()}
    codes = {leg.currency for leg in chosen if any(_lies(leg, span) for span in own)}
    if asked.report == "balance_sheet":
        codes |= {rows.currencies[key] for key in openings}
    return {
        code: _Sheet(
            rows, asked, columns,
            [leg for leg in chosen if leg.currency == code],
            {key: amount for key, amount in openings.items() if rows.currencies[key] == code},
            code,
        ).filled()
        for code in codes
    }  # fmt: skip


def _lies(leg: Leg, span: Span) -> bool:
    return (span.start is None or leg.day >= span.start) and leg.day <= span.end


def _sum(parts: Iterable[Decimal | None]) -> Decimal | None:
    found = list(parts)
    return None if None in found else sum((each for each in found if each is not None), ZERO)


@dataclass
class _Sheet:
    """One table being filled."""

    rows: Rows
    asked: Asked
    columns: list[Span]
    legs: list[Leg]
    openings: dict[UUID, Decimal]
    currency: str

    def __post_init__(self) -> None:
        self.figures: dict[str, list[Decimal | None]] = {}
        self.entries: dict[tuple[str, int], set[tuple[UUID, int, Decimal]]] = {}

    def filled(self) -> Expected:
        if self.asked.report == "balance_sheet":
            self._balances()
        elif self.asked.report == "trend":
            for section, sign in SIGNS["trend"].items():
                self._flow(section, [leg for leg in self.legs if leg.section == section], sign)
            self._total("net", ["income"], ["expense"])
        else:
            self._categories()
        return Expected(self.columns, {key: self._compared(each) for key, each in self.figures.items()}, self.entries)

    def _categories(self) -> None:
        items: dict[str, list[str]] = {}
        for section, sign in SIGNS[self.asked.report].items():
            items[section] = self._section(section, sign)
            if items[section] or self.asked.report != "category_breakdown":
                self._total(section, items[section])
        if self.asked.report == "profit_and_loss":
            self._total("net", items["income"], items["expense"])
        if self.asked.report == "cash_flow":
            self._flow("transfer", [leg for leg in self.legs if leg.section == "transfer"], -1)
            self._total("change", [*items["income"], *items["expense"], "transfer"])

    def _section(self, section: str, sign: int) -> list[str]:
        by_category: dict[UUID | None, list[Leg]] = {}
        for leg in self.legs:
            if leg.section == section and any(_lies(leg, span) for span in self._own()):
                by_category.setdefault(leg.category_id, []).append(leg)
        groups: dict[UUID, list[str]] = {}
        for category_id, legs in by_category.items():
            self._flow(f"{section}-{category_id or 'none'}", legs, sign)
            if category_id:
                groups.setdefault(self.rows.groups[category_id], []).append(f"{section}-{category_id}")
        for group_id, keys in groups.items():
            if len(keys) > 1:
                self._total(f"{section}-group-{group_id}", keys)
        return [f"{section}-{category_id or 'none'}" for category_id in by_category]

    def _balances(self) -> None:
        used = {leg.account_id for leg in self.legs if any(_lies(leg, span) for span in self._own())}
        used |= set(self.openings)
        for account_id in used:
            self._account(account_id, -1 if account_id in self.rows.owed else 1)
        self.figures["opening"] = [
            _sum(self._held(amount, account_id, span.end) for account_id, amount in self.openings.items())
            for span in self._own()
        ]
        for key, sections in (("earned", ("income", "expense")), ("transfer", ("transfer",))):
            self._flow(key, [leg for leg in self.legs if leg.section in sections], -1)
        assets = [f"account-{each}" for each in used if each not in self.rows.owed]
        owed = [f"account-{each}" for each in used if each in self.rows.owed]
        self._total("assets", assets)
        self._total("liabilities", owed)
        self._total("net", assets, owed)
        sources = ["opening", "earned", "transfer"]
        self._total("exchange", assets, [*owed, *sources])
        self._total("equity", [*sources, "exchange"])

    def _account(self, account_id: UUID, sign: int) -> None:
        key = f"account-{account_id}"
        own = [leg for leg in self.legs if (leg.section, leg.account_id) == ("account", account_id)]
        figures = []
        for place, span in enumerate(self._own()):
            there = [leg for leg in own if _lies(leg, span)]
            whole = sum((leg.amount for leg in there), self.openings.get(account_id, ZERO))
            figures.append(self._held(sign * whole, account_id, span.end))
            self.entries[key, place] = {(leg.transaction_id, leg.place, sign * leg.amount) for leg in there}
        self.figures[key] = figures

    def _held(self, amount: Decimal, account_id: UUID, day: date) -> Decimal | None:
        return self.rows.convert(amount, self.rows.currencies[account_id], self.currency, day)

    def _flow(self, key: str, legs: list[Leg], sign: int) -> None:
        figures = []
        for place, span in enumerate(self._own()):
            there = [leg for leg in legs if _lies(leg, span)]
            figures.append(
                _sum(self.rows.convert(sign * leg.amount, leg.currency, self.currency, leg.day) for leg in there)
            )
            self.entries[key, place] = {(leg.transaction_id, leg.place, sign * leg.amount) for leg in there}
        self.figures[key] = figures

    def _total(self, key: str, plus: list[str], minus: Iterable[str] = ()) -> None:
        signed = [(1, each) for each in plus] + [(-1, each) for each in minus]
        self.figures[key] = [
            _sum(_times(sign, self.figures[each][place]) for sign, each in signed) for place in range(len(self._own()))
        ]

    def _own(self) -> list[Span]:
        return [each for each in self.columns if not each.role.startswith("change")]

    def _compared(self, own: list[Decimal | None]) -> list[Decimal | None]:
        """With the changes after each two."""
        if not self.asked.compare_to:
            return own
        found: list[Decimal | None] = []
        for now, before in zip(own[::2], own[1::2], strict=True):
            change = None if now is None or before is None else now - before
            share = (change * 100 / abs(before)) if change is not None and before else None
            found += [now, before, change, share and share.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)]
        return found


def _times(sign: int, amount: Decimal | None) -> Decimal | None:
    return None if amount is None else sign * amount
