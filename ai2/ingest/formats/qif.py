"""QIF: Quicken's records of one-letter fields, from bytes to statement lines.

The format leaves open how dates and amounts are written, so both are decided over the whole file, or asked. Its own
signs are kept: an amount below zero is money out. Lists of categories, securities and the like are no transactions.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from ai2.ingest.containers import Member
from ai2.ingest.formats.shared.choice import chosen, plain
from ai2.ingest.formats.shared.deciding import Decisions
from ai2.ingest.formats.shared.records import description, unfit
from ai2.ingest.formats.shared.whole import text_of
from ai2.ingest.layout import amounts, dates
from ai2.ingest.layout.amounts import DecimalMark
from ai2.ingest.layout.dates import DateOrder
from ai2.ingest.layout.model import Direction, Layout, Options
from ai2.ingest.lines import ORIGINAL_LENGTH, Account, Reason, Rejected, StatedBalance, Statement, lines_of
from ai2.ingest.problems import NoStatement, OtherCurrency, SecuritiesTrades
from ai2.kit.money import LIMIT

NAME = "qif"
PARSER_VERSION = "qif-1"
_HEADER = re.compile(rb"!\s*(?:Type\s*:|Account\b|Option\s*:|Clear\s*:)", re.I)
_LINE_END = re.compile(r"\r*\n|\r")
# Quicken writes 1/15'25 for 2025 and, older, 1/15/95 for 1995; some pad with spaces: 1/ 5' 5.
_DATE = re.compile(r"(\d{1,2})\s*[-/.]\s*(\d{1,2})\s*([-/.'’´`])\s*(\d{1,4})")
INVESTMENTS = frozenset({"invst", "port", "401(k)/403(b)"})
LISTS = frozenset({"cat", "class", "tag", "memorized", "security", "prices", "budget", "template", "invitem"})
SPLIT_FIELDS = {"S": "category", "E": "memo", "$": "amount", "%": "percent"}
CLEARED = {"*": "cleared", "C": "cleared", "X": "reconciled", "R": "reconciled"}
# A file that ends inside one of these may have lost digits.
CUT_FIELDS = frozenset("DTU$")


@dataclass
class _Record:
    """The lines up to a `^`: their fields in order, the parts of a split apart."""

    first_line: int
    last_line: int = 0
    fields: dict[str, list[str]] = field(default_factory=dict)
    splits: list[dict[str, str]] = field(default_factory=list)
    is_cut: bool = False

    def add(self, code: str, value: str) -> None:
        if code in SPLIT_FIELDS:
            if code == "S" or not self.splits:
                self.splits.append({})
            self.splits[-1][SPLIT_FIELDS[code]] = value
        else:
            self.fields.setdefault(code, []).append(value)

    def text(self, code: str) -> str:
        return self.fields.get(code, [""])[0]

    @property
    def amounts(self) -> list[str]:
        """T and, where newer versions write it again for larger amounts, U."""
        return list(filter(None, dict.fromkeys([*self.fields.get("T", []), *self.fields.get("U", [])])))


@dataclass
class _Section:
    """The records under one `!Type` header: of which account, and of which kind."""

    kind: str
    account: dict[str, str]
    records: list[_Record] = field(default_factory=list)

    @property
    def label(self) -> str:
        return self.account.get("N") or f"!Type:{self.kind}"


class _Notation(NamedTuple):
    order: DateOrder
    mark: DecimalMark
    sign: int

    def day(self, text: str) -> date | None:
        found = dates.written(text.strip() if self.order == "ymd" else _plain_date(text))
        day = found.read(self.order) if found else None
        return day if day and dates.in_range(day) else None

    def amount(self, text: str) -> amounts.Amount | None:
        return amounts.read(text, self.mark)


def matches(head: bytes) -> bool:
    return bool(_HEADER.match(head))


def read(member: Member, account: Account, options: Options, saved: Sequence[Layout] = ()) -> Statement:
    """The lines of the account's own records. Raises Unreadable and its kinds, NeedsAnswer, SeveralAccounts."""
    if options.currency not in (None, account.currency):
        raise OtherCurrency
    text, encoded = text_of(member, [layout for layout in saved if layout.signature == NAME])
    physical = _LINE_END.split(text)
    sections, lists = _sections(physical)
    own = _own(sections, account)
    layout = _decided(sections, own, encoded.encoding, Decisions(NAME, "^", options, saved))
    notation = _Notation(
        layout.date_order or "mdy", layout.decimal_mark or ".", -1 if layout.positive_is == "out" else 1
    )
    rows: list[dict[str, object]] = []
    rejected: list[Rejected] = []
    balances = _stated(own, notation)
    for label, record in ((section.label, record) for section in sections for record in section.records):
        outcome = _line(record, notation, account.currency) if label == own[0].label else Reason.OTHER_ACCOUNT
        if isinstance(outcome, Reason):
            original = "\n".join(physical[record.first_line - 1 : record.last_line])[:ORIGINAL_LENGTH]
            rejected.append(Rejected(record.first_line, outcome, original))
            if outcome is Reason.SUMMARY:
                balances.insert(0, _opening(record, notation))
        else:
            rows.append({"line_number": record.first_line, **outcome})
    number = own[0].account.get("N")
    return Statement(
        file_name=member.name,
        format=NAME,
        parser_version=PARSER_VERSION,
        lines=lines_of(rows),
        rejected=tuple(rejected),
        layout=layout,
        account_number=number if number and _is_number(number) else None,
        balances=tuple(balance for balance in balances if balance is not None),
        last_line=len(physical) - (not physical[-1]),
        outside={"list": lists},
    )


