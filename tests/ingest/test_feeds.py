"""Feeds: what a bank says later of a transaction is so in the books, and what people did stays."""

import io
import json
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account
from ai2.books.periods import service as periods
from ai2.books.transactions import attachments, history, splits
from ai2.books.transactions import service as transactions
from ai2.books.transactions.splits import Part
from ai2.identity.organizations import Organization
from ai2.ingest import service
from ai2.ingest.mending import rejects
from ai2.ingest.mending.replay import replay
from ai2.ingest.mending.resubmit import resubmit
from ai2.ingest.mending.undo import undo
from ai2.ingest.service import ImportResult, Source
from ai2.kit import events
from ai2.kit.database import Database
from ai2.kit.ids import new_id
from tests.ingest.conftest import Ask
from tests.ingest.test_undo import balanced

PERSON = f"user:{new_id()}"
Row = dict[str, Any]
LIVE = """
    select booked_on::text, amount::text, description, status from books.transactions
    where deleted_at is null order by booked_on, amount, description
"""
NET = "select coalesce(sum(money_in - money_out), 0)::text as net from books.daily_totals"


def plaid(name: str, day: str, amount: str, text: str, **more: Any) -> Row:
    """A transaction as Plaid says it: money out is above zero."""
    return {
        "transaction_id": name, "account_id": "a", "date": day, "amount": Decimal(amount) * -1, "name": text,
        "iso_currency_code": "GBP", "pending": False, **more,
    }  # fmt: skip


COFFEE = ("2026-03-02", "-3.20", "COSTA COFFEE 43010")
LUNCH = ("2026-03-03", "-9.50", "PRET A MANGER 12")
RENT = ("2026-03-01", "-900.00", "RENT")


class Bank:
    """What a feed brings into an account, document after document, and what the books hold then."""

    def __init__(self, database: Database, organization: Organization, account: Account, ask: Ask) -> None:
        self.database, self.id, self.account, self.ask = database, organization.organization_id, account, ask

    async def __call__(
        self, *, added: Any = (), modified: Any = (), removed: Any = (), source: Source = Source.CONNECTION
    ) -> ImportResult:
        document = {
            "added": list(added), "modified": list(modified),
            "removed": [{"transaction_id": each} for each in removed],
        }  # fmt: skip
        return await self.bring(document, source=source)

    async def bring(self, document: Any, *, source: Source = Source.CONNECTION) -> ImportResult:
        raw = document if isinstance(document, bytes) else json.dumps(document, default=float).encode()
        async with self.database.transaction(self.id, actor=PERSON) as db:
            return await service.import_file(
                db, organization_id=self.id, account_id=self.account.account_id, file=io.BytesIO(raw),
                file_name="answer.json", source=source,
            )  # fmt: skip

    async def live(self) -> list[tuple[str, ...]]:
        """The transactions in the books, and that their totals agree."""
        found = [tuple(row.values()) for row in await self.ask(LIVE)]
        [total] = await self.ask(NET)
        assert Decimal(total["net"]) == sum(Decimal(row[1]) for row in found if row[3] == "posted")
        await balanced(self.ask)
        return found

    async def told(self, result: ImportResult) -> list[tuple[str, str | None]]:
        """What became of a document's rows."""
        async with self.database.transaction(self.id) as db:
            found = await service.batch_rows(db, self.id, result.batch_id)  # type: ignore[arg-type]
        return [(row["state"], row["reason_code"]) for row in found]

    async def one(self, text: str = COFFEE[2]) -> UUID:
        [row] = await self.ask("select transaction_id from books.transactions where description = %(text)s", text=text)
        return UUID(str(row["transaction_id"]))

    async def edit(self, transaction_id: UUID, **changes: Any) -> None:
        async with self.database.transaction(self.id, actor=PERSON) as db:
            await transactions.update(db, self.id, transaction_id, changes)

    async def take_back(self, result: ImportResult) -> dict[str, Any]:
        async with self.database.transaction(self.id, actor=PERSON) as db:
            return await undo(db, self.id, result.batch_id, undone_by=PERSON)  # type: ignore[arg-type]

    async def close(self, through: str) -> None:
        async with self.database.transaction(self.id) as db:
            await periods.close(db, self.id, date.fromisoformat(through), closed_by=PERSON)


