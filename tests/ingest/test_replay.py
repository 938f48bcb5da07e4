"""Replay: the difference is shown first, applied on request, and nothing of people's is lost."""

import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account
from ai2.books.transactions import service as transactions
from ai2.identity.organizations import Organization
from ai2.ingest.formats import delimited
from ai2.ingest.layout import saved
from ai2.ingest.lines import Reason, Rejected, Statement
from ai2.ingest.mending.replay import NotLoaded, Replay, ReplayHeld, replay, replay_account
from ai2.ingest.mending.undo import undo
from ai2.ingest.problems import BatchNotFound
from ai2.kit.database import Database
from ai2.kit.errors import Problem
from ai2.kit.ids import new_id
from tests.ingest.conftest import Ask, Import
from tests.ingest.test_undo import LIVE, MARCH, TOTALS, balanced, keep_receipt

PERSON = f"user:{new_id()}"
AMBIGUOUS = "Date,Merchant,Amount\n2024-03-01,Ryman,66.15\n2024-03-02,Refund,-9.25\n2024-03-03,Tesco,5\n"
QUARANTINE = MARCH + "2024-02-30,Ghost,-1.00,1092.60\n"
Again = Callable[..., Awaitable[Replay]]
New = Callable[[Statement], Statement]


@pytest.fixture
def again(database: Database, organization: Organization) -> Again:
    async def do(batch_id: UUID | None, **words: Any) -> Replay:
        assert batch_id
        async with database.transaction(organization.organization_id, actor=PERSON) as db:
            return await replay(db, organization.organization_id, batch_id, replayed_by=PERSON, **words)

    return do


@pytest.fixture
def new_parser(monkeypatch: pytest.MonkeyPatch) -> Callable[[New], None]:
    """Let the reader of CSV be a new version, which makes something else of what the old one read."""

    def do(new: New) -> None:
        old = delimited.read

        def read(*words: Any) -> Statement:
            return replace(new(old(*words)), parser_version="delimited-next")

        monkeypatch.setattr(delimited, "read", read)

    return do


def differing(found: Replay) -> dict[str, int]:
    return {kind: number for kind, number in found.counts.items() if number and kind != "unchanged"}


def with_column(statement: Statement, name: str, values: pa.Array) -> Statement:
    place = statement.lines.column_names.index(name)
    return replace(statement, lines=statement.lines.set_column(place, statement.lines.schema.field(name), values))


def renamed(statement: Statement) -> Statement:
    """A version that writes descriptions in capitals."""
    return with_column(statement, "description", pc.utf8_upper(statement.lines["description"]))


def without(line: int, *, reason: Reason | None) -> New:
    """A version that rejects a line, or does not see it."""

    def new(statement: Statement) -> Statement:
        kept = statement.lines.filter(pc.not_equal(statement.lines["line_number"], line))
        rejected = (*statement.rejected, Rejected(line, reason, "as it came")) if reason else statement.rejected
        return replace(statement, lines=kept, rejected=rejected)

    return new


def reading(line: int, like: int) -> New:
    """A version that reads a rejected line, as a copy of another."""

    def new(statement: Statement) -> Statement:
        copied = statement.lines.filter(pc.equal(statement.lines["line_number"], like))
        copied = copied.set_column(0, copied.schema.field(0), pa.array([line], pa.int32()))
        kept = tuple(rejected for rejected in statement.rejected if rejected.line_number != line)
        return replace(statement, lines=pa.concat_tables([statement.lines, copied]), rejected=kept)

    return new


def shifted(statement: Statement) -> Statement:
    """A version that counts lines from another place."""
    moved = with_column(statement, "line_number", pc.add(statement.lines["line_number"], pa.scalar(1, pa.int32())))
    return replace(moved, last_line=statement.last_line + 1)


