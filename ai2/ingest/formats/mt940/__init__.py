"""MT940 and MT942: a bank's statement or interim report in SWIFT's tagged fields, from bytes to statement lines.

Read by a reader of ours: the library `mt-940` (5.1) reads some 6,500 entries a second, gives up a whole file for one
bad entry, takes 1,0x0 for 1.00, and gives a reversed credit the sign of a credit.

What MT942 reports, and what any message marks as expected, may still change: these lines are pending until a
statement books them. An entry without a date of its own is booked on its value date. A statement whose balances
its lines do not prove is read all the same, and counted as `unproven`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache

from ai2.ingest.containers import Member
from ai2.ingest.formats.mt940 import narrative
from ai2.ingest.formats.mt940.narrative import IBAN, Narrative
from ai2.ingest.formats.shared import records
from ai2.ingest.formats.shared.choice import plain, same_number
from ai2.ingest.formats.shared.messages import Balance, Gathering, Part, as_json, day, reference
from ai2.ingest.formats.shared.whole import text_of
from ai2.ingest.layout.model import Layout, Options
from ai2.ingest.lines import Account, Reason, Statement

NAME = "mt940"
PARSER_VERSION = "mt940-1"
_BEGINS = re.compile(rb"^(?:[^\r\n]*\{4:\s*)?:(?:20|25P?|28C?|34F|60[FM]|61|62[FM]|64|65|86|94[02]):", re.M)
_LINE_END = re.compile(r"\r{0,2}\n|\r")
_BLOCKS = re.compile(r"(?:\{[1235]:(?:[^{}]|\{[^{}]*\})*\}\s*)*(?:\{4:\s*)?")
_TAG = re.compile(r":(\d{2}[A-Z]?|94[02]|NS):(.*)", re.S | re.ASCII)
_END = re.compile(r"-(?:\}.*|XXX|\s*)$")
_ENTRY = re.compile(
    r"(?P<value>\d{6})(?P<entry>\d{4}|\s{4})?(?P<mark>R?[CD]|E[CD])(?P<funds>[A-Z])?\s*"
    r"(?P<amount>[\d.,]{1,40})(?P<rest>(?:[A-Z][A-Z0-9 ]{3}.*|\s.*)?)",
    re.ASCII,
)
_HALF_ENTRY = re.compile(r"\d{6}(?:\d{4})?R?[CD][A-Z]?\s*", re.ASCII)
_BALANCE = re.compile(r"(?P<mark>[CD])(?P<on>\d{6})(?P<currency>[A-Z]{3})?\s*(?P<amount>[\d.,]{1,40})", re.ASCII)
_SUMS = re.compile(r"(?P<count>\d{1,9})(?P<currency>[A-Z]{3})(?P<amount>\d{0,24}(?:,\d{0,9})?)", re.ASCII)
# Whole, or with the comma that SWIFT asks for; a point only where it cannot be one of thousands.
_AMOUNT = re.compile(r"\d+,\d*|,\d+|\d+|\d+\.(?:\d{1,2}|\d{4,})", re.ASCII)
_TRAILING_CURRENCY = re.compile(r"(?<=\d)\s?([A-Z]{3})$")
# A bank's reference identifies an entry where it is long and mostly a number.
_IDENTIFIES = re.compile(r"(?=(?:\D*\d){4})\S{8,40}", re.ASCII)
# The other side's account, which Dutch banks put behind the references.
_ACCOUNT = re.compile(rf"{IBAN.pattern}|P?\d{{7,10}}")
# A debit, a credit that is reversed, and a debit that is expected.
MONEY_OUT = frozenset({"D", "RC", "ED"})
STATES_SOMETHING = ("34F", "60F", "60M", "61", "62F", "62M", "64", "65", "90C", "90D")


@dataclass
class _Field:
    """A tag, its lines as they came, and where the first one stands."""

    tag: str
    place: int
    lines: list[str]

    @property
    def text(self) -> str:
        return self.lines[0].strip()


@dataclass
class _Entry:
    """One :61: and the fields :86: that belong to it."""

    head: _Field
    details: list[_Field] = field(default_factory=list)

    @property
    def original(self) -> str:
        return "\n".join(f":{each.tag}:" + "\n".join(each.lines) for each in (self.head, *self.details))


def matches(head: bytes) -> bool:
    return bool(_BEGINS.search(head))


def read(member: Member, account: Account, options: Options, saved: Sequence[Layout] = ()) -> Statement:
    """The lines of the account's own statements. Raises Unreadable and its kinds, SeveralAccounts, OtherCurrency."""
    text, found = text_of(member, saved, said=options.encoding)
    lines = _LINE_END.split(text)
    walk = _Walk(Gathering(account), ends_whole=found.ends_whole or not lines[-1])
    for each in _fields(lines):
        walk.take(each)
    walk.finish()
    return walk.gathering.statement(
        member.name, NAME, PARSER_VERSION, last_line=len(lines) - (not lines[-1]), misplaced=walk.misplaced
    )


