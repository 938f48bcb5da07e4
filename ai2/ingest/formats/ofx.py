"""OFX 1 (SGML) and 2 (XML), and QFX: from bytes to statement lines, without building a tree.

The two generations differ in whether a value's tag is closed, and real files mix them, so one reader takes both:
a tag with text behind it is a value, any other is an aggregate. Document types and entities of a file's own are
refused unread. A statement of securities is read only where it holds cash movements and nothing else.
"""

import html
import io
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import accumulate
from typing import NamedTuple

from ai2.ingest import encodings
from ai2.ingest.containers import Member
from ai2.ingest.layout import amounts
from ai2.ingest.layout.model import Layout, Options
from ai2.ingest.lines import ORIGINAL_LENGTH, Account, Reason, Rejected, StatedBalance, Statement, lines_of
from ai2.ingest.problems import (
    BankReportsError,
    BrokenMarkup,
    FileTooLarge,
    NoStatement,
    OtherAccount,
    OtherCurrency,
    SecuritiesTrades,
    SeveralAccounts,
    UnsafeMarkup,
)
from ai2.kit.money import exponent

NAME = "ofx"
PARSER_VERSION = "ofx-1"
_HEADER = re.compile(rb"OFXHEADER\s*[:=]|<\?OFX\b|<OFX>", re.I)
_TOKEN = re.compile(r"<(/?)([A-Za-z0-9_.]+)\s*/?>\s*(?:<!\[CDATA\[((?:(?!\]\]>|<!\[).)*)\]\]>\s*|([^<]*))", re.S)
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{2,6})?(?:[.:]\d+)?(?:\s*\[[^\]]*\])?")
DEEPEST = 50
MAX_LENGTH = 200_000_000
STATEMENTS = frozenset({"STMTRS", "CCSTMTRS", "INVSTMTRS"})
# Movements of securities: a statement with any of them is more than cash.
TRADES = frozenset(
    {
        "BUYDEBT", "BUYMF", "BUYOPT", "BUYOTHER", "BUYSTOCK", "CLOSUREOPT", "INCOME", "INVEXPENSE", "JRNLFUND",
        "JRNLSEC", "MARGININTEREST", "REINVEST", "RETOFCAP", "SELLDEBT", "SELLMF", "SELLOPT", "SELLOTHER",
        "SELLSTOCK", "SPLIT", "TRANSFER",
    }
)  # fmt: skip
# These have a place of their own in a line; every other value of a transaction is an attribute.
PLACED = frozenset({"DTPOSTED", "TRNAMT", "FITID", "NAME", "MEMO", "CHECKNUM", "SIC", "PAYEE.NAME"})


@dataclass
class _Entry:
    """One STMTTRN: its values, and where it stands in the text."""

    start: int
    end: int = 0
    values: dict[str, str] = field(default_factory=dict)


@dataclass
class _Account:
    """One account's statement in the file."""

    number: str = ""
    currency: str = ""
    balance: str = ""
    balance_on: str = ""
    trades: int = 0
    entries: list[_Entry] = field(default_factory=list)


def matches(head: bytes) -> bool:
    return bool(_HEADER.search(head))


def read(member: Member, account: Account, options: Options, saved: Sequence[Layout] = ()) -> Statement:
    """The lines of the account's own statement. Raises Unreadable and its kinds, SeveralAccounts, OtherCurrency."""
    text = _text(member)
    if re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.I):
        raise UnsafeMarkup
    found = _chosen(_accounts(text), account)
    if found.currency and found.currency != account.currency:
        raise OtherCurrency
    if found.trades:
        raise SecuritiesTrades
    line_of = _line_finder(text)
    rows: list[dict[str, object]] = []
    rejected: list[Rejected] = []
    places = [line_of(entry.start) for entry in found.entries]
    if len(set(places)) < len(places):  # several in one line: they are numbered by themselves
        places = list(range(1, len(places) + 1))
    for line_number, entry in zip(places, found.entries, strict=True):
        outcome = _line(entry.values, account.currency)
        if isinstance(outcome, Reason):
            rejected.append(Rejected(line_number, outcome, text[entry.start : entry.end].strip()[:ORIGINAL_LENGTH]))
        else:
            rows.append({"line_number": line_number, **outcome})
    balance, on = _amount(found.balance), _date(found.balance_on)
    return Statement(
        file_name=member.name,
        format=NAME,
        parser_version=PARSER_VERSION,
        lines=lines_of(rows),
        rejected=tuple(rejected),
        account_number=found.number or None,
        balances=(StatedBalance(on, balance, "closing"),) if balance is not None and on is not None else (),
        last_line=max(line_of(len(text)), len(places)),
    )


