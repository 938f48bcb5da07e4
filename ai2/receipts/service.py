"""Receipts: taken in from mails and people, once each; matched; and what people say of that, which holds for ever.

A person's yes teaches that two names mean the same, and is not moved by a machine. A person's no holds for ever.
"""

import asyncio
import contextlib
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, BinaryIO, Literal
from uuid import UUID

from ai2.books.transactions import attachments
from ai2.books.transactions import service as transactions
from ai2.kit import events, queue
from ai2.kit.database import Connection
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound
from ai2.kit.ids import new_id
from ai2.kit.merchants import merchant_key
from ai2.kit.money import LIMIT, InexactAmount, UnknownCurrency, exact, exponent
from ai2.receipts import attaching, keeping, matches_repository, repository
from ai2.receipts.extraction import reading
from ai2.receipts.extraction.model import Extracted
from ai2.receipts.model import Document, Match, State

LOOK = "match_receipts"
LONGEST = 300
EARLIEST_YEAR, LATEST_YEAR = 1970, 2200
FIELDS = ("supplier", "issued_on", "total", "tax", "currency", "number", "order_number")
Part = tuple[str, str, bytes]


class ReceiptNotFound(NotFound):
    """There is no such receipt; GET /api/connectors/receipts lists yours."""


class IsACopy(Conflict):
    """Another receipt says the same and stands for both: answer for the one that `same_as` names."""


class EmptyReceipt(Invalid):
    """The file is empty; send one that has something in it."""


async def take(
    db: Connection,
    organization_id: UUID,
    mail_id: UUID | None,
    parts: Sequence[Part],
    *,
    is_trusted: bool = False,
    added_by: str = "system",
) -> list[UUID]:
    """Take in receipts: (name, media type, bytes) of each part of a mail, or of what a person sent (no `mail_id`).

    The same bytes are one receipt, whoever sends them again. Of a mail, what is no receipt is left out; what a person
    sends is kept even where nothing can be read of it. What is not `is_trusted` (say that a mail's sender was
    authenticated) is put to review and never applied alone. Gives the receipts' ids, what was read surest first.
    """
    read = [await asyncio.to_thread(_read, part) for part in parts]
    await repository.lock(db, organization_id)
    taken: list[UUID] = []
    # what machines wrote for machines stands for what says the same for people
    for (name, media_type, content), extracted in sorted(zip(parts, read, strict=True), key=_surest_first):
        if extracted is None and mail_id is not None:
            continue
        known = {"mail_id": mail_id, "is_trusted": is_trusted or mail_id is None, "added_by": added_by}
        taken.append(await _take(db, organization_id, name, media_type, content, extracted, known))
    if taken:
        await ask_for_look(db, organization_id)
    return list(dict.fromkeys(taken))


async def ask_for_look(db: Connection, organization_id: UUID) -> None:
    """Have receipts and transactions looked through by the worker; while one such job waits, it serves."""
    await queue.enqueue(db, organization_id, LOOK, {}, key=LOOK)


async def get(db: Connection, organization_id: UUID, document_id: UUID, *, lock: bool = False) -> Document:
    row = await repository.get(db, organization_id, document_id, lock=lock)
    if row is None:
        raise ReceiptNotFound
    return Document(**row)


async def page(
    db: Connection,
    organization_id: UUID,
    *,
    state: State | None = None,
    transaction_id: UUID | None = None,
    before: UUID | None = None,
    limit: int,
) -> list[Document]:
    """Receipts, newest first: all, those of a state, or those that prove a transaction."""
    if transaction_id is not None:
        await transactions.get(db, organization_id, transaction_id)
    found = await repository.page(
        db, organization_id, state=state, transaction_id=transaction_id, before=before, limit=limit
    )
    return [Document(**row) for row in found]


async def count(
    db: Connection, organization_id: UUID, *, state: State | None = None, transaction_id: UUID | None = None
) -> int:
    return await repository.count(db, organization_id, state=state, transaction_id=transaction_id)


async def opened(db: Connection, organization_id: UUID, document: Document) -> BinaryIO:
    """The bytes as they came; the caller closes them."""
    return await keeping.opened(db, organization_id, document.digest)