def _fields(lines: list[str]) -> Iterator[_Field]:
    """Every field, with the lines that go on from it; what stands between messages is none."""
    current: _Field | None = None
    for place, raw in enumerate(lines, 1):
        line = raw[match.end() :] if raw.startswith("{") and (match := _BLOCKS.match(raw)) else raw
        if tagged := _TAG.match(line):
            if current:
                yield current
            current = _Field(tagged[1], place, [tagged[2]])
        elif line is not raw or _END.match(line):
            if current:
                yield current
            current = None
        elif current and line.strip():
            current.lines.append(line)
        if current and current.lines[-1].rstrip().endswith("-}"):
            current.lines[-1] = current.lines[-1].rstrip()[:-2]
            yield current
            current = None
    if current:
        yield current


class _Walk:
    """Which statement and entry of the file we are in."""

    def __init__(self, gathering: Gathering, *, ends_whole: bool) -> None:
        self.gathering = gathering
        self.misplaced = 0
        self._ends_whole = ends_whole
        self._part = Part()
        self._interim = False
        self._entry: _Entry | None = None
        # number and sum of debits and of credits, as read
        self._read: dict[str, tuple[int, Decimal]] = {}

    def take(self, each: _Field) -> None:
        tag = each.tag
        if tag in ("86", "NS"):
            if self._entry:
                self._entry.details.append(each)
            return
        self._end_entry()
        if tag in STATES_SOMETHING:
            if tag[:2] == "60" and (self._part.opening or self._part.closing):
                self._begin(self._part.number)
            self._part_is_there()
        if tag == "61":
            self._entry = _Entry(each)
        elif tag == "20":
            self._begin()
        elif tag in ("25", "25P"):
            self._number(each)
        else:
            self._state(each)

    def finish(self) -> None:
        self._end_entry(is_last=True)

    def _begin(self, number: str = "") -> None:
        self._part, self._interim, self._read = Part(number), False, {}

    def _part_is_there(self) -> None:
        if not self.gathering.parts or self.gathering.parts[-1] is not self._part:
            self.gathering.parts.append(self._part)

    def _number(self, each: _Field) -> None:
        """A second number in one statement is a field out of its place, not another account."""
        if self._part.number:
            self.misplaced += 1
            return
        stated = each.text
        if match := _TRAILING_CURRENCY.search(stated):
            stated, self._part.currency = stated[: match.start()], match[1]
        own = self.gathering.account.number
        short = stated.rpartition("/")[2]
        self._part.number = short if plain(own) and not same_number(stated, own) and _ends(short, own) else stated

    def _state(self, each: _Field) -> None:
        if each.tag in ("60F", "60M", "62F", "62M"):
            balance = _balance(each, self._part.currency)
            if balance is None:
                self.misplaced += 1
            else:
                self._part.currency = self._part.currency or balance.currency
                self._place(each.tag, balance)
        elif each.tag == "34F":
            self._interim = self._part.opening is None
            self._part.currency = self._part.currency or each.text[:3]
        elif each.tag in ("90C", "90D") and (match := _SUMS.fullmatch(each.text)):
            stated = (int(match["count"]), _decimal(match["amount"]))
            self._part.is_contradicted |= self._read.get(each.tag, (0, Decimal(0))) != stated

    def _place(self, tag: str, balance: Balance) -> None:
        if tag.startswith("60"):
            self._part.opening = balance
        else:
            self._part.closing = balance

    def _end_entry(self, *, is_last: bool = False) -> None:
        entry, self._entry = self._entry, None
        if entry is None:
            return
        part, gathering = self._part, self.gathering
        outcome = self._outcome(entry, is_cut=is_last and not self._ends_whole and not entry.details)
        if isinstance(outcome, Reason):
            gathering.reject(part, entry.head.place, outcome, entry.original)
            return
        self._count(outcome["amount"])
        gathering.line(part, entry.head.place, outcome)

    def _outcome(self, entry: _Entry, *, is_cut: bool) -> "dict[str, object] | Reason":
        account = self.gathering.account
        if not self.gathering.belongs(self._part):
            return Reason.OTHER_ACCOUNT
        if self._part.currency not in ("", account.currency):
            return Reason.OTHER_CURRENCY
        return _line(entry, account.currency, interim=self._interim, is_cut=is_cut)

    def _count(self, amount: object) -> None:
        assert isinstance(amount, Decimal)  # noqa: S101 - tells the type, nothing else
        tag = "90D" if amount < 0 else "90C"
        count, total = self._read.get(tag, (0, Decimal(0)))
        self._read[tag] = (count + 1, total + abs(amount))


def _ends(number: str, own: str | None) -> bool:
    return same_number(plain(number).lstrip("0"), own)


