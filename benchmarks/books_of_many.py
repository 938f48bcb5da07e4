"""Books of many: 1,000,000 transactions of 200 organizations, one of which has 200,000, over three years.

    python -m benchmarks.books_of_many [rows]

What other benchmarks measure on. `throwaway` is a PostgreSQL that is gone afterwards, migrated; `fill` writes the
books into it, whatever its revision, by COPY into the tables themselves, so that totals and all else that triggers
keep are as they would be. Time goes by for everyone at once: an organization's rows lie scattered among the others'.
The same seed gives the same texts, days and amounts; ids are fresh.
"""

import asyncio
import itertools
import os
import random
import sys
import tempfile
import time
from bisect import bisect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

ROWS, ORGANIZATIONS, SEED = 1_000_000, 200, 2026
DAYS, SPELLS = 3 * 365, 6
FOREIGN = {3: "EUR"}
SHOPS = """
    TESCO STORES|SAINSBURYS S/MKTS|AMZNMKTPLACE|SHELL|COSTA COFFEE|UBER TRIP|NETFLIX.COM|BRITISH GAS|TFL TRAVEL CH
    |PRET A MANGER|LIDL GB|BOOTS|VODAFONE LTD|SCREWFIX|TRAVIS PERKINS|GREGGS|WAITROSE|MORRISONS|ALDI|IKEA|ARGOS
    |DELIVEROO|TRAINLINE|EASYJET|RYANAIR|PREMIER INN|ADOBE CREATIVE CLOUD|GOOGLE WORKSPACE|MICROSOFT AZURE|SLACK
    |DROPBOX|XERO|STAPLES|RYMAN|CURRYS|HALFORDS|WICKES|B&Q|TOOLSTATION|HOMEBASE|NISBETS|BOOKER|MAKRO|BRAKES FOODS
    |ROYAL MAIL|DHL EXPRESS|FEDEX|PARCELFORCE|THAMES WATER|EDF ENERGY|OCTOPUS ENERGY|BT GROUP|SKY BUSINESS|O2 UK
    |CAFÉ MÜLLER|BOULANGERIE CHÂTELET|SMØRREBRØD HUSET|ŻABKA|АЗБУКА ВКУСА|ΑΡΤΟΠΟΙΕΙΟ ΑΘΗΝΑ|セブンイレブン|全家便利商店
"""
SYLLABLES = (
    "BAR", "BELL", "CAR", "DAL", "DON", "EL", "FER", "GAR", "HAR", "KEN", "LAN", "LIND", "MAC", "MOR", "NOR", "OST",
    "PEN", "QUIST", "RAM", "ROS", "SAN", "SHER", "TAL", "TON", "VAL", "VER", "WES", "WICK", "WOOD", "ZAM",
)  # fmt: skip
SECOND = (
    "ESTATES", "SUPPLIES", "LOGISTICS", "KITCHENS", "PRINTERS", "ACCOUNTANTS", "GARAGE", "DENTAL", "FLOWERS",
    "SOFTWARE", "BAKERY", "TOOLS",
)  # fmt: skip
TOWNS = (
    "LONDON", "LEEDS", "MANCHESTER", "YORK", "BATH", "HULL", "BRISTOL", "CARDIFF", "EDINBURGH", "NORWICH", "OXFORD",
    "DERBY", "EXETER", "LUTON",
)  # fmt: skip
TAGS = ("{}",) * 17 + ("{travel}", '{"client dinner"}', "{reimbursable,travel}")
NOTES = ("\\N",) * 28 + ("for the new office", "ask the accountant about VAT")
COLUMNS = """
    organization_id, transaction_id, account_id, booked_on, amount, currency, description, merchant, merchant_key,
    reference, mcc, notes, tags, category_id, decided_by, decided_version, confidence, decided_at
"""


@dataclass(frozen=True)
class Owner:
    """An organization and how many transactions it has."""

    organization_id: UUID
    name: str
    rows: int


