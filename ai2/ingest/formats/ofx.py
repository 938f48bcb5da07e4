"""OFX 1 (SGML) and 2 (XML), and QFX: from bytes to statement lines, without building a tree.

The two generations differ in whether a value's tag is closed, and real files mix them, so one reader takes both:
a tag with text behind it is a value, any other is an aggregate. Document types and entities of a file's own are
refused unread. A statement of securities is read only where it holds cash movements and nothing else.
"""

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import accumulate
from typing import NamedTuple

from ai2.ingest.containers import Member
from ai2.ingest.formats.shared import records
from ai2.ingest.formats.shared.deciding import Decisions
from ai2.ingest.formats.shared.messages import Balance, Gathering, Part, as_json, day
from ai2.ingest.formats.shared.whole import text_of
from ai2.ingest.layout.model import Layout, Options
from ai2.ingest.lines import Account, Reason, Statement
from ai2.ingest.problems import BankReportsError, BrokenMarkup, NoStatement, SecuritiesTrades, UnsafeMarkup
from ai2.kit.money import exponent

NAME = "ofx"
PARSER_VERSION = "ofx-2"
_HEADER = re.compile(rb"OFXHEADER\s*[:=]|<\?OFX\b|<OFX\s*>", re.I)
_BEGINS = re.compile(r"<OFX\s*>", re.I)
_UNSAFE = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.I)
_TOKEN = re.compile(r"<(/?)([A-Za-z0-9_.]+)\s*/?>\s*(?:<!\[CDATA\[((?:(?!\]\]>|<!\[).)*)\]\]>\s*|([^<]*))", re.S)
# Where an entry ends: its own closing tag, or, where that is missing, what cannot stand in it.
_ENTRY_END = re.compile(
    r"</STMTTRNP?\s*>|(?=</?(?:STMTTRNP?|BANKTRANLISTP?|INVBANKTRAN|INVTRANLIST|LEDGERBAL|\w*STMTRS)\s*>)", re.I
)
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{2,6})?(?:[.:]\d+)?(?:\s*\[[^\]]*\])?", re.ASCII)
_AMOUNT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
# Thousands, which the standard does not have: certain with both marks, of one comma alone as likely as decimals.
_BOTH_MARKS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+\.\d*", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
LONGEST_AMOUNT = 48
DEEPEST = 50
STATEMENTS = frozenset({"STMTRS", "CCSTMTRS", "INVSTMTRS"})
# What these kinds do to an amount, by their names.
WAYS = {"DEBIT": -1, "CREDIT": 1}
ENTRIES = frozenset({"STMTTRN", "STMTTRNP"})
# Movements of securities: a statement with any of them is more than cash.
TRADES = frozenset(
    {
        "BUYDEBT", "BUYMF", "BUYOPT", "BUYOTHER", "BUYSTOCK", "CLOSUREOPT", "INCOME", "INVEXPENSE", "JRNLFUND",
        "JRNLSEC", "MARGININTEREST", "REINVEST", "RETOFCAP", "SELLDEBT", "SELLMF", "SELLOPT", "SELLOTHER",
        "SELLSTOCK", "SPLIT", "TRANSFER",
    }
)  # fmt: skip
# These have a place of their own in a line; every other value of a transaction is an attribute.
PLACED = frozenset(
    {"DTPOSTED", "DTAVAIL", "TRNAMT", "FITID", "NAME", "MEMO", "CHECKNUM", "SIC", "PAYEE.NAME", "BANKACCTTO.ACCTID"}
)


@dataclass
class _Entry:
    """One STMTTRN, or one STMTTRNP, which is pending: its values, and where it stands in the text."""

    start: int
    end: int
    values: dict[str, str]
    is_pending: bool = False
    is_cut: bool = False


@dataclass
class _Account:
    """One account's statement in the file."""

    part: Part = field(default_factory=Part)
    balance: str = ""
    balance_on: str = ""
    trades: int = 0
    entries: list[_Entry] = field(default_factory=list)


def matches(head: bytes) -> bool:
    return bool(_HEADER.search(head))


def read(member: Member, account: Account, options: Options, saved: Sequence[Layout] = ()) -> Statement:
    """The lines of the account's own statement. Raises Unreadable and its kinds, SeveralAccounts, OtherCurrency."""
    text, _ = text_of(member, saved, said=options.encoding)
    if _UNSAFE.search(text):
        raise UnsafeMarkup
    line_of = _line_finder(text)
    gathering = Gathering(account)
    found = _accounts(text)
    layout = _decided(found, Decisions(NAME, "<", options, saved))
    is_turned = layout is not None and layout.positive_is == "out"
    for one in found:
        gathering.parts.append(one.part)
        one.part.closing = _closing(one)
        gone = _taken_back(one.entries)
        for entry in one.entries:
            outcome = _outcome(gathering, one.part, entry, gone, is_turned=is_turned)
            if isinstance(outcome, Reason):
                gathering.reject(one.part, line_of(entry.start), outcome, text[entry.start : entry.end])
            else:
                gathering.line(one.part, line_of(entry.start), outcome)
    statement = gathering.statement(member.name, NAME, PARSER_VERSION, last_line=line_of(len(text)))
    if any(one.trades for one in found if gathering.belongs(one.part)):
        raise SecuritiesTrades
    return replace(statement, layout=layout) if layout else statement