def _line(entry: _Entry, currency: str, *, interim: bool, is_cut: bool) -> "dict[str, object] | Reason":
    """One line, or why it is none."""
    first, *more = entry.head.lines
    if more and _HALF_ENTRY.fullmatch(first):  # some banks break the line before the amount
        first, more = first + more[0], more[1:]
    match = _ENTRY.fullmatch(first.rstrip())
    if match is None:
        return Reason.CUT_OFF if is_cut else _why_not(first)
    rest = match["rest"]
    if is_cut and not rest:
        return Reason.CUT_OFF
    value_on = _day(match["value"])
    booked_on = _entry_day(match["entry"], value_on) if (match["entry"] or "").strip() else value_on
    if booked_on is None or value_on is None:
        return Reason.BAD_DATE
    if not _AMOUNT.fullmatch(match["amount"]):
        return Reason.BAD_AMOUNT
    amount = _decimal(match["amount"])
    amount = amount.copy_negate() if match["mark"] in MONEY_OUT else amount
    if unfit := records.unfit(amount, currency):
        return unfit
    is_pending = interim or match["mark"].startswith("E")
    return {
        "booked_on": booked_on,
        "value_on": value_on,
        "amount": amount,
        "currency": currency,
        "status": "pending" if is_pending else "posted",
        **_described(entry, match, more),
    }


def _why_not(text: str) -> Reason:
    if not re.match(r"\d{6}", text):
        return Reason.BAD_DATE if text.strip() else Reason.NO_DATE
    behind = re.sub(r"^\d{6}(?:\d{4}|\s{4})?", "", text)
    if not re.match(r"[RE]?[CD]", behind):
        return Reason.NO_FLAG
    return Reason.BAD_AMOUNT if re.search(r"\d", behind) else Reason.NO_AMOUNT


def _described(entry: _Entry, match: re.Match[str], more: list[str]) -> dict[str, object]:
    """What an entry says in words: from :86:, and from what stands behind the amount."""
    kind, own, bank, extra = _references(match["rest"], more)
    said = narrative.read([line for each in entry.details if each.tag == "86" for line in each.lines])
    if not any(each.tag == "86" for each in entry.details):
        said = narrative.numbered([line for each in entry.details for line in each.lines])
    if _ACCOUNT.fullmatch(extra.replace(" ", "")):
        said.account = said.account or extra.replace(" ", "")
    elif extra and not said.name and not more and any(letter.isalpha() for letter in extra):
        said.name = extra  # Dutch banks put the other side's name there
    values = {"type": kind, "bank_reference": bank, "supplementary": extra, **said.values}
    if match["mark"] not in ("C", "D"):
        values["mark"] = match["mark"]
    text = records.description(said.name or None, said.purpose or None)
    return {
        "description": text or said.kind or extra or reference(own) or kind,
        "merchant": said.name or None,
        "reference": _reference(said, own),
        "provider_id": bank if _IDENTIFIES.fullmatch(bank) and bank.strip("0/") else None,
        "counterparty": said.account or None,
        "attributes": as_json({name: value for name, value in values.items() if value}),
    }


def _references(rest: str, more: list[str]) -> tuple[str, str, str, str]:
    """The type, the owner's and the bank's reference, and the supplementary details, in the same line or the next."""
    kind, behind = rest[:4].strip(), rest[4:]
    own, _, bank = behind.partition("//")
    extra = " ".join(line.strip() for line in more)
    if not extra and not bank and len(own) > 16 and own[15] == " ":  # the field is 16 long, filled with spaces
        own, extra = own[:16], own[16:].strip()
    return kind, own.strip(), bank.strip(), extra


def _reference(said: Narrative, own: str) -> str | None:
    values = said.values
    return reference(
        values.get("end_to_end_id"),
        None if own.rstrip("+") in ("EREF", "KREF", "MREF", "PREF") else own,
        values.get("customer_reference"),
        values.get("batch_reference"),
    )


def _balance(each: _Field, currency: str) -> Balance | None:
    """A balance; some banks leave out its currency where an earlier one has it."""
    match = _BALANCE.fullmatch(each.text)
    on = _day(match["on"]) if match else None
    if match is None or on is None or not _AMOUNT.fullmatch(match["amount"]):
        return None
    amount = _decimal(match["amount"])
    signed = amount.copy_negate() if match["mark"] == "D" else amount
    return Balance(on, signed, match["currency"] or currency, each.tag.endswith("F"))


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", ".") or 0)


@lru_cache(maxsize=4096)
def _day(text: str) -> date | None:
    """YYMMDD; banks have no entries of before 1970 or after 2069."""
    year = int(text[:2])
    return day(year + (1900 if year >= 70 else 2000), int(text[2:4]), int(text[4:6]))


@lru_cache(maxsize=4096)
def _entry_day(text: str, value_on: date | None) -> date | None:
    """MMDD, in the year that brings it nearest to the value date."""
    if value_on is None:
        return None
    month, of_month = int(text[:2]), int(text[2:])
    years = (value_on.year, value_on.year - 1, value_on.year + 1)
    days = [found for year in years if (found := day(year, month, of_month))]
    return min(days, key=lambda found: abs(found - value_on), default=None)