class TestNothingNew:
    @pytest.mark.parametrize("apply", [False, True])
    async def test_shows_and_changes_nothing(self, import_text: Import, again: Again, ask: Ask, apply: bool) -> None:
        await import_text(MARCH)
        done = await import_text(QUARANTINE)
        before = await ask("select * from books.transactions order by transaction_id")
        found = await again(done.batch_id, apply=apply)
        assert differing(found) == {}
        assert (found.lines, found.counts["unchanged"], found.next_line) == ([], 5, None)
        assert await ask("select * from books.transactions order by transaction_id") == before
        assert [batch["replays"] for batch in await ask("select replays from ingest.batches")] == [[], []]
        await balanced(ask)
        assert (await import_text(MARCH)).rows.loaded == 0

    async def test_nor_of_a_zip_of_files_that_overlap(self, import_text: Import, again: Again, ask: Ask) -> None:
        made = BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("march.csv", MARCH)
            archive.writestr("more.csv", MARCH.replace("Salary", "Bonus"))
        done = await import_text(made.getvalue())
        assert differing(await again(done.batch_id, apply=True)) == {}
        await balanced(ask)

    async def test_nor_where_people_edited(
        self, import_text: Import, again: Again, ask: Ask, database: Database, organization: Organization
    ) -> None:
        done = await import_text(MARCH)
        [row] = await ask("select transaction_id from books.transactions where description = 'Rent'")
        async with database.transaction(organization.organization_id, actor=PERSON) as db:
            changes = {"description": "Flat", "notes": "Ask Ana"}
            await transactions.update(db, organization.organization_id, row["transaction_id"], changes)
        assert differing(await again(done.batch_id, apply=True)) == {}
        assert [row["description"] for row in await ask(LIVE)] == ["Coffee", "Coffee", "Flat", "Salary"]