@contextmanager
def throwaway() -> Iterator[Path]:
    """A migrated PostgreSQL with the settings of production, and its home; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as home:
        Path(home).chmod(0o711)
        os.environ |= {"AI2_HOME": home, "RATE_LIMIT_MAX": "1000000000", "LOG_LEVEL": "warn"}
        from ai2.kit import postgres
        from ai2.kit.migrate import migrate

        with postgres.running(Path(home)):
            migrate()
            yield Path(home)


def fill(
    rows: int = ROWS,
    *,
    organizations: int = ORGANIZATIONS,
    seed: int = SEED,
    until: date | None = None,
    foreign: Mapping[int, str] = FOREIGN,
) -> list[Owner]:
    """Write the books; a fifth of all rows are the first organization's. The last day is `until`, or today.

    `foreign` says which accounts, counted from 0, are in another currency than pounds.
    """
    import psycopg

    from ai2.kit.database import Role, connection_parameters

    print(f"{rows:,} transactions of {organizations} organizations, seed {seed}", flush=True)
    started, chance = time.perf_counter(), random.Random(seed)  # noqa: S311 - a benchmark's data
    # who passes row-level security: COPY does not work under it
    with psycopg.connect(**connection_parameters(Role.ADMIN, "ai2"), autocommit=True) as db:
        books = [_Books(db, chance, name, size, foreign) for name, size in _sizes(chance, rows, organizations)]
        first_day = (until or date.today()) - timedelta(days=DAYS - 1)  # noqa: DTZ011 - any day does
        for spell in range(SPELLS):
            for each in books:
                each.write(db, spell, first_day)
        db.execute("vacuum analyze")
    print(f"written in {time.perf_counter() - started:.0f} s", flush=True)
    return [Owner(each.organization_id, each.name, each.rows) for each in books]


def key_of(owner: Owner) -> str:
    """An API key of an organization's owner."""
    from ai2.identity import api_keys
    from ai2.identity.principal import Role
    from ai2.kit.database import Database

    async def make() -> str:
        async with Database() as database, database.transaction(owner.organization_id) as db:
            return (await api_keys.create(db, owner.organization_id, name="benchmark", role=Role.OWNER)).secret

    return asyncio.run(make())


def _sizes(chance: random.Random, rows: int, organizations: int) -> list[tuple[str, int]]:
    """A fifth of the rows for the first; the others are small and middling, as businesses are."""
    largest = rows // 5 if organizations > 1 else rows
    weights = [chance.lognormvariate(0, 0.8) for _ in range(organizations - 1)]
    sizes = [int((rows - largest) * weight / sum(weights)) for weight in weights]
    return [("Largest", rows - sum(sizes)), *((f"Organization {n}", size) for n, size in enumerate(sizes, 2))]


