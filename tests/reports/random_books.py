"""Random books: written through the books' services, as people and machines would, by whatever chance says."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.rates import service as rates
from ai2.books.transactions import service as transactions
from ai2.books.transactions import splits
from ai2.books.transactions.service import NewTransaction
from ai2.books.transactions.splits import Part
from ai2.books.transfers import service as transfers
from ai2.identity import organizations
from ai2.kit.database import Connection, Database
from ai2.kit.errors import Problem
from ai2.reports.model import Asked
from tests.bookkeeping import Books
from tests.reports.recomputed import DECIMALS

FIRST, DAYS = date(2025, 9, 20), 170
KINDS = ("bank", "card", "savings", "cash", "loan", "other")


@dataclass
class Keeper:
    """Someone who keeps books of an own organization."""

    db: Connection
    organization_id: UUID
    chance: Random
    # id and currency of each
    accounts: list[tuple[UUID, str]] = field(default_factory=list)
    categories: list[UUID] = field(default_factory=list)
    written: list[UUID] = field(default_factory=list)

    async def open(self) -> None:
        """Accounts of every kind, some in other currencies, and a tree of categories."""
        for number, kind in enumerate(self.chance.sample(KINDS, 4)):
            currency = ("GBP", "EUR", "GBP", "JPY")[number]
            await self._account(f"{kind} {number}", kind, currency)
        parents: list[tuple[UUID, str]] = []
        for number in range(9):
            kind = ("expense", "income", "transfer")[number % 3]
            above = [each for each, its_kind in parents if its_kind == kind]
            parent = self.chance.choice([None, *above])
            made = await categories.create(
                self.db, self.organization_id, name=f"{kind} {number}", kind=kind, parent_id=parent  # type: ignore[arg-type]
            )  # fmt: skip
            parents.append((made.category_id, kind))
        self.categories = [each for each, _ in parents]

    async def _account(self, name: str, kind: str, currency: str) -> None:
        opening = self.chance.choice((0, 0, 12345, -678))
        made = await accounts.create(
            self.db, self.organization_id, name=name, kind=kind, currency=currency,  # type: ignore[arg-type]
            opening_balance=Decimal(opening).scaleb(-DECIMALS[currency]),
            opening_on=self.chance.choice((None, None, FIRST)),
        )  # fmt: skip
        self.accounts.append((made.account_id, currency))

    async def act(self, times: int) -> None:
        """So many acts, each one of those below. What the books refuse is not done."""
        acts: tuple[Callable[[], Awaitable[Any]], ...] = (
            *[self.book] * 12, self.refund, self.split, self.split, self.move, self.pair, self.delete, self.edit,
            self.recategorise, self.announce, self.anchor, self.rate, self.rate, self.merge, self.put_away,
        )  # fmt: skip
        for _ in range(times):
            try:
                async with self.db.transaction():
                    await self.chance.choice(acts)()
            except Problem:
                continue

    async def book(self, account: tuple[UUID, str] | None = None, day: date | None = None, amount: int = 0) -> UUID:
        account_id, currency = account or self.chance.choice(self.accounts)
        wanted = amount or self.chance.randint(-30000, 20000)
        new = NewTransaction(
            booked_on=day or self._day(),
            amount=Decimal(wanted).scaleb(-DECIMALS[currency]),
            currency=currency,
            description=f"No. {len(self.written)}",
            account_id=account_id,
            category_id=None if amount else self.chance.choice([None, *self.categories]),
        )
        made = await transactions.create(self.db, self.organization_id, new)
        self.written.append(made.transaction_id)
        return made.transaction_id

    async def refund(self) -> None:
        """Part of what was paid comes back, in the same category."""
        paid = await self._any()
        back = abs(paid.amount) * self.chance.choice((1, Decimal("0.5")))
        amount = int(back.scaleb(DECIMALS[paid.currency]))
        made = await self.book((paid.account_id, paid.currency), self._day(), amount or 1)
        await self._change(made, category_id=paid.category_id)

    async def split(self) -> None:
        """Into parts, one of which may be of the other sign."""
        whole = await self._any()
        unit = Decimal(1).scaleb(-DECIMALS[whole.currency])
        first = unit * self.chance.randint(-9000, 9000)
        parts = [Part(amount=each, category_id=self.chance.choice(self.categories))
                 for each in (first, unit * 7, whole.amount - first - unit * 7)]  # fmt: skip
        await splits.put(self.db, self.organization_id, whole.transaction_id, parts)

    async def move(self) -> None:
        """To another own account, on the same day or a little later; by then the books may have linked the two."""
        out, into = self.chance.sample(self.accounts, 2)
        day, amount = self._day(), self.chance.randint(1, 9000)
        await self.book(out, day, -amount)
        await self.book(into, day + timedelta(days=self.chance.randint(0, 3)), amount)

    async def pair(self) -> None:
        one, other = await self._any(), await self._any()
        ids = one.transaction_id, other.transaction_id
        await transfers.pair_by_person(self.db, self.organization_id, *ids)

    async def delete(self) -> None:
        await transactions.delete(self.db, self.organization_id, (await self._any()).transaction_id)

    async def edit(self) -> None:
        """Another day, and another amount."""
        unit = Decimal(1).scaleb(-DECIMALS[(found := await self._any()).currency])
        amount = unit * self.chance.randint(-9000, 9000)
        await self._change(found.transaction_id, booked_on=self._day(), amount=amount)

    async def recategorise(self) -> None:
        await self._change((await self._any()).transaction_id, category_id=self.chance.choice([None, *self.categories]))

    async def announce(self) -> None:
        """What its bank only announced, or took back: nothing but an import says so."""
        query = "update books.transactions set status = %s where organization_id = %s and transaction_id = %s"
        status = self.chance.choice(("pending", "closed"))
        await self.db.execute(query, [status, self.organization_id, (await self._any()).transaction_id])

    async def anchor(self) -> None:
        """The bank states what an account held."""
        account_id, currency = self.chance.choice(self.accounts)
        held = Decimal(self.chance.randint(-99999, 99999)).scaleb(-DECIMALS[currency])
        await accounts.anchor(self.db, self.organization_id, account_id, self._day(), held)

    async def rate(self) -> None:
        """A rate of one's own, either way round."""
        base, quote = self.chance.sample(("GBP", "EUR", "JPY"), 2)
        rate = Decimal(self.chance.randint(1, 9999999)) / 10000
        await rates.set_own(
            self.db, self.organization_id, base=base, quote=quote, on=self._day(), rate=rate, set_by="x"
        )

    async def merge(self) -> None:
        one, other = self.chance.sample(self.categories, 2)  # some are left: there are few of each kind
        await categories.merge(self.db, self.organization_id, one, into=other)
        self.categories.remove(one)

    async def put_away(self) -> None:
        account = self.chance.choice(self.accounts)
        if len(self.accounts) > 2:
            await accounts.archive(self.db, self.organization_id, account[0])
            self.accounts.remove(account)

    async def _any(self) -> transactions.Transaction:
        if not self.written:
            await self.book()
        return await transactions.get(self.db, self.organization_id, self.chance.choice(self.written))

    async def _change(self, transaction_id: UUID, **changes: Any) -> None:
        await transactions.update(self.db, self.organization_id, transaction_id, changes)

    def _day(self) -> date:
        return FIRST + timedelta(days=self.chance.randint(0, DAYS))