def _decided(found: list[_Account], decisions: Decisions) -> Layout | None:
    """What a person said where every debit is above zero and every credit below: a card's view of what is owed."""
    written = [
        (entry.values["TRNTYPE"].upper(), amount)
        for one in found
        for entry in one.entries
        if entry.values.get("TRNTYPE", "").upper() in WAYS and (amount := _amount(entry.values.get("TRNAMT", "")))
    ]
    against = {amount * WAYS[kind] < 0 for kind, amount in written}
    if against == {True}:
        return decisions.settle(positive_is=decisions.positive_is(None))
    former = decisions.former
    if former is None or former.positive_is != "out":
        return None
    if against == {False}:  # the bank mended it, or this is another bank's file
        former = former.model_copy(update={"positive_is": None})
        again = replace(decisions, saved=(former,))
        return again.settle(positive_is=again.positive_is(None))
    return former


def _closing(found: _Account) -> Balance | None:
    """The ledger's balance; what is available of it is no balance of the account's."""
    amount, on = _amount(found.balance), _date(found.balance_on)
    return Balance(on, amount, found.part.currency) if amount is not None and on is not None else None


def _taken_back(entries: list[_Entry]) -> frozenset[str]:
    """Entries of this file that a later one deletes or replaces. Entries of former files are left to a person."""
    known = {entry.values.get("FITID", "") for entry in entries}
    return frozenset(known & {entry.values.get("CORRECTFITID", "") for entry in entries} - {""})


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
        self._status: dict[str, str] = {}

    def take(self, token: "_Token | _Entry") -> None:
        if isinstance(token, _Entry):
            if self.accounts:
                self.accounts[-1].entries.append(token)
        elif token.closes:
            self._close(token.tag)
        elif token.value is None:
            self._open(token.tag)
        elif self._inside == "STATUS":
            self._status.setdefault(token.tag, token.value)
        elif self.accounts:
            _describe(self.accounts[-1], self._inside, token.tag, token.value)

    @property
    def _inside(self) -> str:
        return self._path[-1] if self._path else ""

    def _open(self, tag: str) -> None:
        if tag in STATEMENTS:
            self.accounts.append(_Account())
        elif tag == "STATUS":
            self._status = {}
        elif self.accounts and tag in TRADES and "INVTRANLIST" in self._path:
            self.accounts[-1].trades += 1
        self._path.append(tag)
        if len(self._path) > DEEPEST:
            raise BrokenMarkup

    def _close(self, tag: str) -> None:
        if tag == "STATUS" and self._status.get("SEVERITY", "").upper() == "ERROR":
            self.error = self.error or _error(self._status)
        if tag in self._path:
            del self._path[self._path.index(tag) :]


def _describe(account: _Account, inside: str, tag: str, value: str) -> None:
    if tag == "CURDEF":
        account.part.currency = value.upper()
    elif tag == "ACCTID" and not account.part.number:
        account.part.number = value
    elif inside == "LEDGERBAL" and tag == "BALAMT":
        account.balance = value
    elif inside == "LEDGERBAL" and tag == "DTASOF":
        account.balance_on = value


def _error(status: dict[str, str]) -> str:
    return " ".join(part for part in (status.get("CODE"), status.get("MESSAGE")) if part)[:200]


class _Token(NamedTuple):
    """A tag; `value` is none for aggregates and for closing tags."""

    tag: str
    value: str | None
    closes: bool


def _tokens(text: str) -> Iterator[_Token | _Entry]:
    """One token a tag, and one an entry, taken as a whole."""
    begun = _BEGINS.search(text)
    position = begun.start() if begun else 0
    while position < len(text):
        for match in _TOKEN.finditer(text, position):
            tag = match[2].upper()
            if tag in ENTRIES and not match[1]:
                ending = _ENTRY_END.search(text, match.end(2) + 1)
                position = ending.end() if ending else len(text)
                values = _values(text[match.end(2) + 1 : ending.start() if ending else len(text)])
                yield _Entry(match.start(), position, values, tag == "STMTTRNP", ending is None)
                break
            is_pair = not match[1] and text.startswith("</", match.end()) and _closes(text, match.end(), tag)
            value = _value(match[3], match[4])
            yield _Token(tag, value if (value or is_pair) and not match[1] else None, bool(match[1]))
        else:
            return


