"""Known: what is remembered of an organization is told for as long as it is so, and not a question longer."""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncCursor

from ai2.books.categories import service as categories
from ai2.books.rules import service as rules
from ai2.books.rules.matching import Actions, Conditions, Rule, TextTest
from ai2.identity.organizations import Organization, OrganizationNotFound
from ai2.kit.database import Connection, Database, Query, at_once
from ai2.kit.ids import new_id
from ai2.kit.stamped import Stamped
from ml import service
from ml.answers import Analysis, Item
from ml.deciders import known

SHOP = Item("ZORBLAX 12", Decimal(-5), "GBP")


@pytest.fixture(autouse=True)
def registry(use_registry: Callable[..., Path]) -> None:
    use_registry()


@pytest.fixture
async def rule(database: Database, organization: Organization) -> Rule:
    owner = organization.organization_id
    async with database.transaction(owner) as db:
        gifts = await categories.find(db, owner, "Gifts and novelties")
        return await rules.create(
            db, owner, name="Of the shop", conditions=Conditions(description=TextTest("contains", "zorblax")),
            actions=Actions(category_id=gifts.category_id),
        )  # fmt: skip


async def told(database: Database, organization: Organization) -> Analysis:
    async with database.transaction(organization.organization_id) as db:
        return await service.analyze(db, organization.organization_id, SHOP)


async def send(db: Connection, rule: Rule, organization: Organization, category: str) -> None:
    """Have the rule name another category, as where one category takes another in: its version stays."""
    heir = await categories.find(db, organization.organization_id, category)
    await db.execute("update books.rules set category_id = %s where rule_id = %s", [heir.category_id, rule.rule_id])


class TestRules:
    async def test_a_change_counts_from_the_next_question_on(
        self, database: Database, organization: Organization, rule: Rule
    ) -> None:
        assert (await told(database, organization)).category.name == "Gifts and novelties"
        async with database.transaction(organization.organization_id) as db:
            await send(db, rule, organization, "Coffee")
        assert (await told(database, organization)).category.name == "Coffee"
        async with database.transaction(organization.organization_id) as db:
            await rules.delete(db, organization.organization_id, rule.rule_id)
        assert (await told(database, organization)).decided_by != "rule"

    async def test_a_change_counts_within_its_transaction_and_is_forgotten_with_it(
        self, database: Database, organization: Organization, rule: Rule
    ) -> None:
        await told(database, organization)
        for category in ("Coffee", "Groceries"):
            with suppress(ZeroDivisionError):
                async with database.transaction(organization.organization_id) as db:
                    await send(db, rule, organization, category)
                    within = await service.analyze(db, organization.organization_id, SHOP)
                    assert within.category.name == category
                    raise ZeroDivisionError
            assert (await told(database, organization)).category.name == "Gifts and novelties"

    async def test_who_does_not_see_the_organization_is_told_nothing(
        self, database: Database, organization: Organization, stranger: Organization, rule: Rule
    ) -> None:
        await told(database, organization)
        async with database.transaction(stranger.organization_id) as db:
            with pytest.raises(OrganizationNotFound):
                await service.analyze(db, organization.organization_id, SHOP)
        assert (await told(database, stranger)).decided_by != "rule"


async def test_a_category_is_called_what_it_was_called_last(
    database: Database, organization: Organization, rule: Rule
) -> None:
    owner = organization.organization_id
    await told(database, organization)
    async with database.transaction(owner) as db:
        gifts = await categories.find(db, owner, "Gifts and novelties")
        await categories.update(db, owner, gifts.category_id, name="Presents", parent_id=gifts.parent_id)
    assert (await told(database, organization)).category.name == "Presents"


async def test_what_codes_mean_follows_their_category(database: Database, organization: Organization) -> None:
    owner, code = organization.organization_id, "FOOD_AND_DRINK_COFFEE"
    async with database.transaction(owner) as db:
        before = (await known.read(db, owner, [SHOP])).meaning
    async with database.transaction(owner) as db:
        coffee, groceries = [await categories.find(db, owner, name) for name in ("Coffee", "Groceries")]
        await categories.merge(db, owner, coffee.category_id, groceries.category_id)
    async with database.transaction(owner) as db:
        after = (await known.read(db, owner, [SHOP])).meaning
    assert (before.by_code[code], after.by_code[code]) == (coffee.category_id, groceries.category_id)
    assert code in after.codes_of(groceries.category_id)
    assert coffee.category_id not in after.names


async def test_what_is_remembered_takes_one_statement(
    database: Database, organization: Organization, rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(database, organization)
    execute, asked = AsyncCursor.execute, []

    async def counted(cursor: Any, *given: Any, **more: Any) -> Any:
        asked.append(given[0])
        return await execute(cursor, *given, **more)

    async with database.transaction(organization.organization_id) as db:
        monkeypatch.setattr(AsyncCursor, "execute", counted)
        found = await known.read(db, organization.organization_id, [SHOP])
    assert [each.rule_id for each in found.rules] == [rule.rule_id]
    assert len(asked) == 1


async def test_lists_come_beside_the_row_and_none_where_there_is_no_row(db: Connection) -> None:
    many: Query = "select n, %(word)s::text as word from generate_series(1, %(last)s) as n", {"last": 2, "word": "so"}
    none: Query = "select 1 as one where false", {}
    found = await at_once(db, ("select %(first)s::uuid as id", {"first": (first := new_id())}), many=many, none=none)
    assert found == {"id": first, "many": [{"n": 1, "word": "so"}, {"n": 2, "word": "so"}], "none": []}
    assert await at_once(db, none, many=many) is None


def test_those_that_asked_last_are_remembered() -> None:
    one, two, three = new_id(), new_id(), new_id()
    kept: Stamped[str] = Stamped(2)
    kept.keep(one, 1, "one"), kept.keep(two, 1, "two")
    assert kept.get(one, 1) == "one"
    kept.keep(three, 1, "three")
    assert [kept.get(each, 1) for each in (one, two, three)] == ["one", None, "three"]
    assert kept.get(one, 2) is None
