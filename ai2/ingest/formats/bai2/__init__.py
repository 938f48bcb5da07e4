"""BAI2: the cash reports of North American banks, from bytes to statement lines.

Records of comma-separated fields end in `/`, 88 continues the record above it, and texts run to the end of theirs.
Every account, group and file ends in the sum of all amounts in it: where one does not hold, something was lost or
changed on the way, and the whole file is refused. The counts beside them are not held to: what they count (lines,
continuations) differs from bank to bank, and a row that is missing shows in the sum.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ai2.ingest.containers import Member
from ai2.ingest.formats.bai2 import codes as bai2_codes
from ai2.ingest.formats.shared.choice import chosen
from ai2.ingest.formats.shared.records import unfit
from ai2.ingest.formats.shared.whole import text_of
from ai2.ingest.layout import dates
from ai2.ingest.layout.model import Layout, Options
from ai2.ingest.lines import ORIGINAL_LENGTH, Account, Reason, Rejected, StatedBalance, Statement, lines_of
from ai2.ingest.problems import BrokenRecords, ControlTotalsDiffer, CutOff, NoStatement, OtherCurrency
from ai2.kit.money import LIMIT, exponent

NAME = "bai2"
PARSER_VERSION = "bai2-1"
_HEADER = re.compile(rb"01,[^,\r\n]*,[^,\r\n]*,\d{6,8},\d{0,4},")
_LINE_END = re.compile(r"\r*\n|\r")
_CODE = re.compile(r"(01|02|03|16|49|88|98|99)(?:,|/\s*$|$)")
# Some banks put several records in a line; a slash inside a text has no record behind it.
_NEXT = re.compile(r"/\s+(?=(?:01|02|03|16|49|88|98|99),)")
_NUMBER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
# How many fields follow a funds type: a day and a time, or three amounts; D says itself how many pairs.
FUNDS_FIELDS = {"V": 2, "S": 3}
MOST_PAIRS = 100
# What a group's status says of its rows: deleted, or a test.
NOT_BOOKED = frozenset({"2", "4"})


@dataclass
class _Record:
    """One record with its continuations, and where it stands; fields are taken one by one, a text last."""

    code: str
    line: int
    pieces: list[str]
    _piece: int = 0
    _position: int = 0

    def next(self) -> str:
        """The next field, or nothing behind the last."""
        if self.is_spent:
            return ""
        text = _unended(self.pieces[self._piece])
        end = text.find(",", self._position)
        found = text[self._position : end if end >= 0 else None]
        self._piece, self._position = (self._piece, end + 1) if end >= 0 else (self._piece + 1, 0)
        return found.strip()

    def rest(self) -> str:
        """Everything behind the last field taken, commas and all."""
        texts = [_unended(piece) for piece in self.pieces[self._piece :]]
        joined = " ".join([texts[0][self._position :], *texts[1:]]) if texts else ""
        return " ".join(joined.split())

    @property
    def is_spent(self) -> bool:
        return self._piece >= len(self.pieces)

    @property
    def original(self) -> str:
        first, *rest = self.pieces
        return "\n".join([f"{self.code},{first}", *(f"88,{piece}" for piece in rest)])[:ORIGINAL_LENGTH]


@dataclass
class _Transaction:
    """One 16 record: its amount in the currency's smallest unit, null where it has none that can be read."""

    record: _Record
    code: str
    amount_minor: int | None
    has_amount: bool
    funds: dict[str, object]
    bank_reference: str
    customer_reference: str
    text: str


@dataclass
class _Account:
    """One 03 record and its transactions."""

    number: str
    currency: str
    as_of: date | None
    is_booked: bool
    summary: list[tuple[str, int]] = field(default_factory=list)
    transactions: list[_Transaction] = field(default_factory=list)

    def holds(self, total: int) -> bool:
        """Whether a control total is that of everything, as the standard says, or of the transactions alone."""
        moved = sum(transaction.amount_minor or 0 for transaction in self.transactions)
        return total in (moved, moved + sum(amount for _, amount in self.summary))


def matches(head: bytes) -> bool:
    return bool(_HEADER.match(head))


