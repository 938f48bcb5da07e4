"""Looking: an organization's receipts and transactions are held against each other, and what differs is written down.

Every look decides anew over all receipts near what came since the last one, those too that a machine matched before:
so it is all the same in which order receipts and transactions come. What a person said stands. Again, nothing changes.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from ai2.books.rates import service as rates
from ai2.kit import events
from ai2.kit.database import Connection, Database
from ai2.receipts import attaching, matches_repository, repository
from ai2.receipts.matching import candidates, texts
from ai2.receipts.matching.deciding import decide
from ai2.receipts.matching.model import Known, Rates, Receipt, Row, Verdict
from ai2.receipts.matching.weights import SURE_TOTAL
from ai2.receipts.model import Document, Match

DECIDED_BY = "receipts-1"
BEFORE_DAYS, AFTER_DAYS = -candidates.EARLIEST + candidates.AFTER_SEEN, candidates.PARTS_LATEST
# Receipts farther apart have no row in common; and over more days they are not decided at once.
APART_DAYS, MOST_DAYS = AFTER_DAYS + BEFORE_DAYS, 400


@dataclass(frozen=True)
class Looked:
    """How many receipts were looked at, and what became of them."""

    receipts: int = 0
    matched: int = 0
    needs_review: int = 0
    parted: int = 0


async def look(database: Database, organization_id: UUID) -> Looked:
    """Match what can be matched, and put it beside its transactions."""
    async with database.transaction(organization_id) as db:
        looked = await look_within(db, organization_id)
    await attaching.attach_waiting(database, organization_id)
    return looked


async def look_within(db: Connection, organization_id: UUID) -> Looked:
    """The look itself, in the caller's transaction; the files follow."""
    await repository.lock(db, organization_id)
    touched = await repository.touched(db, organization_id)
    gone = await matches_repository.delete_of_gone(db, organization_id)
    await repository.set_states(db, organization_id, gone)
    await repository.look_again(db, organization_id, gone)
    found = await repository.to_look_at(
        db, organization_id, touched["first"], touched["last"], before=BEFORE_DAYS, after=AFTER_DAYS
    )
    documents = [Document(**row) for row in found]
    verdicts = await _verdicts(db, organization_id, documents)
    looked = await _write(db, organization_id, documents, verdicts)
    await repository.put_look(db, organization_id, touched["watermark"])
    return looked


async def _verdicts(db: Connection, organization_id: UUID, documents: Sequence[Document]) -> list[Verdict]:
    ids = [document.document_id for document in documents]
    known = Known(
        aliases=frozenset(
            (row["supplier_key"], row["merchant_key"]) for row in await matches_repository.aliases(db, organization_id)
        ),
        rejected=frozenset(
            (row["document_id"], row["transaction_id"])
            for row in await matches_repository.rejected(db, organization_id, ids)
        ),
    )
    verdicts: list[Verdict] = []
    for receipts in runs([_receipt(document) for document in documents]):
        windows = [candidates.window(receipt) for receipt in receipts]
        first, last = min(window[0] for window in windows), max(window[1] for window in windows)
        # what another run has matched by now is not free
        free = [each for each in ids if each not in {verdict.document_id for verdict in verdicts}]
        rows = [Row(**row) for row in await matches_repository.rows_between(db, organization_id, first, last, free)]
        taken = {verdict.transaction_id for verdict in verdicts if verdict.state == "applied"}
        rows = [row for row in rows if row.transaction_id not in taken]
        worth = await _rates(db, organization_id, receipts, rows)
        verdicts += await asyncio.to_thread(decide, receipts, rows, known, worth)
    return verdicts


def runs(receipts: Sequence[Receipt]) -> Iterator[list[Receipt]]:
    """Receipts that are decided together: parted where they have no row in common, or over too many days."""
    if not receipts:
        return
    ordered = sorted(receipts, key=lambda receipt: (receipt.day, receipt.document_id))
    run = ordered[:1]
    for former, receipt in pairwise(ordered):
        if (receipt.day - former.day).days > APART_DAYS or (receipt.day - run[0].day).days > MOST_DAYS:
            yield run
            run = []
        run.append(receipt)
    yield run


