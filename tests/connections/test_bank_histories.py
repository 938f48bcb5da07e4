"""Histories: whatever happens at a bank between two syncs, books and bank agree to the cent after the last.

Random histories of a model bank (banks.py), synced by ai2.connections as any: payments are announced, booked, tipped,
corrected and taken back, their ids used again; answers are cut off and void, consents end and are given anew; and the
customer imports the bank's own files, before the first sync and in between. `make histories` has 200 of each bank; a
run of all tests a few. AI2_TEST_SEED, which the run's head says, asks for the same ones again; what fails
says its whole history.
"""

import io
import os
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from ai2.books.accounts import service as accounts
from ai2.connections import service, syncing
from ai2.identity import organizations
from ai2.ingest import service as ingest
from ai2.ingest.layout.model import Options
from ai2.ingest.sources import names
from ai2.kit.database import Database, rows
from ai2.kit.ids import new_id
from tests.connections.banks import ACCOUNTS, AMOUNTS, BANKS, CURRENCY, MERCHANTS, NUMBERS, SOURCES, Bank, Flavour
from tests.seeds import seeds

EXAMPLES = int(os.environ.get("AI2_BANK_HISTORIES", "3"))
FLAVOURS: tuple[Flavour, ...] = ("changes", "window", "window of the bank's ids")
WHICH = st.integers(0, 7)
ACCOUNT, TEXT, AMOUNT = st.sampled_from(ACCOUNTS), st.sampled_from(MERCHANTS), st.sampled_from(AMOUNTS)
ACTS = st.one_of(
    st.tuples(st.just("days"), st.integers(1, 4)),
    st.tuples(st.just("announce"), ACCOUNT, TEXT, AMOUNT),
    st.tuples(st.just("post"), ACCOUNT, TEXT, AMOUNT, st.integers(0, 3)),
    st.tuples(st.just("book"), WHICH, st.none() | AMOUNT),
    st.tuples(st.just("amend"), WHICH, AMOUNT),
    st.tuples(st.just("withdraw"), WHICH),
    st.tuples(st.just("change"), WHICH, st.sampled_from(["amount", "text", "day"]), AMOUNT, TEXT),
    st.tuples(st.just("remove"), WHICH),
    st.tuples(st.just("reuse"), WHICH, TEXT, AMOUNT),
    st.tuples(st.just("sync"), st.sampled_from(["none", "none", "cut", "mutated"])),
    st.just(("lose consent",)),
    st.just(("import a file",)),
)
HISTORY = st.lists(ACTS, min_size=8, max_size=30)


@pytest.fixture(scope="module", autouse=True)
def sources() -> Iterator[None]:
    """The model bank's feeds, beside those of real providers."""
    names.all_of_them().update(SOURCES)
    yield
    for name in SOURCES:
        del names.all_of_them()[name]