async def matches(db: Connection, organization_id: UUID, document_id: UUID) -> list[Match]:
    """What a receipt matches or may match, the surest first; of a copy, what that which it follows does."""
    document = await get(db, organization_id, document_id)
    leader = document.same_as or document_id
    return [Match(**row) for row in await matches_repository.of_document(db, organization_id, leader)]


async def accept(
    db: Connection, organization_id: UUID, document_id: UUID, transaction_id: UUID, *, decided_by: str
) -> Match:
    """Say that a receipt proves a transaction, whatever was thought before. Its names then mean the same."""
    document, transaction = await _pair(db, organization_id, document_id, transaction_id)
    former = [Match(**row) for row in await matches_repository.of_document(db, organization_id, document_id)]
    own = next((match for match in former if match.transaction_id == transaction_id), None)
    if own is not None and own.state == "accepted":
        return own
    in_sum = own is not None and own.parts > 1
    others = [
        match for match in former
        if match is not own and match.state in ("applied", "proposed") and not (in_sum and match.parts > 1)
    ]  # fmt: skip
    await attaching.detach(db, organization_id, others)
    await matches_repository.delete(db, organization_id, [_ids(match) for match in others])
    accepted = _answer(document_id, transaction_id, "accepted", own, decided_by)
    await matches_repository.put(db, organization_id, [accepted])
    await _learn(db, organization_id, document, transaction.merchant_key, accepted=1, rejected=0)
    await attaching.attach(db, organization_id, await _match(db, organization_id, document_id, transaction_id))
    await repository.set_states(db, organization_id, [document_id])
    await events.emit(
        db, organization_id, "receipt.matched", {"document_ids": [document_id], "count": 1, "decided_by": "user"}
    )
    await ask_for_look(db, organization_id)
    return await _match(db, organization_id, document_id, transaction_id)


async def reject(
    db: Connection, organization_id: UUID, document_id: UUID, transaction_id: UUID, *, decided_by: str
) -> Match:
    """Say that a receipt does not prove a transaction: it is never thought so again, and its file goes from there."""
    document, transaction = await _pair(db, organization_id, document_id, transaction_id)
    found = await matches_repository.get(db, organization_id, document_id, transaction_id)
    own = Match(**found) if found else None
    if own is not None and own.state == "rejected":
        return own
    if own is not None:
        await attaching.detach(db, organization_id, [own])
    await matches_repository.put(
        db, organization_id, [_answer(document_id, transaction_id, "rejected", own, decided_by)]
    )
    await _learn(db, organization_id, document, transaction.merchant_key, accepted=0, rejected=1)
    await repository.set_states(db, organization_id, [document_id])
    await repository.look_again(db, organization_id, [document_id])
    await ask_for_look(db, organization_id)
    return await _match(db, organization_id, document_id, transaction_id)


async def delete(db: Connection, organization_id: UUID, document_id: UUID) -> None:
    """Delete a receipt, its bytes, and what was put beside transactions for it. What says the same takes its place."""
    await repository.lock(db, organization_id)
    document = await get(db, organization_id, document_id, lock=True)
    found = await matches_repository.of_document(db, organization_id, document_id)
    await attaching.detach(db, organization_id, [Match(**row) for row in found])
    if document.same_as is not None:
        await _take_copy_away(db, organization_id, document)
    await repository.let_copies_go(db, organization_id, document_id)
    await repository.delete(db, organization_id, document_id)
    await queue.enqueue(db, organization_id, attaching.FORGET, {"digest": document.digest.hex()})
    await ask_for_look(db, organization_id)


async def _take_copy_away(db: Connection, organization_id: UUID, copy: Document) -> None:
    """What lies beside transactions for the receipt that it follows is put there anew, without it."""
    leader = UUID(str(copy.same_as))
    for row in await matches_repository.of_document(db, organization_id, leader):
        await attaching.detach(db, organization_id, [Match(**row)])


