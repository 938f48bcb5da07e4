"""Receipts in the books: taken once, matched in whichever order they come, and what people say of them holds."""

import io
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ai2.books.transactions import attachments
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction
from ai2.identity.organizations import Organization
from ai2.kit import blobs
from ai2.kit.database import Database, rows
from ai2.kit.ids import new_id
from ai2.receipts import attaching, looking, repository, service
from ai2.receipts.extraction import reading
from ai2.receipts.model import Document, Match
from tests.receipts import doubles
from tests.receipts.doubles import document

DAY = date(2026, 3, 2)
TEA = {"supplier": "Harbour Tea Rooms", "total": "12.40", "currency": "GBP", "issued_on": "2026-03-02"}


@pytest.fixture(autouse=True)
def reads_what_tests_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "read", doubles.read)


async def book(database: Database, owner: UUID, amount: str, description: str, day: date = DAY, **known: Any) -> UUID:
    new = NewTransaction(
        booked_on=day, amount=Decimal(amount), currency=known.pop("currency", "GBP"), description=description, **known
    )
    async with database.transaction(owner) as db:
        return (await transactions.create(db, owner, new)).transaction_id


async def take(database: Database, owner: UUID, *contents: bytes, mail_id: UUID | None = None, **known: Any) -> UUID:
    parts = [(f"{place}.json", "application/json", content) for place, content in enumerate(contents)]
    async with database.transaction(owner) as db:
        return (await service.take(db, owner, mail_id, parts, **known))[0]


async def seen(database: Database, owner: UUID, document_id: UUID) -> tuple[Document, list[Match]]:
    async with database.transaction(owner) as db:
        found = await service.get(db, owner, document_id)
        return found, await service.matches(db, owner, document_id)


async def state(database: Database, owner: UUID, document_id: UUID) -> tuple[str, list[tuple[UUID, str]]]:
    found, matches = await seen(database, owner, document_id)
    return found.state, [(match.transaction_id, match.state) for match in matches]


async def beside(database: Database, owner: UUID, transaction_id: UUID) -> list[str]:
    async with database.transaction(owner) as db:
        return [each.file_name for each in await attachments.list_of(db, owner, transaction_id)]


async def accept(database: Database, owner: UUID, document_id: UUID, transaction_id: UUID) -> None:
    async with database.transaction(owner) as db:
        await service.accept(db, owner, document_id, transaction_id, decided_by="user:x")


async def reject(database: Database, owner: UUID, document_id: UUID, transaction_id: UUID) -> None:
    async with database.transaction(owner) as db:
        await service.reject(db, owner, document_id, transaction_id, decided_by="user:x")


async def test_is_matched_and_lies_beside_its_transaction_and_again_nothing_changes(
    database: Database, organization: Organization
) -> None:
    owner = organization.organization_id
    paid = await book(database, owner, "-12.40", "HARBOUR TEA ROOMS 0123 LONDON", DAY + timedelta(1))
    await book(database, owner, "-12.40", "Corner Garage", DAY + timedelta(1))
    receipt = await take(database, owner, document(**TEA))
    assert await state(database, owner, receipt) == ("waiting", [])
    for _ in range(2):
        await looking.look(database, owner)
        found, matches = await seen(database, owner, receipt)
        assert (found.state, [(each.transaction_id, each.state) for each in matches][:1]) == (
            "matched", [(paid, "applied")],
        )  # fmt: skip
        assert await beside(database, owner, paid) == ["0.txt"]
    assert matches[0].reasons[:2] == ["the same amount", "1 day later"]
    async with database.transaction(owner) as db:
        told = await rows(db, "select kind, payload from events.events where kind like 'receipt%%' order by position")
    assert [row["payload"] for row in told] == [{"document_ids": [str(receipt)], "count": 1, "decided_by": "machine"}]