def read(member: Member, account: Account, options: Options, saved: Sequence[Layout] = ()) -> Statement:
    """The lines of the account's own records. Raises Unreadable and its kinds, SeveralAccounts, OtherCurrency."""
    text, _ = text_of(member)
    physical = _LINE_END.split(text)
    records = list(_records(physical))
    found = _accounts(records)
    number = chosen([one.number for one in found], account.number)
    own = [one for one in found if one.number == number]
    if options.currency not in (None, account.currency) or all(_is_foreign(one, account) for one in own):
        raise OtherCurrency
    rows: list[dict[str, object]] = []
    rejected: list[Rejected] = []
    number_of = _numbering(records)
    for one in found:
        for transaction in one.transactions:
            place = number_of[id(transaction.record)]
            outcome = _line(transaction, one, account) if one.number == number else Reason.OTHER_ACCOUNT
            if isinstance(outcome, Reason):
                rejected.append(Rejected(place, outcome, transaction.record.original))
            else:
                rows.append({"line_number": place, **outcome})
    return Statement(
        file_name=member.name,
        format=NAME,
        parser_version=PARSER_VERSION,
        lines=lines_of(rows),
        rejected=tuple(rejected),
        account_number=number or None,
        balances=tuple(balance for one in own if not _is_foreign(one, account) for balance in _balances(one, account)),
        last_line=max(len(physical) - (not physical[-1]), *number_of.values()),
    )


def _records(physical: list[str]) -> Iterator[_Record]:
    """Every record with its continuations; a line without a code goes on with the text above it."""
    record: _Record | None = None
    for line_number, line in enumerate(physical, 1):
        for text in filter(str.strip, _NEXT.split(line)):
            code = _CODE.match(text.lstrip())
            if code is None or code[1] == "88":
                if record is None:
                    raise BrokenRecords
                if code is None:
                    record.pieces[-1] = f"{_unended(record.pieces[-1])} {text.strip()}"
                else:
                    record.pieces.append(text.lstrip()[code.end() :])
                continue
            if record is not None:
                yield record
            record = _Record(code[1], line_number, [text.lstrip()[len(code[1]) :].lstrip(",")])
    if record is not None:
        yield record


def _unended(piece: str) -> str:
    return piece.strip().removesuffix("/")


def _numbering(records: list[_Record]) -> dict[int, int]:
    """Each record's line, or, where a line holds several, each record's place."""
    lines = [record.line for record in records]
    places = lines if len(set(lines)) == len(lines) else range(1, len(lines) + 1)
    return {id(record): place for record, place in zip(records, places, strict=True)}


def _accounts(records: list[_Record]) -> list[_Account]:
    """Every account, all control totals checked. Raises BrokenRecords, CutOff, ControlTotalsDiffer, NoStatement."""
    walk = _Walk()
    for record in records:
        walk.take(record)
    if not walk.is_closed:
        raise CutOff
    if not walk.accounts:
        raise NoStatement
    return walk.accounts


class _Walk:
    """Where in the file we are, and what was found and summed up on the way."""

    def __init__(self) -> None:
        self.accounts: list[_Account] = []
        self.is_closed = False
        self._group: tuple[str, date | None, bool] | None = None
        self._account: _Account | None = None
        self._group_total = self._file_total = 0

    def take(self, record: _Record) -> None:
        match record.code:
            case "02" if self._group is None:
                self._open_group(record)
            case "03" if self._group is not None and self._account is None:
                self._open_account(record, *self._group)
            case "16" if self._account is not None:
                self._account.transactions.append(_transaction(record))
            case "49" if self._account is not None:
                self._close_account(record, self._account)
            case "98" if self._group is not None and self._account is None:
                self._file_total += _checked(record, self._group_total)
                self._group = None
            case "99" if self._group is None:
                _checked(record, self._file_total)
                self.is_closed = True
            case "01" if self._group is None and (self.is_closed or not self.accounts):
                self._file_total, self.is_closed = 0, False
            case _:
                raise BrokenRecords

    def _open_group(self, record: _Record) -> None:
        _receiver, _originator, status, as_of, _time, currency = (record.next() for _ in range(6))
        self._group = (currency.upper(), _day(as_of), status not in NOT_BOOKED)
        self._group_total = 0

    def _open_account(self, record: _Record, currency: str, as_of: date | None, is_booked: bool) -> None:
        number, own_currency = record.next(), record.next().upper()
        self._account = _Account(number, own_currency or currency, as_of, is_booked, list(_summary(record)))
        self.accounts.append(self._account)

    def _close_account(self, record: _Record, account: _Account) -> None:
        total = _whole(record.next())
        if total is None or not account.holds(total):
            raise ControlTotalsDiffer
        self._group_total += total
        self._account = None


def _checked(record: _Record, expected: int) -> int:
    total = _whole(record.next())
    if total != expected:
        raise ControlTotalsDiffer
    return total


