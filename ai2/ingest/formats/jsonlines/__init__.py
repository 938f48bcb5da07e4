"""JSON: an object a line, an array of objects, or a provider's answer, from bytes to statement lines.

Objects of a bank feed, and ours, are told by their names and read as what they are. Any other object is a row, its
names are the header, and it goes the way of delimited text. A document of changes names what is taken back by its id
alone; of an id that stands in it several times, the last object counts.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from ai2.ingest.containers import Member
from ai2.ingest.formats.jsonlines import feeds
from ai2.ingest.formats.jsonlines.objects import Found, Objects, dumped, objects
from ai2.ingest.formats.shared import typed
from ai2.ingest.formats.shared.choice import chosen
from ai2.ingest.formats.shared.deciding import Decisions
from ai2.ingest.formats.shared.typed import Table
from ai2.ingest.layout.model import Direction, Layout, Options
from ai2.ingest.layout.sheet import Record
from ai2.ingest.lines import ORIGINAL_LENGTH, Account, Named, Reason, Rejected, Statement, lines_of
from ai2.ingest.problems import NoTransactions, OtherCurrency, TooManyColumns
from ai2.kit.money import exponent

NAME = "json"
PARSER_VERSION = "json-2"
# Names of objects are kept apart from headers of delimited files, which may be the same words.
DELIMITER = "{"
_BEGINNING = re.compile(rb"(?:\[\s*)*\{\s*\"|\[\s*\]|\{\s*\}")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
MAX_NAMES, DEEPEST = 400, 8
PROVIDERS = frozenset({"plaid", "gocardless"})


def matches(head: bytes) -> bool:
    return bool(_BEGINNING.match(head))


def read(member: Member, account: Account, options: Options, saved: Sequence[Layout] = ()) -> Statement:
    """The lines of all objects. Raises BrokenJson, NeedsAnswer, OtherCurrency and what inference raises."""
    every = objects(member)
    shape = _Shape(account.currency)
    for found in every():
        shape.add(found)
    if not shape.names and every.shows == "rows":
        raise NoTransactions
    if not shape.names or (shape.kind is not None and options.mapping is None):
        return _feed(member, account, shape, every, Decisions(NAME, DELIMITER, options, saved))
    return _rows(member, account, shape, every, options, saved)


@dataclass
class _Shape:
    """What all objects together are."""

    currency: str
    names: dict[str, None] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    accounts: dict[str, None] = field(default_factory=dict)
    currencies: set[str] = field(default_factory=set)
    has_negative: bool = False

    @property
    def kind(self) -> str | None:
        """`plaid`, `gocardless`, `simplefin`, `ours`, or none where they are anything else."""
        return next(iter(self.kinds)) if len(self.kinds) == 1 and self.kinds <= feeds.READERS.keys() else None

    def add(self, found: Found) -> None:
        row = found.value
        if isinstance(row, Reason):
            return
        if found.state == "removed":
            if "account_id" in row:
                self.accounts[str(row["account_id"])] = None
            return
        kind = _kind(row, self.currency)
        self.kinds.add(kind)
        # of what a provider named itself, the names within are of interest only where there is something else too
        for name in row if kind in PROVIDERS else _flat(row):
            self.names[name] = None
        if len(self.names) > MAX_NAMES:
            raise TooManyColumns
        if kind == "plaid":
            self.accounts[str(row["account_id"])] = None
        self.currencies.add(_currency(row, kind, self.currency))
        self.has_negative |= str(row.get("amount", "")).startswith("-")

    @property
    def convention(self) -> Direction | None:
        """Ours is money in above zero; where only names that others use too say that it is ours, a minus has to."""
        is_certain = self.kind != "ours" or self.has_negative or self.names.keys() & feeds.TELLING
        return "in" if is_certain else None


def _kind(row: dict[str, Any], currency: str) -> str:
    if row.keys() >= feeds.PLAID:
        return "plaid"
    if isinstance(row.get(feeds.GOCARDLESS), dict):
        return "gocardless"
    if row.keys() >= feeds.SIMPLEFIN and (isinstance(row["posted"], Decimal) or row.get("pending") is True):
        return "simplefin"
    is_ours = {"date", "amount"} <= row.keys() <= feeds.OURS
    return "ours" if is_ours and _is_plain(row["amount"], currency) and _is_day(row["date"]) else "other"


def _is_plain(value: object, currency: str) -> bool:
    """An amount that nobody could read differently: 14.000 in text might be fourteen thousand."""
    decimals = value.partition(".")[2] if isinstance(value, str) else ""
    return not isinstance(value, str) or (
        bool(feeds.PLAIN_AMOUNT.fullmatch(value)) and len(decimals) <= exponent(currency)
    )


def _is_day(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}(T.*)?", value))


def _currency(row: dict[str, Any], kind: str, own: str) -> str:
    stated = row.get("iso_currency_code") if kind == "plaid" else row.get("currency")
    if kind == "gocardless":
        stated = row[feeds.GOCARDLESS].get("currency")
    return str(stated or own).upper()


def _feed(member: Member, account: Account, shape: _Shape, every: Objects, decisions: Decisions) -> Statement:
    """Objects that say themselves what they are."""
    if shape.names and account.currency not in shape.currencies:
        raise OtherCurrency
    if decisions.options.currency not in (None, account.currency):
        raise OtherCurrency
    own = chosen(shape.accounts, account.number, are_names=True) if shape.accounts else None
    layout = decisions.settle(positive_is=decisions.positive_is(shape.convention))
    rows: list[dict[str, object]] = []
    rejected: list[Rejected] = []
    named: list[Named] = []
    number = 0
    for found in every():
        number = found.line_number
        outcome = _outcome(found, shape.kind or "", own, account.currency)
        if isinstance(outcome, Reason):
            rejected.append(Rejected(number, outcome, found.text()[:ORIGINAL_LENGTH]))
        elif isinstance(outcome, Named):
            named.append(outcome)
        else:
            if layout.positive_is == "out":
                outcome["amount"] = -outcome["amount"]  # type: ignore[operator]
            rows.append({"line_number": number, **outcome})
    is_stable = shape.kind != "ours" or all(row["provider_id"] for row in rows)
    found_in = Statement(
        file_name=member.name,
        format=NAME,
        parser_version=PARSER_VERSION,
        lines=lines_of(rows),
        rejected=tuple(rejected),
        named=tuple(named),
        layout=layout if shape.kind == "ours" else None,
        balances=feeds.stated(every.stated, account.currency),
        ids_are_stable=is_stable,
        unstable=frozenset(int(str(row["line_number"])) for row in rows if row.get("is_unstable")),
        shows=every.shows,
        last_line=number,
    )
    return _last_words(found_in, rows) if every.shows == "changes" else found_in


def _last_words(statement: Statement, rows: list[dict[str, object]]) -> Statement:
    """The same, with rows that only name an id where a later row says what has become of it."""
    last: dict[object, int] = {row["provider_id"]: int(str(row["line_number"])) for row in rows}
    last |= {each.provider_id: each.line_number for each in statement.named}
    former = [row for row in rows if row["provider_id"] and last[row["provider_id"]] != row["line_number"]]
    if not former:
        return statement
    gone = {row["line_number"] for row in former}
    named = [
        Named(int(str(row["line_number"])), str(row["provider_id"]), "repeated", str(row["description"]))
        for row in former
    ]
    return replace(
        statement,
        lines=lines_of([row for row in rows if row["line_number"] not in gone]),
        named=tuple(sorted((*statement.named, *named), key=lambda each: each.line_number)),
    )


def _outcome(found: Found, kind: str, own: str | None, currency: str) -> feeds.Line | Named | Reason:
    if isinstance(found.value, Reason):
        return found.value
    if own is not None and found.value.get("account_id") not in (own, None):
        return Reason.OTHER_ACCOUNT
    if found.state == "removed":
        name = feeds.id_of(found.value)
        return Named(found.line_number, name, "removed", found.text()[:ORIGINAL_LENGTH]) if name else Reason.BROKEN
    return feeds.READERS[kind](found, found.value, currency)


def _rows(
    member: Member,
    account: Account,
    shape: _Shape,
    every: Objects,
    options: Options,
    saved: Sequence[Layout],
) -> Statement:
    """Objects of any other kind: rows under the names that they use."""
    names = tuple(shape.names if not shape.kinds & PROVIDERS else _names(every))
    broken: list[Rejected] = []

    def records() -> Iterator[Record]:
        for found in every():
            if isinstance(found.value, Reason):
                broken.append(Rejected(found.line_number, found.value, found.text()[:ORIGINAL_LENGTH]))
                continue
            cells = _flat(found.value)
            yield Record(found.line_number, found.line_number, [cells.get(name, "") for name in names])

    table = Table(records(), NAME, PARSER_VERSION, DELIMITER, header=names)
    return typed.with_rejected(typed.statement(table, member, account, _renamed(options), saved), broken)


def _names(every: Objects) -> dict[str, None]:
    names: dict[str, None] = {}
    for found in every():
        names |= dict.fromkeys(_flat(found.value) if isinstance(found.value, dict) else ())
        if len(names) > MAX_NAMES:
            raise TooManyColumns
    return names


def _renamed(options: Options) -> Options:
    """A mapping by the names that the file uses."""
    if options.mapping is None:
        return options
    renamed = {
        role: [
            _snake(name) if isinstance(name, str) else name for name in (named if isinstance(named, list) else [named])
        ]
        for role, named in options.mapping.items()
    }
    return options.model_copy(update={"mapping": renamed})


def _flat(row: dict[str, Any], above: str = "", depth: int = 0) -> dict[str, str]:
    """The cells of an object, those of inner ones under the names of both: `merchant.name`."""
    cells: dict[str, str] = {}
    for name, value in row.items():
        path = f"{above}{_snake(name)}"
        if isinstance(value, dict) and value and depth < DEEPEST:
            cells |= _flat(value, f"{path}.", depth + 1)
        else:
            cells[path] = _cell(value)
    return cells


def _cell(value: object) -> str:
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return typed.text(value)
    return typed.text(dumped(value)) if isinstance(value, dict | list) else typed.number(value)  # type: ignore[arg-type]


def _snake(name: str) -> str:
    """bookingDate as booking_date: the words are what headers are known by."""
    return _CAMEL.sub("_", name).lower()