def _receipt(document: Document) -> Receipt:
    total = document.total or Decimal(0)
    sure = float(document.readings.get("total", {}).get("confidence", 0)) >= SURE_TOTAL
    told = (document.number, document.order_number)
    numbers = tuple(dict.fromkeys(texts.compact(number) for number in told if number))
    return Receipt(
        document_id=document.document_id, total=total, currency=document.currency, issued_on=document.issued_on,
        seen_on=document.created_at.date(), supplier_key=document.supplier_key,
        numbers=tuple(number for number in numbers if texts.is_telling(number)),
        may_apply=document.is_trusted and sure,
    )  # fmt: skip


async def _rates(db: Connection, organization_id: UUID, receipts: Sequence[Receipt], rows: Sequence[Row]) -> Rates:
    """What each receipt's currency was worth on its day in those of the rows."""
    currencies = {row.currency for row in rows}
    wanted = {
        (receipt.currency, currency, receipt.day)
        for receipt in receipts
        for currency in currencies
        if receipt.currency and receipt.currency != currency
    }
    found = await rates.rates(db, organization_id, wanted) if wanted else {}
    return {question: rate.rate for question, rate in found.items() if rate.rate is not None}


async def _write(
    db: Connection, organization_id: UUID, documents: Sequence[Document], verdicts: Sequence[Verdict]
) -> Looked:
    """Write down what is not so yet, take back what is not so any more, and tell of receipts that changed."""
    ids = [document.document_id for document in documents]
    found = [Match(**row) for row in await matches_repository.of_documents(db, organization_id, ids)]
    present = {(match.document_id, match.transaction_id): match for match in found if match.state != "rejected"}
    wanted = {(verdict.document_id, verdict.transaction_id): verdict for verdict in verdicts}
    gone = [match for pair, match in present.items() if pair not in wanted]
    lowered = [
        match for pair, match in present.items()
        if match.state == "applied" and pair in wanted and wanted[pair].state != "applied"
    ]  # fmt: skip
    await attaching.detach(db, organization_id, [*gone, *lowered])
    await matches_repository.delete(db, organization_id, [(match.document_id, match.transaction_id) for match in gone])
    new = [_told(verdict) for pair, verdict in wanted.items() if not _is_same(present.get(pair), verdict)]
    if new:
        await matches_repository.put(db, organization_id, new)
    await repository.set_states(db, organization_id, ids)
    states = {document.document_id: document.state for document in documents}
    matched = {verdict.document_id for verdict in verdicts if verdict.state == "applied"}
    reviewed = {verdict.document_id for verdict in verdicts} - matched
    newly = {each for each in matched if states[each] != "matched"}
    to_review = {each for each in reviewed if states[each] != "needs_review"}
    await _tell(db, organization_id, "receipt.matched", newly, decided_by="machine")
    await _tell(db, organization_id, "receipt.needs_review", to_review)
    parted = sum(states[each] == "matched" and each not in matched for each in ids)
    return Looked(len(ids), len(newly), len(to_review), parted)


async def _tell(db: Connection, organization_id: UUID, kind: str, document_ids: set[UUID], **more: Any) -> None:
    if document_ids:
        told = sorted(document_ids) if len(document_ids) <= events.MOST_IDS else None
        await events.emit(db, organization_id, kind, {"document_ids": told, "count": len(document_ids), **more})


def _is_same(match: Match | None, verdict: Verdict) -> bool:
    return match is not None and (match.state, float(match.confidence), tuple(match.reasons), match.parts) == (
        verdict.state, verdict.confidence, verdict.reasons, verdict.parts,
    )  # fmt: skip


def _told(verdict: Verdict) -> dict[str, Any]:
    told = asdict(verdict)
    return {
        **told, "document_id": str(verdict.document_id), "transaction_id": str(verdict.transaction_id),
        "decided_by": DECIDED_BY,
    }  # fmt: skip