def _text(member: Member) -> str:
    """UTF-8 where it is, whatever the header claims; else the Windows encoding that OFX 1 means by 1252."""
    with member.open() as opened:
        encoding = encodings.examine(opened, one_line=True, usual="cp1252").encoding
    with member.open() as opened, io.TextIOWrapper(opened, encoding, errors="replace", newline="") as text:
        content = text.read(MAX_LENGTH + 1)
    if len(content) > MAX_LENGTH:
        raise FileTooLarge
    return content.replace("\0", "")


def _chosen(accounts: list[_Account], account: Account) -> _Account:
    matching = [found for found in accounts if _same_number(found.number, account.number)]
    if len(matching) == 1:
        return matching[0]
    if len({found.number for found in accounts}) > 1:
        raise SeveralAccounts
    if account.number and accounts[0].number and not matching:
        raise OtherAccount
    if len(accounts) > 1:  # the same account's months, one after the other
        first, *rest = accounts
        for other in rest:
            first.entries.extend(other.entries)
            first.trades += other.trades
        first.balance, first.balance_on = rest[-1].balance, rest[-1].balance_on
    return accounts[0]


def _same_number(one: str, other: str | None) -> bool:
    """Banks shorten and mask: the shorter number has to end the longer."""
    plain, wanted = (re.sub(r"[^0-9A-Za-z]", "", text or "").upper() for text in (one, other))
    short, long = sorted((plain, wanted), key=len)
    return len(short) >= 4 and long.endswith(short)


def _accounts(text: str) -> list[_Account]:
    """Every statement in the file. Raises NoStatement, or BankReportsError where the bank says why there is none."""
    walk = _Walk()
    for token in _tokens(text):
        walk.take(token)
    if walk.accounts:
        return walk.accounts
    if walk.error:
        raise BankReportsError(f"The bank sent an error in place of a statement: {walk.error}.")
    raise NoStatement


class _Walk:
    """Where in the file we are, and what was found on the way."""

    def __init__(self) -> None:
        self.accounts: list[_Account] = []
        self.error = ""
        self._path: list[str] = []
        self._entry: _Entry | None = None
        self._status: dict[str, str] = {}

    def take(self, token: "_Token") -> None:
        if token.closes:
            self._close(token)
        elif token.value is None:
            self._open(token)
        elif self._entry is not None:
            self._add_to_entry(self._entry, token.tag, token.value, token.end)
        elif self._inside == "STATUS":
            self._status.setdefault(token.tag, token.value)
        elif self.accounts:
            _describe(self.accounts[-1], self._inside, token.tag, token.value)

    @property
    def _inside(self) -> str:
        return self._path[-1] if self._path else ""

    def _open(self, token: "_Token") -> None:
        tag = token.tag
        if tag in STATEMENTS:
            self.accounts.append(_Account())
        elif tag == "STATUS":
            self._status = {}
        elif self.accounts and tag == "STMTTRN":
            self._entry = _Entry(token.start)
            self.accounts[-1].entries.append(self._entry)
        elif self.accounts and tag in TRADES and "INVTRANLIST" in self._path:
            self.accounts[-1].trades += 1
        self._path.append(tag)
        if len(self._path) > DEEPEST:
            raise BrokenMarkup

    def _close(self, token: "_Token") -> None:
        if token.tag == "STMTTRN" and self._entry is not None:
            self._entry.end, self._entry = token.end, None
        if token.tag == "STATUS" and self._status.get("SEVERITY", "").upper() == "ERROR":
            self.error = self.error or _error(self._status)
        if token.tag in self._path:
            del self._path[self._path.index(token.tag) :]

    def _add_to_entry(self, entry: _Entry, tag: str, value: str, end: int) -> None:
        inside = "" if self._inside == "STMTTRN" else f"{self._inside}."
        entry.values.setdefault(f"{inside}{tag}", value)
        entry.end = end