def _sections(physical: list[str]) -> tuple[list[_Section], int]:
    """Every section of transactions, and how many records of other lists the file holds."""
    sections: list[_Section] = []
    kind, account, lists = "", dict[str, str](), 0
    for header, record in _records(physical):
        if record is None:
            kind = header
            if kind != "account" and kind not in LISTS:
                sections.append(_Section(kind, account))
        elif kind == "account":
            account = {code: values[0] for code, values in record.fields.items()} | {
                code: value for part in record.splits for code, value in part.items()
            }
        elif kind in LISTS or not sections:
            lists += 1
        else:
            sections[-1].records.append(record)
    if not sections:
        raise NoStatement
    return sections, lists


def _records(physical: list[str]) -> Iterator[tuple[str, _Record | None]]:
    """Headers, in lower case and without their record, and records."""
    record: _Record | None = None
    last_code = ""
    for number, line in enumerate(physical, 1):
        code, value = line.strip()[:1], line.strip()[1:].strip()
        if not code:
            continue
        if code in "^!":
            if record is not None:
                yield "", record
            record = None
            header = _header(value) if code == "!" else None
            if header is not None:
                yield header, None
            continue
        record = record or _Record(number)
        record.add(code, value)
        record.last_line, last_code = number, code
    if record is not None:
        record.is_cut = bool(physical[-1].strip()) and last_code in CUT_FIELDS
        yield "", record


def _header(value: str) -> str | None:
    """The kind of what follows; options switch nothing that matters here."""
    word, _, kind = value.partition(":")
    match word.strip().lower():
        case "type":
            return kind.strip().lower()
        case "account":
            return "account"
    return None


def _own(sections: list[_Section], account: Account) -> list[_Section]:
    """The sections of the account that is meant. Raises SecuritiesTrades where it is one of securities."""
    banking = [section for section in sections if section.kind not in INVESTMENTS]
    if not banking:
        raise SecuritiesTrades
    labels = [section.label for section in (banking if account.number is None else sections)]
    label = chosen(labels, account.number, are_names=not all(map(_is_number, labels)))
    own = [section for section in sections if section.label == label]
    if any(section.kind in INVESTMENTS for section in own):
        raise SecuritiesTrades
    return own


def _is_number(label: str) -> bool:
    return bool(re.search(r"\d{4}", label)) and sum(map(str.isdigit, plain(label))) * 2 > len(plain(label))


def _decided(sections: list[_Section], own: list[_Section], encoding: str, decisions: Decisions) -> Layout:
    """What is decided over all records of the file, other accounts' too: one program wrote them."""
    records = [record for section in sections for record in section.records]
    money = [
        text for record in records for text in (*record.amounts, *(part.get("amount", "") for part in record.splits))
    ]
    order = decisions.date_order({_plain_date(text) for record in records for text in record.fields.get("D", [])})
    mark = decisions.decimal_mark(set(money))
    return decisions.settle(
        date_order=order,
        decimal_mark=mark,
        positive_is=decisions.positive_is(_convention(own)),
        encoding=None if encoding.startswith("utf") else encoding,
    )