def _closes(text: str, position: int, tag: str) -> bool:
    """Whether the tag is closed here: an empty value that is closed at once is a value, not an aggregate."""
    return text[position + 2 : position + 2 + len(tag)].upper() == tag


def _values(block: str) -> dict[str, str]:
    """An entry's values; those inside an aggregate have its name before theirs."""
    values: dict[str, str] = {}
    inside: list[str] = []
    tokens = _TOKEN.findall(block)
    for place, (closes, raw, quoted, plain) in enumerate(tokens):
        tag = raw.upper()
        if closes:
            if inside and inside[-1] == tag:
                inside.pop()
            continue
        value = _value(quoted, plain)
        following = tokens[place + 1] if place + 1 < len(tokens) else ("", "", "", "")
        if value or (following[0] and following[1].upper() == tag):
            values.setdefault(f"{inside[-1]}.{tag}" if inside else tag, value)
        else:
            inside.append(tag)
            if len(inside) > DEEPEST:
                raise BrokenMarkup
    return values


def _value(quoted: str | None, plain: str | None) -> str:
    raw = quoted or plain or ""
    return (html.unescape(raw) if "&" in raw else raw).strip()


def _outcome(
    gathering: Gathering, part: Part, entry: _Entry, gone: frozenset[str], *, is_turned: bool
) -> dict[str, object] | Reason:
    """One line, or why it is none."""
    currency, values = gathering.account.currency, entry.values
    if not gathering.belongs(part):
        return Reason.OTHER_ACCOUNT
    # CURRENCY says that the amount was not converted; ORIGCURRENCY, that it was.
    if {part.currency, values.get("CURRENCY.CURSYM", "").upper()} - {"", currency}:
        return Reason.OTHER_CURRENCY
    if entry.is_cut:
        return Reason.CUT_OFF
    if values.get("FITID") in gone:
        return Reason.NOT_BOOKED
    if (former := values.get("CORRECTFITID")) and (former not in gone or values.get("CORRECTACTION") == "DELETE"):
        return Reason.CORRECTION
    return _line(entry, currency, is_turned=is_turned)


def _line(entry: _Entry, currency: str, *, is_turned: bool) -> dict[str, object] | Reason:
    values = entry.values
    stated_on = values.get("DTPOSTED") or (values.get("DTTRAN") if entry.is_pending else "") or ""
    booked_on = _date(stated_on)
    if booked_on is None:
        return Reason.BAD_DATE if stated_on else Reason.NO_DATE
    stated = values.get("TRNAMT", "")
    amount = _amount(stated)
    if amount is None or (_THOUSANDS.fullmatch(stated) and exponent(currency) != 3):
        return Reason.BAD_AMOUNT if stated else Reason.NO_AMOUNT
    return records.unfit(amount, currency) or {
        "booked_on": booked_on,
        "amount": -amount if is_turned else amount,
        "currency": currency,
        "status": "pending" if entry.is_pending else "posted",
        **_described(values),
    }


def _described(values: dict[str, str]) -> dict[str, object]:
    name = values.get("NAME") or values.get("PAYEE.NAME") or None
    other_side = values.get("BANKACCTTO.ACCTID") or values.get("CCACCTTO.ACCTID") or ""
    return {
        "value_on": _date(values.get("DTAVAIL", "")),
        "description": records.description(name, values.get("MEMO")) or values.get("TRNTYPE", ""),
        "merchant": name,
        "reference": _reference(values),
        "mcc": values["SIC"] if re.fullmatch(r"\d{4}", values.get("SIC", ""), re.ASCII) else None,
        "provider_id": values.get("FITID") or None,
        "counterparty": "".join(other_side.split()) or None,
        "attributes": as_json({tag: value for tag, value in values.items() if value and tag not in PLACED}),
    }


def _reference(values: dict[str, str]) -> str | None:
    """The cheque's number, which some banks write as 0 where there is none, or the bank's reference."""
    cheque = values.get("CHECKNUM", "")
    return cheque if cheque.strip("0") else values.get("REFNUM") or None


def _date(text: str) -> date | None:
    """The bank's calendar date; hours and zones behind it move nothing."""
    match = _DATE.fullmatch(text.strip()) if len(text) <= LONGEST_AMOUNT else None
    return day(int(match[1]), int(match[2]), int(match[3])) if match else None


def _amount(text: str) -> Decimal | None:
    """The standard says a point or a comma before the decimals, and no thousands, which some banks write."""
    written = text.strip()
    if _BOTH_MARKS.fullmatch(written):
        written = written.replace(",", "")
    plain = written.replace(",", ".")
    return Decimal(plain) if len(plain) <= LONGEST_AMOUNT and _AMOUNT.fullmatch(plain) else None


def _line_finder(text: str) -> Callable[[int], int]:
    ends = list(accumulate(len(line) for line in text.splitlines(keepends=True)))
    return lambda position: bisect_right(ends, position) + 1