async def test_the_same_file_is_one_receipt_and_what_says_the_same_follows_it(
    database: Database, organization: Organization
) -> None:
    owner = organization.organization_id
    mail = new_id()
    first = await take(database, owner, document(**TEA))
    assert await take(database, owner, document(**TEA), mail_id=mail, is_trusted=True) == first
    async with database.transaction(owner) as db:
        parts = [
            ("a.html", "text/html", document("page", form="html", **TEA)),
            ("a.pdf", "", document(form="ubl", **TEA)),
        ]
        one, other = await service.take(db, owner, new_id(), parts, is_trusted=True)
        alike = [await service.get(db, owner, each) for each in (one, other)]
    assert [(each.form, each.state) for each in alike] == [("ubl", "waiting"), ("html", "copy")]
    assert alike[1].same_as == one


async def test_what_no_person_sent_and_says_nothing_is_no_receipt(
    database: Database, organization: Organization
) -> None:
    owner = organization.organization_id
    async with database.transaction(owner) as db:
        assert await service.take(db, owner, new_id(), [("logo.png", "image/png", b"\x89PNG\r\n\x1a\n")]) == []
        [kept] = await service.take(db, owner, None, [("photo.png", "image/png", b"\x89PNG\r\n\x1a\n")])
        assert (await service.get(db, owner, kept)).state == "unread"


async def test_a_mail_whose_sender_is_not_known_is_never_applied_alone(
    database: Database, organization: Organization
) -> None:
    owner = organization.organization_id
    paid = await book(database, owner, "-12.40", "Harbour Tea Rooms")
    receipt = await take(database, owner, document(**TEA), mail_id=new_id())
    await looking.look(database, owner)
    assert await state(database, owner, receipt) == ("needs_review", [(paid, "proposed")])
    assert await beside(database, owner, paid) == []
    assert await take(database, owner, document(**TEA)) == receipt
    await looking.look(database, owner)
    assert await state(database, owner, receipt) == ("matched", [(paid, "applied")])


async def test_it_does_not_matter_what_comes_first(database: Database, organization: Organization) -> None:
    """The receipt of the second day may take the first day's row until its own comes."""
    owner = organization.organization_id
    second = await take(database, owner, document("2", **{**TEA, "issued_on": "2026-03-03"}))
    await looking.look(database, owner)
    row_1 = await book(database, owner, "-12.40", "Harbour Tea Rooms", DAY + timedelta(1))
    await looking.look(database, owner)
    first = await take(database, owner, document("1", **TEA))
    await looking.look(database, owner)
    row_2 = await book(database, owner, "-12.40", "Harbour Tea Rooms", DAY + timedelta(2))
    await looking.look(database, owner)
    best = [(await state(database, owner, each))[1][0][0] for each in (first, second)]
    assert best == [row_1, row_2]


async def test_a_no_holds_for_ever_and_takes_the_file_away_but_not_a_persons(
    database: Database, organization: Organization
) -> None:
    owner = organization.organization_id
    paid = await book(database, owner, "-12.40", "Harbour Tea Rooms")
    text = b"Harbour Tea Rooms, 12.40"
    receipt = await take(database, owner, document(**TEA))
    await looking.look(database, owner)
    assert len(await beside(database, owner, paid)) == 1
    await reject(database, owner, receipt, paid)
    assert await beside(database, owner, paid) == []
    await looking.look(database, owner)
    assert await state(database, owner, receipt) == ("waiting", [(paid, "rejected")])
    async with database.transaction(owner) as db:
        await attachments.add(
            db, owner, paid, file=io.BytesIO(text), file_name="mine.txt", size_bytes=len(text), added_by="user:x"
        )
        [own] = await service.take(db, owner, None, [("mine.txt", "text/plain", text)])
    await accept(database, owner, own, paid)
    await reject(database, owner, own, paid)
    assert await beside(database, owner, paid) == ["mine.txt"]


