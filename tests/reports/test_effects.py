"""Effects: what is shown before something is done is what doing it gives, and nothing of the showing stays."""

import asyncio
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.periods import service as periods
from ai2.books.rules import runs
from ai2.books.rules import service as rules
from ai2.books.rules.matching import Actions, Conditions, Share, TextTest, TransferTo
from ai2.books.rules.runs import Draft
from ai2.books.rules.runs_repository import Scope as Where
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction
from ai2.identity.organizations import Organization
from ai2.ingest.mending.undo import undo
from ai2.kit.database import Connection, Database
from ai2.kit.settings import Settings
from ai2.reports import service as reports
from ai2.reports.effects import acts, service
from ai2.reports.effects.acts import Act, ApplyRule, ServeModel, UndoImport
from ai2.reports.effects.service import BooksAreBusy, Effect
from ai2.reports.model import Asked, Report
from ml import registry, serving
from ml import service as ml
from ml.copies import About
from ml.governance import succession
from tests.bookkeeping import Books
from tests.ingest.feeding import feed

QUARTER: dict[str, Any] = {"start_date": date(2026, 1, 1), "end_date": date(2026, 3, 31), "group_by": "month"}
PERSON = "user:018f0000-0000-7000-8000-000000000001"
CURRENT, SAVINGS = "Current GBP", "Savings GBP"
EVERYWHERE = Where()


async def shown(books: Books, act: Act, **more: Any) -> Effect:
    async with books.database.transaction(books.organization_id, actor=PERSON) as db:
        wanted = {"after": None, "limit": 1000, **more}
        return await service.preview(db, books.organization_id, act, QUARTER, actor=PERSON, **wanted)


async def all_reports(books: Books) -> dict[str, Report]:
    async with books.database.transaction(books.organization_id) as db:
        return {
            name: await reports.make(db, books.organization_id, Asked(report=name, **QUARTER))
            for name in service.REPORTS
            if reports.is_made(name)
        }


async def kept(pipeline: Database, organization_id: UUID) -> dict[str, tuple[int, int]]:
    """Every table that has rows of an organization, and a digest of these: whatever is left behind shows in it."""
    async with pipeline.transaction() as db:
        tables = await (
            await db.execute(
                """
                select format('%I.%I', table_schema, table_name) as name from information_schema.columns
                inner join information_schema.tables using (table_schema, table_name)
                where column_name = 'organization_id' and table_type = 'BASE TABLE'
                    and table_schema not in ('marts', 'pg_catalog', 'staging', 'intermediate')
                    and has_table_privilege(format('%I.%I', table_schema, table_name), 'select')
                """
            )
        ).fetchall()
        found = {}
        for each in tables:
            query = f"""
                select count(*) as rows, coalesce(sum(hashtextextended(kept::text, 0) / 4096), 0)::bigint as digest
                from {each["name"]} as kept where organization_id = %s
            """
            row = await (await db.execute(query, [organization_id])).fetchone()  # type: ignore[arg-type]
            found[each["name"]] = (row["rows"], row["digest"]) if row else (0, 0)
    assert {"books.transactions", "events.events", "audit.entries", "queue.jobs"} <= found.keys()
    return found


def cells(report: Report) -> dict[str, Decimal | None]:
    return {table.key_of(cell): cell.amount for table in report.tables for cell in table.cells}


async def assert_comes_true(books: Books, pipeline: Database, act: Act, do: Any) -> Effect:
    """What is shown of an act is what it gives; and showing it leaves nothing."""
    untouched = await kept(pipeline, books.organization_id)
    before = await all_reports(books)
    effect = await shown(books, act)
    assert await kept(pipeline, books.organization_id) == untouched
    async with books.database.transaction(books.organization_id, actor=PERSON) as db:
        await do(db)
    assert await kept(pipeline, books.organization_id) != untouched
    after = await all_reports(books)
    assert [each.report for each in effect.reports] == list(before)
    for each in effect.reports:
        was, now = cells(before[each.report]), cells(after[each.report])
        names = {key for key in was.keys() | now.keys() if was.get(key, Decimal(0)) != now.get(key, Decimal(0))}
        told = {cell.key: (cell.before, cell.after) for cell in each.cells}
        assert told == {key: (was.get(key, Decimal(0)), now.get(key, Decimal(0))) for key in names}
        assert all(cell.difference == cell.after - cell.before for cell in each.cells if cell.after is not None)
        assert each.digest_before == before[each.report].digest
        assert each.digest_after == after[each.report].digest
    states = await books.read(
        "select transaction_id, category_id, deleted_at is not null, amount from books.transactions order by 1"
    )
    now_is = {row[0]: row[1:] for row in states}
    for row in effect.rows:
        after_row = row.after
        assert now_is[after_row["transaction_id"]][1:] == (after_row["is_deleted"], after_row["amount"])
    return effect


async def rule_of(db: Connection, books: Books, draft: Draft) -> None:
    new = await rules.create(db, books.organization_id, name="real", conditions=draft.conditions, actions=draft.actions)
    await runs.apply(db, books.organization_id, new.rule_id, scope=EVERYWHERE, applied_by=PERSON)


