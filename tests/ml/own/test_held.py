"""What deciders that all share are held to here: by what an organization's people put elsewhere, and no other's."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.transactions import service as transactions
from ai2.identity.organizations import Organization
from ai2.identity.principal import Principal, Role
from ai2.kit.database import Database, rows
from ai2.kit.ids import new_id
from ml import registry, service
from ml.answers import Descriptor, Item, Verdict
from ml.governance import service as governance
from ml.own import held, refit

UNSURE, SURE = "0.92", "0.98"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([], None),
        ([(0.92, 1000, 951)], None),
        ([(0.92, 5, 4)], None),  # one of five may be chance
        ([(0.92, 60, 48), (0.98, 40, 40)], 0.98),
        ([(0.92, 60, 55), (0.95, 60, 20), (0.98, 200, 199)], 0.98),
        ([(0.92, 60, 30), (0.98, 40, 20)], held.NOTHING),
        ([(0.9, 100, 30), (0.95, 100, 94), (0.99, 300, 300)], 0.95),
    ],
)
def test_what_is_surely_worse_than_wanted_has_to_be_as_sure_as_was_right_before(
    cells: list[held.Cell], expected: float | None
) -> None:
    assert held.threshold(cells) == expected


class Public:
    """A merchant that is known, and a model that is as sure as the text says."""

    version = "categoriser-1"

    def decide(self, descriptors: Sequence[Descriptor]) -> list[Verdict]:
        return [
            Verdict("FOOD_AND_DRINK_GROCERIES", 0.93, "apply", "merchant", "knowledge-1", ("known",))
            if each.description == "TESCO"
            else Verdict("FOOD_AND_DRINK_COFFEE", float(each.description), "apply", "model", self.version, ("coffee",))
            for each in descriptors
        ]


@pytest.fixture(autouse=True)
def _champion(use_registry: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    use_registry()
    monkeypatch.setattr(registry, "champion", Public)


async def applied(database: Database, who: Organization, sure: str, times: int) -> None:
    """So many payments that the shared model decided so surely."""
    async with database.transaction(who.organization_id) as db:
        account = await accounts.create(db, who.organization_id, name=f"Account {sure}", currency="GBP")
        coffee = await categories.find(db, who.organization_id, "Coffee")
        await db.execute(
            """
            insert into books.transactions (
                organization_id, transaction_id, account_id, booked_on, amount, currency, description, merchant_key,
                category_id, decided_by, decided_version, confidence, decided_at
            )
            select
                %(who)s, gen_random_uuid(), %(account)s, %(day)s, -5, 'GBP', 'ROW ' || each, 'row ' || each,
                %(coffee)s, 'model', 'categoriser-1', %(sure)s, now()
            from generate_series(1, %(times)s) as each
            """,
            {
                "who": who.organization_id, "account": account.account_id, "day": date(2026, 3, 1), "times": times,
                "coffee": coffee.category_id, "sure": Decimal(sure),
            },
        )  # fmt: skip


async def put_elsewhere(database: Database, who: Organization, sure: str, times: int) -> None:
    """A person says of so many of them that they are something else."""
    async with database.transaction(who.organization_id, actor=f"user:{new_id()}") as db:
        query = "select transaction_id from books.transactions where confidence = %s and decided_by = 'model' limit %s"
        parking = await categories.find(db, who.organization_id, "Parking")
        for row in await (await db.execute(query, [Decimal(sure), times])).fetchall():
            change = {"category_id": parking.category_id}
            await transactions.update(db, who.organization_id, row["transaction_id"], change)


async def told(database: Database, who: Organization, *texts: str) -> list[str]:
    async with database.transaction(who.organization_id) as db:
        items = [Item(text, Decimal(-5), "GBP") for text in texts]
        return [each.decision for each in await service.categorise(db, who.organization_id, items)]


async def test_a_shared_model_that_people_correct_too_often_asks_them_from_then_on(
    database: Database, organization: Organization, stranger: Organization
) -> None:
    for who in (organization, stranger):
        await applied(database, who, UNSURE, 60)
        await applied(database, who, SURE, 40)
    await put_elsewhere(database, organization, UNSURE, 31)
    assert await told(database, organization, "0.93", "0.99") == ["apply", "apply"]
    for who in (organization, stranger):
        async with database.transaction(who.organization_id) as db:
            await refit.refit(db, who.organization_id)
    assert await told(database, organization, "0.93", "0.99", "TESCO") == ["review", "apply", "apply"]
    assert await told(database, stranger, "0.93", "0.99", "TESCO") == ["apply", "apply", "apply"]
    async with database.transaction(organization.organization_id) as db:
        await db.execute(
            """
            insert into books.transactions (
                organization_id, transaction_id, account_id, booked_on, amount, currency, description, merchant_key
            )
            select
                account.organization_id, gen_random_uuid(), account.account_id, '2026-03-02', -5, 'GBP', said,
                'a row of ' || said
            from (select * from books.accounts limit 1) as account cross join unnest(array['0.93', '0.99']) as said
            """
        )
        found = await service.suggest(db, organization.organization_id)
        kept = await rows(db, "select description from books.transactions where decided_by is null")
        stats = await governance.learning_stats(
            db, Principal(organization.organization_id, Role.VIEWER, user_id=new_id())
        )
    assert (found.applied, found.to_review, [row["description"] for row in kept]) == (1, 1, ["0.93"])
    assert {each["decided_by"]: each["held_to"] for each in stats.override_rate} == {"model": float(SURE)}