async def keep(database: Database, chance: Random, acts: int, *, fiscal_year_start: int = 1) -> tuple[Books, Keeper]:
    """The books of a new organization after so many acts, and who keeps them."""
    async with database.transaction() as db:
        made = await organizations.create(db, name="Random", base_currency="GBP", country="GB")
        query = "update identity.organizations set fiscal_year_start = %s where organization_id = %s"
        await db.execute(query, [fiscal_year_start, made.organization_id])
    async with database.transaction(made.organization_id) as db:
        keeper = Keeper(db, made.organization_id, chance)
        await keeper.open()
        await keeper.act(acts)
    books = Books(database, made.organization_id, {str(place): each for place, (each, _) in enumerate(keeper.accounts)})
    return books, keeper


async def keep_on(keeper: Keeper, database: Database, acts: int) -> None:
    """So many acts more."""
    async with database.transaction(keeper.organization_id) as db:
        keeper.db = db
        await keeper.act(acts)


def question(chance: Random, report: str, accounts: list[UUID]) -> Asked:
    """A report of random days, cut, converted and compared at random."""
    start = FIRST + timedelta(days=chance.randint(-20, DAYS))
    if chance.randint(0, 2) == 0:
        start = start.replace(day=1)
    end = start + timedelta(days=chance.choice((0, 5, 27, 30, 58, 90, 200, 400)))
    if chance.randint(0, 2) == 0:
        end = (end.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return Asked(
        report=report,  # type: ignore[arg-type]
        start_date=start,
        end_date=end,
        group_by=chance.choice(("none", "month", "quarter", "year")),
        currency=chance.choice((None, "GBP", "GBP", "EUR", "JPY")),
        compare_to=chance.choice((None, None, "previous_period", "previous_year")),
        account_ids=tuple(chance.sample(accounts, 2)) if len(accounts) > 1 and chance.randint(0, 3) == 0 else (),
    )
