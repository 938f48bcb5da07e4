"""Rules that split, and rules that say what is a transfer: shown, applied, taken back, and on what comes in."""

import random
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import AccountNotFound
from ai2.books.categories import service as categories
from ai2.books.rules import runs as rule_runs
from ai2.books.rules import service as rules
from ai2.books.rules.matching import Actions, Conditions, Share, TextTest, TransferTo
from ai2.books.rules.parts import RuleDoesNotHold, ShareCategoryNotFound
from ai2.books.rules.runs import Draft
from ai2.books.rules.runs_repository import Scope
from ai2.books.transactions import bulk, splits
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction
from ai2.books.transactions.splits import Part
from ai2.books.transfers import service as transfers
from ai2.kit.database import act_for
from ai2.kit.ids import new_id
from ai2.kit.money import exact
from tests.books.test_splits import totals_hold
from tests.seeds import seeds

PERSON = f"user:{new_id()}"
TESCO = Conditions(description=TextTest("contains", "tesco"), currency="GBP")


@pytest.fixture
async def named(db, organization):
    """Categories' ids by name."""
    known = await categories.list_all(db, organization.organization_id)
    return {category.name: category.category_id for category in known}


@pytest.fixture
def make(db, organization):
    async def write(conditions: Conditions = TESCO, **actions: Any):
        return await rules.create(
            db, organization.organization_id, name="A rule", conditions=conditions, actions=Actions(**actions)
        )

    return write


@pytest.fixture
def shares(named):
    """Shares told as `Groceries: 50%`, `Rent: 5.00` or `Rent: rest`."""

    def read(**told: str) -> tuple[Share, ...]:
        return tuple(share(named[name.replace("_", " ")], what) for name, what in told.items())

    return read


def share(category_id: UUID, what: str) -> Share:
    if what.endswith("%"):
        return Share(category_id=category_id, percentage=Decimal(what[:-1]))
    return Share(category_id=category_id, amount=None if what == "rest" else Decimal(what))


@pytest.fixture
def now(db, organization):
    async def read(written):
        return await transactions.get(db, organization.organization_id, written.transaction_id)

    return read


def amounts(transaction) -> list[str]:
    return [part["amount"] for part in transaction.splits]


