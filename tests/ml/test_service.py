"""The service over the books: what is sure is applied, people win, and nothing crosses to another organization."""

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction, Transaction
from ai2.identity import organizations
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, Database
from ml import learning, registry, repository, service
from ml.answers import Item
from ml.categoriser.decide import PublicCategoriser
from ml.categoriser.model import Trained

Write = Callable[..., Awaitable[Transaction]]


@pytest.fixture(autouse=True)
def _champion(use_registry: Callable[..., Path], trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    use_registry()
    categoriser = PublicCategoriser(trained.pipeline, "categoriser-test")
    monkeypatch.setattr(registry, "champion", lambda: categoriser)


@pytest.fixture
async def write(db: Connection, organization: Organization) -> Write:
    account = await accounts.create(db, organization.organization_id, name="Current", currency="GBP")

    async def one(description: str, amount: str = "-12.50", **more: Any) -> Transaction:
        new = NewTransaction(
            booked_on=date(2026, 3, 5), amount=Decimal(amount), currency="GBP", description=description,
            account_id=account.account_id, **more,
        )  # fmt: skip
        return await transactions.create(db, organization.organization_id, new)

    return one


async def learn(db: Connection, owner: Organization, taught: Transaction, value: str, apply_to: Any = "always") -> Any:
    return await learning.learn(
        db, owner.organization_id, transaction_id=taught.transaction_id, field="category", value=value,
        apply_to=apply_to, given_by="user:test",
    )  # fmt: skip


class TestSuggest:
    async def test_applies_what_is_sure_and_leaves_the_rest(
        self, db: Connection, organization: Organization, write: Write
    ) -> None:
        sure, unsure = await write("TESCO STORES 6123"), await write("QUIMBY & SONS")
        done = await service.suggest(db, organization.organization_id)
        now = await transactions.get(db, organization.organization_id, sure.transaction_id)
        left = await transactions.get(db, organization.organization_id, unsure.transaction_id)
        assert done.transactions == 2
        assert (now.category, now.decided_by, now.confidence) == ("Groceries", "merchant", Decimal("0.98"))
        assert now.decided_version is not None
        assert now.decided_version.startswith("knowledge-")
        assert left.category is None

    async def test_what_a_person_chose_stays(self, db: Connection, organization: Organization, write: Write) -> None:
        chosen = await write("TESCO STORES 6123", category="Gifts and novelties")
        await service.suggest(db, organization.organization_id)
        now = await transactions.get(db, organization.organization_id, chosen.transaction_id)
        assert (now.category, now.decided_by) == ("Gifts and novelties", "user")

    @pytest.mark.parametrize(("least", "applied"), [("0.98", 1), ("0.99", 0)])
    async def test_applies_nothing_that_is_less_sure_than_the_organization_wants(
        self, db: Connection, organization: Organization, write: Write, least: str, applied: int
    ) -> None:
        await organizations.update(db, organization.organization_id, {"auto_apply_confidence": Decimal(least)})
        await write("TESCO STORES 6123")
        found = await service.suggest(db, organization.organization_id)
        assert (found.applied, found.to_review) == (applied, 1 - applied)
        answer = await service.analyze(db, organization.organization_id, Item("TESCO STORES 6123", Decimal(-5)))
        assert answer.decision == ("apply" if applied else "review")

    async def test_again_changes_nothing(self, db: Connection, organization: Organization, write: Write) -> None:
        for text in ("TESCO STORES 6123", "RED LION PUB AND RESTAURANT", "QUIMBY"):
            await write(text)
        await write("TESCO STORES 6123", "-7.20")  # the amount makes no other question of it
        first = await service.suggest(db, organization.organization_id)
        again = await service.suggest(db, organization.organization_id)
        assert (first.transactions, first.descriptors, first.applied) == (4, 3, 2)
        assert (again.applied, again.to_review) == (0, first.to_review)

    async def test_one_text_in_two_directions_is_two_questions(
        self, db: Connection, organization: Organization, write: Write
    ) -> None:
        out, into = await write("ONLINE TRANSFER"), await write("ONLINE TRANSFER", "12.50")
        await learn(db, organization, out, "TRANSFER_OUT_SAVINGS", "this")
        done = await service.suggest(db, organization.organization_id)
        now = await transactions.get(db, organization.organization_id, into.transaction_id)
        assert done.descriptors == 1
        assert now.category != "To savings"

    async def test_a_category_that_the_organization_lacks_is_its_primary_s(
        self, db: Connection, organization: Organization, write: Write
    ) -> None:
        groceries = await categories.find(db, organization.organization_id, "Groceries")
        await categories.delete(db, organization.organization_id, groceries.category_id)
        bought = await write("TESCO STORES 6123")
        await service.suggest(db, organization.organization_id)
        now = await transactions.get(db, organization.organization_id, bought.transaction_id)
        assert now.category == "Food and drink"


class TestLearning:
    async def test_holds_for_the_merchant_s_next_transaction_in_the_same_direction(
        self, db: Connection, organization: Organization, write: Write
    ) -> None:
        await learn(db, organization, await write("QUIMBY & SONS 0123 LEEDS GB"), "Repairs and maintenance")
        spent, earned = await service.batch_analyze(
            db,
            organization.organization_id,
            [Item("CARD PAYMENT TO QUIMBY AND SONS", Decimal(-5)), Item("QUIMBY & SONS", Decimal(5))],
        )
        assert (spent.category.name, spent.decision) == ("Repairs and maintenance", "apply")
        assert spent.category.detailed == "HOME_IMPROVEMENT_REPAIR_AND_MAINTENANCE"
        assert earned.category.name != "Repairs and maintenance"

    async def test_carries_over_to_the_others_but_not_over_a_person(
        self, db: Connection, organization: Organization, write: Write
    ) -> None:
        taught, other = await write("QUIMBY & SONS"), await write("QUIMBY & SONS 0044")
        own = await write("QUIMBY & SONS 0045", category="Gifts and novelties")
        learned = await learn(db, organization, taught, "Repairs and maintenance")
        found = {
            t.transaction_id: (await transactions.get(db, organization.organization_id, t.transaction_id)).category
            for t in (taught, other, own)
        }
        assert learned.others_changed == 1
        assert list(found.values()) == ["Repairs and maintenance", "Repairs and maintenance", "Gifts and novelties"]

    async def test_the_later_word_counts(self, db: Connection, organization: Organization, write: Write) -> None:
        taught = await write("QUIMBY & SONS")
        await learn(db, organization, taught, "Repairs and maintenance")
        await learn(db, organization, taught, "Dental care")
        answer = await service.analyze(db, organization.organization_id, Item("QUIMBY & SONS", Decimal(-1)))
        assert answer.category.name == "Dental care"

    async def test_never_reaches_another_organization(
        self, database: Database, db: Connection, organization: Organization, stranger: Organization, write: Write
    ) -> None:
        await learn(db, organization, await write("TESCO STORES 6123"), "Gifts and novelties")
        async with database.transaction(stranger.organization_id) as theirs:
            answer = await service.analyze(theirs, stranger.organization_id, Item("TESCO", Decimal(-1)))
        assert answer.category.name == "Groceries"

    async def test_an_own_category_without_a_code_is_answered_but_teaches_no_model(
        self, db: Connection, organization: Organization, write: Write
    ) -> None:
        own = await categories.create(
            db, organization.organization_id, name="Van no. 2", kind="expense", parent_id=None
        )
        await learn(db, organization, await write("QUIMBY & SONS"), str(own.category_id))
        answer = await service.analyze(db, organization.organization_id, Item("QUIMBY & SONS", Decimal(-1)))
        assert (answer.category.name, answer.category.detailed) == ("Van no. 2", None)

    async def test_a_primary_category_is_no_label_to_learn(
        self, db: Connection, organization: Organization, write: Write
    ) -> None:
        await learn(db, organization, await write("QUIMBY & SONS"), "Food and drink")
        taught = await repository.taught(db, organization.organization_id, ["quimby sons"])
        assert [row["detailed"] for row in taught] == [None]
