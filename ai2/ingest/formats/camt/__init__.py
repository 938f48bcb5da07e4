"""camt.052, .053 and .054 (ISO 20022), every version: from bytes to statement lines, one entry at a time.

Elements are told by their names, whatever their namespace: the versions differ in what they add. An entry whose
details come to just its amount is a line a detail; any other is one line. CdtDbtInd says where the money went, also
of a reversal, where RvslInd only tells that the parties changed roles: so says the standard. Some banks mean it the
other way, and are believed where only that leads from the opening balance to the closing one.
"""

import re
from collections.abc import Sequence

from ai2.ingest.containers import Member
from ai2.ingest.formats.camt import entries
from ai2.ingest.formats.camt.entries import BALANCE, DETAIL, ENTRY, STATEMENT, Values, accounts, one
from ai2.ingest.formats.shared.choice import plain
from ai2.ingest.formats.shared.markup import Walk
from ai2.ingest.formats.shared.messages import Balance, Gathering, Part
from ai2.ingest.layout.model import Layout, Options
from ai2.ingest.lines import Account, Reason, Statement
from ai2.ingest.problems import BrokenMarkup, UnknownFormat

NAME = "camt"
PARSER_VERSION = "camt-1"
_BEGINS = re.compile(
    rb"<(?:\?xml\b|!--|!DOCTYPE(?!\s+html)|[^!?>]*(?:iso:20022|camt\.05)|(?:[\w.-]+:)?Document\b)", re.I
)
DEEPEST = 60
STATEMENTS = frozenset({"Stmt", "Rpt", "Ntfctn"})
PRICED = (f"{ENTRY}/Amt@Ccy",)
# Kind, day, amount, currency and direction of a balance.
STATED = tuple(
    tuple(f"{BALANCE}/{path}" for path in paths)
    for paths in (("Tp/CdOrPrtry/Cd", "Tp/Cd"), ("Dt/Dt", "Dt/DtTm"), ("Amt",), ("Amt@Ccy",), ("CdtDbtInd",))
)
INNER = {"Ntry": ENTRY, "Bal": BALANCE}
# A detail begins anew; a merchant's category stands at several depths.
INSIDE = {"TxDtls": DETAIL, "MrchntCtgyCd": "/MrchntCtgyCd"}


def matches(head: bytes) -> bool:
    return bool(_BEGINS.match(head))


def read(member: Member, account: Account, options: Options, saved: Sequence[Layout] = ()) -> Statement:
    """The lines of the account's own statements. Raises Unreadable and its kinds, SeveralAccounts, OtherCurrency."""
    walk = Walk(member, options.encoding)
    message = _Message(walk, Gathering(account))
    last_line = walk.run(message)
    if not message.is_camt:
        raise UnknownFormat("This is XML of another kind; export the statement as camt.053, OFX or CSV.")
    return message.gathering.statement(member.name, NAME, PARSER_VERSION, last_line=last_line)


class _Element:
    """An element at one place of the message: its path, and what is done where it begins and ends."""

    __slots__ = ("around", "begin", "children", "depth", "end", "path", "priced")

    def __init__(self, path: str, around: "_Element | None" = None) -> None:
        self.path, self.priced = path, f"{path}@Ccy"
        self.around: _Element = around or self
        self.depth: int = around.depth + 1 if around else 0
        self.children: dict[str, _Element] = {}
        self.begin, self.end = _BEGIN.get(path), _END.get(path)


