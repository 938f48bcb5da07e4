"""Suspects: what probably went wrong between a day that held and the first that does not.

Each rule looks for rows whose amount would explain the difference to the cent and says what to do. The scores are
judgements, not frequencies: they order the list, and stand in docs/reference/balances.md.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Literal
from uuid import UUID

from psycopg.rows import DictRow

from ai2.ingest.balances import repository
from ai2.ingest.balances.proof import Break
from ai2.ingest.layout import amounts
from ai2.kit.database import Connection

SuspectKind = Literal["missing", "twin", "sign", "changed", "date", "pending", "extra", "digits", "opening"]
# Beyond these, only rows of a telling amount are looked at, and no combinations.
ROWS, OTHERS, PAIRED = 5_000, 1_000, 200
# How far apart the same payment is booked by two sources.
NEAR = timedelta(days=3)
_CELL = re.compile(r"[;,\t|\"]")


@dataclass(frozen=True)
class Row:
    """A transaction as it is judged. `batch_id` is none where a person wrote it."""

    transaction_id: UUID
    booked_on: date
    amount: Decimal
    description: str
    merchant_key: str
    status: str
    batch_id: UUID | None
    line_number: int | None
    is_deleted: bool
    is_changed: bool


@dataclass(frozen=True)
class Changed:
    """A row that somebody changed, and what the change did to the days in question."""

    row: DictRow
    effect: Decimal


@dataclass(frozen=True)
class Line:
    """A line of a file, where it stands."""

    batch_id: UUID
    line_number: int


@dataclass(frozen=True)
class Evidence:
    """Everything that is known of the days between."""

    found: Break
    first: date
    rows: tuple[Row, ...]
    is_complete: bool
    changed: tuple[Changed, ...]
    quarantined: tuple[DictRow, ...]
    files: tuple[DictRow, ...]


@dataclass(frozen=True)
class Suspect:
    """One explanation: which rows, how likely (0 to 1, to order them), and what to do."""

    kind: SuspectKind
    score: float
    reason: str
    what_to_do: str
    transaction_ids: tuple[UUID, ...] = ()
    lines: tuple[Line, ...] = ()


async def evidence(db: Connection, organization_id: UUID, account_id: UUID, found: Break, first: date) -> Evidence:
    """What happened on the days from `first` to the break, and a little around them."""
    whose, gap = (db, organization_id, account_id), found.difference
    around = (first - NEAR, found.booked_on + NEAR)
    seen = await repository.rows_between(*whose, *around, amounts=None, limit=ROWS + 1)
    is_complete = len(seen) <= ROWS
    if not is_complete:
        telling = [gap, -gap, -gap / 2]
        seen = await repository.rows_between(*whose, *around, amounts=telling, limit=ROWS)
    changed = await repository.changed_between(*whose, first, found.booked_on, OTHERS)
    return Evidence(
        found,
        first,
        tuple(Row(**row) for row in seen),
        is_complete,
        tuple(Changed(row, _effect(row, first, found.booked_on)) for row in changed),
        tuple(await repository.quarantined_between(*whose, first, found.booked_on, OTHERS)),
        tuple(await repository.files_between(*whose, first, found.booked_on)),
    )


def _effect(row: DictRow, first: date, last: date) -> Decimal:
    """By how much a change raised what was booked on the days."""
    now = row["amount"] if row["is_here"] and first <= row["booked_on"] <= last else Decimal(0)
    then = row["former_amount"] if row["was_here"] and first <= row["former_booked_on"] <= last else Decimal(0)
    return now - then


def rank(known: Evidence) -> list[Suspect]:
    """All explanations, most likely first; a bare "something is missing" only where nothing better is known."""
    rules = (_deleted, _changed, _quarantined, _twins, _dates, _pending, _signs, _extra, _digits, _pairs, _gaps)
    found = [suspect for rule in rules for suspect in rule(known)]
    if not found:
        found = [_unknown(known)]
    return sorted(found, key=lambda suspect: -suspect.score)


def _posted(known: Evidence) -> list[Row]:
    return [row for row in known.rows if row.status == "posted" and not row.is_deleted and _inside(known, row)]


def _inside(known: Evidence, row: Row) -> bool:
    return known.first <= row.booked_on <= known.found.booked_on


def _deleted(known: Evidence) -> Iterator[Suspect]:
    """A row of just the missing amount that is no longer counted."""
    undone = {file["batch_id"] for file in known.files if file["status"] == "undone"}
    for row in known.rows:
        gone = row.is_deleted or row.status == "closed"
        if gone and _inside(known, row) and row.amount == known.found.difference:
            if row.status == "closed":
                why, do = "was pending and was closed when the bank no longer listed it", "Restore it if it was booked."
            elif row.batch_id in undone:
                why, do = "came with an import that was undone", "Import its file again."
            else:
                why, do = "was deleted", "Restore it if the bank booked it."
            yield _of_rows(
                "missing",
                0.85 if row.status == "closed" else 0.9,
                [row],
                f"A transaction of exactly the missing amount {why}.",
                do,
            )


def _changed(known: Evidence) -> Iterator[Suspect]:
    """A row whose change made the difference."""
    for change in known.changed:
        if change.effect == -known.found.difference and change.effect:
            row = change.row
            moved = row["booked_on"] != row["former_booked_on"]
            what = "date" if moved and row["amount"] == row["former_amount"] else "amount"
            yield Suspect(
                "changed",
                0.92,
                f"The {what} of this transaction was changed after it was imported.",
                "Compare it with the statement and change it back if it was right.",
                (row["transaction_id"],),
                _lines(row["batch_id"], row["line_number"]),
            )


def _quarantined(known: Evidence) -> Iterator[Suspect]:
    """A row of a file that could not be read, with the missing amount in it."""
    wanted = abs(known.found.difference)
    for line in known.quarantined:
        if wanted in _numbers(line["original"] or ""):
            yield Suspect(
                "missing",
                0.9,
                f"A row with the missing amount is quarantined: {line['reason']}.",
                "Correct the row and send it again.",
                (),
                (Line(line["batch_id"], line["line_number"]),),
            )


def _numbers(original: str) -> set[Decimal]:
    """Every number that a row may be read to hold, without its sign."""
    cells = {*_CELL.split(original), *re.split(r"[;\t|]|\"", original), *original.split()}
    marks: tuple[amounts.DecimalMark, ...] = (".", ",")
    read = (amounts.read(cell.strip(), mark) for cell in cells if len(cell) < 40 for mark in marks)
    return {abs(each.value) for each in read if each is not None}


def _twins(known: Evidence) -> Iterator[Suspect]:
    """Two rows alike whose amount is what the books have too much."""
    extra = [row for row in known.rows if row.amount == -known.found.difference]
    extra = [row for row in extra if row.status == "posted" and not row.is_deleted]
    for one, other in combinations(sorted(extra, key=_came)[:PAIRED], 2):
        if abs(one.booked_on - other.booked_on) <= NEAR and (_inside(known, one) or _inside(known, other)):
            score, why = _alike(one, other)
            later = other if _inside(known, other) else one
            yield _of_rows(
                "twin",
                score,
                [later, other if later is one else one],
                f"Two transactions of the surplus amount {why}.",
                "Delete one if it is the same payment.",
            )


def _alike(one: Row, other: Row) -> tuple[float, str]:
    is_same_day, is_same_text = one.booked_on == other.booked_on, _text(one) == _text(other)
    if one.batch_id == other.batch_id:
        return (0.4, "stand in one file") if one.batch_id else (0.7, "were both written by hand")
    if is_same_day and is_same_text:
        return 0.95, "with the same day and text came from different sources"
    if is_same_day or is_same_text or one.merchant_key == other.merchant_key:
        return 0.8, "within three days came from different sources"
    return 0.5, "within three days, their texts different, came from different sources"


def _came(row: Row) -> tuple[int, int]:
    """In the order in which they came; ids are made in the order of time."""
    return (row.batch_id or row.transaction_id).int, row.line_number or 0


def _text(row: Row) -> str:
    return " ".join(row.description.casefold().split())


def _dates(known: Evidence) -> Iterator[Suspect]:
    """A difference that is gone by the next stated day: a row stands on the wrong side of the day's end."""
    if known.found.next_difference != 0:
        return
    gap = known.found.difference
    for row in known.rows:
        if row.status != "posted" or row.is_deleted:
            continue
        is_early = row.amount == -gap and _inside(known, row)
        is_late = row.amount == gap and row.booked_on > known.found.booked_on
        if is_early or is_late:
            side = "before" if is_early else "after"
            yield _of_rows(
                "date",
                0.88,
                [row],
                f"The difference is gone by the next statement: this row stands {side} the day "
                "on which the bank counts it.",
                "Compare its date with the statement.",
            )