async def named(books: Books, *names: str) -> list[UUID]:
    async with books.database.transaction(books.organization_id) as db:
        known = {each.name: each.category_id for each in await categories.list_all(db, books.organization_id)}
    return [known[name] for name in names]


@pytest.fixture
async def drafts(books: Books) -> dict[str, Draft]:
    """A rule of each kind, each of which changes figures."""
    rent, hotel = await named(books, "Rent", "Hotels and lodging")
    something = Conditions(description=TextTest("contains", "something"))
    shares = (Share(category_id=rent, percentage=Decimal(40)), Share(category_id=hotel))
    return {
        "category": Draft(something, Actions(category_id=rent)),
        "split": Draft(something, Actions(split=shares)),
        "transfer": Draft(something, Actions(transfer=TransferTo(books.accounts[SAVINGS]))),
        "tags": Draft(something, Actions(tags=("odd",))),
    }


@pytest.mark.parametrize("kind", ["category", "split", "transfer", "tags"])
async def test_a_rule(books: Books, pipeline: Database, drafts: dict[str, Draft], kind: str) -> None:
    if kind == "transfer":  # and its other side, which it is paired with
        await books.book(SAVINGS, "2026-02-14", "9.99")
    draft = drafts[kind]
    effect = await assert_comes_true(
        books, pipeline, ApplyRule(None, draft, EVERYWHERE), lambda db: rule_of(db, books, draft)
    )
    assert effect.rows_changed == effect.rows_within == len(effect.rows) == (2 if kind == "transfer" else 1)
    changed = {cell.line for cell in effect.reports[0].cells}
    assert ("Rent and utilities: Rent" in changed) == (kind in ("category", "split"))
    assert bool(effect.reports[0].cells) == (kind != "tags")


async def test_a_rule_that_is_written_down_and_changed(
    books: Books, pipeline: Database, drafts: dict[str, Draft]
) -> None:
    draft = drafts["category"]
    async with books.database.transaction(books.organization_id) as db:
        rule = await rules.create(
            db, books.organization_id, name="old", conditions=draft.conditions, actions=Actions(tags=("a",))
        )

    async def do(db: Connection) -> None:
        await rules.update(db, books.organization_id, rule.rule_id, {"actions": draft.actions})
        await runs.apply(db, books.organization_id, rule.rule_id, scope=EVERYWHERE, applied_by=PERSON)

    await assert_comes_true(books, pipeline, ApplyRule(rule.rule_id, draft, EVERYWHERE), do)


async def test_what_is_closed_stays_and_is_counted(books: Books, drafts: dict[str, Draft]) -> None:
    async with books.database.transaction(books.organization_id) as db:
        await periods.close(db, books.organization_id, date(2026, 2, 28), closed_by="test")
    effect = await shown(books, ApplyRule(None, drafts["category"], EVERYWHERE))
    assert (effect.rows_changed, effect.done.closed) == (0, 1)
    assert not any(each.cells for each in effect.reports)


async def test_an_undo(books: Books, pipeline: Database, organization: Organization) -> None:
    async with books.database.transaction(books.organization_id, actor=PERSON) as db:
        account = await accounts.get(db, books.organization_id, books.accounts[CURRENT])
        brought = [
            {"booked_on": "2026-03-02", "amount": "-12.50", "description": "Coffee"},
            {"booked_on": "2026-03-03", "amount": "100.00", "description": "Refund"},
        ]
        batch_id, outcome = await feed(db, organization, account, brought)
        assert outcome.rows_loaded == 2

    async def do(db: Connection) -> None:
        await undo(db, books.organization_id, batch_id, undone_by=PERSON)

    effect = await assert_comes_true(books, pipeline, UndoImport(batch_id), do)
    assert all(row.after["is_deleted"] and not row.before["is_deleted"] for row in effect.rows)
    sheet = next(each for each in effect.reports if each.report == "balance_sheet")
    assert {cell.difference for cell in sheet.cells if cell.line == CURRENT} == {Decimal("-87.50")}


async def test_pages_of_rows_are_the_whole(books: Books, drafts: dict[str, Draft]) -> None:
    for day in range(1, 8):
        await books.book(CURRENT, f"2026-03-0{day}", "-1.00")
    act = ApplyRule(None, drafts["category"], EVERYWHERE)
    whole = await shown(books, act)
    found, after = [], None
    while not found or after:
        page = await shown(books, act, after=after, limit=3)
        assert page.rows_changed == 8
        found += [row.after["transaction_id"] for row in page.rows]
        after = page.last
    assert found == [row.after["transaction_id"] for row in whole.rows]


