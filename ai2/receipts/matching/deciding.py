"""Deciding: what is applied alone, what waits for a person, and what is left open, over all receipts at once.

Near twins do not steal each other's rows: the whole assignment is the likeliest one, and a pair is sure only where
every other assignment is worse by a margin. What no single row is may be several rows, or several receipts one row.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from ai2.receipts.matching import sums
from ai2.receipts.matching.assignment import assign
from ai2.receipts.matching.candidates import EARLIEST, PARTS_LATEST, Index, find
from ai2.receipts.matching.model import Known, Pair, Rates, Receipt, Row, Verdict
from ai2.receipts.matching.scoring import has_number, judge, names_agree
from ai2.receipts.matching.sums import Sum
from ai2.receipts.matching.weights import MARGIN, OFFERED, SURE, confidence

# So many are put to review of one receipt.
MOST_OFFERED = 3
# So long before a common payment the receipts may be that it pays.
COLLECTED_DAYS = 45
# What lies nearer is looked at first: fewer parts add up to something by chance.
NEAR_DAYS = 12
# Names that so many amounts speak for go together.
LEAST_TOGETHER = 2
# What a sum says beside names or numbers that agree.
SUM_SURE, SUM_OFFERED = 0.97, 0.6
Part = TypeVar("Part")
NOT_ALONE, AS_WELL, NOT_SURE = "is never applied alone", "another fits as well", "not sure enough"


def decide(receipts: Sequence[Receipt], rows: Sequence[Row], known: Known, rates: Rates) -> list[Verdict]:
    """What is to become of each receipt; of one that fits nothing, nothing."""
    index = Index(rows)
    ordered = sorted(receipts, key=lambda receipt: (receipt.day, receipt.document_id))
    pairs, margins = _assigned(ordered, index, known, rates)
    known = replace(known, together=_together(pairs, margins))
    if known.together:
        pairs, margins = _assigned(ordered, index, known, rates)
    singles = [_of_single(pair, margins[pair.ids]) for found in pairs.values() for pair in found if pair.ids in margins]
    verdicts = _with_sums(singles, ordered, index, known)
    applied = {each.document_id for each in verdicts if each.state == "applied"}
    gone = {each.transaction_id for each in verdicts if each.state == "applied"}
    there = {(each.document_id, each.transaction_id) for each in verdicts}
    for document_id, found in pairs.items():
        if document_id not in applied:
            verdicts += _offered([pair for pair in found if pair.row.transaction_id not in gone], there)
    return verdicts


def _assigned(
    receipts: Sequence[Receipt], index: Index, known: Known, rates: Rates
) -> tuple[dict[UUID, list[Pair]], dict[tuple[UUID, UUID], float]]:
    """The candidates of each receipt, and those of the likeliest assignment with their margins."""
    pairs = {each.document_id: list(judge(each, find(each, index, rates), index, known)) for each in receipts}
    worth = {
        document_id: {pair.row.transaction_id: pair.score for pair in found if pair.score > 0}
        for document_id, found in pairs.items()
    }
    return pairs, assign(worth)


def _together(
    pairs: Mapping[UUID, Sequence[Pair]], margins: Mapping[tuple[UUID, UUID], float]
) -> frozenset[tuple[str, str]]:
    """Names that have nothing in common, and yet a supplier's receipts fit them again and again, for other amounts."""
    amounts: dict[tuple[str, str], set[Decimal]] = defaultdict(set)
    for found in pairs.values():
        for pair in found:
            names = pair.receipt.supplier_key, pair.row.merchant_key
            if pair.way in ("same", "stated") and all(names) and margins.get(pair.ids, 0) > 0:
                amounts[names].add(pair.row.paid)
    return frozenset(names for names, paid in amounts.items() if len(paid) >= LEAST_TOGETHER)


def _with_sums(singles: Sequence[Verdict], receipts: Sequence[Receipt], index: Index, known: Known) -> list[Verdict]:
    """The singles, and sums of what none of them is sure of; a sure sum takes the place of singles that are not."""
    sure = [each for each in singles if each.state == "applied"]
    matched, taken = {each.document_id for each in sure}, {each.transaction_id for each in sure}
    of_sums = list(_of_sums([each for each in receipts if each.document_id not in matched], index, known, taken))
    summed = {each.document_id for each in of_sums if each.state == "applied"}
    used = {each.transaction_id for each in of_sums if each.state == "applied"}
    unsure = {each.document_id for each in singles}
    left = [each for each in singles if each.document_id not in summed and each.transaction_id not in used]
    return left + [each for each in of_sums if each.document_id in summed or each.document_id not in unsure]


def _of_single(pair: Pair, margin: float) -> Verdict:
    sure = pair.score >= SURE and margin >= MARGIN
    reasons = pair.reasons
    if sure and not pair.receipt.may_apply:
        reasons = (*reasons, NOT_ALONE)
    elif not sure:
        reasons = (*reasons, AS_WELL if margin < min(MARGIN, pair.score) else NOT_SURE)
    state = "applied" if sure and pair.receipt.may_apply else "proposed"
    return Verdict(*pair.ids, state, confidence(pair.score), reasons)  # type: ignore[arg-type]


