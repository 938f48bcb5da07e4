"""Rules: what is written is checked, what is applied can be taken back, and people win."""

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import AccountNotFound
from ai2.books.categories import service as categories
from ai2.books.categories.service import CategoryInUse, CategoryNotFound
from ai2.books.rules import runs as rule_runs
from ai2.books.rules import service as rules
from ai2.books.rules.matching import Actions, Conditions, Rule, TextTest
from ai2.books.rules.runs import Application, ApplicationNotFound, Draft, RuleIsInactive
from ai2.books.rules.runs_repository import Scope
from ai2.books.rules.service import RuleDoesNotHold, RuleNotFound
from ai2.books.transactions import decisions
from ai2.books.transactions import service as transactions
from ai2.kit.database import act_for, rows
from ai2.kit.errors import Stale
from ai2.kit.ids import new_id
from ai2.kit.money import InexactAmount, UnknownCurrency

PERSON = f"user:{new_id()}"
TESCO = Conditions(description=TextTest("contains", "tesco"))
EVERYTHING = Scope()

Make = Callable[..., Awaitable[Rule]]
Apply = Callable[..., Awaitable[Application]]


@pytest.fixture
async def groceries(db, organization) -> UUID:
    return (await categories.find(db, organization.organization_id, "groceries")).category_id


@pytest.fixture
async def coffee(db, organization) -> UUID:
    return (await categories.find(db, organization.organization_id, "coffee")).category_id


@pytest.fixture
def make(db, organization, groceries) -> Make:
    """Write a rule; what is not said puts Tesco with the groceries."""

    async def write(conditions: Conditions = TESCO, *, position: int | None = None, **actions: Any) -> Rule:
        done = Actions(**(actions or {"category_id": groceries}))
        return await rules.create(
            db, organization.organization_id, name="Shops", conditions=conditions, actions=done, position=position
        )

    return write


@pytest.fixture
def apply(db, organization) -> Apply:
    async def do(rule: Rule, **scope: Any) -> Application:
        return await rule_runs.apply(
            db, organization.organization_id, rule.rule_id, scope=Scope(**scope), applied_by=PERSON
        )

    return do


@pytest.fixture
def undo(db, organization) -> Apply:
    async def do(application: Application) -> Application:
        return await rule_runs.undo(db, organization.organization_id, application.application_id, undone_by=PERSON)

    return do


@pytest.fixture
def now(db, organization):
    """The transaction as it is now."""

    async def read(written):
        return await transactions.get(db, organization.organization_id, written.transaction_id)

    return read


@pytest.fixture
def edit(db, organization):
    """Change a transaction as a person does."""

    async def change(written, **changes):
        await act_for(db, organization.organization_id, actor=PERSON)
        return await transactions.update(db, organization.organization_id, written.transaction_id, changes)

    return change


