"""Telling: what the books say of themselves becomes sentences for somebody who is no accountant. Pure.

A warning is what may make a figure wrong; the others say how far a figure can be relied on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from psycopg.rows import DictRow

from ai2.ingest.balances.proof import Proof
from ai2.ingest.balances.suspects import Suspect
from ai2.kit.money import exact
from ai2.kit.periods import Period
from ai2.reports.model import Note, Table
from ai2.reports.quality.repository import State
from ai2.reports.tables import NO_BASE

# So many are named in a sentence; all are counted.
NAMED = 5
# A monthly statement comes some days after its month.
LATE = timedelta(days=35)
WAITING = {
    "needs_answer": "{} for an answer of yours",
    "held": "{} because something in it did not hold",
    "failed": "{} because it could not be read",
    "queued": "{} to be loaded",
    "running": "{} to be loaded",
}


@dataclass(frozen=True)
class Broken:
    """An account whose books do not hold what its bank says, how so, and what probably went wrong."""

    account_id: UUID
    name: str
    currency: str
    proof: Proof
    suspects: Sequence[Suspect]


@dataclass(frozen=True)
class Told:
    """All that notes are made of. `period` ends today where the report ends later."""

    period: Period
    is_balance: bool
    state: State
    tables: Sequence[Table]
    # through which day an account agrees with its bank
    proven: Mapping[UUID, date]
    broken: Sequence[Broken]

    @property
    def behind(self) -> list[DictRow]:
        """The accounts that have anything to do with the report's days."""
        return [
            row
            for row in self.state.accounts
            if row["first_row"]
            and row["first_row"] <= self.period.end
            and (not row["is_archived"] or (row["last_row"] and row["last_row"] >= self.period.start))
        ]


def notes(told: Told) -> tuple[Note, ...]:
    """What there is to say, warnings first."""
    found = [note for tell in TELLERS for note in tell(told)]
    return tuple(sorted(found, key=lambda note: not note.is_warning))


def _broken(told: Told) -> Iterator[Note]:
    for each in told.broken:
        found = each.proof.first_break
        if found is None:
            continue
        way = "more" if found.difference > 0 else "less"
        held = f" It held until {found.proven_on}." if found.proven_on else ""
        likely = f" Probably: {each.suspects[0].reason}" if each.suspects else ""
        yield Note(
            code="balance_broken",
            text=f"{each.name} does not hold what its bank says: on {found.booked_on} the bank has "
            f"{_money(abs(found.difference), each.currency)} {way} than the books.{held}{likely}",
            is_warning=True,
            account_ids=(each.account_id,),
            see=f"/api/core/accounts/{each.account_id}/balances",
        )


def _proven(told: Told) -> Iterator[Note]:
    broken = {each.account_id for each in told.broken}
    until = told.proven
    proven = [row for row in told.behind if row["account_id"] in until]
    silent = [row for row in told.behind if row["account_id"] not in until and row["account_id"] not in broken]
    if proven:
        named = _listed([f"{row['name']} (through {until[row['account_id']]})" for row in proven])
        text = f"What banks state agrees with the books: {named}."
        yield Note(code="balance_proven", text=text, account_ids=_ids(proven))
    if silent:
        named = _listed([row["name"] for row in silent])
        text = f"No statement of these days says what {named} held, so nothing proves the balance."
        yield Note(code="balance_unproven", text=text, account_ids=_ids(silent))


def _fresh(told: Told) -> Iterator[Note]:
    """Which accounts have nothing to say of the last days."""
    late = []
    for row in told.behind:
        last = max(filter(None, (row["last_row"], row["last_stated"], row["last_file"])), default=None)
        if last and last < told.period.end and not row["is_archived"]:
            late.append((row, last))
    if late:
        named = _listed([f"{row['name']} (after {last})" for row, last in late])
        text = f"The report goes to {told.period.end}, and nothing was heard since of {named}. Import what came later."
        is_old = any(told.period.end - last > LATE for _, last in late)
        yield Note(
            code="not_up_to_date",
            text=text,
            is_warning=is_old,
            account_ids=_ids([row for row, _ in late]),
            see="/api/core/csv-import",
        )


def _paused(told: Told) -> Iterator[Note]:
    names = {row["account_id"]: row["name"] for row in told.state.accounts}
    found = [row for row in told.state.rhythm if row["of"] == "paused"]
    if found:
        named = _listed(
            [
                f"{names[row['account_id']]} has none from {row['first_day']} to {row['last_day']} "
                f"(usually some every {_number(row['number'], 'day')})"
                for row in found
            ]
        )
        yield Note(
            code="days_missing",
            text=f"Rows may be missing: {named}, and no statement covers these days.",
            is_warning=True,
            account_ids=tuple(dict.fromkeys(row["account_id"] for row in found)),
            see="/api/core/imports",
        )