class TestNewParser:
    async def test_changed_lines_are_shown_and_then_change(
        self, import_text: Import, again: Again, ask: Ask, new_parser: Callable[[New], None]
    ) -> None:
        done = await import_text(MARCH)
        new_parser(renamed)
        shown = await again(done.batch_id)
        assert (differing(shown), shown.is_applied) == ({"changed": 4}, False)
        assert shown.lines[0]["fields"] == [{"field": "description", "from": "Salary", "to": "SALARY", "stays": False}]
        assert "Salary" in [row["description"] for row in await ask(LIVE)]
        applied = await again(done.batch_id, apply=True)
        assert (differing(applied), applied.is_applied) == ({"changed": 4}, True)
        assert [row["description"] for row in await ask(LIVE)] == ["COFFEE", "COFFEE", "RENT", "SALARY"]
        [batch] = await ask("select parser_version, replays from ingest.batches")
        assert batch["parser_version"] == "delimited-next"
        assert batch["replays"][0]["by"] == PERSON
        assert differing(await again(done.batch_id)) == {}
        assert (await import_text(MARCH)).rows.loaded == 0

    async def test_old_identities_stay(
        self, import_text: Import, again: Again, new_parser: Callable[[New], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done = await import_text(MARCH)
        with monkeypatch.context() as patch:
            old = delimited.read
            patch.setattr(
                delimited,
                "read",
                lambda *words: with_column(
                    old(*words), "description", pa.array([f"Other {row}" for row in range(4)], pa.string())
                ),
            )
            assert differing(await again(done.batch_id, apply=True)) == {"changed": 4}
            assert (await import_text(MARCH)).rows.loaded == 0
        assert (await import_text(MARCH)).rows.loaded == 0

    async def test_what_people_edited_stays_and_is_listed(
        self, import_text: Import, again: Again, ask: Ask, new_parser: Callable[[New], None],
        database: Database, organization: Organization,
    ) -> None:  # fmt: skip
        done = await import_text(MARCH)
        [row] = await ask("select transaction_id from books.transactions where description = 'Rent'")
        async with database.transaction(organization.organization_id, actor=PERSON) as db:
            await transactions.update(
                db, organization.organization_id, row["transaction_id"], {"description": "Flat", "notes": "x"}
            )
        new_parser(renamed)
        applied = await again(done.batch_id, apply=True)
        assert differing(applied) == {"changed": 3, "kept": 1}
        assert next(field["field"] for field in applied.lines[-1]["fields"] if field["stays"]) == "description"
        assert [row["description"] for row in await ask(LIVE)] == ["COFFEE", "COFFEE", "Flat", "SALARY"]

    async def test_a_line_that_is_rejected_now_is_closed_and_quarantined(
        self, import_text: Import, again: Again, ask: Ask, new_parser: Callable[[New], None]
    ) -> None:
        done = await import_text(MARCH)
        new_parser(without(5, reason=Reason.SUMMARY))
        assert differing(await again(done.batch_id, apply=True)) == {"now_rejected": 1}
        [batch] = await balanced(ask)
        assert (batch["rows_in"], batch["rows_loaded"], batch["rows_quarantined"]) == (4, 3, 1)
        assert [row["description"] for row in await ask(LIVE)] == ["Coffee", "Coffee", "Salary"]
        assert str((await ask(TOTALS))[0]["net"]) == "1993.60"

    async def test_a_line_that_is_gone_is_closed(
        self, import_text: Import, again: Again, ask: Ask, new_parser: Callable[[New], None]
    ) -> None:
        done = await import_text(MARCH)
        new_parser(without(5, reason=None))
        assert differing(await again(done.batch_id, apply=True)) == {"gone": 1}
        [batch] = await balanced(ask)
        assert (batch["rows_in"], batch["rows_loaded"]) == (3, 3)
        assert differing(await again(done.batch_id, apply=True)) == {}

    async def test_what_has_a_receipt_stays(
        self, import_text: Import, again: Again, ask: Ask, new_parser: Callable[[New], None],
        database: Database, organization: Organization,
    ) -> None:  # fmt: skip
        done = await import_text(MARCH)
        await keep_receipt(database, organization, ask, "Rent")
        new_parser(without(5, reason=None))
        [line] = (await again(done.batch_id, apply=True)).lines
        assert (line["kind"], line["stays"]) == ("gone", True)
        assert [row["description"] for row in await ask(LIVE)] == ["Coffee", "Coffee", "Rent", "Salary"]

    async def test_what_is_readable_now_loads_though_an_equal_row_is_there(
        self, import_text: Import, again: Again, ask: Ask, new_parser: Callable[[New], None]
    ) -> None:
        done = await import_text(QUARANTINE)
        new_parser(reading(6, like=5))
        assert differing(await again(done.batch_id)) == {"now_readable": 1}
        assert differing(await again(done.batch_id, apply=True)) == {"now_readable": 1}
        assert [(row["description"], row["line_number"]) for row in await ask(LIVE)][2:4] == [("Rent", 5), ("Rent", 6)]
        [batch] = await balanced(ask)
        assert (batch["rows_loaded"], batch["rows_quarantined"]) == (5, 0)
        assert differing(await again(done.batch_id, apply=True)) == {}

    async def test_nor_does_an_equal_row_above_take_its_place(
        self, import_text: Import, again: Again, ask: Ask, new_parser: Callable[[New], None]
    ) -> None:
        lines = MARCH.splitlines(keepends=True)
        done = await import_text("".join([lines[0], "2024-02-30,Ghost,-1.00,1.00\n", *lines[1:]]))
        rent = "select transaction_id from books.transactions where line_number = 6"
        before = await ask(rent)
        new_parser(reading(2, like=6))
        assert differing(await again(done.batch_id, apply=True)) == {"now_readable": 1}
        assert await ask(rent) == before
        await balanced(ask)
        assert differing(await again(done.batch_id, apply=True)) == {}

    async def test_lines_that_moved_are_the_same_transactions(
        self, import_text: Import, again: Again, ask: Ask, new_parser: Callable[[New], None]
    ) -> None:
        done = await import_text(MARCH)
        ids = await ask("select transaction_id, description from books.transactions order by 1")
        new_parser(shifted)
        assert differing(await again(done.batch_id, apply=True)) == {"changed": 4}
        assert await ask("select transaction_id, description from books.transactions order by 1") == ids
        assert sorted(row["line_number"] for row in await ask(LIVE)) == [3, 4, 5, 6]
        await balanced(ask)

    async def test_a_long_difference_is_paged(
        self, import_text: Import, again: Again, new_parser: Callable[[New], None]
    ) -> None:
        done = await import_text(MARCH)
        new_parser(renamed)
        first = await again(done.batch_id, limit=3)
        rest = await again(done.batch_id, limit=3, after=first.next_line)
        assert [row["line_number"] for row in [*first.lines, *rest.lines]] == [2, 3, 4, 5]
        assert rest.next_line is None

    async def test_what_would_be_held_changes_nothing(
        self, import_text: Import, again: Again, ask: Ask, new_parser: Callable[[New], None]
    ) -> None:
        from datetime import date

        done = await import_text(MARCH)
        new_parser(lambda statement: with_column(statement, "booked_on", pa.array([date(2090, 1, 1)] * 4, pa.date32())))
        with pytest.raises(ReplayHeld):
            await again(done.batch_id, apply=True)
        assert len(await ask(LIVE)) == 4
        await balanced(ask)


class TestLayout:
    async def turn(self, database: Database, organization: Organization, account: Account) -> None:
        own = organization.organization_id
        async with database.transaction(own) as db:
            [kept] = await saved.of_account(db, own, account.account_id)
            turned = kept.layout.model_copy(update={"positive_is": "in"})
            await saved.put(db, own, account.account_id, turned)

    async def test_a_wrong_sign_is_put_right(
        self, import_text: Import, again: Again, ask: Ask, database: Database, organization: Organization,
        account: Account,
    ) -> None:  # fmt: skip
        done = await import_text(AMBIGUOUS, positive_is="out")
        assert str((await ask(TOTALS))[0]["net"]) == "-61.90"
        await self.turn(database, organization, account)
        applied = await again(done.batch_id, apply=True)
        assert differing(applied) == {"changed": 3}
        assert applied.lines[0]["fields"][0] == {"field": "amount", "from": "-66.15", "to": "66.15", "stays": False}
        assert str((await ask(TOTALS))[0]["net"]) == "61.90"
        assert (await import_text(AMBIGUOUS)).rows.loaded == 0
        assert (await ask("select layout -> 'files' -> 0 -> 'layout' ->> 'positive_is' as way from ingest.batches"))[
            0
        ] == {"way": "in"}

    async def test_what_another_file_has_right_already_becomes_its_duplicate(
        self, import_text: Import, again: Again, ask: Ask
    ) -> None:
        wrong = await import_text(AMBIGUOUS, positive_is="out")
        await import_text(AMBIGUOUS.replace("Amount", "Sum"), positive_is="in")
        assert len(await ask(LIVE)) == 6
        from ai2.ingest.layout.model import Options

        applied = await again(wrong.batch_id, apply=True, options=Options(positive_is="in"))
        assert differing(applied) == {"now_duplicate": 3}
        assert len(await ask(LIVE)) == 3
        await balanced(ask)

    async def test_an_account_is_replayed_as_one(
        self, import_text: Import, ask: Ask, database: Database, organization: Organization, account: Account
    ) -> None:
        await import_text(AMBIGUOUS, positive_is="out")
        await import_text(AMBIGUOUS + "2024-03-09,Ryman,1.00\n")
        await self.turn(database, organization, account)
        own = organization.organization_id
        shown = []
        for apply in (False, True, True):
            async with database.transaction(own) as db:
                found = await replay_account(db, own, account.account_id, replayed_by=PERSON, apply=apply)
            shown.append([differing(each) for each in found])
        assert shown == [[{"changed": 3}, {"changed": 1}]] * 2 + [[{}, {}]]
        assert str((await ask(TOTALS))[0]["net"]) == "62.90"
        await balanced(ask)


class TestRefused:
    async def test_an_undone_batch(
        self, import_text: Import, again: Again, database: Database, organization: Organization
    ) -> None:
        done = await import_text(MARCH)
        async with database.transaction(organization.organization_id) as db:
            await undo(db, organization.organization_id, done.batch_id, undone_by=PERSON)  # type: ignore[arg-type]
        with pytest.raises(NotLoaded):
            await again(done.batch_id)

    async def test_a_strangers_batch(self, import_text: Import, database: Database, stranger: Organization) -> None:
        done = await import_text(MARCH)
        async with database.transaction(stranger.organization_id) as db:
            with pytest.raises(BatchNotFound):
                await replay(db, stranger.organization_id, done.batch_id, replayed_by=PERSON)  # type: ignore[arg-type]

    async def test_a_replayed_batch_can_be_undone(
        self, import_text: Import, again: Again, ask: Ask, new_parser: Callable[[New], None],
        database: Database, organization: Organization,
    ) -> None:  # fmt: skip
        done = await import_text(QUARANTINE)
        new_parser(lambda statement: without(4, reason=None)(reading(6, like=5)(renamed(statement))))
        await again(done.batch_id, apply=True)
        async with database.transaction(organization.organization_id) as db:
            report = await undo(db, organization.organization_id, done.batch_id, undone_by=PERSON)  # type: ignore[arg-type]
        assert (report["closed"], report["left_alone"]) == (4, 0)
        assert await ask(LIVE) == []
        await balanced(ask)
        assert (await import_text(QUARANTINE)).rows.loaded == 4


class TestEveryFormat:
    """Real files, some of each kind: read again, they say what they said."""

    @pytest.mark.parametrize("kind", ["bai2", "camt", "csv", "mt940", "ofx"])
    async def test_nothing_differs(
        self, data: Path, import_text: Import, again: Again, ask: Ask, kind: str, database: Database,
        organization: Organization,
    ) -> None:  # fmt: skip
        found = [path for path in sorted((data / "statements" / kind).rglob("*")) if path.is_file()]
        small = [path for path in found if path.stat().st_size < 200_000]
        replayed = 0
        for path, currency in product(small[:: max(1, len(small) // 12)], ("EUR", "USD", "GBP")):
            async with database.transaction(organization.organization_id) as db:
                name = f"{path} {currency}"
                into = await accounts.create(db, organization.organization_id, name=name, currency=currency)
            try:
                done = await import_text(path.read_bytes(), into=into, positive_is="in")
            except Problem:  # it asks, or is of another currency: there is nothing to replay
                continue
            if done.status == "loaded" and done.rows.loaded:
                assert differing(await again(done.batch_id)) == {}, path
                replayed += 1
        await balanced(ask)
        if not replayed:
            pytest.skip(f"every file of {kind} names an account that it wants to be imported into")
