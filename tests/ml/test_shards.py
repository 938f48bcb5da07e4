"""Shards: a large scope is decided merchant by merchant, some at a time, and comes to what it would in one go."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import DictRow

from ai2 import flows
from ai2.books.accounts import service as accounts
from ai2.books.transactions import decisions
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, Database, rows
from ml import registry, service
from ml.answers import Descriptor, Verdict
from ml.batch import engine
from ml.scope import EVERYTHING

SHOPS = ("TESCO STORES 6123", "TESCO STORES 6124", "SHELL FUEL STATION", "QUIMBY & SONS", "ZUNTHORPE PIZZERIA")
DAYS = 3
FIGURES = {
    "decided": "select description, booked_on, decided_by, version from books.transactions order by 1, 2",
    "history": "select description, booked_on, version, decided_by from books.transaction_versions order by 1, 2, 3",
    "days": """
        select booked_on, category_id is null as is_open, sum(money_out) as money_out, sum(transactions) as transactions
        from books.daily_totals group by 1, 2 having sum(transactions) <> 0 order by 1, 2
    """,
    "merchants": """
        select merchant_key, category_id is null as is_open, sum(money_out) as money_out
        from books.merchant_totals group by 1, 2 having sum(transactions) <> 0 order by 1, 2
    """,
    "to review": """
        select description, booked_on, detailed from ml.suggestions inner join books.transactions using (transaction_id)
        where state = 'open' order by 1, 2
    """,
    "counted": "select decision, sum(decisions) as decisions from ml.decision_counts group by 1 order by 1",
}


class Champion:
    """Sure of one, half sure of another, and once it is told to, broken by a third."""

    version = "test"
    is_broken = False

    def decide(self, descriptors: Sequence[Descriptor]) -> list[Verdict]:
        if self.is_broken and any("SHELL" in each.description for each in descriptors):
            raise RuntimeError("broken")
        return [self._of(each.description) for each in descriptors]

    def _of(self, text: str) -> Verdict:
        sure = {"TESCO": "apply", "SHELL": "apply", "QUIMB": "review"}.get(text[:5], "abstain")
        return Verdict("FOOD_AND_DRINK_GROCERIES", 0.9, sure, "model", self.version, ("a test",))  # type: ignore[arg-type]


@pytest.fixture
def champion(use_registry: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Champion:
    use_registry()
    made = Champion()
    monkeypatch.setattr(registry, "champion", lambda: made)
    return made


@pytest.fixture
def in_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SHARD", DAYS)


@pytest.fixture
async def books(database: Database, organization: Organization, stranger: Organization) -> None:
    """The same payments of two organizations."""
    for owner in (organization.organization_id, stranger.organization_id):
        async with database.transaction(owner) as db:
            account = await accounts.create(db, owner, name="Current", currency="GBP")
            for day in range(DAYS):
                for text in SHOPS:
                    new = NewTransaction(
                        booked_on=date(2026, 3, 1 + day), amount=Decimal("-12.50"), currency="GBP", description=text,
                        account_id=account.account_id,
                    )  # fmt: skip
                    await transactions.create(db, owner, new)


async def figures(database: Database, owner: Organization) -> dict[str, list[DictRow]]:
    async with database.transaction(owner.organization_id) as db:
        return {name: await rows(db, query) for name, query in FIGURES.items()}


@pytest.mark.usefixtures("champion", "books")
class TestInShards:
    async def test_comes_to_what_one_go_comes_to(
        self, database: Database, organization: Organization, stranger: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = await flows.categorise(database, stranger.organization_id)
        untouched = await figures(database, organization)
        monkeypatch.setattr(service, "SHARD", DAYS)
        found = await flows.categorise(database, organization.organization_id)
        assert found == whole
        assert (found.transactions, found.applied, found.to_review) == (15, 9, 3)
        assert await figures(database, organization) == await figures(database, stranger) != untouched

    @pytest.mark.usefixtures("in_shards")
    async def test_an_event_tells_of_each(self, database: Database, organization: Organization) -> None:
        await flows.categorise(database, organization.organization_id)
        async with database.transaction(organization.organization_id) as db:
            told = await rows(db, "select payload from events.events where kind = 'transaction.categorized'")
        assert len(told) > 1
        assert sum(event["payload"]["count"] for event in told) == 9

    @pytest.mark.usefixtures("in_shards")
    async def test_what_is_done_stays_done_and_the_rest_follows(
        self, database: Database, organization: Organization, stranger: Organization, champion: Champion
    ) -> None:
        champion.is_broken = True
        with pytest.raises(RuntimeError, match="broken"):
            await flows.categorise(database, organization.organization_id)
        half = await figures(database, organization)
        champion.is_broken = False
        await flows.categorise(database, organization.organization_id)
        await flows.categorise(database, stranger.organization_id)
        whole = await figures(database, organization)
        assert {row["description"][:5] for row in half["decided"] if row["decided_by"]} == {"TESCO"}
        assert {name: whole[name] for name in ("decided", "history", "days", "merchants", "to review")} == {
            name: found for name, found in (await figures(database, stranger)).items() if name != "counted"
        }


@pytest.mark.usefixtures("books", "in_shards")
async def test_shards_are_of_whole_merchants_and_leave_nobody_out(db: Connection, organization: Organization) -> None:
    shards, _ = await service.shards(db, organization.organization_id, EVERYTHING)
    query = "select merchant_key from books.transactions where organization_id = %(owner)s"
    parameters: dict[str, Any] = {"owner": organization.organization_id}
    keys = {row["merchant_key"] for row in await rows(db, query, parameters)}
    within = [
        {key for key in keys if (first is None or key >= first) and (before is None or key < before)}
        for first, before in (shard.merchants for shard in shards)
    ]
    assert len(shards) > 2
    assert sum(map(len, within)) == len(set().union(*within)) == len(keys)


@pytest.mark.usefixtures("champion")
async def test_lanes_that_need_each_others_totals_never_wait_in_a_circle(
    database: Database, organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One asks of the first month and then the second, the other of the second and then the first."""
    apply = decisions.apply_decided

    async def slowly(*given: Any) -> int:
        applied = await apply(*given)
        await asyncio.sleep(0.3)  # so that the other comes between
        return applied

    monkeypatch.setattr(decisions, "apply_decided", slowly)
    monkeypatch.setattr(service, "SHARD", 3)
    monkeypatch.setattr(engine, "SHARD", 1)
    owner = organization.organization_id
    async with database.transaction(owner) as db:
        account = await accounts.create(db, owner, name="Current", currency="GBP")
        for name, month in (("ALPHA", 1), ("BRAVO", 2), ("CHARLIE", 2), ("DELTA", 1), ("ECHO", 3), ("FOXTROT", 3)):
            new = NewTransaction(
                booked_on=date(2026, month, 1), amount=Decimal("-12.50"), currency="GBP",
                description=f"TESCO {name}", account_id=account.account_id,
            )  # fmt: skip
            await transactions.create(db, owner, new)
    found = await flows.categorise(database, owner)
    assert (found.transactions, found.applied) == (6, 6)