@pytest.fixture
def bank(database: Database, organization: Organization, account: Account, ask: Ask) -> Bank:
    return Bank(database, organization, account, ask)


class TestChanged:
    @pytest.mark.parametrize("source", [Source.CONNECTION, Source.API])
    async def test_day_amount_and_text_are_as_said_now(self, bank: Bank, source: Source) -> None:
        await bank(added=[plaid("t1", *COFFEE), plaid("t2", *RENT)], source=source)
        done = await bank(modified=[plaid("t1", "2026-03-04", "-3.50", "COSTA LONDON")], source=source)
        assert await bank.live() == [(*RENT, "posted"), ("2026-03-04", "-3.50", "COSTA LONDON", "posted")]
        assert await bank.told(done) == [("duplicate", "changed")]
        async with bank.database.transaction(bank.id) as db:
            [now, _], _ = await history.page(db, bank.id, await bank.one("COSTA LONDON"), limit=9)
        assert now.changed_by == f"batch:{done.batch_id}"
        assert {"date", "amount", "description"} <= {change.field for change in now.changes}

    async def test_what_people_edited_stays_field_by_field(self, bank: Bank) -> None:
        await bank(added=[plaid("t1", *COFFEE)])
        await bank.edit(await bank.one(), description="Coffee with Ann", notes="work")
        done = await bank(modified=[plaid("t1", "2026-03-02", "-3.50", "COSTA LONDON")])
        assert await bank.live() == [("2026-03-02", "-3.50", "Coffee with Ann", "posted")]
        again = await bank(modified=[plaid("t1", "2026-03-02", "-3.50", "COSTA PARIS")])
        assert [*await bank.told(done), *await bank.told(again)] == [("duplicate", "changed"), ("duplicate", "kept")]

    async def test_a_merchant_that_people_gave_stays(self, bank: Bank, ask: Ask) -> None:
        await bank(added=[plaid("t1", *COFFEE, merchant_name="Costa")])
        await bank.edit(await bank.one(), merchant="The corner")
        await bank(modified=[plaid("t1", "2026-03-02", "-3.50", COFFEE[2], merchant_name="Costa Coffee")])
        [row] = await ask("select merchant, merchant_key, source_key, amount::text from books.transactions")
        assert (row["merchant"], row["amount"]) == ("The corner", "-3.50")
        assert "corner" in row["merchant_key"]
        assert "costa" in row["source_key"]

    async def test_splits_hold_what_is_left(self, bank: Bank, ask: Ask) -> None:
        await bank(added=[plaid("t1", *COFFEE)])
        [food] = await ask("select category_id from books.category_codes where code = 'FOOD_AND_DRINK_COFFEE'")
        async with bank.database.transaction(bank.id, actor=PERSON) as db:
            parts = [
                Part(amount=Decimal("-2.00"), category_id=food["category_id"]),
                Part(amount=Decimal("-1.20"), category_id=food["category_id"]),
            ]
            await splits.put(db, bank.id, await bank.one(), parts)
        await bank(modified=[plaid("t1", "2026-03-02", "-5.00", COFFEE[2])])
        [row] = await ask("select splits from books.transactions")
        assert [part["amount"] for part in row["splits"]] == ["-2.00", "-1.20", "-1.80"]
        assert (await ask(NET))[0]["net"] == "-5.00"

    async def test_an_id_that_never_came_is_new(self, bank: Bank) -> None:
        done = await bank(modified=[plaid("t1", *COFFEE)])
        assert await bank.told(done) == [("loaded", None)]
        assert await bank.live() == [(*COFFEE, "posted")]

    async def test_what_people_deleted_stays_away(self, bank: Bank) -> None:
        await bank(added=[plaid("t1", *COFFEE)])
        async with bank.database.transaction(bank.id, actor=PERSON) as db:
            await transactions.delete(db, bank.id, await bank.one())
        done = await bank(modified=[plaid("t1", "2026-03-02", "-3.50", "COSTA")])
        gone = await bank(removed=["t1"])
        assert [*await bank.told(done), *await bank.told(gone)] == [("duplicate", "deleted"), ("duplicate", "gone")]
        assert await bank.live() == []

    async def test_it_may_be_just_as_another(self, bank: Bank) -> None:
        await bank(added=[plaid("t1", *COFFEE), plaid("t2", *LUNCH)])
        await bank(modified=[plaid("t2", *COFFEE)])
        await bank(removed=["t1"])
        assert await bank.live() == [(*COFFEE, "posted")]

    async def test_a_feed_may_say_again_what_it_once_said(self, bank: Bank) -> None:
        first, second = plaid("t1", "2026-03-02", "-3.50", "COSTA"), plaid("t1", "2026-03-02", "-4.00", "COSTA")
        await bank(added=[plaid("t1", *COFFEE)])
        for said in (first, second, first):
            await bank(modified=[said])
        assert await bank.live() == [("2026-03-02", "-3.50", "COSTA", "posted")]

    async def test_the_same_file_again_changes_nothing(self, bank: Bank) -> None:
        first, second = plaid("t1", "2026-03-02", "-3.50", "COSTA"), plaid("t1", "2026-03-02", "-4.00", "COSTA")
        await bank(added=[plaid("t1", *COFFEE)], source=Source.API)
        for said in (first, second, first):
            await bank(modified=[said], source=Source.API)
        await bank(removed=["t1"], source=Source.API)
        await bank(added=[plaid("t1", *COFFEE)], source=Source.API)
        assert await bank.live() == []

    async def test_of_an_id_that_stands_twice_the_last_word_counts(self, bank: Bank) -> None:
        done = await bank(
            added=[plaid("t1", *COFFEE), plaid("t2", *LUNCH)],
            modified=[plaid("t1", "2026-03-02", "-4.00", "COSTA")],
            removed=["t2"],
        )
        assert await bank.live() == [("2026-03-02", "-4.00", "COSTA", "posted")]
        assert [row[1] for row in await bank.told(done)] == ["repeated", "unknown_id", None, "unknown_id"]


