"""Search: typos, words in any order, amounts, tags, every script; and nothing of anybody else."""

import random
import string
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ai2.books.transactions import listing
from ai2.books.transactions import service as transactions
from ai2.books.transactions.listing import Filter
from ai2.books.transactions.search import amounts, nearest
from ai2.kit.database import rows


async def find(db, organization, said, **wanted) -> list[str]:
    chosen = Filter(search=said, **wanted)
    page = await listing.page(db, organization.organization_id, chosen, sort="description", cursor=None, limit=100)
    assert await listing.total(db, organization.organization_id, chosen) == len(page.items)
    streamed = [row async for some in listing.stream(db, organization.organization_id, chosen) for row in some]
    assert sorted(row.description for row in streamed) == sorted(row.description for row in page.items)
    return [item.description for item in page.items]


@pytest.fixture
async def books(book) -> None:
    await book("-45.67", description="TESCO STORES 3297 LONDON")
    await book("-12.00", description="SAINSBURYS S/MKTS LEEDS", tags=("client dinner",))
    await book("-8.00", description="B&Q 118", merchant="B&Q")
    await book("-9.00", description="Café Müller Łódź", notes="with the Øresund team")
    await book("1234.50", description="FPI J SMITH INV 001234")
    await book("-3.00", description="АЗБУКА ВКУСА")
    await book("-4.00", description="セブンイレブン")
    await book("-5.00", description="UBER *TRIP 45.67 LONDON")
    await book("-6.00", description="BT GROUP")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("tesco", ["TESCO STORES 3297 LONDON"]),
        ("tescco", ["TESCO STORES 3297 LONDON"]),
        ("lodnon", ["TESCO STORES 3297 LONDON", "UBER *TRIP 45.67 LONDON"]),  # two letters changed places
        ("london stroes", ["TESCO STORES 3297 LONDON"]),  # in any order, one mistyped
        ("sainsburry's", ["SAINSBURYS S/MKTS LEEDS"]),
        ("burys", ["SAINSBURYS S/MKTS LEEDS"]),  # a part of a word
        ("clinet", ["SAINSBURYS S/MKTS LEEDS"]),  # in a tag
        ("cafe muller lodz", ["Café Müller Łódź"]),
        ("MÜLER", ["Café Müller Łódź"]),
        ("oresnud", ["Café Müller Łódź"]),  # in a note
        ("азбкуа", ["АЗБУКА ВКУСА"]),
        ("ЗБУК", ["АЗБУКА ВКУСА"]),
        ("イレブン", ["セブンイレブン"]),
        ("b&q", ["B&Q 118"]),
        ("bt", ["BT GROUP"]),  # how a word begins
        ("sm", ["FPI J SMITH INV 001234"]),
        ("ondon", ["TESCO STORES 3297 LONDON", "UBER *TRIP 45.67 LONDON"]),
        ("on", []),  # of two letters no part
        ("45.67", ["TESCO STORES 3297 LONDON", "UBER *TRIP 45.67 LONDON"]),  # an amount, or written so
        ("45,67", ["TESCO STORES 3297 LONDON"]),
        ("-45.67", ["TESCO STORES 3297 LONDON"]),
        ("+45.67", []),
        ("£1,234.50", ["FPI J SMITH INV 001234"]),
        ("1.234,5 smiht", ["FPI J SMITH INV 001234"]),
        ("001234", ["FPI J SMITH INV 001234"]),
        ("001243", []),  # numbers are meant as they are written
        ("nothing", []),
        ("garden", []),
        ("%", []),
        ("_", []),
    ],
)
async def test_finds(books, db, organization, said, expected) -> None:
    assert await find(db, organization, said) == expected


async def test_a_word_that_is_there_is_not_taken_for_another(book, db, organization) -> None:
    await book(description="STARBUCKS")
    await book(description="STARBUKS")
    assert await find(db, organization, "starbuks") == ["STARBUKS"]
    assert await find(db, organization, "starbucsk") == ["STARBUCKS"]


async def test_a_word_that_is_there_no_more_is_taken_for_the_nearest(book, db, organization) -> None:
    await book(description="TESCO")
    mistyped = await book(description="TESCCO")
    assert await find(db, organization, "tescco") == ["TESCCO"]
    await transactions.update(
        db, organization.organization_id, mistyped.transaction_id, {"description": "TESCO EXPRESS"}
    )
    assert await find(db, organization, "tescco") == ["TESCO", "TESCO EXPRESS"]
    await transactions.delete(db, organization.organization_id, mistyped.transaction_id)
    assert await find(db, organization, "expres") == []
    assert await find(db, organization, "tescco") == ["TESCO"]