class Customer:
    """One of the bank's, with books of ours."""

    def __init__(self, database: Database, owner: UUID, bank: Bank) -> None:
        self.database, self.owner, self.bank = database, owner, bank
        self.accounts: dict[str, UUID] = {}
        self.connection_id: UUID | None = None

    async def connect(self) -> None:
        name = str(new_id())
        BANKS[name] = self.bank
        provider = "model-changes" if self.bank.flavour == "changes" else "model-window"
        made, _ = await service.connect(
            self.database, self.owner, provider=provider, kind="bank", name="Bank", settings={"bank": name},
            secret={}, created_by="test", reconnect=self.connection_id,
        )  # fmt: skip
        self.connection_id = made.connection_id

    async def sync(self, fault: str = "none") -> None:
        """Once more where the consent was gone: it is given anew, and the connection goes on where it was."""
        assert self.connection_id
        self.bank.fault = fault
        await syncing.sync(self.database, self.owner, self.connection_id, trigger="person")
        if not self.bank.has_consent:
            async with self.database.transaction(self.owner) as db:
                assert (await service.get(db, self.owner, self.connection_id)).state == "needs_consent"
            self.bank.consent()
            await self.connect()
            await syncing.sync(self.database, self.owner, self.connection_id, trigger="person")

    async def open_accounts(self) -> None:
        async with self.database.transaction(self.owner) as db:
            for name in ACCOUNTS:
                made = await accounts.create(db, self.owner, name=name, currency=CURRENCY, number=NUMBERS[name])
                self.accounts[name] = made.account_id

    async def import_files(self) -> None:
        for name, account_id in self.accounts.items():
            if content := self.bank.as_csv(name):
                async with self.database.transaction(self.owner) as db:
                    await ingest.import_file(
                        db, organization_id=self.owner, account_id=account_id, file=io.BytesIO(content),
                        file_name=f"{name}.csv", options=Options(positive_is="in", date_order="ymd", decimal_mark="."),
                    )  # fmt: skip

    async def live(self, history: list[tuple[Any, ...]]) -> None:
        """Everything of a history in its order."""
        for act, *told in history:
            if act == "sync":
                await self.sync(*told)
            elif act == "import a file":
                await self.sync()
                await self.import_files()
            elif act == "lose consent":
                if self.bank.flavour == "window":  # what it says of a payment under another id, nobody can follow
                    await self.sync()
                self.bank.has_consent = False
            else:
                getattr(self.bank, act)(*told)

    async def books(self, name: str) -> Counter[tuple[date, Decimal]]:
        query = """
            select booked_on, amount from books.transactions
            where account_id = %(account_id)s and deleted_at is null and status = 'posted'
        """
        async with self.database.transaction(self.owner) as db:
            found = await rows(db, query, {"account_id": self.accounts[name]})
        return Counter((row["booked_on"], row["amount"]) for row in found)

    async def check(self) -> None:
        """Books and bank agree day by day; totals are those of the books; every batch has its rows."""
        for name in ACCOUNTS:
            assert await self.books(name) == self.bank.booked(name)
        async with self.database.transaction(self.owner) as db:
            [total] = await rows(db, "select coalesce(sum(money_in - money_out), 0) as net from books.daily_totals")
            missing = await rows(
                db,
                """
                select batch.batch_id from ingest.batches as batch
                left join published.statement_lines as line using (organization_id, batch_id)
                where batch.status = 'loaded'
                group by batch.organization_id, batch.batch_id
                having count(line.line_number) <> batch.rows_in
                    or count(*) filter (where line.state = 'loaded') <> batch.rows_loaded
                """,
            )
            quarantined = await rows(db, "select reason_code from ingest.unloaded_lines where state = 'quarantined'")
        assert total["net"] == sum(each.amount for each in self.bank.payments if not each.is_pending)
        assert not missing
        assert {row["reason_code"] for row in quarantined} <= {"unknown_id"}


@pytest.mark.parametrize("flavour", FLAVOURS)
@seeded(seeds("bank histories", 1)[0])
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(begins=st.booleans(), past=st.lists(st.tuples(ACCOUNT, TEXT, AMOUNT), max_size=5), history=HISTORY)
async def test_books_and_bank_agree_after_the_last_sync(
    database: Database, flavour: Flavour, begins: bool, past: list[tuple[str, str, Decimal]], history: list[Any]
) -> None:
    """Where it `begins` with a file, the feed comes over what that brought of the past."""
    async with database.transaction() as db:
        made = await organizations.create(db, name=f"Customer {new_id()}", base_currency=CURRENCY, country="GB")
    customer = Customer(database, made.organization_id, Bank(flavour))
    for each in past:
        customer.bank.post(*each, days_ago=1)
    await customer.open_accounts()
    if begins:
        await customer.import_files()
    await customer.connect()
    try:
        await customer.sync()
        await customer.live(history)
        await customer.sync()
        await customer.check()
    except Exception as error:
        error.add_note(f"{flavour=} {begins=} {past=} {history=}")
        raise