async def test_it_waits_for_nobody_for_long(
    books: Books, drafts: dict[str, Draft], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LOCK", "100ms")
    act = ApplyRule(None, drafts["category"], EVERYWHERE)
    async with books.database.transaction(books.organization_id) as other:
        await other.execute("select from books.transactions where description like 'Something%' for update")
        with pytest.raises(BooksAreBusy):
            await shown(books, act)
    # and keeps nobody waiting once it is shown, though its own transaction goes on
    async with books.database.transaction(books.organization_id, actor=PERSON) as db:
        wanted: dict[str, Any] = {"actor": PERSON, "after": None, "limit": 1}
        assert (await service.preview(db, books.organization_id, act, QUARTER, **wanted)).rows_changed == 1
        await asyncio.wait_for(books.book(CURRENT, "2026-02-14", "-1.00", "Rent"), 5)
        async with books.database.transaction(books.organization_id) as other:
            await other.execute("set local lock_timeout = '500ms'")
            await other.execute("select from books.transactions where description like 'Something%' for update")


# --- a model -----------------------------------------------------------------------------------------------------

WORDS = ("zorblat qux", "wibbel frant", "plomar dest", "kruni vask", "yelp tromb")
CODES = ("RENT_AND_UTILITIES_RENT", "TRAVEL_LODGING", "MEDICAL_DENTAL_CARE", "FOOD_AND_DRINK_COFFEE", "INCOME_WAGES")


def trained(codes: tuple[str, ...]) -> About:
    """A small model that has learnt these words to be these codes, registered."""
    import pandas as pd

    from ml.categoriser.model import Params, train

    sides = ["train", "train", "calibration", "test"]
    rows = [
        {"line": f"sign=out {word} {n}", "detailed": code, "weight": 1.0, "split": sides[n % 4], "source": "known"}
        for word, code in zip(WORDS, codes, strict=True)
        for n in range(40)
    ]
    frame = pd.DataFrame(rows).assign(group="", is_mauled=False, is_english=True)
    pipeline = train(frame, Params(buckets=2**10, epochs=5, jobs=1)).pipeline
    return registry.register(pipeline, metrics={}, params={"codes": codes}, data={}, code_version="test")


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[About, About]:
    """One that serves and one that does not, which calls everything something else."""
    settings = Settings(AI2_HOME=tmp_path, MLFLOW_TRACKING_URI=None)
    for module in (registry, serving):
        monkeypatch.setattr(module, "settings", lambda: settings)
    monkeypatch.setattr(serving, "_serving", serving._Serving())
    serves, other = trained(CODES), trained(CODES[1:] + CODES[:1])
    succession.promote(serves)
    return serves, other


async def spend(books: Books, day: str, amount: str, description: str) -> None:
    new = NewTransaction(
        booked_on=date.fromisoformat(day), amount=Decimal(amount), currency="GBP", description=description,
        account_id=books.accounts[CURRENT],
    )  # fmt: skip
    async with books.database.transaction(books.organization_id) as db:
        await transactions.create(db, books.organization_id, new)


async def test_a_promotion(books: Books, pipeline: Database, versions: tuple[About, About]) -> None:
    serves, other = versions
    for day, word in enumerate(WORDS[:3], 1):
        await spend(books, f"2026-03-0{day}", f"-{day}0.00", word)

    async def do(db: Connection) -> None:
        succession.promote(other)
        await ml.suggest(db, books.organization_id)

    act = ServeModel(other, "undecided", EVERYWHERE)
    effect = await assert_comes_true(books, pipeline, act, do)
    assert {row.after["decided_version"] for row in effect.rows} == {f"categoriser-{other.version}"}
    # these three, and the one of the books that nobody explained
    assert (effect.rows_changed, effect.done.looked_at, effect.done.is_sample) == (4, 4, False)
    # what the model that serves would have said instead
    before = await kept(pipeline, books.organization_id)
    instead = await shown(books, ServeModel(serves, "decided_by_model", EVERYWHERE))
    assert instead.rows_changed == 4
    said = {row.after["description"]: (row.before["category_id"], row.after["category_id"]) for row in instead.rows}
    assert all(said[word][0] != said[word][1] for word in WORDS[:3])
    assert await kept(pipeline, books.organization_id) == before
    itself = await shown(books, ServeModel(other, "decided_by_model", EVERYWHERE))
    assert not any(each.cells for each in itself.reports)


async def test_of_many_rows_a_model_is_tried_on_the_latest(
    books: Books, versions: tuple[About, About], monkeypatch: pytest.MonkeyPatch
) -> None:
    for day, word in enumerate(WORDS[:3], 1):
        await spend(books, f"2026-03-0{day}", "-1.00", word)
    monkeypatch.setattr(acts, "MOST_ROWS", 2)
    effect = await shown(books, ServeModel(versions[1], "undecided", EVERYWHERE))
    assert (effect.done.looked_at, effect.done.is_sample) == (2, True)
    assert [row.after["description"] for row in effect.rows] == [WORDS[2], WORDS[1]]


async def test_a_version_whose_file_is_elsewhere_is_refused(books: Books, versions: tuple[About, About]) -> None:
    with pytest.raises(acts.ModelNotHere):
        await shown(books, ServeModel(replace(versions[1], sha256="0" * 64), "undecided", EVERYWHERE))