class _Books:
    """One organization's accounts, categories and merchants, and its rows."""

    def __init__(self, db: Any, chance: random.Random, name: str, rows: int, foreign: Mapping[int, str]) -> None:
        from ai2.books.categories.default_chart import default_chart
        from ai2.kit.envelope import fresh_wrapped_key
        from ai2.kit.ids import new_id

        self.organization_id, self.name, self.rows, self._chance = new_id(), name, rows, chance
        self._accounts = [(new_id(), foreign.get(number, "GBP")) for number in range(2 + min(rows // 5000, 6))]
        ids = {category.code: new_id() for category in default_chart()}
        leaves = [category for category in default_chart() if category.parent_code]
        self._in = [str(ids[leaf.code]) for leaf in leaves if leaf.kind == "income"]
        self._out = [str(ids[leaf.code]) for leaf in leaves if leaf.kind == "expense"]
        self._merchants = _merchants(chance, 40 + min(rows // 20, 2000), self._out)
        self._customers = _customers(chance, 20 + rows // 200)
        # few merchants have most of the rows
        self._shares = list(itertools.accumulate(1 / (place + 3) for place in range(len(self._merchants))))
        copied: dict[str, list[tuple[Any, ...]]] = {
            "identity.organizations (organization_id, name, base_currency, country)": [
                (self.organization_id, name, "GBP", "GB")
            ],
            "identity.organization_keys (organization_id, wrapped_key)": [(self.organization_id, fresh_wrapped_key())],
            "books.accounts (organization_id, account_id, name, currency)": [
                (self.organization_id, account_id, f"Account {number}", currency)
                for number, (account_id, currency) in enumerate(self._accounts, 1)
            ],
            "books.categories (organization_id, category_id, parent_id, name, kind)": [
                (self.organization_id, ids[c.code], ids.get(c.parent_code or ""), c.name, c.kind)
                for c in default_chart()
            ],
            "books.category_codes (organization_id, code, category_id)": [
                (self.organization_id, c.code, ids[c.code]) for c in default_chart()
            ],
        }
        self._act(db)
        for table, values in copied.items():
            with db.cursor().copy(f"copy {table} from stdin") as copy:
                for row in values:
                    copy.write_row(row)

    def write(self, db: Any, spell: int, first_day: date) -> None:
        """The rows of one spell of time, in the order of their days."""
        from ai2.kit.ids import new_ids

        rows = self.rows * (spell + 1) // SPELLS - self.rows * spell // SPELLS
        self._act(db)
        with db.cursor().copy(f"copy books.transactions ({COLUMNS}) from stdin") as copy:
            lines = []
            for number, transaction_id in enumerate(new_ids(rows).to_pylist()):
                day = (spell + number / rows) * DAYS / SPELLS
                lines.append(self._line(transaction_id, first_day + timedelta(days=int(day))))
                if len(lines) == 2000:
                    copy.write("".join(lines))
                    lines = []
            copy.write("".join(lines))

    def _act(self, db: Any) -> None:
        words = "select set_config('app.organization_id', %s, false), set_config('app.actor', 'system', false)"
        db.execute(words, [str(self.organization_id)])

    def _line(self, transaction_id: str, day: date) -> str:
        chance = self._chance
        account_id, currency = self._accounts[int(len(self._accounts) * chance.random() ** 2)]
        kind = chance.random()
        reference = f"REF{int(chance.random() * 1e9)}" if kind < 0.5 else "\\N"
        if kind < 0.08:  # customers, who name their invoices
            merchant, mcc, category = "\\N", "\\N", chance.choice(self._in)
            payer, key = chance.choice(self._customers)
            text = f"{payer} INV {int(chance.random() * 1e6):06}"
            amount = chance.lognormvariate(10.5, 1)
        else:
            merchant, key, mcc, category, branches = self._merchants[
                bisect(self._shares, chance.random() * self._shares[-1])
            ]
            text = branches[int(len(branches) * chance.random() ** 2)]
            if kind < 0.35:
                text = f"{text} {int(chance.random() * 1e8):08}"
            amount = -1 - chance.lognormvariate(7.8, 1.1)
        decided = f"{category}\trule\tbenchmark\t0.9\t2026-01-01" if kind > 0.1 else "\\N\t\\N\t\\N\t\\N\t\\N"
        notes, tags = NOTES[int(30 * chance.random())], TAGS[int(20 * chance.random())]
        return (
            f"{self.organization_id}\t{transaction_id}\t{account_id}\t{day}\t{amount / 100:.2f}\t"
            f"{currency}\t{text}\t{merchant}\t{key}\t{reference}\t{mcc}\t{notes}\t{tags}\t{decided}\n"
        )


Merchant = tuple[str, str, str, str, list[str]]


def _merchants(chance: random.Random, number: int, categories: list[str]) -> list[Merchant]:
    """Name, key, MCC, category and the texts of its branches, for the chains everyone knows and firms of the place."""
    from ai2.kit.merchants import merchant_key

    chains = [" ".join(name.split()) for name in SHOPS.split("|")]
    names = chance.sample(chains, min(number // 2, len(chains)))
    names += [f"{_surname(chance)} {chance.choice(SECOND)} {chance.choice(TOWNS)}" for _ in range(number - len(names))]
    found = []
    for name in names:
        branches = [f"{name} {chance.randint(1, 9999)} {chance.choice(TOWNS)}" for _ in range(chance.randint(1, 12))]
        category, mcc = chance.choice(categories), str(chance.randint(4000, 8999))
        found.append((name.title(), merchant_key(name, name), mcc, category, branches))
    return found


def _customers(chance: random.Random, number: int) -> list[tuple[str, str]]:
    """How the bank tells of customers who pay, and their keys."""
    from ai2.kit.merchants import merchant_key

    payers = [f"FPI {chance.choice('ABCDEJKLMPRST')} {_surname(chance)}" for _ in range(number)]
    return [(payer, merchant_key(f"{payer} INV 100000")) for payer in payers]


def _surname(chance: random.Random) -> str:
    return "".join(chance.sample(SYLLABLES, chance.choice((2, 2, 3))))


def main(rows: int = ROWS) -> None:
    with throwaway():
        fill(rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