async def _take(
    db: Connection,
    organization_id: UUID,
    name: str,
    media_type: str,
    content: bytes,
    extracted: Extracted | None,
    known: dict[str, Any],
) -> UUID:
    if not content:
        raise EmptyReceipt(errors=(FieldError("file", "is not empty"),))
    digest = keeping.digest_of(content)
    there = await repository.of_digest(db, organization_id, digest)
    if there is not None:
        if known["is_trusted"]:
            await repository.trust(db, organization_id, there)
        return there
    values = {**known, **_values(extracted)}
    same = await repository.saying_the_same(db, organization_id, values) if values["total"] is not None else None
    state = "copy" if same else "unread" if values["total"] is None else "waiting"
    document_id = new_id()
    await repository.insert(
        db,
        organization_id,
        {
            **values,
            "document_id": document_id, "digest": digest, "size_bytes": len(content), "state": state,
            "blob_key": await keeping.keep(db, organization_id, content, digest),
            "file_name": attachments.plain_name(_plain(name) or "receipt"),
            "media_type": keeping.media_type_of(content, media_type),
            "same_as": same["document_id"] if same else None,
        },
    )  # fmt: skip
    if same and same["state"] == "matched":
        await matches_repository.attach_again(db, organization_id, same["document_id"])
    return document_id


def _read(part: Part) -> Extracted | None:
    name, media_type, content = part
    return reading.read(content, keeping.media_type_of(content, media_type), name) if content else None


def _surest_first(one: tuple[Part, Extracted | None]) -> int:
    """By the form, in the order in which it says how sure such readings are."""
    forms = ("ubl", "cii", "json_ld", "microdata", "html", "pdf", "text")
    return forms.index(one[1].form) if one[1] else len(forms)


def _values(extracted: Extracted | None) -> dict[str, Any]:
    """The fields as they are kept: what no books could hold is left out, as if it had not been read."""
    values: dict[str, Any] = dict.fromkeys(FIELDS)
    readings = {}
    for field in FIELDS:
        read = getattr(extracted, field, None)
        value = _storable(field, read.value) if read else None
        if read is not None and value is not None:
            values[field] = value
            readings[field] = {"confidence": round(read.confidence, 3), "where": _plain(read.where)[:LONGEST]}
    supplier = values["supplier"]
    for field in ("total", "tax"):
        if values[field] is not None and values["currency"]:
            with contextlib.suppress(InexactAmount):
                values[field] = exact(values[field], values["currency"])
    return {
        **values, "readings": readings, "form": extracted.form if extracted else None,
        "supplier_key": merchant_key(supplier) if supplier else "",
    }  # fmt: skip


def _storable(field: str, value: Any) -> Any:
    if isinstance(value, Decimal):
        usable = value.is_finite() and abs(value) < LIMIT and (value != 0 or field == "tax")
        return value if usable and int(value.as_tuple().exponent) >= -10 else None
    if isinstance(value, date):
        return value if EARLIEST_YEAR <= value.year <= LATEST_YEAR else None
    text = _plain(str(value))[:LONGEST].strip()
    if field != "currency":
        return text or None
    try:
        exponent(text)
    except UnknownCurrency:
        return None
    return text


def _plain(text: str) -> str:
    """Text that PostgreSQL can hold: neither NUL nor half a pair."""
    return re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", " ", text)


async def _pair(
    db: Connection, organization_id: UUID, document_id: UUID, transaction_id: UUID
) -> tuple[Document, transactions.Transaction]:
    await repository.lock(db, organization_id)
    document = await get(db, organization_id, document_id, lock=True)
    transaction = await transactions.get(db, organization_id, transaction_id)
    if document.same_as is not None:
        raise IsACopy(same_as=document.same_as)
    return document, transaction


async def _match(db: Connection, organization_id: UUID, document_id: UUID, transaction_id: UUID) -> Match:
    row = await matches_repository.get(db, organization_id, document_id, transaction_id)
    return Match(**(row or {}))


async def _learn(
    db: Connection, organization_id: UUID, document: Document, merchant: str, *, accepted: int, rejected: int
) -> None:
    if document.supplier_key and merchant:
        await matches_repository.learn(
            db, organization_id, document.supplier_key, merchant, accepted=accepted, rejected=rejected
        )


def _answer(
    document_id: UUID,
    transaction_id: UUID,
    state: Literal["accepted", "rejected"],
    former: Match | None,
    decided_by: str,
) -> dict[str, Any]:
    return {
        "document_id": str(document_id), "transaction_id": str(transaction_id), "state": state,
        "confidence": str(former.confidence) if former else "1" if state == "accepted" else "0",
        "reasons": former.reasons if former else [], "parts": former.parts if former else 1,
        "decided_by": decided_by,
    }  # fmt: skip


def _ids(match: Match) -> tuple[UUID, UUID]:
    return match.document_id, match.transaction_id