class TestRemoved:
    @pytest.mark.parametrize("source", [Source.CONNECTION, Source.API])
    async def test_it_is_out_of_the_books(self, bank: Bank, source: Source) -> None:
        await bank(added=[plaid("t1", *COFFEE), plaid("t2", *RENT)], source=source)
        done = await bank(removed=["t1", "never"], source=source)
        assert (done.rows.in_, done.rows.loaded, done.rows.duplicate, done.rows.quarantined) == (2, 0, 1, 1)
        assert await bank.told(done) == [("duplicate", "removed"), ("quarantined", "unknown_id")]
        assert await bank.live() == [(*RENT, "posted")]

    async def test_among_many_rows_that_are_taken_back_one_new_one_loads(self, bank: Bank) -> None:
        await bank(added=[plaid(f"t{n}", "2026-03-02", f"-{n}.00", f"SHOP {n}") for n in range(1, 31)])
        done = await bank(added=[plaid("new", *COFFEE)], removed=[f"t{n}" for n in range(1, 31)])
        assert (done.status, done.rows.loaded, done.rows.duplicate) == ("loaded", 1, 30)
        assert await bank.live() == [(*COFFEE, "posted")]

    async def test_of_that_account_only(self, bank: Bank, database: Database, organization: Organization) -> None:
        await bank(added=[plaid("t1", *COFFEE)])
        async with database.transaction(bank.id) as db:
            other = await accounts.create(db, bank.id, name="Other", currency="GBP")
        elsewhere = Bank(database, organization, other, bank.ask)
        assert await elsewhere.told(await elsewhere(removed=["t1"])) == [("quarantined", "unknown_id")]
        assert await bank.live() == [(*COFFEE, "posted")]

    @pytest.mark.parametrize("edit", [{"notes": "ask Ann"}, {"tags": ["work"]}, {"amount": Decimal("-3.21")}])
    async def test_what_people_edited_is_told_and_stays(self, bank: Bank, edit: dict[str, Any]) -> None:
        await bank(added=[plaid("t1", *COFFEE)])
        await bank.edit(await bank.one(), **edit)
        assert await bank.told(await bank(removed=["t1"])) == [("quarantined", "edited")]
        assert len(await bank.live()) == 1

    async def test_what_people_keep_a_receipt_of_is_told_and_stays(self, bank: Bank) -> None:
        await bank(added=[plaid("t1", *COFFEE)])
        said = b"%PDF-1.4 paid"
        async with bank.database.transaction(bank.id, actor=PERSON) as db:
            await attachments.add(
                db, bank.id, await bank.one(), file=io.BytesIO(said), file_name="a.pdf", size_bytes=len(said),
                added_by=PERSON,
            )  # fmt: skip
        assert await bank.told(await bank(removed=["t1"])) == [("quarantined", "edited")]
        assert len(await bank.live()) == 1

    async def test_shown_again_it_is_back(self, bank: Bank) -> None:
        await bank(added=[plaid("t1", *COFFEE)])
        was = await bank.one()
        await bank(removed=["t1"])
        done = await bank(added=[plaid("t1", *COFFEE)])
        assert await bank.told(done) == [("duplicate", "returned")]
        assert (await bank.live(), await bank.one()) == ([(*COFFEE, "posted")], was)
        await bank(removed=["t1"])
        assert await bank.live() == []

    async def test_its_id_may_be_used_again_for_another_payment(self, bank: Bank) -> None:
        await bank(added=[plaid("t1", *COFFEE)])
        gone = await bank(removed=["t1"])
        used = await bank(added=[plaid("t1", *LUNCH)])
        assert await bank.told(used) == [("loaded", None)]
        await bank(modified=[plaid("t1", LUNCH[0], "-9.00", LUNCH[2])])
        assert await bank.live() == [(LUNCH[0], "-9.00", LUNCH[2], "posted")]
        await bank(removed=["t1"])
        assert await bank.live() == []
        await bank.take_back(used)
        await bank.take_back(gone)
        await bank(modified=[plaid("t1", COFFEE[0], "-3.30", COFFEE[2])])
        assert await bank.live() == [(COFFEE[0], "-3.30", COFFEE[2], "posted")]

    async def test_its_partner_is_a_payment_again(
        self, bank: Bank, database: Database, organization: Organization
    ) -> None:
        async with database.transaction(bank.id) as db:
            savings = await accounts.create(db, bank.id, name="Savings", currency="GBP", kind="savings")
        other = Bank(database, organization, savings, bank.ask)
        await other(added=[plaid("s1", "2026-03-02", "100.00", "TRANSFER FROM CURRENT")])
        await bank(added=[plaid("t1", "2026-03-02", "-100.00", "TRANSFER TO SAVINGS")])
        pairs = "select count(*) as n from books.transfers where state = 'paired'"
        ruled = "select count(*) as n from books.transactions where decided_by = 'rule'"
        assert [(await bank.ask(query))[0]["n"] for query in (pairs, ruled)] == [1, 2]
        gone = await bank(removed=["t1"])
        assert [(await bank.ask(query))[0]["n"] for query in (pairs, ruled)] == [0, 0]
        await bank.take_back(gone)
        assert [(await bank.ask(query))[0]["n"] for query in (pairs, ruled)] == [1, 2]