def _convention(own: list[_Section]) -> Direction | None:
    """Money in, by the format; but some card issuers write what was spent, so a card without a minus is asked about."""
    cards = [record for section in own if section.kind == "ccard" for record in section.records]
    written = [text for record in cards for text in record.amounts]
    return None if written and not any(re.search(r"[-−(]", text) for text in written) else "in"


def _line(record: _Record, notation: _Notation, currency: str) -> dict[str, object] | Reason:
    """One line, or why it is none."""
    if record.is_cut:
        return Reason.CUT_OFF
    if len(set(record.fields.get("D", []))) > 1 or len(record.fields.get("T", [])) > 1:
        return Reason.BROKEN
    booked_on = notation.day(record.text("D"))
    if booked_on is None:
        return Reason.BAD_DATE if record.text("D") else Reason.NO_DATE
    amount = _money(record, notation, currency)
    if isinstance(amount, Reason):
        return amount
    payee, memo = record.text("P") or None, " ".join(filter(None, record.fields.get("M", [])))
    return {
        "booked_on": booked_on,
        "amount": amount,
        "currency": currency,
        "description": description(payee, memo) or record.text("L") or record.text("N"),
        "merchant": payee,
        "reference": record.text("N") or None,
        "attributes": json.dumps(_attributes(record), ensure_ascii=False),
    }


def _money(record: _Record, notation: _Notation, currency: str) -> Decimal | Reason:
    read = [notation.amount(text) for text in record.amounts]
    if not read:
        return Reason.NO_AMOUNT
    found = read[0]
    if found is None or any(other is None or other.value != found.value for other in read):
        return Reason.BAD_AMOUNT
    if found.symbol and not amounts.symbol_allows(found.symbol, currency):
        return Reason.OTHER_CURRENCY
    reason = unfit(found.value, currency) or _against(record, found.value, notation)
    return reason or _signed(found, notation.sign)


def _signed(found: amounts.Amount, sign: int) -> Decimal:
    return abs(found.value) * found.mark if found.mark else found.value * sign


def _against(record: _Record, amount: Decimal, notation: _Notation) -> Reason | None:
    """What else speaks against a record whose date and amount can be read."""
    if _is_opening(record):
        return Reason.SUMMARY
    parts = [notation.amount(part["amount"]) for part in record.splits if "amount" in part]
    if not parts or len(parts) < len(record.splits):
        return None
    known = [part.value for part in parts if part is not None]
    return None if len(known) == len(parts) and sum(known, Decimal()) == amount else Reason.SPLITS


def _is_opening(record: _Record) -> bool:
    """Quicken's first record of an account is a transfer from the account to itself."""
    return record.text("P").casefold() == "opening balance" and record.text("L").startswith("[")


def _opening(record: _Record, notation: _Notation) -> StatedBalance | None:
    return _balance(record.text("D"), record.amounts[0], notation, "opening")


def _stated(own: list[_Section], notation: _Notation) -> list[StatedBalance | None]:
    """What the account block says was held on the day of the last statement."""
    blocks = {id(section.account): section.account for section in own}.values()
    return [_balance(block.get("/", ""), block.get("amount", ""), notation, "closing") for block in blocks]


def _balance(day: str, text: str, notation: _Notation, kind: Literal["opening", "closing"]) -> StatedBalance | None:
    on, amount = notation.day(day), notation.amount(text)
    if on is None or amount is None or abs(amount.value) >= LIMIT:
        return None
    return StatedBalance(on, _signed(amount, notation.sign), kind)


def _attributes(record: _Record) -> dict[str, object]:
    """What has no place of its own: the file's own category, its parts, the address, how far it was checked."""
    named: dict[str, object] = {
        "category": record.text("L"),
        "cleared": CLEARED.get(record.text("C").upper(), record.text("C")),
        "address": "\n".join(record.fields.get("A", [])).strip(),
        "splits": record.splits,
    }
    rest: dict[str, object] = {
        code: "\n".join(values) for code, values in record.fields.items() if code not in "DTUPMNLCA"
    }
    return {name: value for name, value in {**named, **rest}.items() if value}


def _plain_date(text: str) -> str:
    """The date as other formats write it, with four digits of the year, which in this format comes last.

    An apostrophe before the year stands for this century; one digit of a year stands for two.
    """
    match = _DATE.fullmatch(text.strip())
    if match is None or int(match[1]) > 31:
        return text.strip()
    year = int(match[4])
    if year < 100:
        year += 2000 if match[3] not in "-/." or year < dates.FIRST_YEAR - 1900 else 1900
    return f"{match[1]}/{match[2]}/{year}"