class TestWriting:
    async def test_what_is_written_is_what_is_read(self, db, organization, account, groceries) -> None:
        conditions = Conditions(
            description=TextTest("matches", r"tesco \d+"), merchant=TextTest("equals", "Tesco"),
            min_amount=Decimal("1.00"), max_amount=Decimal("50.00"), account_id=account.account_id, mcc="5411",
            sign="out", currency="GBP",
        )  # fmt: skip
        actions = Actions(category_id=groceries, tags=("food", "shop"), merchant="Tesco")
        made = await rules.create(
            db, organization.organization_id, name="All of it", conditions=conditions, actions=actions
        )
        read = await rules.get(db, organization.organization_id, made.rule_id)
        assert (read.conditions, read.actions, read.position, read.version) == (conditions, actions, 1, 1)

    async def test_the_order_is_by_position_and_then_by_age(self, db, organization, make) -> None:
        first, second, third = await make(position=5), await make(position=2), await make(position=5)
        last = await make()
        listed = [rule.rule_id for rule in await rules.list_all(db, organization.organization_id)]
        assert listed == [rule.rule_id for rule in (second, first, third, last)]
        assert last.position == 6

    @pytest.mark.parametrize(
        ("conditions", "refusal"),
        [
            (Conditions(), RuleDoesNotHold),
            (Conditions(description=TextTest("matches", "(")), RuleDoesNotHold),
            (Conditions(merchant=TextTest("matches", "a(?=b)")), RuleDoesNotHold),
            (Conditions(min_amount=Decimal(-1)), RuleDoesNotHold),
            (Conditions(max_amount=Decimal("1E+16")), RuleDoesNotHold),
            (Conditions(max_amount=Decimal("0.00001")), RuleDoesNotHold),
            (Conditions(min_amount=Decimal(2), max_amount=Decimal(1)), RuleDoesNotHold),
            (Conditions(min_amount=Decimal("0.001"), currency="GBP"), InexactAmount),
            (Conditions(currency="XXX"), UnknownCurrency),
            (Conditions(account_id=new_id()), AccountNotFound),
        ],
    )
    async def test_refuses_what_could_not_hold(self, make, conditions, refusal) -> None:
        with pytest.raises(refusal):
            await make(conditions)

    async def test_refuses_a_rule_that_does_nothing(self, db, organization) -> None:
        with pytest.raises(RuleDoesNotHold):
            await rules.create(db, organization.organization_id, name="Nothing", conditions=TESCO, actions=Actions())

    async def test_refuses_a_category_that_is_not_there(self, make) -> None:
        with pytest.raises(CategoryNotFound):
            await make(category_id=new_id())

    async def test_a_change_leaves_the_rest_and_is_checked(self, db, organization, make) -> None:
        made = await make()
        who = organization.organization_id
        changed = await rules.update(db, who, made.rule_id, {"name": "Tesco"}, version=1)
        assert (changed.name, changed.version, changed.conditions) == ("Tesco", 2, TESCO)
        with pytest.raises(Stale):
            await rules.update(db, who, made.rule_id, {"name": "Asda"}, version=1)
        with pytest.raises(RuleDoesNotHold):
            await rules.update(db, who, made.rule_id, {"conditions": Conditions()})

    async def test_deleted_is_gone_for_readers_and_decides_nothing(self, db, organization, make, book) -> None:
        made = await make()
        await rules.delete(db, organization.organization_id, made.rule_id)
        with pytest.raises(RuleNotFound):
            await rules.get(db, organization.organization_id, made.rule_id)
        assert (await book()).category_id is None

    async def test_a_category_that_a_rule_uses_is_handed_on_and_not_deleted(
        self, db, organization, make, groceries, coffee
    ) -> None:
        made, who = await make(), organization.organization_id
        with pytest.raises(CategoryInUse, match="1 rules"):
            await categories.delete(db, who, groceries)
        await categories.delete(db, who, groceries, reassign_to=coffee)
        assert (await rules.get(db, who, made.rule_id)).actions.category_id == coffee


class TestByHand:
    async def test_decides_what_is_written_without_a_category(self, make, book, groceries) -> None:
        rule = await make(category_id=groceries, tags=("food",), merchant="Tesco")
        written = await book()
        assert (written.category_id, written.decided_by, written.confidence) == (groceries, "rule", 1)
        assert written.decided_version == f"{rule.rule_id}/1"
        assert (written.tags, written.merchant, written.merchant_key) == (["food"], "Tesco", "tesco")

    async def test_a_category_or_merchant_that_a_person_names_stays(self, make, book, coffee, groceries) -> None:
        await make(category_id=groceries, merchant="Tesco")
        written = await book(category="coffee", merchant="The corner shop")
        assert (written.category_id, written.decided_by, written.merchant) == (coffee, "user", "The corner shop")

    async def test_what_is_said_to_be_no_transfer_is_made_none(self, db, organization, make, book) -> None:
        savings = (await categories.find(db, organization.organization_id, "TRANSFER_OUT_SAVINGS")).category_id
        await make(category_id=savings)
        assert (await book(type="expense")).type == "expense"
        assert (await book()).type == "transfer"

    async def test_an_inactive_rule_decides_nothing(self, db, organization, make, book) -> None:
        rule = await make()
        await rules.update(db, organization.organization_id, rule.rule_id, {"is_active": False})
        assert (await book()).category_id is None

    async def test_totals_follow(self, db, make, book, groceries) -> None:
        await make()
        await book("-12.50")
        [total] = await rows(db, "select category_id, money_out from books.daily_totals where transactions > 0")
        assert (total["category_id"], total["money_out"]) == (groceries, Decimal("12.50"))


