"""Own categories over the books: history teaches at once, stays in its organization, and what is unproven waits."""

import random
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pandas as pd
import pytest

from ai2 import flows
from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction, Transaction
from ai2.identity import erasure
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, Database, act_for, number, rows
from ai2.kit.ids import new_id
from ml import learning
from ml.answers import Item, Verdict
from ml.own import loaded, refit, repository, service, storing
from ml.own.kin import kin_of
from ml.own.model import fit
from ml.service import categorise, suggest

SHOPS = ("northwind foods", "acme tools", "blue bottle", "city fuel", "paper mill", "harbour travel")
CENTRES = ("kitchen", "workshop", "office")
Write = Callable[..., Awaitable[Transaction]]


@pytest.fixture
async def own(db: Connection, organization: Organization) -> dict[str, UUID]:
    """Categories that nobody else has: one for each shop, and lunches."""
    names = ["Lunches", *(f"Own {shop}" for shop in SHOPS)]
    made = [
        await categories.create(db, organization.organization_id, name=name, kind="expense", parent_id=None)
        for name in names
    ]
    return {each.name: each.category_id for each in made}


@pytest.fixture
async def history(db: Connection, organization: Organization, own: dict[str, UUID]) -> None:
    """Six hundred card payments as a file would bring them, filed by their shop, but lunches by the cost centre."""
    account = await accounts.create(db, organization.organization_id, name="Cards", currency="GBP")
    chance = random.Random(20260311)
    print("seed 20260311")
    made = []
    for place in range(600):
        shop, centre = chance.choice(SHOPS), chance.choice(CENTRES)
        name = "Lunches" if shop == "northwind foods" and centre == "office" else f"Own {shop}"
        made.append((shop, centre, own[name], place))
    async with db.cursor() as cursor:
        await cursor.executemany(
            """
            insert into books.transactions (
                organization_id, transaction_id, account_id, booked_on, amount, currency, description, merchant_key,
                attributes, category_id, decided_by, confidence
            ) values (%s, gen_random_uuid(), %s, %s, %s, 'GBP', %s, %s, jsonb_build_object('Cost centre', %s::text,
                'Voucher', %s::text), %s, 'import', 1)
            """,
            [
                (
                    organization.organization_id, account.account_id, date(2026, 1, 1) + timedelta(days=place // 6),
                    Decimal(chance.randrange(-9000, -500)) / 100, f"{shop.upper()} {chance.randrange(1000, 9999)}",
                    shop, centre, f"V{place}", category_id,
                )
                for shop, centre, category_id, place in made
            ],
        )  # fmt: skip


@pytest.fixture
async def write(db: Connection, organization: Organization) -> Write:
    account = await accounts.create(db, organization.organization_id, name="Current", currency="GBP")

    async def one(description: str, **more: object) -> Transaction:
        new = NewTransaction(
            booked_on=date(2026, 4, 20), amount=Decimal("-12.50"), currency="GBP", description=description,
            account_id=account.account_id, **more,  # type: ignore[arg-type]
        )  # fmt: skip
        return await transactions.create(db, organization.organization_id, new)

    return one


def item(description: str, **attributes: str) -> Item:
    named = {name.replace("_", " "): value for name, value in attributes.items()}
    return Item(description, Decimal("-12.50"), date=date(2026, 4, 15), attributes=named)


async def ask(db: Connection, who: Organization, *items: Item) -> list[Verdict | None]:
    taught = await service.taught(db, who.organization_id, items)
    learnt = await service.learnt(db, who.organization_id, items)
    return [one or other for one, other in zip(taught, learnt, strict=True)]


async def teach(db: Connection, who: Organization, taught: Transaction, category_id: UUID) -> None:
    await learning.learn(
        db, who.organization_id, transaction_id=taught.transaction_id, field="category", value=str(category_id),
        apply_to="this", given_by="user:test",
    )  # fmt: skip


@pytest.mark.usefixtures("history")
class TestLearnt:
    async def test_what_a_file_taught_is_answered_with_its_own_category_and_a_reason(
        self, db: Connection, organization: Organization, own: dict[str, UUID]
    ) -> None:
        found = await refit.refit(db, organization.organization_id)
        lunch, food = await ask(
            db, organization, item("NORTHWIND FOODS 4711", Cost_centre="office"),
            item("NORTHWIND FOODS 4711", Cost_centre="kitchen"),
        )  # fmt: skip
        assert found is not None
        assert found.attributes[0] == "Cost centre"
        assert found.bytes < 2_000_000
        assert lunch is not None
        assert food is not None
        assert (lunch.category_id, food.category_id) == (own["Lunches"], own["Own northwind foods"])
        assert (lunch.decided_by, lunch.decision) == ("model", "apply")
        assert "Cost centre" in lunch.reasons[0]
        # without the columns on which it was proven nothing is applied alone
        (bare,) = await ask(db, organization, item("CITY FUEL 4711"))
        assert bare is not None
        assert bare.decision == "review"

    async def test_a_choice_holds_from_the_next_request_on_without_a_training(
        self, db: Connection, organization: Organization, own: dict[str, UUID], write: Write
    ) -> None:
        await refit.refit(db, organization.organization_id)
        for _ in range(3):
            await write("QUIMBY HATS 1234", category_id=own["Own acme tools"])
        (now,) = await ask(db, organization, item("QUIMBY HATS 5678"))
        assert now is not None
        assert now.category_id == own["Own acme tools"]

    async def test_a_category_that_is_newer_than_the_model_is_answered_from_the_next_request_on(
        self, db: Connection, organization: Organization, write: Write
    ) -> None:
        await refit.refit(db, organization.organization_id)
        hats = await categories.create(
            db, organization.organization_id, name="Own hats", kind="expense", parent_id=None
        )
        for _ in range(3):
            await write("QUIMBY HATS 1234", category_id=hats.category_id)
        (now,) = await ask(db, organization, item("QUIMBY HATS 5678"))
        assert now is not None
        assert now.category_id == hats.category_id

    async def test_what_is_stored_is_decided_with_its_own_columns(
        self, db: Connection, organization: Organization, own: dict[str, UUID], write: Write
    ) -> None:
        await refit.refit(db, organization.organization_id)
        lunch = await write("NORTHWIND FOODS 4711", attributes={"Cost centre": "office"})
        food = await write("NORTHWIND FOODS 4711", attributes={"Cost centre": "kitchen"})
        await suggest(db, organization.organization_id)
        found = [
            await transactions.get(db, organization.organization_id, each.transaction_id) for each in (lunch, food)
        ]
        assert [each.category_id for each in found] == [own["Lunches"], own["Own northwind foods"]]
        assert {(each.decided_by, each.decided_version) for each in found} == {("model", "own-1")}

    async def test_what_the_file_says_of_a_payment_comes_before_what_is_learnt(
        self, db: Connection, organization: Organization, own: dict[str, UUID]
    ) -> None:
        await refit.refit(db, organization.organization_id)
        asked = item("NORTHWIND FOODS 4711", Cost_centre="office")
        said = item("NORTHWIND FOODS 4711", Cost_centre="office", category="own acme TOOLS")
        told = await categorise(db, organization.organization_id, [asked, said])
        assert [(each.decided_by, each.category.name) for each in told] == [
            ("model", "Lunches"),
            ("import", "Own acme tools"),
        ]

    async def test_a_column_that_decided_rows_itself_is_not_taken_for_one_that_tells(
        self, db: Connection, organization: Organization
    ) -> None:
        await db.execute(
            "update books.transactions set attributes = attributes || jsonb_build_object('category', category_id::text)"
        )
        found = await refit.refit(db, organization.organization_id)
        assert found is not None
        assert found.attributes[0] == "Cost centre"
        assert "category" not in found.attributes

    async def test_answers_of_machines_teach_nothing(
        self, db: Connection, organization: Organization, own: dict[str, UUID], write: Write
    ) -> None:
        await refit.refit(db, organization.organization_id)
        before = await ask(db, organization, item("QUIMBY HATS 5678"))
        written = [await write("QUIMBY HATS 1234") for _ in range(3)]
        await db.execute(
            """
            update books.transactions set category_id = %s, decided_by = 'model', decided_version = 'x', confidence = 1
            where organization_id = %s and transaction_id = any(%s)
            """,
            [own["Own acme tools"], organization.organization_id, [each.transaction_id for each in written]],
        )
        assert await ask(db, organization, item("QUIMBY HATS 5678")) == before

    async def test_another_organization_is_told_nothing_of_it(
        self, db: Connection, organization: Organization, stranger: Organization
    ) -> None:
        await refit.refit(db, organization.organization_id)
        question = item("NORTHWIND FOODS 4711", Cost_centre="office")
        assert await ask(db, organization, question) != [None]
        await act_for(db, stranger.organization_id)
        assert await ask(db, stranger, question) == [None]
        assert await ask(db, organization, question) == [None]
        await act_for(db, organization.organization_id)
        assert await ask(db, organization, question) != [None]

    async def test_a_merged_category_is_answered_as_what_took_it_in(
        self, db: Connection, organization: Organization, own: dict[str, UUID]
    ) -> None:
        await refit.refit(db, organization.organization_id)
        heir = own["Own paper mill"]
        await flows.merge_category(db, organization.organization_id, own["Lunches"], heir)
        (now,) = await ask(db, organization, item("NORTHWIND FOODS 4711", Cost_centre="office"))
        assert now is not None
        assert now.category_id == heir

    async def test_a_spoilt_model_is_not_read(self, db: Connection, organization: Organization) -> None:
        await refit.refit(db, organization.organization_id)
        question = item("CITY FUEL 4711", Cost_centre="office")
        assert await ask(db, organization, question) != [None]
        await db.execute(
            "update ml.own_models set version = version + 1, model = model || 'x'::bytea where organization_id = %s",
            [organization.organization_id],
        )
        assert await ask(db, organization, question) == [None]

    async def test_a_model_is_learnt_anew_when_people_chose_enough(
        self, db: Connection, organization: Organization
    ) -> None:
        assert await refit.is_due(db, organization.organization_id)
        await refit.refit(db, organization.organization_id)
        await db.execute("update ml.own_models set learnt_to = pg_current_xact_id()")
        # what this very transaction wrote still counts: it may commit after others that came later
        assert await refit.is_due(db, organization.organization_id)
        await db.execute("update ml.own_models set learnt_to = (pg_current_xact_id()::text::bigint + 1)::text::xid8")
        assert not await refit.is_due(db, organization.organization_id)


async def test_where_no_column_tells_anything_the_model_is_asked_all_the_same(
    db: Connection, organization: Organization, own: dict[str, UUID], write: Write
) -> None:
    for place in range(40):
        name = ("Lunches", "Own city fuel")[place % 2]
        await write(f"{('BISTRO', 'PUMP')[place % 2]} {place:04}", category_id=own[name])
    found = await refit.refit(db, organization.organization_id)
    (now,) = await ask(db, organization, item("BISTRO 4711"))
    assert found is not None
    assert found.attributes == ()
    assert now is not None
    assert now.category_id == own["Lunches"]


async def test_erasure_takes_the_model(database: Database, pipeline: Database, organization: Organization) -> None:
    count = "select count(*) as models from ml.own_models where organization_id = %(id)s"
    whose = {"id": organization.organization_id}
    async with database.transaction(organization.organization_id) as db:
        await repository.keep(
            db, organization.organization_id, model=b"x", digest=b"x", labels=[], attributes=[], rows=1, learnt_to="1",
            measured={},
        )  # fmt: skip
        assert await number(db, count, whose) == 1
    async with pipeline.transaction() as db:
        await erasure.erase_rows(db, organization.organization_id, erased_by="user:test")
        assert await number(db, count, whose) == 0


class TestKin:
    async def test_the_same_merchant_with_another_reference_follows_at_once(
        self, db: Connection, organization: Organization, own: dict[str, UUID], write: Write
    ) -> None:
        assert await ask(db, organization, item("AMZN MKTP US*9Z8")) == [None]
        await teach(db, organization, await write("AMZN MKTP US*1A2"), own["Own paper mill"])
        same, alike, other = await ask(
            db, organization, item("AMZN MKTP US*9Z8"), item("AMAZON.COM*3B4"), item("CITY FUEL 1234")
        )
        assert same is not None
        assert alike is not None
        assert (same.category_id, same.decision) == (own["Own paper mill"], "apply")
        assert (alike.category_id, alike.decision) == (own["Own paper mill"], "review")
        assert other is None

    async def test_what_was_taught_of_a_merged_category_follows_it(
        self, db: Connection, organization: Organization, own: dict[str, UUID], write: Write
    ) -> None:
        await teach(db, organization, await write("QUIMBY HATS 1234"), own["Lunches"])
        await flows.merge_category(db, organization.organization_id, own["Lunches"], own["Own blue bottle"])
        known = await rows(db, "select category_id from ml.merchant_decisions where merchant_key = 'quimby hats'")
        assert [row["category_id"] for row in known] == [own["Own blue bottle"]]

    async def test_a_stranger_learns_nothing_from_it(
        self, db: Connection, organization: Organization, stranger: Organization, own: dict[str, UUID], write: Write
    ) -> None:
        await teach(db, organization, await write("AMZN MKTP US*1A2"), own["Own paper mill"])
        question = item("AMZN MKTP US*9Z8")
        assert await ask(db, organization, question) != [None]
        await act_for(db, stranger.organization_id)
        assert await ask(db, stranger, question) == await ask(db, organization, question) == [None]


def test_only_the_models_that_were_asked_last_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"description": ["A SHOP", "B SHOP"] * 20, "amount": [-1.0] * 40, "label": ["x", "y"] * 20})
    raw = storing.dump(fit(frame))
    row = {"version": 1, "model": raw, "digest": storing.digest(raw), "labels": [new_id(), new_id()], "attributes": []}
    monkeypatch.setattr(loaded, "MOST", 2)
    monkeypatch.setattr(loaded, "_models", loaded.OrderedDict())
    owners = [new_id() for _ in range(3)]
    for owner in owners:
        assert loaded.read(owner, {**row, "learnt_to": "1"})
    assert [loaded.get(owner) is not None for owner in owners] == [False, True, True]


async def test_the_skeleton_is_the_same_in_sql(db: Connection) -> None:
    keys = ["amazon mktp", "amzn", "sainsbury", "o2", "été market"]
    query = """
        select left(key, 1) || translate(substr(split_part(key, ' ', 1), 2), 'aeiou', '') as kin
        from unnest(%(keys)s::text[]) with ordinality as asked (key, place) order by place
    """
    assert [row["kin"] for row in await rows(db, query, {"keys": keys})] == [kin_of(key) for key in keys]