async def test_a_yes_teaches_that_two_names_mean_the_same(database: Database, organization: Organization) -> None:
    owner = organization.organization_id
    shop = {**TEA, "supplier": "Zebra Holdings BV"}
    first = await book(database, owner, "-12.40", "PP*QUAGGA MUSIC", DAY + timedelta(4))
    receipt = await take(database, owner, document(**shop))
    await looking.look(database, owner)
    assert (await state(database, owner, receipt))[0] != "matched"
    await accept(database, owner, receipt, first)
    later = await book(database, owner, "-31.17", "PP*QUAGGA MUSIC", date(2026, 5, 5))
    another = await take(database, owner, document(**{**shop, "total": "31.17", "issued_on": "2026-05-04"}))
    await looking.look(database, owner)
    assert await state(database, owner, another) == ("matched", [(later, "applied")])
    assert await state(database, owner, receipt) == ("matched", [(first, "accepted")])


async def test_what_is_taken_out_of_the_books_lets_its_receipt_wait_again(
    database: Database, organization: Organization
) -> None:
    owner = organization.organization_id
    paid = await book(database, owner, "-12.40", "Harbour Tea Rooms")
    receipt = await take(database, owner, document(**TEA))
    await looking.look(database, owner)
    async with database.transaction(owner) as db:
        await transactions.delete(db, owner, paid)
    await looking.look(database, owner)
    assert await state(database, owner, receipt) == ("waiting", [])


async def test_one_receipt_is_several_rows_and_one_row_several_receipts(
    database: Database, organization: Organization
) -> None:
    owner = organization.organization_id
    books = {**TEA, "supplier": "Paper Mill Books", "total": "91.13"}
    parts = [await book(database, owner, amount, "PAPER MILL BOOKS 12") for amount in ("-60.05", "-31.08")]
    whole = await take(database, owner, document(**books))
    taxi = {**TEA, "supplier": "Swift Couriers"}
    bill = await book(database, owner, "-73.31", "SWIFT COURIERS LTD", DAY + timedelta(9))
    trips = [
        await take(database, owner, document(**{**taxi, "total": total, "issued_on": day}))
        for total, day in (("41.20", "2026-03-02"), ("32.11", "2026-03-05"))
    ]
    await looking.look(database, owner)
    assert await matched(database, owner, [whole]) == {(whole, part) for part in parts}
    assert await matched(database, owner, trips) == {(trip, bill) for trip in trips}
    assert len(await beside(database, owner, bill)) == 2


async def matched(database: Database, owner: UUID, document_ids: Sequence[UUID]) -> set[tuple[UUID, UUID]]:
    found = [(await seen(database, owner, each))[1] for each in document_ids]
    return {(each.document_id, each.transaction_id) for matches in found for each in matches if each.state == "applied"}


async def test_what_is_deleted_is_gone_with_its_bytes_and_a_copy_takes_its_place(
    database: Database, organization: Organization
) -> None:
    owner = organization.organization_id
    paid = await book(database, owner, "-12.40", "Harbour Tea Rooms")
    async with database.transaction(owner) as db:
        parts = [("1.xml", "", document("1", form="ubl", **TEA)), ("2.html", "", document("2", form="html", **TEA))]
        one, other = await service.take(db, owner, new_id(), parts, is_trusted=True)
        digest = (await service.get(db, owner, one)).digest
    await looking.look(database, owner)
    async with database.transaction(owner) as db:
        await service.delete(db, owner, one)
    assert await beside(database, owner, paid) == []
    await attaching.forget_unused(database, owner, digest)
    assert len(blobs.names(f"receipts/{owner}")) == 1
    assert digest.hex() not in blobs.names(f"receipts/{owner}")
    await looking.look(database, owner)
    assert await state(database, owner, other) == ("matched", [(paid, "applied")])


async def test_a_strangers_receipts_are_not_seen_by_a_look(
    database: Database, organization: Organization, stranger: Organization
) -> None:
    owner = organization.organization_id
    await book(database, stranger.organization_id, "-12.40", "Harbour Tea Rooms")
    receipt = await take(database, owner, document(**TEA))
    await looking.look(database, owner)
    await looking.look(database, stranger.organization_id)
    assert await state(database, owner, receipt) == ("waiting", [])
    async with database.transaction(stranger.organization_id) as db:
        assert not await repository.is_there(db, stranger.organization_id)