class TestApplying:
    async def test_brings_a_rule_to_the_history(self, make, apply, book, now, groceries) -> None:
        tesco, rent = await book(), await book(description="RENT")
        done = await apply(await make())
        assert done.rows_changed == 1
        assert ((await now(tesco)).category_id, (await now(tesco)).decided_by) == (groceries, "rule")
        assert (await now(rent)).category_id is None

    async def test_again_changes_nothing(self, make, apply, book) -> None:
        await book()
        rule = await make(tags=("food",))
        assert [(await apply(rule)).rows_changed for _ in range(2)] == [1, 0]

    async def test_what_a_person_decided_stays(self, db, make, apply, book, edit, now, coffee) -> None:
        mine = await edit(await book(), category_id=coffee)
        other = await book()
        done = await apply(await make())
        assert done.rows_changed == 1
        assert ((await now(mine)).category_id, (await now(mine)).decided_by) == (coffee, "user")
        assert (await now(other)).decided_by == "rule"

    @pytest.mark.parametrize("decider", ["recurring", "merchant", "import", "model", "llm"])
    async def test_a_rule_outranks_every_machine(self, db, make, apply, book, now, coffee, groceries, decider) -> None:
        written = await book()
        await db.execute(
            "update books.transactions set category_id = %s, decided_by = %s where transaction_id = %s",
            [coffee, decider, written.transaction_id],
        )
        await apply(await make())
        assert ((await now(written)).category_id, (await now(written)).decided_by) == (groceries, "rule")

    async def test_no_machine_outranks_a_rule(self, db, organization, make, book, now, coffee, groceries) -> None:
        await make()
        written, who = await book(), organization.organization_id
        await db.execute(
            """
            create temporary table decided on commit drop as
            select %s::uuid as transaction_id, %s::uuid as category_id, 'model' as decided_by, 'm' as decided_version,
                0.9 as confidence
            """,
            [written.transaction_id, coffee],
        )
        assert await decisions.apply_decided(db, who) == 0
        carried = await decisions.decide_for_merchant(
            db, who, written.merchant_key, money_in=False, category_id=coffee, version="taught"
        )
        assert carried == (0, 0)
        assert (await now(written)).category_id == groceries

    async def test_a_paired_transfer_stays_one(self, db, organization, make, apply, book, now) -> None:
        savings = await accounts.create(db, organization.organization_id, name="Rainy day", currency="GBP")
        out = await book("-500.00", description="TRANSFER TO RAINY DAY")
        await book("500.00", description="TRANSFER FROM CURRENT", account_id=savings.account_id)
        done = await apply(await make(Conditions(description=TextTest("contains", "transfer"))))
        assert done.rows_changed == 0
        assert (await now(out)).type == "transfer"

    async def test_only_the_named_days_and_account(self, db, organization, make, apply, book) -> None:
        other = await accounts.create(db, organization.organization_id, name="Other", currency="GBP")
        await book(booked_on="2026-03-01")
        await book(booked_on="2026-03-02")
        await book(booked_on="2026-03-02", account_id=other.account_id)
        rule, day = await make(tags=("a",)), date(2026, 3, 2)
        assert (await apply(rule, start_date=day, end_date=day, account_id=other.account_id)).rows_changed == 1
        assert (await apply(rule, start_date=day)).rows_changed == 1
        assert (await apply(rule, end_date=date(2026, 3, 1))).rows_changed == 1

    async def test_an_earlier_rule_keeps_what_it_decides(self, make, apply, book, now, coffee, groceries) -> None:
        written = await book()
        later = await make(position=2, category_id=groceries, tags=("food",))
        first = await make(position=1, category_id=coffee)
        assert (await apply(later)).rows_changed == 1
        assert ((await now(written)).category_id, (await now(written)).tags) == (None, ["food"])
        await apply(first)
        assert (await now(written)).category_id == coffee

    async def test_an_inactive_rule_is_not_applied(self, db, organization, make, apply) -> None:
        rule = await make()
        await rules.update(db, organization.organization_id, rule.rule_id, {"is_active": False})
        with pytest.raises(RuleIsInactive):
            await apply(rule)

    async def test_deleted_and_closed_transactions_are_left(self, db, organization, make, apply, book) -> None:
        gone = await book()
        await transactions.delete(db, organization.organization_id, gone.transaction_id)
        assert (await apply(await make())).rows_changed == 0

    async def test_a_tag_that_a_person_took_away_does_not_come_back(self, make, apply, book, edit, now) -> None:
        rule = await make(position=2, tags=("food", "shop"))
        written, other = await book(), await book()
        assert written.tags == ["food", "shop"]
        await edit(written, tags=["shop", "mine"])
        await edit(other, tags=[*other.tags, "mine"])
        assert (await apply(rule)).rows_changed == 0
        assert (await now(written)).tags == ["shop", "mine"]
        assert (await apply(await make(tags=("extra",), position=1))).rows_changed == 2

    async def test_a_merchant_that_a_person_wrote_stays(self, db, make, apply, book, edit, now) -> None:
        written, other = await book(), await book()
        await db.execute("update books.transactions set batch_id = gen_random_uuid()")  # as if a file had brought them
        await edit(written, merchant="Our Tesco")
        assert (await apply(await make(merchant="Tesco"))).rows_changed == 1
        assert [(await now(each)).merchant for each in (written, other)] == ["Our Tesco", "Tesco"]

    async def test_many_rows_are_written_at_once_and_keep_their_history(self, db, make, apply, book) -> None:
        for _ in range(3):
            await book()
        await apply(await make())
        kept = await rows(db, "select changed_by, version from books.transaction_versions")
        assert [row["version"] for row in kept] == [1, 1, 1]
        assert len({row["changed_by"] for row in kept}) == 1
        assert kept[0]["changed_by"].startswith(f"{PERSON} rules:")