class TestPending:
    P1 = plaid("p1", *COFFEE, pending=True)
    T1 = plaid("t1", "2026-03-04", "-3.50", "COSTA", pending_transaction_id="p1")

    @pytest.mark.parametrize(
        "documents",
        [
            ({"added": [T1], "removed": ["p1"]},),
            ({"removed": ["p1"]}, {"added": [T1]}),
            ({"added": [T1]}, {"removed": ["p1"]}),
        ],
    )
    async def test_booked_under_another_id_it_is_one(self, bank: Bank, documents: tuple[dict[str, Any], ...]) -> None:
        await bank(added=[self.P1])
        was = await bank.one()
        for document in documents:
            await bank(**document)
        assert await bank.live() == [("2026-03-04", "-3.50", "COSTA", "posted")]
        assert await bank.one("COSTA") == was

    async def test_taken_back_it_is_closed_and_the_others_wait(self, bank: Bank) -> None:
        await bank(added=[self.P1, plaid("p2", *LUNCH, pending=True)])
        done = await bank(added=[plaid("t9", *RENT)], removed=["p1"])
        assert await bank.told(done) == [("loaded", None), ("duplicate", "withdrawn")]
        assert [row[3] for row in await bank.live()] == ["posted", "closed", "pending"]
        await bank(added=[plaid("p3", "2026-03-05", "-1.00", "TEA", pending=True)])
        assert [row[3] for row in await bank.live()] == ["posted", "closed", "pending", "pending"]
        await bank.take_back(done)
        assert [row[3] for row in await bank.live()] == ["pending", "pending", "pending"]

    async def test_its_amount_follows(self, bank: Bank) -> None:
        await bank(added=[self.P1])
        await bank(modified=[plaid("p1", "2026-03-01", "-4.00", COFFEE[2], pending=True)])
        assert await bank.live() == [("2026-03-01", "-4.00", COFFEE[2], "pending")]

    async def test_booked_by_a_file_it_is_no_twin(self, bank: Bank) -> None:
        await bank(added=[self.P1])
        await bank.bring(b"Date,Description,Amount\n2026-03-04,COSTA COFFEE 43010,-3.20\n", source=Source.API)
        await bank(added=[plaid("t1", "2026-03-04", "-3.20", "Costa", pending_transaction_id="p1")], removed=["p1"])
        assert [(row[1], row[3]) for row in await bank.live()] == [("-3.20", "posted")]

    async def test_an_empty_window_shows_that_nothing_is_pending(self, bank: Bank) -> None:
        announced = {
            "transactionAmount": {"amount": "-5.00", "currency": "GBP"}, "bookingDate": "2026-03-02",
            "remittanceInformationUnstructured": "TEA",
        }  # fmt: skip
        window = {"transactions": {"booked": [], "pending": [announced]}}
        nothing: dict[str, Any] = {"transactions": {"booked": [], "pending": []}}
        for shown, state in ((window, "pending"), (nothing, "closed"), (window, "pending"), (nothing, "closed")):
            await bank.bring(shown)
            assert [row[3] for row in await bank.live()] == [state]