def _offered(found: Sequence[Pair], there: set[tuple[UUID, UUID]]) -> Iterator[Verdict]:
    """The best few besides what is put to review already."""
    best = sorted((pair for pair in found if pair.score >= OFFERED), key=lambda pair: -pair.score)[:MOST_OFFERED]
    for pair in best:
        if pair.ids not in there:
            reason = AS_WELL if any(ids[0] == pair.ids[0] for ids in there) else NOT_SURE
            yield Verdict(*pair.ids, "proposed", confidence(pair.score), (*pair.reasons, reason))


def _of_sums(receipts: Sequence[Receipt], index: Index, known: Known, taken: set[UUID]) -> Iterator[Verdict]:
    """One receipt that is several rows, then several receipts that are one row, of what is left."""
    rows = [row for row in index.rows if row.transaction_id not in taken]
    together = _Together(receipts, rows, known)
    found = [(receipt, each) for receipt in receipts if (each := together.rows_of(receipt)) is not None]
    for (receipt, _), several in zip(found, sums.shared([each for _, each in found]), strict=True):
        for row in several.parts:
            yield _part(receipt, row, len(several.parts), several.is_sure, "rows add up to it")
    done = {receipt.document_id for receipt, _ in found}
    used = {row.transaction_id for _, several in found for row in several.parts}
    together = _Together(
        [each for each in receipts if each.document_id not in done],
        [row for row in rows if row.transaction_id not in used],
        known,
    )
    paid = [(row, paying) for row in together.rows if (paying := together.receipts_of(row)) is not None]
    for (row, _), common in zip(paid, sums.shared([each for _, each in paid]), strict=True):
        for receipt in common.parts:
            yield _part(receipt, row, len(common.parts), common.is_sure, "receipts add up to it")


def _part(receipt: Receipt, row: Row, number: int, is_sure: bool, why: str) -> Verdict:
    reasons: tuple[str, ...] = (f"{number} {why}",)
    state = "applied" if is_sure and receipt.may_apply else "proposed"
    if state == "proposed":
        reasons = (*reasons, NOT_SURE if receipt.may_apply else NOT_ALONE)
    chance = SUM_SURE if is_sure else SUM_OFFERED
    return Verdict(receipt.document_id, row.transaction_id, state, chance, reasons, number)  # type: ignore[arg-type]


def _first(found: Iterable[Sum[Part] | None]) -> Sum[Part] | None:
    return next((each for each in found if each is not None), None)


class _Together:
    """Receipts and rows of which the bank names the supplier, or a number."""

    def __init__(self, receipts: Sequence[Receipt], rows: Sequence[Row], known: Known) -> None:
        self.known, self.rows = known, rows
        by_key: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_key[row.merchant_key].append(row)
        self._rows: dict[UUID, list[Row]] = {}
        self._receipts: dict[UUID, list[Receipt]] = defaultdict(list)
        keys = _Keys(by_key, known)
        for receipt in receipts:
            theirs = [row for row in keys.agreeing(receipt) if self._may(receipt, row)]
            self._rows[receipt.document_id] = sorted(theirs, key=lambda row: (row.booked_on, row.transaction_id))
            for row in theirs:
                if self._is_collected(receipt, row):
                    self._receipts[row.transaction_id].append(receipt)
        nameless = [receipt for receipt in receipts if not receipt.supplier_key]
        for row in rows:
            if row.transaction_id in self._receipts:
                also = [each for each in nameless if self._may(each, row) and self._is_collected(each, row)]
                self._receipts[row.transaction_id] += also

    def rows_of(self, receipt: Receipt) -> Sum[Row] | None:
        """The rows that add up to a receipt; where the bank names its number, those that it names it of."""
        rows = self._rows[receipt.document_id]
        numbered = [row for row in rows if has_number(receipt, row)]
        rows = numbered if len(numbered) > 1 else rows
        return _first(
            sums.find(receipt.total, [(row.paid, row) for row in rows if (row.booked_on - receipt.day).days <= days])
            for days in (NEAR_DAYS, PARTS_LATEST)
        )

    def receipts_of(self, row: Row) -> Sum[Receipt] | None:
        receipts = self._receipts.get(row.transaction_id, [])
        return _first(
            sums.find(row.paid, [(each.total, each) for each in receipts if (row.booked_on - each.day).days <= days])
            for days in (NEAR_DAYS, COLLECTED_DAYS)
        )

    @staticmethod
    def _is_collected(receipt: Receipt, row: Row) -> bool:
        return EARLIEST <= (row.booked_on - receipt.day).days <= COLLECTED_DAYS

    def _may(self, receipt: Receipt, row: Row) -> bool:
        days = (row.booked_on - receipt.day).days
        return (
            EARLIEST <= days <= PARTS_LATEST
            and receipt.currency in (None, row.currency)
            and (receipt.document_id, row.transaction_id) not in self.known.rejected
        )


class _Keys:
    """The rows of which the name agrees with a receipt's, asked once for each pair of names."""

    def __init__(self, by_key: Mapping[str, list[Row]], known: Known) -> None:
        self._by_key, self._known = by_key, known
        self._answers: dict[str, list[Row]] = {}

    def agreeing(self, receipt: Receipt) -> list[Row]:
        key = receipt.supplier_key
        if not key:
            return []
        if key not in self._answers:
            self._answers[key] = [
                row for rows in self._by_key.values() if names_agree(receipt, rows[0], self._known) for row in rows
            ]
        return self._answers[key]