class TestPreview:
    async def test_shows_what_applying_does_and_writes_nothing(
        self, db, organization, make, apply, book, now, groceries
    ) -> None:
        written, who = await book(), organization.organization_id
        rule = await make(category_id=groceries, tags=("food",))
        shown = await rule_runs.preview(db, who, rule_id=rule.rule_id, scope=EVERYTHING)
        [item] = shown.items
        assert (shown.matched, shown.changed, shown.kept) == (1, 1, 0)
        assert shown.fields == {"category": 1, "tags": 1, "merchant": 0}
        assert (item.before.category_id, item.after.category_id, item.after.category) == (None, groceries, "Groceries")
        assert (item.after.tags, item.after.decided_by) == (["food"], "rule")
        assert item.decided == {"category": rule.rule_id, "tags": rule.rule_id}
        assert (await now(written)) == written
        assert (await apply(rule)).rows_changed == shown.changed
        again = await rule_runs.preview(db, who, rule_id=rule.rule_id, scope=EVERYTHING)
        assert (again.matched, again.changed) == (1, 0)

    async def test_a_draft_is_tried_without_being_written(self, db, organization, make, book, coffee) -> None:
        await book()
        who = organization.organization_id
        rule = await make()
        new = await rule_runs.preview(db, who, draft=Draft(TESCO, Actions(tags=("a",))), scope=EVERYTHING)
        assert [item.decided for item in new.items] == [{"tags": None}]
        later = await rule_runs.preview(db, who, draft=Draft(TESCO, Actions(category_id=coffee)), scope=EVERYTHING)
        assert later.matched == 0, "the rule before it decides that"
        before = Draft(TESCO, Actions(category_id=coffee), position=1)
        changed = await rule_runs.preview(db, who, rule_id=rule.rule_id, draft=before, scope=EVERYTHING)
        assert [item.after.category_id for item in changed.items] == [coffee]
        assert await rules.list_all(db, who) == [rule]

    async def test_counts_what_people_keep(self, db, organization, make, book, edit, coffee) -> None:
        await edit(await book(), category_id=coffee)
        await make()
        shown = await rule_runs.preview(db, organization.organization_id, scope=EVERYTHING)
        assert (shown.matched, shown.changed, shown.kept) == (1, 0, 1)

    async def test_pages_have_each_row_once(self, db, organization, make, book) -> None:
        written = {(await book()).transaction_id for _ in range(5)}
        rule, seen, after = await make(tags=("a",)), [], None
        for _ in range(3):
            shown = await rule_runs.preview(
                db, organization.organization_id, rule_id=rule.rule_id, scope=EVERYTHING, after=after, limit=2
            )
            seen += [item.transaction_id for item in shown.items]
            after = shown.next_cursor
        assert (set(seen), len(seen), after) == (written, 5, None)


