"""Learning across organizations: who is counted where, the challenger beside the champion, and what stays at home."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction
from ai2.identity import organizations
from ai2.identity.organizations import Organization
from ai2.identity.principal import Principal, Role
from ai2.kit.database import Connection, Database, rows
from ai2.kit.ids import new_id
from ai2.kit.settings import Settings
from ml import learning, registry, service
from ml.answers import Descriptor
from ml.categoriser.model import Trained
from ml.governance import repository, shadow, succession
from ml.governance import service as governance
from ml.governance.rows import corrections_of

UseRegistry = Callable[..., Path]
SHOPS = ["TESCO STORES 3044", "ZUNTHORPE PIZZERIA", "QUILLMERE DENTAL PRACTICE", "SHELL FUEL STATION"]


@pytest.fixture
def tried(use_registry: UseRegistry, tiny: Trained) -> registry.About:
    """A champion, and a challenger beside it."""
    use_registry()
    first, second = (
        registry.register(
            tiny.pipeline,
            metrics={"primary_accuracy": accuracy},
            params={"alpha": accuracy},
            data={"sha256": "abc", "measured_on": "test", "rows_by_split": {}, "rows_by_source": {}},
            code_version="0.1.0",
        )
        for accuracy in (0.5, 0.6)
    )
    succession.promote(first)
    succession.try_out(second)
    return second


async def book(db: Connection, whose: Organization, *texts: str) -> list[UUID]:
    known = await accounts.create(db, whose.organization_id, name=f"Main {new_id()}", currency="GBP")
    made = []
    for text in texts:
        new = NewTransaction(
            booked_on=date(2026, 3, 5), amount=Decimal("-12.50"), currency="GBP", description=text,
            account_id=known.account_id,
        )  # fmt: skip
        made.append((await transactions.create(db, whose.organization_id, new)).transaction_id)
    return made


async def say(db: Connection, whose: Organization, transaction_id: UUID, category: str) -> None:
    await learning.learn(
        db, whose.organization_id, transaction_id=transaction_id, field="category", value=category, apply_to="this",
        given_by="user:1",
    )  # fmt: skip


def who(whose: Organization) -> Principal:
    return Principal(whose.organization_id, Role.VIEWER, user_id=new_id())


async def test_both_decide_some_of_the_stream_and_people_say_who_was_right(
    database: Database, organization: Organization, stranger: Organization, tried: registry.About
) -> None:
    async with database.transaction(organization.organization_id) as db:
        tesco, *_ = await book(db, organization, *SHOPS)
    async with database.transaction(organization.organization_id) as db:
        await service.suggest(db, organization.organization_id)
        told = await shadow.told(db, tried.version)
        kept = await rows(db, "select * from ml.shadow_decisions")
        await say(db, organization, tesco, "Groceries")
        later = await shadow.told(db, tried.version)
    assert (told["rows"], told["agreement"], told["decided_by_people"]) == (4, 1.0, 0)
    assert not any(word in str(kept).upper() for shop in SHOPS for word in shop.split()[:1])
    assert (later["decided_by_people"], later["champion_right"], later["challenger_right"]) == (1, 1, 1)
    async with database.transaction(stranger.organization_id) as db:
        assert (await shadow.told(db, tried.version))["rows"] == 0


async def test_a_challenger_that_breaks_stops_nobody(
    db: Connection, organization: Organization, tried: registry.About, monkeypatch: pytest.MonkeyPatch
) -> None:
    await book(db, organization, *SHOPS)
    file = registry.copies().path(tried)
    file.write_bytes(file.read_bytes()[:-1])
    done = await service.suggest(db, organization.organization_id)
    assert (done.transactions, await repository.shadow(db, tried.version)) == (4, [])


async def test_what_is_only_asked_is_counted_and_not_kept(
    database: Database, organization: Organization, tried: registry.About
) -> None:
    await shadow.answered(database, organization.organization_id, [Descriptor("TESCO STORES 3044", money_in=False)])
    async with database.transaction(organization.organization_id) as db:
        assert await rows(db, "select source, champion_category, decisions from ml.shadow_counts") == [
            {"source": "asked", "champion_category": "FOOD_AND_DRINK", "decisions": 1}
        ]
        assert await rows(db, "select from ml.shadow_decisions") == []


async def test_a_decision_is_counted_once_however_often_it_is_looked_at(
    database: Database, organization: Organization, tried: registry.About
) -> None:
    counts = "select sum(decisions) as decisions from ml.decision_counts"
    async with database.transaction(organization.organization_id) as db:
        await book(db, organization, *SHOPS)
    for _ in range(2):
        async with database.transaction(organization.organization_id) as db:
            await service.suggest(db, organization.organization_id)
            assert await rows(db, counts) == [{"decisions": 4}]
    async with database.transaction(organization.organization_id) as db:
        await book(db, organization, "TESCO STORES 9")
    async with database.transaction(organization.organization_id) as db:
        await service.suggest(db, organization.organization_id)
        assert await rows(db, counts) == [{"decisions": 5}]


async def test_only_who_shares_teaches_and_by_what_everyone_may_know(
    database: Database, pipeline: Database, organization: Organization, stranger: Organization
) -> None:
    name, secret = f"qz{new_id().hex}", f"xk{new_id().hex}"
    for whose, text in ((organization, name), (stranger, secret)):
        async with database.transaction(whose.organization_id) as db:
            if whose is organization:
                await organizations.update(db, whose.organization_id, {"shares_learning": True})
            [row] = await book(db, whose, text)
            await say(db, whose, row, "Groceries")
    async with pipeline.transaction() as db:
        corrections = corrections_of(await repository.opted_in_corrections(db))
        since = await repository.shared_since(db, datetime.now(UTC).replace(year=2020))
    [mine] = corrections[corrections["merchant_key"] == name].to_dict("records")
    assert (mine["country"], mine["currency"], mine["amount_band"], mine["times"]) == ("GB", "GBP", "10 to 100", 1)
    assert not corrections["merchant_key"].str.contains(secret).any()
    assert since >= 1


async def test_learning_stats_are_of_ones_own_people(
    database: Database, organization: Organization, stranger: Organization, tried: registry.About
) -> None:
    async with database.transaction(organization.organization_id) as db:
        tesco, shell = await book(db, organization, "TESCO STORES 3044", "SHELL FUEL STATION")
    async with database.transaction(organization.organization_id) as db:
        await service.suggest(db, organization.organization_id)
        await say(db, organization, tesco, "Groceries")  # as it was
        await say(db, organization, shell, "Coffee")
        found = await governance.learning_stats(db, who(organization))
    assert found.feedback["total"] == 2
    assert found.feedback["by_field"] == {"category": 2}
    [merchant] = [each for each in found.override_rate if each["decided_by"] == "merchant"]
    assert (merchant["decided"], merchant["confirmed"], merchant["overridden"], merchant["rate"]) == (2, 1, 1, 0.5)
    assert [(week["confirmed"], week["overridden"], week["accuracy"]) for week in found.accuracy_over_time] == [
        (1, 1, 0.5)
    ]
    assert found.challenger == tried
    async with database.transaction(stranger.organization_id) as db:
        theirs = await governance.learning_stats(db, who(stranger))
    assert (theirs.feedback["total"], theirs.override_rate, theirs.accuracy_over_time) == (0, [], [])


async def test_a_look_is_written_down_for_everyone_and_its_figures_for_operators(
    database: Database, pipeline: Database, organization: Organization, tried: registry.About
) -> None:
    async with pipeline.transaction() as db:
        seen = {each.trigger: each for each in await governance.look(db)}
    assert not seen["schedule"].is_due
    assert seen["drift_of_decisions"].value is None  # the first days after a promotion
    async with database.transaction(organization.organization_id) as db:
        known = await governance.learning_stats(db, who(organization))
    told = {each["trigger"]: each for each in known.next_retraining["triggers"]}
    assert told["corrections"]["value"] == seen["corrections"].value
    assert known.next_retraining["looked_at"] is not None


async def test_figures_of_everyone_are_for_operators(
    database: Database, pipeline: Database, organization: Organization, stranger: Organization,
    tried: registry.About, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async with pipeline.transaction() as db:
        await governance.look(db)
    using = Settings(OPERATOR_ORGANIZATIONS=[organization.organization_id])
    monkeypatch.setattr(governance, "settings", lambda: using)
    values = []
    for whose in (organization, stranger):
        async with database.transaction(whose.organization_id) as db:
            known = await governance.learning_stats(db, who(whose))
        [told] = [each for each in known.next_retraining["triggers"] if each["trigger"] == "corrections"]
        values.append(told["value"])
    assert values[0] is not None
    assert values[1] is None