class TestClosed:
    async def test_what_counts_in_a_closed_period_is_told_and_done_once_it_is_open(self, bank: Bank) -> None:
        await bank(added=[plaid("t1", *COFFEE), plaid("t2", *LUNCH), plaid("t3", "2026-04-02", "-1.00", "TEA")])
        await bank.close("2026-03-31")
        before = await bank.live()
        told = await bank(
            modified=[plaid("t1", "2026-03-02", "-3.50", COFFEE[2]), plaid("t3", "2026-03-30", "-1.00", "TEA")],
            removed=["t2"],
        )
        assert await bank.told(told) == [("quarantined", "period_closed")] * 3
        assert await bank.live() == before
        async with bank.database.transaction(bank.id) as db:
            await periods.reopen(db, bank.id, date(2026, 3, 1), reason="late", reopened_by=PERSON)
            rows = await service.batch_rows(db, bank.id, told.batch_id)  # type: ignore[arg-type]
            sent = "".join(rejects.as_csv(rejects.files(None), rows)).encode()
            done = await resubmit(db, bank.id, told.batch_id, sent, sent_by=PERSON)  # type: ignore[arg-type]
        assert (done.loaded, done.duplicate, done.quarantined) == (0, 3, 0)
        assert await bank.told(told) == [("duplicate", "changed")] * 2 + [("duplicate", "removed")]
        assert await bank.live() == [
            ("2026-03-02", "-3.50", COFFEE[2], "posted"), ("2026-03-30", "-1.00", "TEA", "posted"),
        ]  # fmt: skip

    async def test_another_text_moves_nothing_and_is_followed(self, bank: Bank) -> None:
        await bank(added=[plaid("t1", *COFFEE)])
        await bank.close("2026-03-31")
        await bank(modified=[plaid("t1", *COFFEE[:2], "COSTA LONDON")])
        assert await bank.live() == [(*COFFEE[:2], "COSTA LONDON", "posted")]


