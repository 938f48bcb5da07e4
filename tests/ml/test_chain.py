"""The chain of deciders: who is asked before whom, and that stored and unstored movements are told the same."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account
from ai2.books.categories import service as categories
from ai2.books.rules import service as rules
from ai2.books.rules.matching import Actions, Conditions, Rule, TextTest, TransferTo
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction
from ai2.identity import organizations
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection
from ml import learning, registry, service
from ml.answers import Descriptor, Item, Verdict
from ml.deciders import chain

MakeRule = Callable[..., Awaitable[Rule]]
TESCO = "CARD PAYMENT TO TESCO STORES 3297 LONDON"


class Known:
    """Public knowledge and a model of two lines, that count what they are asked."""

    version = "test"

    def __init__(self) -> None:
        self.asked: list[Descriptor] = []

    def decide(self, descriptors: Sequence[Descriptor]) -> list[Verdict]:
        self.asked += descriptors
        said = {
            True: Verdict("FOOD_AND_DRINK_GROCERIES", 0.98, "apply", "merchant", "k-1", ("Tesco is known",)),
            False: Verdict("FOOD_AND_DRINK_COFFEE", 0.6, "review", "model", "m-1", ("coffee",)),
        }
        return [said["TESCO" in each.description] for each in descriptors]


@pytest.fixture(autouse=True)
def public(use_registry: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Known:
    use_registry()
    known = Known()
    monkeypatch.setattr(registry, "champion", lambda: known)
    return known


@pytest.fixture
async def account(db: Connection, organization: Organization) -> Account:
    return await accounts.create(db, organization.organization_id, name="Current", currency="GBP")


@pytest.fixture
def make_rule(db: Connection, organization: Organization) -> MakeRule:
    async def make(category: str | None = "Gifts and novelties", conditions: Any = None, **actions: Any) -> Rule:
        owner = organization.organization_id
        category_id = (await categories.find(db, owner, category)).category_id if category else None
        return await rules.create(
            db, owner, name="Of the shop", actions=Actions(category_id=category_id, **actions),
            conditions=conditions or Conditions(description=TextTest("contains", "tesco")),
        )  # fmt: skip

    return make


HOLDS = [
    Conditions(description=TextTest("contains", "tesco")),
    Conditions(description=TextTest("matches", "stores \\d+")),
    Conditions(merchant=TextTest("equals", "tesco")),  # the bank names nobody: its key counts
    Conditions(min_amount=Decimal(5), max_amount=Decimal(20)),
    Conditions(mcc="5411"),
    Conditions(sign="out", currency="GBP"),
]
FAILS = [
    Conditions(description=TextTest("contains", "sainsbury")),
    Conditions(min_amount=Decimal(50)),
    Conditions(mcc="5412"),
    Conditions(sign="in"),
    Conditions(currency="EUR"),
]


class TestRules:
    @pytest.mark.parametrize("conditions", [*HOLDS, *FAILS], ids=str)
    async def test_a_movement_is_told_what_the_books_would_decide(
        self, db: Connection, organization: Organization, account: Account, make_rule: MakeRule, conditions: Conditions
    ) -> None:
        rule = await make_rule(conditions=conditions)
        item = Item(TESCO, Decimal("-12.50"), "GBP", date(2026, 3, 5), mcc="5411", account_id=account.account_id)
        told = await service.analyze(db, organization.organization_id, item)
        new = NewTransaction(
            booked_on=date(2026, 3, 5), amount=item.amount, currency="GBP", description=TESCO, mcc="5411",
            account_id=account.account_id,
        )  # fmt: skip
        stored = await transactions.create(db, organization.organization_id, new)
        if conditions in HOLDS:
            assert (told.decided_by, told.version, told.decision) == ("rule", f"{rule.rule_id}/1", "apply")
            assert (told.category.name, told.confidence) == ("Gifts and novelties", 1.0)
            assert told.category.category_id == str(stored.category_id)
            assert (stored.decided_by, stored.decided_version) == (told.decided_by, told.version)
            assert "Of the shop" in told.reasons[0]
        else:
            assert (told.decided_by, stored.decided_by) == ("merchant", None)

    async def test_an_account_s_rule_is_for_that_account(
        self, db: Connection, organization: Organization, account: Account, make_rule: MakeRule
    ) -> None:
        await make_rule(conditions=Conditions(account_id=account.account_id))
        item = Item(TESCO, Decimal(-5), "GBP")
        here, elsewhere = await service.batch_analyze(
            db, organization.organization_id, [replace(item, account_id=account.account_id), item]
        )
        assert (here.decided_by, elsewhere.decided_by) == ("rule", "merchant")

    async def test_whoever_comes_later_is_asked_of_the_merchant_as_a_rule_names_it(
        self, db: Connection, organization: Organization, make_rule: MakeRule
    ) -> None:
        await make_rule(None, Conditions(description=TextTest("contains", "zq-88")), merchant="Quimby")
        owner = organization.organization_id
        new = NewTransaction(
            booked_on=date(2026, 3, 5), amount=Decimal(-5), currency="GBP", description="Quimby", category="Coffee"
        )
        taught = await transactions.create(db, owner, new)
        await learning.learn(
            db, owner, transaction_id=taught.transaction_id, field="category", value="Dental care", apply_to="this",
            given_by="user:test",
        )  # fmt: skip
        told = await service.analyze(db, owner, Item("POS ZQ-88 LTD", Decimal(-7), "GBP"))
        assert (told.category.name, told.version) == ("Dental care", "taught")
        assert told.merchant is not None
        assert told.merchant.name.lower() == "quimby"

    async def test_a_split_and_a_transfer_are_told_as_such(
        self, db: Connection, organization: Organization, account: Account, make_rule: MakeRule
    ) -> None:
        owner = organization.organization_id
        await make_rule(
            None, Conditions(description=TextTest("contains", "to savings")), transfer=TransferTo(account.account_id)
        )
        told = await service.analyze(db, owner, Item("TO SAVINGS", Decimal(-100), "GBP"))
        assert (told.category.detailed, told.decided_by) == ("TRANSFER_OUT_ACCOUNT_TRANSFER", "rule")
        assert told.category.category_id is not None

    async def test_an_inactive_rule_says_nothing(
        self, db: Connection, organization: Organization, make_rule: MakeRule
    ) -> None:
        rule = await make_rule()
        item = Item(TESCO, Decimal(-5), "GBP")
        assert (await service.analyze(db, organization.organization_id, item)).decided_by == "rule"
        await rules.update(db, organization.organization_id, rule.rule_id, {"is_active": False})
        assert (await service.analyze(db, organization.organization_id, item)).decided_by == "merchant"


class TestOrder:
    async def test_a_person_s_word_comes_before_their_rule_and_a_rule_before_knowledge(
        self, db: Connection, organization: Organization, make_rule: MakeRule
    ) -> None:
        owner = organization.organization_id
        item = Item(TESCO, Decimal(-5), "GBP")
        by_knowledge = await service.analyze(db, owner, item)
        await make_rule()
        by_rule = await service.analyze(db, owner, item)
        new = NewTransaction(
            booked_on=date(2026, 3, 5), amount=Decimal(-5), currency="GBP", description=TESCO, category="Coffee"
        )
        stored = await transactions.create(db, owner, new)
        by_person = await service.analyze(db, owner, replace(item, transaction_id=stored.transaction_id))
        told = [(each.decided_by, each.category.name) for each in (by_knowledge, by_rule, by_person)]
        assert told == [("merchant", "Groceries"), ("rule", "Gifts and novelties"), ("user", "Coffee")]

    async def test_nobody_is_asked_of_what_somebody_before_is_sure_of(
        self, db: Connection, organization: Organization, make_rule: MakeRule, public: Known
    ) -> None:
        await make_rule()
        items = [Item(TESCO, Decimal(-5)), Item("QUIMBY", Decimal(-5)), Item("QUIMBY", Decimal(-9))]
        told = await service.batch_analyze(db, organization.organization_id, items)
        assert [each.decided_by for each in told] == ["rule", "model", "model"]
        assert [each.description for each in public.asked] == ["QUIMBY"]

    async def test_the_surest_of_what_is_to_be_reviewed_is_told(
        self, db: Connection, organization: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await organizations.update(db, organization.organization_id, {"auto_apply_confidence": Decimal("0.99")})
        verdict = (await chain.decide(db, organization.organization_id, [Item(TESCO, Decimal(-5))]))[0]
        assert (verdict.decision, verdict.confidence, verdict.version) == ("review", 0.98, "k-1")