def _describe(account: _Account, inside: str, tag: str, value: str) -> None:
    if tag == "CURDEF":
        account.currency = value.upper()
    elif tag == "ACCTID" and not account.number:
        account.number = value
    elif inside == "LEDGERBAL" and tag == "BALAMT":
        account.balance = value
    elif inside == "LEDGERBAL" and tag == "DTASOF":
        account.balance_on = value


def _error(status: dict[str, str]) -> str:
    return " ".join(part for part in (status.get("CODE"), status.get("MESSAGE")) if part)[:200]


class _Token(NamedTuple):
    """A tag and where it stands; `value` is none for aggregates and for closing tags."""

    start: int
    tag: str
    value: str | None
    closes: bool
    end: int


def _tokens(text: str) -> Iterator[_Token]:
    """One token a tag; an empty value that is closed at once is a value, not an aggregate."""
    found = _TOKEN.finditer(text, max(text.upper().find("<OFX>"), 0))
    here = next(found, None)
    while here is not None:
        following = next(found, None)
        closes, tag = bool(here[1]), here[2].upper()
        is_pair = not closes and following is not None and bool(following[1]) and following[2].upper() == tag
        value = html.unescape(here[3] if here[3] is not None else here[4]).strip()
        yield _Token(here.start(), tag, value if (value or is_pair) and not closes else None, closes, here.end())
        here = next(found, None) if is_pair else following


def _line(values: dict[str, str], currency: str) -> dict[str, object] | Reason:
    """One line, or why it is none."""
    booked_on = _date(values.get("DTPOSTED", ""))
    if booked_on is None:
        return Reason.BAD_DATE if values.get("DTPOSTED") else Reason.NO_DATE
    amount = _amount(values.get("TRNAMT", ""))
    if amount is None:
        return Reason.BAD_AMOUNT if values.get("TRNAMT") else Reason.NO_AMOUNT
    if abs(amount) >= Decimal(10) ** 16:
        return Reason.TOO_LARGE
    if amount != round(amount, exponent(currency)):
        return Reason.TOO_PRECISE
    # CURRENCY says that the amount was not converted; ORIGCURRENCY, that it was.
    if (values.get("CURRENCY.CURSYM") or currency).upper() != currency:
        return Reason.OTHER_CURRENCY
    name = values.get("NAME") or values.get("PAYEE.NAME") or None
    rest = {tag: value for tag, value in values.items() if tag not in PLACED and value}
    return {
        "booked_on": booked_on,
        "amount": amount,
        "currency": currency,
        "description": _description(name, values.get("MEMO")) or values.get("TRNTYPE", ""),
        "merchant": name,
        "reference": _reference(values),
        "mcc": values["SIC"] if re.fullmatch(r"\d{4}", values.get("SIC", "")) else None,
        "provider_id": values.get("FITID") or None,
        "attributes": json.dumps(rest, ensure_ascii=False),
    }


def _reference(values: dict[str, str]) -> str | None:
    """The cheque's number, which some banks write as 0 where there is none, or the bank's reference."""
    cheque = values.get("CHECKNUM", "")
    return cheque if cheque.strip("0") else values.get("REFNUM") or None


def _description(name: str | None, memo: str | None) -> str:
    """Name and memo, the one that the other repeats left out."""
    if not name or not memo:
        return name or memo or ""
    if memo.casefold().startswith(name.casefold()):
        return memo
    return name if memo.casefold() in name.casefold() else f"{name}  {memo}"


def _date(text: str) -> date | None:
    """The bank's calendar date; hours and zones behind it move nothing."""
    match = _DATE.fullmatch(text.strip())
    try:
        day = date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None
    return day if day and 1970 <= day.year <= 2100 else None


def _amount(text: str) -> Decimal | None:
    """The standard says a point or a comma before the decimals, and no thousands."""
    plain = text.strip().replace(",", ".")
    found = amounts.read(plain, ".") if re.fullmatch(r"[+-]?\d*\.?\d*", plain) else None
    return found.value if found else None


def _line_finder(text: str) -> Callable[[int], int]:
    ends = list(accumulate(len(line) for line in text.splitlines(keepends=True)))
    return lambda position: bisect_right(ends, position) + 1