class TestSplitting:
    @pytest.mark.parametrize(
        ("amount", "told", "expected"),
        [
            ("-100.00", {"Groceries": "30%", "Rent": "70%"}, ["-30.00", "-70.00"]),
            ("100.00", {"Groceries": "30%", "Rent": "rest"}, ["30.00", "70.00"]),
            ("-20.00", {"Groceries": "5.00", "Rent": "rest"}, ["-5.00", "-15.00"]),
            ("-20.00", {"Groceries": "5.00", "Rent": "50%", "Electronics": "50%"}, ["-5.00", "-7.50", "-7.50"]),
            # a cent more goes to whom it is owed most, and of equals to the first
            (
                "-0.10",
                {"Groceries": "33.3333%", "Rent": "33.3333%", "Electronics": "rest"},
                ["-0.03", "-0.03", "-0.04"],
            ),
            ("-0.05", {"Groceries": "50%", "Rent": "50%"}, ["-0.03", "-0.02"]),
            ("-0.02", {"Groceries": "33%", "Rent": "33%", "Electronics": "33%", "Coffee": "rest"}, ["-0.01", "-0.01"]),
            # too little to split
            ("-5.00", {"Groceries": "5.00", "Rent": "rest"}, []),
            ("-0.01", {"Groceries": "50%", "Rent": "50%"}, []),
            ("0.00", {"Groceries": "50%", "Rent": "50%"}, []),
        ],
    )
    async def test_divides_to_the_last_minor_unit(self, book, make, shares, now, amount, told, expected) -> None:
        rule = await make(split=shares(**told))
        made = await now(await book(amount))
        assert amounts(made) == expected
        if expected:
            assert (made.decided_by, made.decided_version) == ("rule", f"{rule.rule_id}/1")
        else:
            assert made.decided_by is None

    @pytest.mark.parametrize("seed", seeds("test_always_sums_and_is_never_a_unit_away", 3))
    async def test_always_sums_and_is_never_a_unit_away(self, db, organization, account, make, shares, seed) -> None:
        print(f"seed {seed}")
        choose = random.Random(seed)
        yen = await accounts.create(db, organization.organization_id, name="Yen", currency="JPY")
        percentages = [Decimal(choose.randint(1, 240_000)) / 10_000 for _ in range(3)]
        told = {name: f"{each}%" for name, each in zip(("Groceries", "Rent", "Coffee"), percentages, strict=True)}
        await make(Conditions(description=TextTest("contains", "tesco")), split=shares(**told, Electronics="rest"))
        percentages.append(100 - sum(percentages))
        new = [
            NewTransaction(
                booked_on=date(2026, 3, 1),
                amount=Decimal(choose.choice([-1, 1]) * choose.randint(1, 10 ** choose.randint(1, 12))).scaleb(-digits),
                currency=currency,
                description="TESCO",
                account_id=own,
            )
            for _ in range(20)
            for own, currency, digits in ((account.account_id, "GBP", 2), (yen.account_id, "JPY", 0))
        ]
        for made in await bulk.create(db, organization.organization_id, new):
            parts = list(map(Decimal, amounts(made)))
            assert not parts or sum(parts) == made.amount
            assert all(exact(part, made.currency) == part and part * made.amount > 0 for part in parts)
            unit = Decimal(1).scaleb(-2 if made.currency == "GBP" else 0)
            if len(parts) == 4:
                owed = [made.amount * percentage / 100 for percentage in percentages]
                assert all(abs(part - due) < unit for part, due in zip(parts, owed, strict=True))
        await totals_hold(db)

    async def test_refuses_what_could_not_sum(self, make, shares, account) -> None:
        plain = Conditions(description=TextTest("contains", "tesco"))
        for conditions, told in (
            (TESCO, {"Groceries": "100%"}),
            (TESCO, {"Groceries": "50%", "Rent": "40%"}),
            (TESCO, {"Groceries": "100%", "Rent": "rest"}),
            (TESCO, {"Groceries": "rest", "Rent": "rest"}),
            (TESCO, {"Groceries": "1.00", "Rent": "2.00"}),
            (TESCO, {"Groceries": "0%", "Rent": "rest"}),
            (TESCO, {"Groceries": "-1.00", "Rent": "rest"}),
            (TESCO, {"Groceries": "0.00001%", "Rent": "rest"}),
            (TESCO, {"Groceries": "1.005", "Rent": "rest"}),
            (plain, {"Groceries": "1.00", "Rent": "rest"}),  # an amount of which currency?
        ):
            with pytest.raises(RuleDoesNotHold):
                await make(conditions, split=shares(**told))
        with pytest.raises(ShareCategoryNotFound):
            await make(split=(*shares(Rent="rest"), Share(category_id=new_id(), percentage=Decimal(1))))
        both = shares(Rent="rest", Groceries="1%")
        with pytest.raises(RuleDoesNotHold):
            await make(split=both, transfer=TransferTo(account.account_id))

    async def test_is_shown_applied_and_taken_back(self, book, db, organization, make, shares, named, now) -> None:
        who = organization.organization_id
        plain, decided = await book("-10.00"), await book("-30.00", category="Coffee")
        split = await splits.put(
            db, who, (await book("-3.00")).transaction_id,
            [Part(amount=Decimal(-1), category="Rent"), Part(amount=Decimal(-2), category="Coffee")],
        )  # fmt: skip
        draft = Draft(TESCO, Actions(split=shares(Groceries="75%", Rent="25%")))
        shown = await rule_runs.preview(db, who, draft=draft, scope=Scope())
        [item] = shown.items
        assert (shown.matched, shown.changed, shown.kept) == (3, 1, 2)  # people win
        assert [(p["amount"], p["category"]) for p in item.after.splits] == [("-7.50", "Groceries"), ("-2.50", "Rent")]
        assert (item.before.splits, (await now(plain)).splits) == ([], [])
        rule = await make(split=draft.actions.split)
        await act_for(db, who, actor=PERSON)
        done = await rule_runs.apply(db, who, rule.rule_id, scope=Scope(), applied_by=PERSON)
        assert (done.rows_changed, amounts(await now(plain))) == (1, ["-7.50", "-2.50"])
        again = await rule_runs.apply(db, who, rule.rule_id, scope=Scope(), applied_by=PERSON)
        assert again.rows_changed == 0
        await totals_hold(db)
        undone = await rule_runs.undo(db, who, done.application_id, undone_by=PERSON)
        assert (undone.rows_given_back, (await now(plain)).splits, (await now(plain)).decided_by) == (1, [], None)
        assert ((await now(decided)).category, (await now(split)).splits) == ("Coffee", split.splits)
        await totals_hold(db)

    async def test_undo_leaves_alone_what_people_split_since(self, book, db, organization, make, shares, now) -> None:
        who, plain = organization.organization_id, await book("-10.00")
        rule = await make(split=shares(Groceries="75%", Rent="25%"))
        await act_for(db, who, actor=PERSON)
        done = await rule_runs.apply(db, who, rule.rule_id, scope=Scope(), applied_by=PERSON)
        await splits.put(
            db, who, plain.transaction_id,
            [Part(amount=Decimal(-1), category="Rent"), Part(amount=Decimal(-9), category="Coffee")],
        )  # fmt: skip
        undone = await rule_runs.undo(db, who, done.application_id, undone_by=PERSON)
        assert (undone.rows_left_alone, amounts(await now(plain))) == (1, ["-1.00", "-9.00"])

    async def test_follows_its_rule_and_a_merged_category(
        self, book, db, organization, make, shares, named, now
    ) -> None:
        """Another version of the rule that divides otherwise divides again when applied; a merge reaches the rule."""
        who, plain = organization.organization_id, await book("-10.00")
        rule = await make(split=shares(Groceries="75%", Rent="25%"))
        await rule_runs.apply(db, who, rule.rule_id, scope=Scope(), applied_by=PERSON)
        changed = Actions(split=shares(Groceries="50%", Rent="50%"))
        await rules.update(db, who, rule.rule_id, {"actions": changed})
        await rule_runs.apply(db, who, rule.rule_id, scope=Scope(), applied_by=PERSON)
        assert amounts(await now(plain)) == ["-5.00", "-5.00"]
        await categories.merge(db, who, named["Groceries"], named["Coffee"])
        merged = await rules.get(db, who, rule.rule_id)
        assert [each.category_id for each in merged.actions.split] == [named["Coffee"], named["Rent"]]
        await rules.update(db, who, rule.rule_id, {"actions": Actions(category_id=named["Rent"])})
        await rule_runs.apply(db, who, rule.rule_id, scope=Scope(), applied_by=PERSON)
        assert ((await now(plain)).splits, (await now(plain)).category) == ([], "Rent")
        await totals_hold(db)