async def test_what_was_edited_is_found_by_its_new_words(book, db, organization) -> None:
    plain = await book(description="CARD PAYMENT")
    changes = {"notes": "Lunch with Yevheniia", "tags": ["business"]}
    await transactions.update(db, organization.organization_id, plain.transaction_id, changes)
    assert await find(db, organization, "yevhenia busines") == ["CARD PAYMENT"]


async def test_it_combines_with_other_filters(books, db, organization) -> None:
    assert await find(db, organization, "lodnon", min_amount=Decimal("-10")) == ["UBER *TRIP 45.67 LONDON"]
    assert await find(db, organization, "lodnon", type="income") == []


@pytest.mark.parametrize("sort", ["-date", "amount", "description"])
async def test_pages_of_a_mistyped_word_stay_what_they_were(book, db, organization, sort) -> None:
    for number in range(6):
        await book(f"-{number + 1}", f"2026-03-{number + 1:02}", description=f"LONDON {number}")
    seen, cursor = [], None
    while True:
        page = await listing.page(
            db, organization.organization_id, Filter(search="lodnon"), sort=sort, cursor=cursor, limit=2
        )
        seen += [item.description for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        await book("-99", "2026-03-20", description="LODNON")  # from now on somebody has the word
    assert sorted(seen) == [f"LONDON {number}" for number in range(6)]
    assert set(await find(db, organization, "lodnon")) == {"LODNON"}


async def test_anothers_words_neither_appear_nor_count(books, db, organization, stranger, database) -> None:
    """A stranger has the very word that is mistyped here, and it changes nothing."""
    theirs = stranger.organization_id
    async with database.transaction(theirs) as other:
        await transactions.create(
            other,
            theirs,
            transactions.NewTransaction(
                booked_on=date(2026, 3, 5),
                amount=Decimal(-1),
                currency="GBP",
                description="TESCCO SECRETLY",
            ),
        )
        assert (await find(other, stranger, "secretyl")) == ["TESCCO SECRETLY"]
        assert (await find(other, stranger, "tescco")) == ["TESCCO SECRETLY"]
    assert await find(db, organization, "tescco") == ["TESCO STORES 3297 LONDON"]
    assert await find(db, organization, "secretly") == []
    for table in ("books.search_words", "books.search_word_keys"):
        # without any condition of ours: the database alone keeps them apart
        words = {row["word"] for row in await rows(db, f"select word from {table}")}
        assert "tesco" in words
        assert "secretly" not in words
    async with database.transaction() as nobody:
        assert await rows(nobody, "select word from books.search_words") == []
        assert (await listing.page(nobody, theirs, Filter(search="secretly"), cursor=None, limit=5)).items == []
    # the wrong organization asked for: nothing; and a cursor that claims what the word was taken for
    assert (await listing.page(db, theirs, Filter(search="secretyl"), cursor=None, limit=5)).items == []
    last = (await listing.page(db, organization.organization_id, Filter(), cursor=None, limit=1)).items[0]
    for word, expected in (("secretly", 0), ("tesco", 1)):
        forged = listing._write_cursor(replace(last, booked_on=date.max), "-date", [[word]])
        page = await listing.page(db, organization.organization_id, Filter(search="x"), cursor=forged, limit=5)
        assert len(page.items) == expected


async def test_any_text_is_searched_as_the_books_write_it(db) -> None:
    """What `plain` makes of a text it makes of its own result too: whatever is written can be found."""
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    letters = string.ascii_letters + "éÅßøŁđΣςİıǅﬁÆœ한글カﾊﾟдйёहिन्दी١٢３%_\\ '"
    said = ["".join(chance.choices(letters, k=chance.randint(1, 30))) for _ in range(500)]
    query = (
        "select books.plain(said) as plain, books.plain(books.plain(said)) as again from unnest(%(said)s::text[]) said"
    )
    found = await rows(db, query, {"said": said})
    assert [row["plain"] for row in found] == [row["again"] for row in found]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("45.67", {"45.67", "-45.67"}),
        ("45,67", {"45.67", "-45.67"}),
        ("-45.6", {"-45.6"}),
        ("$1,234", {"1.234", "-1.234", "1234", "-1234"}),
        ("1.234.567,89", {"1234567.89", "-1234567.89"}),
        ("1'234.50", {"1234.50", "-1234.50"}),
        ("12a", set()),
        ("12", set()),
        ("120", {"120", "-120"}),
        ("1.2.3", set()),
    ],
)
def test_amounts(said, expected) -> None:
    assert set(amounts(said)) == {Decimal(each) for each in expected}


def test_the_nearest_words_alone_are_meant() -> None:
    assert nearest("uebr", [("uber", 2), ("over", 2)]) == ["uber"]
    assert nearest("resturant", [("restaurant", 1), ("restaurants", 2)]) == ["restaurant"]
    assert nearest("pizza", [("plaza", 2)]) == []