class _Message:
    """Where in the message we are, and the values of the statement, balance, entry or detail that we are in."""

    def __init__(self, walk: Walk, gathering: Gathering) -> None:
        self.gathering = gathering
        self.is_camt = False
        self._walk = walk
        self._element = _Element("")
        self._chunks: list[str] = []
        self.text = self._chunks.append
        self._values: Values = {}
        self._statement: Values = {}
        self._entry: Values = {}
        self._details: list[Values] = []
        self._place = 0
        self._places: list[int] = []
        self._part = Part()

    def opened(self, name: str, attributes: dict[str, str], /) -> None:
        around = self._element
        self._element = element = around.children.get(name) or self._child(around, name)
        self._chunks.clear()
        if attributes and "Ccy" in attributes:
            self._values.setdefault(element.priced, attributes["Ccy"])
        if element.begin:
            element.begin(self)

    def closed(self, name: str, /) -> None:
        element = self._element
        self._element = element.around
        if chunks := self._chunks:
            text = (chunks[0] if len(chunks) == 1 else "".join(chunks)).strip()
            chunks.clear()
            if text:
                values, path = self._values, element.path
                if path in values:
                    self._add(path, text)
                else:
                    values[path] = text
        if element.end:
            element.end(self)

    def _add(self, path: str, text: str) -> None:
        known = self._values[path]
        if isinstance(known, list):
            known.append(text)
        else:
            self._values[path] = [known, text]

    def _child(self, around: _Element, name: str) -> _Element:
        """The element in another, its path counted from the statement, balance, entry or detail around it."""
        local = name.rpartition(":")[2]
        if around.depth > DEEPEST:
            raise BrokenMarkup
        self.is_camt = self.is_camt or local.startswith("BkToCstmr")
        found = around.children[name] = _Element(_path(around.path, local), around)
        return found

    def begin_statement(self) -> None:
        self._part = Part()
        self.gathering.parts.append(self._part)
        self._statement = self._values = {}

    def end_account(self) -> None:
        self._part.number = entries.account_of(self._statement, accounts(f"{STATEMENT}/Acct/Id"))
        self._part.currency = one(self._statement, (f"{STATEMENT}/Acct/Ccy",)).upper()

    def begin_inner(self) -> None:
        self._values = {}

    def end_balance(self) -> None:
        values, part = self._values, self._part
        self._values = self._statement
        kind, on, size, currency, direction = (one(values, paths) for paths in STATED)
        amount, day = entries.signed(size, direction), entries.day_of(on)
        if day is None or isinstance(amount, Reason):
            return
        balance = Balance(day, amount, currency)
        if kind == "CLBD":
            part.closing = balance
        elif kind == "OPBD" or (kind == "PRCD" and part.opening is None):
            part.opening = balance

    def begin_entry(self) -> None:
        self._entry = self._values = {}
        self._details, self._places = [], []
        self._place = self._walk.line
        self._walk.hold()

    def begin_detail(self) -> None:
        self._values = {}
        self._details.append(self._values)
        self._places.append(self._walk.line)

    def end_detail(self) -> None:
        self._values = self._entry

    def end_entry(self) -> None:
        entry, self._values = self._entry, self._statement
        gathering, part = self.gathering, self._part
        outcome = self._outcome(entry)
        if isinstance(outcome, Reason):
            gathering.reject(part, self._place, outcome, self._walk.excerpt())
            return
        is_reversal = entries.is_reversal(entry)
        places = self._places if len(outcome) > 1 else [self._place]
        for place, row in zip(places, outcome, strict=True):
            gathering.line(part, place, row, is_reversal=is_reversal)

    def _outcome(self, entry: Values) -> "list[dict[str, object]] | Reason":
        currency = self.gathering.account.currency
        if not self.gathering.belongs(self._part):
            return Reason.OTHER_ACCOUNT
        if self._part.currency not in ("", currency) or one(entry, PRICED).upper() not in ("", currency):
            return Reason.OTHER_CURRENCY
        return entries.lines(entry, self._details, currency, plain(self._part.number))


def _path(around: str, local: str) -> str:
    if local in STATEMENTS and "BkToCstmr" in around:
        return STATEMENT
    if around == STATEMENT and local in INNER:
        return INNER[local]
    if around.startswith((ENTRY, DETAIL)) and local in INSIDE:
        return INSIDE[local] if local == "TxDtls" else f"{around[:2]}{INSIDE[local]}"
    return f"{around}/{local}"


_BEGIN = {
    STATEMENT: _Message.begin_statement,
    BALANCE: _Message.begin_inner,
    ENTRY: _Message.begin_entry,
    DETAIL: _Message.begin_detail,
}
_END = {
    f"{STATEMENT}/Acct": _Message.end_account,
    BALANCE: _Message.end_balance,
    ENTRY: _Message.end_entry,
    DETAIL: _Message.end_detail,
}