class TestTransfers:
    @pytest.fixture
    async def savings(self, db, organization):
        return await accounts.create(db, organization.organization_id, name="Pot", currency="GBP", kind="savings")

    @pytest.fixture
    async def rule(self, make, savings):
        standing = Conditions(description=TextTest("contains", "standing order 17"))
        return await make(standing, transfer=TransferTo(savings.account_id))

    async def test_what_comes_in_is_marked_and_paired_when_its_other_side_comes(self, book, rule, savings, now) -> None:
        out = await book("-80.00", "2026-03-02", description="STANDING ORDER 17")
        assert (out.type, out.decided_version) == ("transfer", f"{rule.rule_id}/1")
        into = await book("80.00", "2026-03-04", description="CREDIT", account_id=savings.account_id)
        for side in (await now(out), await now(into)):
            assert (side.type, side.decided_version) == ("transfer", "transfers-1")

    async def test_is_not_of_the_named_account_itself_nor_paired_elsewhere(
        self, book, db, organization, rule, savings, now
    ) -> None:
        other = await accounts.create(db, organization.organization_id, name="Joint", currency="GBP")
        own = await book("-80.00", description="STANDING ORDER 17", account_id=savings.account_id)
        assert own.decided_by is None
        out = await book("-90.00", description="STANDING ORDER 17 TRANSFER")
        into = await book("90.00", description="TRANSFER FROM CURRENT", account_id=other.account_id)
        assert ((await now(out)).decided_version, into.type) == (f"{rule.rule_id}/1", "income")

    async def test_is_applied_and_taken_back_with_its_pairs(self, book, db, organization, make, savings, now) -> None:
        who = organization.organization_id
        pairs = [
            (
                await book(f"-{amount}.00", f"2026-03-0{amount}", description="STANDING ORDER 17", tags=("kept",)),
                await book(f"{amount}.00", f"2026-03-0{amount}", description="ODD 9", account_id=savings.account_id),
            )
            for amount in (1, 2)
        ]
        alone = await book("-7.00", description="STANDING ORDER 17")
        for waiting in (await transfers.page(db, who, state="suggested", limit=9))[0]:
            assert waiting.state == "suggested"  # two amounts alone prove nothing
        rule = await make(
            Conditions(description=TextTest("contains", "standing order 17")), transfer=TransferTo(savings.account_id)
        )
        await act_for(db, who, actor=PERSON)
        shown = await rule_runs.preview(db, who, rule_id=rule.rule_id, scope=Scope())
        assert (shown.changed, {item.after.category for item in shown.items}) == (3, {"To another account"})
        done = await rule_runs.apply(db, who, rule.rule_id, scope=Scope(), applied_by=PERSON)
        assert done.rows_changed == 3
        found, _ = await transfers.page(db, who, state="paired", limit=9)
        assert {(one.out_transaction_id, one.in_transaction_id) for one in found} == {
            (out.transaction_id, into.transaction_id) for out, into in pairs
        }
        assert "a rule names the other's account" in found[0].reasons
        assert (await now(alone)).type == "transfer"
        await totals_hold(db)
        undone = await rule_runs.undo(db, who, done.application_id, undone_by=PERSON)
        assert (undone.rows_given_back, undone.rows_left_alone) == (3, 0)
        for one in [alone, *(side for pair in pairs for side in pair)]:
            assert ((await now(one)).decided_by, (await now(one)).category) == (None, None)
        assert (await transfers.page(db, who, state="paired", limit=9))[0] == []
        await totals_hold(db)

    async def test_refuses_an_account_that_is_not_there_or_is_its_own(self, make, savings) -> None:
        with pytest.raises(AccountNotFound):
            await make(transfer=TransferTo(new_id()))
        with pytest.raises(RuleDoesNotHold):
            await make(Conditions(account_id=savings.account_id), transfer=TransferTo(savings.account_id))
