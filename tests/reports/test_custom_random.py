"""Custom reports over random books: the same as plain Python reckons from what was written, part by part."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from random import Random
from types import MappingProxyType

import pytest

from ai2.books.transactions import service as transactions
from ai2.books.transactions import splits
from ai2.books.transactions.service import NewTransaction
from ai2.books.transactions.splits import Part
from ai2.identity import organizations
from ai2.identity.organizations import Organization
from ai2.kit.database import Database
from ai2.kit.merchants import merchant_key
from ai2.reports.model import Asked, Report
from tests.bookkeeping import Books, open_books
from tests.reports.reading import made
from tests.seeds import seeds

FIRST, DAYS, WRITTEN, QUESTIONS, FISCAL = date(2025, 11, 3), 200, 60, 30, 4
CATEGORIES = {
    "Wages": "income", "Rent": "expense", "Electronics": "expense", "Coffee": "expense", "To savings": "transfer",
    None: None,
}  # fmt: skip
MERCHANTS, TAGS = (None, "Corner Shop", "Paint World"), ("home", "car", "gift")


@dataclass(frozen=True)
class Entry:
    """A part of a transaction, as plain Python knows it."""

    day: date
    amount: Decimal
    currency: str
    account: str
    category: str | None
    merchant: str | None
    tags: frozenset[str] = field(default_factory=frozenset)
    description: str = ""

    @property
    def section(self) -> str:
        return CATEGORIES[self.category] or ("income" if self.amount > 0 else "expense")


def _fiscal(day: date, length: int) -> str:
    index = day.year * 12 + day.month - 1
    begin = index - (day.month - FISCAL) % 12 % length
    return f"{begin // 12}-{begin % 12 + 1:02}"


VALUES: dict[str, Callable[[Entry], Iterable[str | None]]] = {
    "category": lambda each: [each.category],
    "account": lambda each: [each.account],
    "merchant": lambda each: [merchant_key(each.description, each.merchant) or None],
    "tag": lambda each: sorted(each.tags) or [None],
    "month": lambda each: [f"{each.day:%Y-%m}"],
    "quarter": lambda each: [_fiscal(each.day, 3)],
    "year": lambda each: [_fiscal(each.day, 12)],
    "section": lambda each: [each.section],
    "decided_by": lambda each: ["user" if each.category else None],
}
MEASURES: dict[str, Callable[[Sequence[Entry]], Decimal]] = {
    "amount": lambda found: sum((each.amount for each in found), Decimal(0)),
    "income": lambda found: sum((each.amount for each in found if each.section == "income"), Decimal(0)),
    "expense": lambda found: -sum((each.amount for each in found if each.section == "expense"), Decimal(0)),
    "net": lambda found: sum((each.amount for each in found if each.section != "transfer"), Decimal(0)),
    "count": lambda found: Decimal(len(found)),
    "smallest": lambda found: min(each.amount for each in found),
    "largest": lambda found: max(each.amount for each in found),
}


async def write(books: Books, random: Random, called: Mapping[str, str] = MappingProxyType({})) -> list[Entry]:
    """Random transactions, some split; what was written. Some categories may be called otherwise by now."""
    written: list[Entry] = []
    for number in range(WRITTEN):
        account = random.choice([*books.accounts])
        category, merchant = random.choice([*CATEGORIES]), random.choice(MERCHANTS)
        amount = Decimal(random.choice([-1, -1, 1]) * random.randrange(200, 90_000)) / 100
        tags = tuple(random.sample(TAGS, random.choice([0, 0, 1, 2])))
        day = FIRST + timedelta(days=random.randrange(DAYS))
        new = NewTransaction(
            booked_on=day, amount=amount, currency=account.split()[-1], description=f"Nr {number} 100%",
            account_id=books.accounts[account], category=called.get(category or "", category), merchant=merchant,
            tags=tags + tags[:1],  # one that is named twice is one
        )  # fmt: skip
        whole = Entry(day, amount, new.currency, account, category, merchant, frozenset(tags), new.description)
        async with books.database.transaction(books.organization_id) as db:
            made_now = await transactions.create(db, books.organization_id, new)
            if random.random() < 0.2 and category != "To savings":
                parts = _parts(amount, random, called)
                await splits.put(db, books.organization_id, made_now.transaction_id, parts)
                written += [_entry(whole, part) for part in parts]
            else:
                written.append(whole)
    return written


def _parts(amount: Decimal, random: Random, called: Mapping[str, str]) -> list[Part]:
    """Two parts, of which one may go the other way."""
    first = Decimal(random.randrange(1, 99_999)) / 100
    chosen = [random.choice(["Rent", "Coffee", "Electronics"]) for _ in range(2)]
    named = [called.get(each, each) for each in chosen]
    tags = random.sample(TAGS, random.choice([0, 1]))
    return [
        Part(amount=amount - first if amount != first else Decimal("-0.01") + amount, category=named[0]),
        Part(amount=first if amount != first else Decimal("0.01"), category=named[1], tags=tuple(tags)),
    ]


def _entry(whole: Entry, part: Part) -> Entry:
    return Entry(
        whole.day, part.amount, whole.currency, whole.account, part.category, whole.merchant,
        whole.tags | set(part.tags), whole.description,
    )  # fmt: skip


def reckoned(entries: Iterable[Entry], asked: Asked) -> dict[str, dict[tuple[str | None, ...], list[Entry]]]:
    """The entries of each row by currency, and under () all of them."""
    found: dict[str, dict[tuple[str | None, ...], list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for each in entries:
        if asked.start_date <= each.day <= asked.end_date and all(_passes(each, *one) for one in asked.filters):
            found[each.currency][()].append(each)
            for row in product(*(VALUES[name](each) for name in asked.dimensions)):
                found[each.currency][row].append(each)
    return found


def _passes(each: Entry, name: str, values: tuple[str | None, ...]) -> bool:
    match name:
        case "amount_from":
            return each.amount >= Decimal(str(values[0]))
        case "amount_to":
            return each.amount <= Decimal(str(values[0]))
        case "description":
            return all(str(word).lower() in each.description.lower() for word in values)
        case _:
            return bool(set(VALUES[name](each)) & set(values))


def questions(random: Random) -> Iterator[Asked]:
    plain = ["merchant", "tag", "month", "quarter", "year", "section", "decided_by"]
    for _ in range(QUESTIONS):
        filters: list[tuple[str, tuple[str | None, ...]]] = []
        if random.random() < 0.3:
            filters.append(("tag", random.choice([("home",), ("car", None), ("gift", "home")])))
        if random.random() < 0.2:
            filters.append(("section", random.choice([("income",), ("expense", "transfer")])))
        if random.random() < 0.2:
            filters.append(random.choice([("amount_from", ("-100.5",)), ("amount_to", ("-20",))]))
        if random.random() < 0.2:
            filters.append(("description", random.choice([("nr 1",), ("100%", "NR"), ("1_0",)])))
        start = FIRST + timedelta(days=random.randrange(60))
        yield Asked(
            report="custom", start_date=start, end_date=start + timedelta(days=random.randrange(20, 150)),
            dimensions=tuple(random.sample(["category", "account", *plain], random.randrange(1, 4))),
            measures=tuple(random.sample([*MEASURES], random.randrange(1, 4))), filters=tuple(filters), rows=1000,
        )  # fmt: skip


@pytest.mark.parametrize("seed", seeds("test_the_same_as_plain_python_reckons", 2))
async def test_the_same_as_plain_python_reckons(
    database: Database, organization: Organization, stranger: Organization, marts: None, seed: int
) -> None:
    random = Random(seed)
    for whose in (organization, stranger):
        async with database.transaction(whose.organization_id) as db:
            await organizations.update(db, whose.organization_id, {"fiscal_year_start": FISCAL})
    ours, theirs = await open_books(database, organization), await open_books(database, stranger)
    written = {books.organization_id: await write(books, random) for books in (ours, theirs)}
    for asked in questions(random):
        for books in (ours, theirs):
            report = await made(books, asked)
            assert told(report, await named(books)) == expected(written[books.organization_id], asked), asked


async def named(books: Books) -> dict[str, str]:
    """What categories and accounts are called, by their ids."""
    names = await books.read("select category_id::text, name from books.categories")
    return dict(names) | {str(account_id): name for name, account_id in books.accounts.items()}


def told(report: Report, by_id: Mapping[str, str]) -> dict[str, dict[tuple[str | None, ...], list[Decimal | None]]]:
    """What the report has, by currency and by the values of its rows."""
    found: dict[str, dict[tuple[str | None, ...], list[Decimal | None]]] = {}
    for table in report.tables:
        rows = found.setdefault(table.currency, {})
        for line in table.lines:
            known = dict(line.where.dimensions) if line.where and line.where.item == "row" else {}
            row = tuple(by_id.get(str(known[name]), known[name]) for name in report.asked.dimensions) if known else ()
            rows[row] = [table.by_place[line.key, column.key].amount for column in table.columns]
    return found


def expected(entries: Iterable[Entry], asked: Asked) -> dict[str, dict[tuple[str | None, ...], list[Decimal | None]]]:
    return {
        currency: {row: [MEASURES[name](found) for name in asked.measures] for row, found in rows.items()}
        for currency, rows in reckoned(entries, asked).items()
    }
