"""Categories: a tree of an organization's own, with what each predicted category means in it."""

import pytest

from ai2.books.categories import service as categories
from ai2.books.categories import stated
from ai2.books.categories.service import CategoryInUse, CategoryNameTaken, CategoryNotFound
from ai2.books.transactions import service as transactions
from ai2.kit.errors import Invalid


@pytest.fixture
async def travel(db, organization):
    return await categories.find(db, organization.organization_id, "TRAVEL")


async def test_everyone_starts_with_the_whole_chart(db, organization) -> None:
    codes = await categories.by_code(db, organization.organization_id)
    assert len(codes) == 16 + 104
    assert len(set(codes.values())) == len(codes)


async def test_a_child_is_of_its_parents_kind(db, organization, travel) -> None:
    made = await categories.create(
        db, organization.organization_id, name="Trade fairs", kind=None, parent_id=travel.category_id
    )
    assert made.kind == travel.kind
    with pytest.raises(Invalid):
        await categories.create(
            db, organization.organization_id, name="Winnings", kind="income", parent_id=travel.category_id
        )


async def test_names_differ_by_more_than_case(db, organization, travel) -> None:
    with pytest.raises(CategoryNameTaken):
        await categories.create(
            db, organization.organization_id, name=travel.name.upper(), kind="expense", parent_id=None
        )


async def test_a_category_never_lies_below_itself(db, organization, travel) -> None:
    child = await categories.find(db, organization.organization_id, "TRAVEL_FLIGHTS")
    with pytest.raises(Invalid):
        await categories.update(
            db, organization.organization_id, travel.category_id, name="Travel", parent_id=child.category_id
        )


async def test_what_is_used_is_not_deleted_but_can_be_handed_on(book, db, organization) -> None:
    flights = await categories.find(db, organization.organization_id, "TRAVEL_FLIGHTS")
    lodging = await categories.find(db, organization.organization_id, "TRAVEL_LODGING")
    written = await book(category_id=flights.category_id)
    with pytest.raises(CategoryInUse, match="1 transactions"):
        await categories.delete(db, organization.organization_id, flights.category_id)
    await categories.delete(db, organization.organization_id, flights.category_id, reassign_to=lodging.category_id)
    moved = await transactions.get(db, organization.organization_id, written.transaction_id)
    codes = await categories.by_code(db, organization.organization_id)
    assert moved.category_id == lodging.category_id == codes["TRAVEL_FLIGHTS"]
    with pytest.raises(CategoryNotFound):
        await categories.get(db, organization.organization_id, flights.category_id)


async def test_a_deleted_categorys_name_is_free_again(db, organization) -> None:
    made = await categories.create(db, organization.organization_id, name="Bees", kind="expense", parent_id=None)
    await categories.delete(db, organization.organization_id, made.category_id)
    again = await categories.create(db, organization.organization_id, name="Bees", kind="expense", parent_id=None)
    assert again.category_id != made.category_id


@pytest.fixture
async def flights(db, organization):
    return await categories.find(db, organization.organization_id, "TRAVEL_FLIGHTS")


async def test_merged_a_category_hands_over_all_it_has(book, db, organization, flights, travel) -> None:
    lodging = await categories.find(db, organization.organization_id, "TRAVEL_LODGING")
    below = await categories.create(
        db, organization.organization_id, name="Long haul", kind=None, parent_id=flights.category_id
    )
    written = await book(category_id=flights.category_id)
    into = await categories.merge(db, organization.organization_id, flights.category_id, lodging.category_id)
    moved = await transactions.get(db, organization.organization_id, written.transaction_id)
    child = await categories.get(db, organization.organization_id, below.category_id)
    assert into.category_id == moved.category_id == child.parent_id == lodging.category_id
    assert {"TRAVEL_FLIGHTS", "TRAVEL_LODGING"} <= set(into.codes)
    assert moved.decided_by == "user"
    with pytest.raises(CategoryNotFound):
        await categories.get(db, organization.organization_id, flights.category_id)


async def test_merges_with_no_other_kind_nor_itself_nor_what_lies_below(db, organization, flights, travel) -> None:
    income = await categories.find(db, organization.organization_id, "INCOME")
    below = await categories.create(
        db, organization.organization_id, name="Long haul", kind=None, parent_id=flights.category_id
    )
    for into in (income, travel, flights, below):
        with pytest.raises(Invalid):
            await categories.merge(db, organization.organization_id, travel.category_id, into.category_id)
    kept = await categories.get(db, organization.organization_id, flights.category_id)
    assert kept.parent_id == travel.category_id


async def test_a_deleted_category_is_not_handed_to_what_lies_below_it(db, organization, flights, travel) -> None:
    with pytest.raises(Invalid):
        await categories.delete(db, organization.organization_id, travel.category_id, reassign_to=flights.category_id)


async def test_a_child_may_be_merged_into_its_parent(db, organization, flights, travel) -> None:
    into = await categories.merge(db, organization.organization_id, flights.category_id, travel.category_id)
    assert into.parent_id is None


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("groceries", "Groceries"),
        ("  ＧＲＯＣＥＲＩＥＳ ", "Groceries"),
        ("Food_And_Drink_Groceries", "Groceries"),
        ("FOOD_AND_DRINK", "Food and drink"),
        ("Food and drink:Groceries", "Groceries"),
        ("food and drink  >  groceries", "Groceries"),
        ("Shopping:Groceries", None),
        ("Budget:Food and drink:Groceries", None),
        ("Food and drink:", None),
        (":Groceries", None),
        ("Grocery", None),
        ("4711", None),
        (">", None),
    ],
)
async def test_a_file_s_word_for_a_category_is_found_whole_or_not_at_all(db, organization, said, meant) -> None:
    found = (await stated.chart(db, organization.organization_id)).find(said)
    names = await categories.names(db, organization.organization_id, [found] if found else [])
    assert names.get(found) == meant


async def test_a_deleted_category_is_none_that_a_file_can_mean(db, organization) -> None:
    groceries = await categories.find(db, organization.organization_id, "Groceries")
    await categories.delete(db, organization.organization_id, groceries.category_id)
    assert await stated.unknown(db, organization.organization_id, ["Groceries", "[Savings]", " ", "Coffee"]) == [
        "Groceries"
    ]


@pytest.mark.parametrize("attributes", [{}, {"category": ["Food"]}, {"category": "Food", "splits": [{}]}])
def test_a_file_says_nothing_of_a_payment_that_it_splits(attributes) -> None:
    assert stated.stated(attributes) is None
    assert stated.stated({"category": " Food "}) == "Food"