class TestTakenBack:
    async def test_an_undo_gives_everything_back(self, bank: Bank) -> None:
        first = await bank(added=[plaid("t1", *COFFEE), plaid("t2", *LUNCH), plaid("p1", *RENT, pending=True)])
        before = await bank.live()
        second = await bank(
            added=[plaid("t4", "2026-03-05", "-1.00", "TEA")],
            modified=[plaid("t1", "2026-03-04", "-3.50", "COSTA LONDON")],
            removed=["t2", "p1"],
        )
        assert len(await bank.live()) == 3
        report = await bank.take_back(second)
        assert (report["closed"], report["given_back"], report["left_alone"]) == (1, 3, 0)
        assert await bank.live() == before
        await bank(removed=["t2"])
        await bank(modified=[plaid("t1", "2026-03-04", "-3.60", "COSTA LONDON")])
        assert len(await bank.live()) == 2
        await bank.take_back(first)

    async def test_what_came_back_goes_again(self, bank: Bank) -> None:
        await bank(added=[plaid("t1", *COFFEE)])
        await bank(removed=["t1"])
        back = await bank(added=[plaid("t1", *COFFEE)])
        await bank.take_back(back)
        assert await bank.live() == []
        await bank(added=[plaid("t1", *COFFEE)])
        assert await bank.live() == [(*COFFEE, "posted")]

    async def test_what_people_edited_since_is_left_alone(self, bank: Bank) -> None:
        await bank(added=[plaid("t1", *COFFEE)])
        done = await bank(modified=[plaid("t1", "2026-03-04", "-3.50", COFFEE[2])])
        await bank.edit(await bank.one(), notes="right so")
        report = await bank.take_back(done)
        assert (report["given_back"], report["left"][0]["fields"]) == (0, ["notes"])

    async def test_a_replay_says_that_nothing_differs(self, bank: Bank) -> None:
        await bank(added=[plaid("t1", *COFFEE), plaid("t2", *LUNCH)])
        done = await bank(modified=[plaid("t1", "2026-03-04", "-3.50", "COSTA")], removed=["t2", "never"])
        await bank(modified=[plaid("t1", "2026-03-05", "-3.70", "COSTA")])
        before = await bank.live()
        async with bank.database.transaction(bank.id) as db:
            for apply in (False, True):
                found = await replay(db, bank.id, done.batch_id, replayed_by=PERSON, apply=apply)  # type: ignore[arg-type]
                assert (found.differs, found.counts["unchanged"]) == (False, 3)
        assert await bank.live() == before


async def test_each_act_is_told_once_an_import(bank: Bank) -> None:
    await bank(added=[plaid("t1", *COFFEE), plaid("t2", *LUNCH), plaid("t3", *RENT)])
    done = await bank(
        modified=[plaid("t1", "2026-03-02", "-3.50", COFFEE[2]), plaid("t2", "2026-03-03", "-9.60", LUNCH[2])],
        removed=["t3"],
    )
    async with bank.database.transaction(bank.id) as db:
        heard = await events.after(db, bank.id, 0, limit=99, kinds=("transaction.updated", "transaction.deleted"))
    assert [(each.kind, each.payload["count"], each.payload["batch_id"]) for each in heard] == [
        ("transaction.updated", 2, str(done.batch_id)), ("transaction.deleted", 1, str(done.batch_id)),
    ]  # fmt: skip
    assert heard[0].payload["fields"] == ["amount"]