class TestUndo:
    async def test_gives_everything_back(self, make, apply, undo, book, now, groceries) -> None:
        written = await book()
        rule = await make(category_id=groceries, tags=("food",))
        taken_back = await undo(await apply(rule))
        assert (taken_back.rows_given_back, taken_back.rows_left_alone) == (1, 0)
        present = await now(written)
        assert (present.category_id, present.decided_by, present.tags) == (None, None, [])
        assert (await undo(taken_back)) == taken_back, "again, nothing happens"
        assert (await apply(rule)).rows_changed == 1, "and it can be applied again"

    async def test_leaves_alone_what_people_or_others_changed(
        self, db, make, apply, undo, book, edit, now, groceries, coffee
    ) -> None:
        decided, noted, confirmed, untouched = [await book() for _ in range(4)]
        done = await apply(await make())
        await edit(decided, category_id=coffee)
        await edit(noted, notes="for the party")
        await edit(confirmed, category_id=groceries)
        taken_back = await undo(done)
        assert (done.rows_changed, taken_back.rows_given_back, taken_back.rows_left_alone) == (4, 2, 2)
        assert [(await now(each)).category_id for each in (decided, noted, confirmed, untouched)] == [
            coffee, None, groceries, None,
        ]  # fmt: skip
        assert (await now(noted)).notes == "for the party"

    async def test_gives_back_what_another_rule_had_decided(
        self, make, apply, undo, book, now, coffee, groceries
    ) -> None:
        written = await book()
        await apply(await make(position=5, category_id=coffee))
        done = await apply(await make(position=1, category_id=groceries))
        assert (await now(written)).category_id == groceries
        await undo(done)
        assert ((await now(written)).category_id, (await now(written)).decided_by) == (coffee, "rule")

    async def test_what_came_later_by_itself_is_not_of_the_application(self, make, apply, undo, book, now) -> None:
        await book()
        done = await apply(await make())
        later = await book()
        assert (await undo(done)).rows_given_back == 1
        assert (await now(later)).decided_by == "rule"

    async def test_totals_follow(self, db, make, apply, undo, book, groceries) -> None:
        await book("-12.50")
        await undo(await apply(await make()))
        [total] = await rows(db, "select category_id, money_out from books.daily_totals where transactions > 0")
        assert (total["category_id"], total["money_out"]) == (None, Decimal("12.50"))

    async def test_outlives_its_rule(self, db, organization, make, apply, undo, book, now) -> None:
        written = await book()
        rule = await make()
        done = await apply(rule)
        await rules.delete(db, organization.organization_id, rule.rule_id)
        assert (await undo(done)).rows_given_back == 1
        assert (await now(written)).category_id is None

    async def test_refuses_one_that_is_not_there(self, db, organization) -> None:
        with pytest.raises(ApplicationNotFound):
            await rule_runs.undo(db, organization.organization_id, new_id(), undone_by=PERSON)