def _summary(record: _Record) -> Iterator[tuple[str, int]]:
    """The balances and totals of an 03 record: code, amount, item count, funds type, again and again."""
    while not record.is_spent:
        code, amount, _count = record.next(), record.next(), record.next()
        _funds(record)
        value = _whole(amount) if amount else 0
        if value is None or (amount and not code):
            raise BrokenRecords
        yield code, value


def _transaction(record: _Record) -> _Transaction:
    code, amount = record.next(), record.next()
    return _Transaction(
        record=record,
        code=code,
        # A transaction's amount has no sign of its own: the code says which way it went.
        amount_minor=_whole(amount) if not amount.startswith("-") else None,
        has_amount=bool(amount),
        funds=_funds(record),
        bank_reference=record.next(),
        customer_reference=record.next(),
        text=record.rest(),
    )


def _funds(record: _Record) -> dict[str, object]:
    """When the money can be used; how many fields say so depends on the first."""
    kind = record.next().upper()
    if kind == "D":
        pairs = _whole(record.next()) or 0
        if not 0 <= pairs <= MOST_PAIRS:
            raise BrokenRecords
        return {"funds_type": kind, "available_in_days": {record.next(): record.next() for _ in range(pairs)}}
    said = [record.next() for _ in range(FUNDS_FIELDS.get(kind, 0))]
    if kind == "S":
        return {"funds_type": kind, "available_in_days": dict(zip(("0", "1", "2"), said, strict=True))}
    return {"funds_type": kind, "value_date": said[0]} if said else {"funds_type": kind}


def _line(transaction: _Transaction, one: _Account, account: Account) -> dict[str, object] | Reason:
    """One line, or why it is none."""
    amount = _money(transaction, one, account)
    if isinstance(amount, Reason):
        return amount
    if one.as_of is None:
        return Reason.BAD_DATE
    return {
        "booked_on": one.as_of,
        "amount": amount,
        "currency": account.currency,
        "description": transaction.text or bai2_codes.NAMES.get(transaction.code, ""),
        "reference": transaction.customer_reference or transaction.bank_reference or None,
        "value_on": _day(str(transaction.funds.get("value_date", ""))),
        "attributes": json.dumps(_attributes(transaction), ensure_ascii=False),
    }


def _money(transaction: _Transaction, one: _Account, account: Account) -> Decimal | Reason:
    if not one.is_booked:
        return Reason.NOT_BOOKED
    if bai2_codes.is_summary(transaction.code):
        return Reason.SUMMARY
    if transaction.amount_minor is None:
        return Reason.BAD_AMOUNT if transaction.has_amount else Reason.NO_AMOUNT
    if _is_foreign(one, account):
        return Reason.OTHER_CURRENCY
    way = bai2_codes.direction(transaction.code)
    amount = way * _major(transaction.amount_minor, account.currency)
    return (unfit(amount, account.currency) or amount) if way else Reason.NO_FLAG


def _attributes(transaction: _Transaction) -> dict[str, object]:
    said = {"type_code": transaction.code, "bank_reference": transaction.bank_reference, **transaction.funds}
    return {name: value for name, value in said.items() if value}


def _balances(one: _Account, account: Account) -> Iterator[StatedBalance]:
    """The ledger balances; what was available at some time is no balance of the books."""
    for code, amount_minor in one.summary:
        amount = _major(amount_minor, account.currency)
        if one.as_of is not None and one.is_booked and abs(amount) < LIMIT:
            if code == "010":
                yield StatedBalance(one.as_of, amount, "opening")
            elif code == "015":
                yield StatedBalance(one.as_of, amount, "closing")


def _is_foreign(one: _Account, account: Account) -> bool:
    return one.currency not in ("", account.currency)


def _major(amount_minor: int, currency: str) -> Decimal:
    """Amounts are written without a point, in the currency's smallest unit."""
    return Decimal(amount_minor).scaleb(-exponent(currency))


def _whole(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None


def _day(text: str) -> date | None:
    """YYMMDD, and from some banks YYYYMMDD."""
    if not re.fullmatch(r"\d{6}|\d{8}", text, re.ASCII):
        return None
    year = int(text[:-4])
    try:
        day = date(
            year if len(text) == 8 else year + (2000 if year < dates.FIRST_YEAR - 1900 else 1900),
            int(text[-4:-2]),
            int(text[-2:]),
        )
    except ValueError:
        return None
    return day if dates.in_range(day) else None