def _pending(known: Evidence) -> Iterator[Suspect]:
    """Pending rows that the bank counts already."""
    waiting = [r for r in known.rows if r.status == "pending" and not r.is_deleted and _inside(known, r)]
    reason, do = "the bank's balance counts {} already, the books wait until it is booked", "Import the next statement."
    for row in waiting:
        if row.amount == known.found.difference:
            yield _of_rows("pending", 0.8, [row], f"It is pending: {reason.format('it')}.", do)
    if len(waiting) > 1 and sum(row.amount for row in waiting) == known.found.difference:
        yield _of_rows("pending", 0.78, waiting, f"They are pending: {reason.format('them')}.", do)


def _signs(known: Evidence) -> Iterator[Suspect]:
    """A row booked as money out that came in, or the other way round: it counts twice."""
    turned = [row for row in _posted(known) if row.amount * -2 == known.found.difference]
    for row in turned:
        by_hand = 0.15 if row.batch_id is None or row.is_changed else 0.0
        yield _of_rows(
            "sign",
            max(0.7 / len(turned) + by_hand, 0.3),
            [row],
            "Its amount is half the difference: with the other sign the day would hold.",
            "Compare its sign with the statement.",
        )


def _extra(known: Evidence) -> Iterator[Suspect]:
    """A row of the surplus amount that has no twin."""
    same = [row for row in _posted(known) if row.amount == -known.found.difference]
    if len(same) == 1:
        [row] = same
        where = "was written by hand" if row.batch_id is None else "is in one file only"
        yield _of_rows(
            "extra",
            0.6 if row.batch_id is None else 0.35,
            [row],
            f"Without it the day would hold; it {where}.",
            "Delete it if the bank does not list it.",
        )