def _files(told: Told) -> Iterator[Note]:
    waiting = [row for row in told.state.files if row["status"] != "loaded"]
    left_out = [row for row in told.state.files if row["status"] == "loaded"]
    if waiting:
        said = [
            text.format(_number(sum(row["files"] for row in waiting if row["status"] == status), "import"))
            for status, text in WAITING.items()
            if any(row["status"] == status for row in waiting)
        ]
        text = f"Files still wait, and what is in them is in no figure: {_listed(said)}."
        yield Note(
            code="imports_waiting", text=text, is_warning=True, account_ids=_ids(waiting), see="/api/core/imports"
        )
    if left_out:
        rows = _number(sum(row["quarantined"] for row in left_out), "row")
        yield Note(
            code="rows_left_out",
            text=f"{rows} of imported files could not be read and stand in no figure: download, correct and send "
            "them again.",
            is_warning=True,
            account_ids=_ids(left_out),
            see="/api/core/imports",
        )


def _rows(told: Told) -> Iterator[Note]:
    if told.state.uncategorised and not told.is_balance:
        amounts = [
            f"{_money(row['money_in'], row['currency'])} in and {_money(row['money_out'], row['currency'])} out"
            for row in told.state.uncategorised
        ]
        rows = _number(sum(row["rows"] for row in told.state.uncategorised), "row")
        text = f"Not categorised yet: {rows}, {_listed(amounts)}."
        yield Note(code="not_categorised", text=text, see="/api/core/transactions?uncategorized=true")
    if told.state.pending:
        text = f"Announced by a bank and not booked yet: {_counted(told.state.pending)}. It stands in no figure."
        yield Note(code="pending", text=text, see="/api/core/transactions?status=pending")
    if told.state.one_sided:
        yield Note(
            code="transfers_one_sided",
            text=f"Transfers of which the other side is not here: {_counted(told.state.one_sided)}. Import the other "
            "account, or say what they were for.",
            is_warning=any(row["amount"] for row in told.state.one_sided),
            see="/api/core/transfers?state=suggested",
        )


def _odd(told: Told) -> Iterator[Note]:
    twice = sum(row["found"] for row in told.state.anomalies if row["kind"] == "duplicate_charge")
    others = sum(row["found"] for row in told.state.anomalies if row["kind"] != "duplicate_charge")
    if twice:
        text = f"{_number(twice, 'row')} may have been charged twice, and nobody has looked yet."
        see = "/api/ai/anomalies?kind=duplicate_charge"
        yield Note(code="possible_duplicates", text=text, is_warning=True, see=see)
    if others:
        text = f"Unlike what is usual, and not looked at yet: {_number(others, 'row')}."
        yield Note(code="anomalies_open", text=text, see="/api/ai/anomalies")


def _rates(told: Told) -> Iterator[Note]:
    silent = [
        cell.reason
        for table in told.tables
        for cell in table.cells
        if cell.amount is None and cell.reason and cell.reason != NO_BASE
    ]
    if silent:
        reasons = _listed(sorted(set(silent)), "; ")
        text = f"{_number(len(silent), 'figure')} cannot be had: {reasons}."
        yield Note(code="figures_missing", text=text, is_warning=True, see="/api/core/rates")


def _periods(told: Told) -> Iterator[Note]:
    closed = told.state.closed_through
    if closed and closed >= told.period.end:
        text = f"The books are closed through {closed}: these figures stay as they are."
        yield Note(code="period_closed", text=text, see="/api/core/periods")
    elif closed and closed >= told.period.start:
        text = f"The books are closed through {closed}; figures of later days may still change."
        yield Note(code="period_partly_closed", text=text, see="/api/core/periods")
    else:
        text = "The books of these days are not closed: figures may still change."
        yield Note(code="period_open", text=text, see="/api/core/periods")


def _openings(told: Told) -> Iterator[Note]:
    unknown = [row for row in told.behind if row["opening_is"] == "unknown"]
    if unknown and told.is_balance:
        named = _listed([row["name"] for row in unknown])
        yield Note(
            code="opening_unknown",
            text=f"Nobody has said what {named} held before the first row: the balance is counted from nothing.",
            is_warning=True,
            account_ids=_ids(unknown),
            see="/api/core/accounts",
        )


TELLERS: tuple[Callable[[Told], Iterator[Note]], ...] = (
    _broken, _paused, _files, _fresh, _rates, _rows, _odd, _openings, _proven, _periods,
)  # fmt: skip


def _ids(found: Sequence[DictRow]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(row["account_id"] for row in found))


def _counted(found: Sequence[DictRow]) -> str:
    """`3 rows, together -30.00 GBP and 12.00 EUR`."""
    amounts = _listed([_money(row["amount"], row["currency"]) for row in found])
    return f"{_number(sum(row['rows'] for row in found), 'row')}, together {amounts}"


def _money(amount: Decimal, currency: str) -> str:
    return f"{exact(amount, currency):,} {currency}"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _listed(told: Sequence[str], between: str = ", ") -> str:
    """`a, b and c`; of many the first ones, and how many more."""
    if len(told) > NAMED:
        return f"{between.join(told[:NAMED])} and {len(told) - NAMED:,} more"
    *most, last = told
    return f"{between.join(most)} and {last}" if most else last