def _digits(known: Evidence) -> Iterator[Suspect]:
    """Two digits changed places: the difference is then divisible by nine."""
    gap = known.found.difference
    if not known.is_complete or gap.scaleb(4) % 9:
        return
    for row in _posted(known):
        if row.amount + gap in _transposed(row.amount):
            is_typed = row.batch_id is None or row.is_changed
            yield _of_rows(
                "digits",
                0.7 if is_typed else 0.25,
                [row],
                "The difference is divisible by nine, and with two digits exchanged this amount would hold.",
                "Compare its amount with the statement.",
            )


def _transposed(amount: Decimal) -> set[Decimal]:
    """The amount with two neighbouring digits exchanged, every way."""
    sign, digits, _ = amount.as_tuple()
    places = len(str(amount).partition(".")[2])
    found = set()
    for place in range(len(digits) - 1):
        turned = list(digits)
        turned[place], turned[place + 1] = turned[place + 1], turned[place]
        found.add(Decimal((sign, tuple(turned), -places)))
    return found - {amount}


def _pairs(known: Evidence) -> Iterator[Suspect]:
    """Two things at once: two twins, two deleted rows, two turned signs, two quarantined rows."""
    if not known.is_complete:
        return
    gap = known.found.difference
    groups: dict[tuple[date, Decimal, str], list[Row]] = defaultdict(list)
    for row in _posted(known):
        groups[row.booked_on, row.amount, _text(row)].append(row)
    doubled = [max(group, key=_came) for group in groups.values() if len({row.batch_id for row in group}) > 1]
    gone = [row for row in known.rows if (row.is_deleted or row.status == "closed") and _inside(known, row)]
    for pair in _summing(doubled, -gap):
        yield _of_rows(
            "twin",
            0.75,
            pair,
            "Together the amounts of these two twins are the surplus.",
            "Delete one of each if it is the same payment.",
        )
    for pair in _summing(gone, gap):
        yield _of_rows(
            "missing",
            0.7,
            pair,
            "Together the amounts of these two, no longer counted, are missing.",
            "Restore them if the bank booked them.",
        )
    if gap.scaleb(4) % 2 == 0:
        for pair in _summing(_posted(known), -gap / 2, at_most=3):
            yield _of_rows(
                "sign",
                0.12,
                pair,
                "With the other sign of both the day would hold.",
                "Compare their signs with the statement.",
            )


def _summing(rows: Sequence[Row], wanted: Decimal, at_most: int = 5) -> Iterable[list[Row]]:
    """Pairs that sum to an amount, each row in one pair at most."""
    waiting: dict[Decimal, list[Row]] = defaultdict(list)
    found = 0
    for row in rows:
        if waiting[wanted - row.amount] and found < at_most:
            found += 1
            yield [waiting[wanted - row.amount].pop(), row]
        else:
            waiting[row.amount].append(row)


def _gaps(known: Evidence) -> Iterator[Suspect]:
    """Days for which no file was imported."""
    covered, gaps = known.first - timedelta(days=1), []
    for file in [file for file in known.files if file["status"] == "loaded"]:
        if file["first_date"] > covered + timedelta(days=1):
            gaps.append((covered + timedelta(days=1), file["first_date"] - timedelta(days=1)))
        covered = max(covered, file["last_date"])
    if covered < known.found.booked_on:
        gaps.append((covered + timedelta(days=1), known.found.booked_on))
    if gaps:
        longest = max(gaps, key=lambda gap: gap[1] - gap[0])
        days = (longest[1] - longest[0]).days + 1
        yield Suspect(
            "missing",
            min(0.3 + 0.05 * days, 0.75),
            f"No file covers {longest[0]} to {longest[1]}.",
            "Download these days' statement from the bank and import it.",
        )


def _unknown(known: Evidence) -> Suspect:
    if known.found.proven_on is None:
        return Suspect(
            "opening",
            0.3,
            "The account's opening balance and its first statement do not agree.",
            "Compare the opening balance with the first statement.",
        )
    which = "is missing" if known.found.difference else "is wrong"
    return Suspect(
        "missing",
        0.2,
        f"A row that the files do not have {which}; no known row has the amount of the difference.",
        "Compare these days with the bank's own list.",
    )


def _of_rows(kind: SuspectKind, score: float, rows: Sequence[Row], reason: str, what_to_do: str) -> Suspect:
    lines = tuple(line for row in rows for line in _lines(row.batch_id, row.line_number))
    return Suspect(kind, round(score, 2), reason, what_to_do, tuple(row.transaction_id for row in rows), lines)


def _lines(batch_id: UUID | None, line_number: int | None) -> tuple[Line, ...]:
    return (Line(batch_id, line_number),) if batch_id and line_number is not None else ()
