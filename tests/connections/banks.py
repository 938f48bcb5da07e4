"""Banks: a model of one with two accounts, whose payments are announced, booked, changed and taken back, and two feeds
of it: one tells what changed since a cursor, page by page, as Plaid does; the other shows the last days, as GoCardless
does. Nothing here knows ours."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Literal

from ai2.ingest.sources.model import Connected, Document, Page, RemoteAccount, Session, Source
from ai2.ingest.sources.problems import ConsentNeeded, Transient

Flavour = Literal["changes", "window", "window of the bank's ids"]
ACCOUNTS = ("checking", "savings")
NUMBERS = {"checking": "GB33BUKB20201555555555", "savings": "GB94BARC10201530093459"}
CURRENCY = "GBP"
FIRST_DAY = date(2026, 1, 5)
# What is announced is booked or withdrawn within so many days; a window goes back so far behind the last one.
PATIENCE, OVERLAP = timedelta(days=12), timedelta(days=10)
PAGE_ROWS = 3
MERCHANTS = ("COSTA COFFEE 43010", "SHELL 1234", "HILTON LONDON", "AMAZON MKTP", "PAYROLL ACME")
AMOUNTS = tuple(map(Decimal, ("-3.20", "-3.30", "-20.00", "-24.00", "-1.00", "1500.00")))


@dataclass(frozen=True)
class Payment:
    """One payment as its bank knows it; `pending_name` is under which it was announced."""

    name: str
    account: str
    day: date
    amount: Decimal
    text: str
    is_pending: bool = False
    pending_name: str | None = None


@dataclass
class Bank:
    """A bank on a day. What a customer sees of it is `payments`."""

    flavour: Flavour
    today: date = FIRST_DAY
    payments: list[Payment] = field(default_factory=list)
    has_consent: bool = True
    consents: int = 1
    fault: str = "none"
    names: int = 0
    snapshots: list[dict[str, Payment]] = field(default_factory=lambda: [{}])

    # --- what happens at a bank ----------------------------------------------------------------------------------

    def days(self, number: int) -> None:
        self.today += timedelta(days=number)
        late = [each for each in self.payments if each.is_pending and each.day < self.today - PATIENCE]
        self.payments = [each for each in self.payments if each not in late]

    def announce(self, account: str, text: str, amount: Decimal) -> None:
        self.payments.append(Payment(self.name(), account, self.today, amount, text, is_pending=True))

    def post(self, account: str, text: str, amount: Decimal, days_ago: int) -> None:
        day = self.today - timedelta(days=days_ago)
        self.payments.append(Payment(self.name(), account, day, amount, text))

    def book(self, which: int, amount: Decimal | None) -> None:
        """What was announced is booked, under another name, perhaps with a tip."""
        if one := self.pick(which, is_pending=True):
            booked = replace(
                one, name=self.name(), day=self.today, amount=amount if amount is not None else one.amount,
                is_pending=False, pending_name=one.name,
            )  # fmt: skip
            self.put(one, booked)

    def amend(self, which: int, amount: Decimal) -> None:
        if one := self.pick(which, is_pending=True):
            self.put(one, replace(one, amount=amount))

    def withdraw(self, which: int) -> None:
        if one := self.pick(which, is_pending=True):
            self.payments.remove(one)

    def change(self, which: int, what: str, amount: Decimal, text: str) -> None:
        """What is booked is corrected. A window's customer sees that only of what it shows, under the same id."""
        one = self.pick(which, is_pending=False)
        if one is None or (self.flavour != "changes" and (not self.has_consent or self.is_out_of_sight(one))):
            return
        if self.flavour == "window of the bank's ids" and what != "text":
            return
        changed: dict[str, Any] = {"amount": amount} if what == "amount" else {"text": text}
        if what == "day" and one.day < self.today:
            changed = {"day": one.day + timedelta(days=1)}
        self.put(one, replace(one, **changed))

    def remove(self, which: int) -> None:
        """What is booked is taken back; of that no window tells, whose banks book the contrary instead."""
        one = self.pick(which, is_pending=False)
        if one and self.flavour == "changes":
            self.payments.remove(one)
        elif one:
            self.post(one.account, f"REVERSAL {one.text}", -one.amount, 0)

    def reuse(self, which: int, text: str, amount: Decimal) -> None:
        """A name is used again for another payment."""
        one = self.pick(which, is_pending=False)
        if one is None or self.flavour == "window":
            return
        if self.flavour == "changes":
            self.payments.remove(one)
        self.payments.append(Payment(one.name, one.account, self.today, amount, f"OTHER {text}"))

    # --- how it goes about that ----------------------------------------------------------------------------------

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    def pick(self, which: int, *, is_pending: bool) -> Payment | None:
        known = [each for each in self.payments if each.is_pending == is_pending]
        return known[which % len(known)] if known else None

    def put(self, former: Payment, payment: Payment) -> None:
        self.payments[self.payments.index(former)] = payment

    def is_out_of_sight(self, one: Payment) -> bool:
        return one.day < self.today - OVERLAP

    def booked(self, account: str) -> Counter[tuple[date, Decimal]]:
        """Days and amounts of what is booked: with these the books have to agree."""
        return Counter(
            (each.day, each.amount) for each in self.payments if each.account == account and not each.is_pending
        )

    def consent(self) -> None:
        self.has_consent, self.consents = True, self.consents + 1

    def ask(self) -> None:
        if not self.has_consent:
            raise ConsentNeeded

    def as_csv(self, account: str) -> bytes:
        """What is booked, as the customer downloads it."""
        rows = sorted((each for each in self.payments if each.account == account and not each.is_pending), key=_by_day)
        lines = [f"{each.day},{each.text},{each.amount}\n" for each in rows]
        return ("Date,Description,Amount\n" + "".join(lines)).encode() if lines else b""


def _by_day(payment: Payment) -> tuple[date, str]:
    return payment.day, payment.name


BANKS: dict[str, Bank] = {}


def _bank(session: Session) -> Bank:
    return BANKS[session.settings["bank"]]


def _accounts() -> tuple[RemoteAccount, ...]:
    return tuple(RemoteAccount(name, name.title(), CURRENCY, "bank", NUMBERS[name]) for name in ACCOUNTS)


def connect(session: Session) -> Connected:
    return Connected(accounts=_accounts())


# --- as Plaid ----------------------------------------------------------------------------------------------------


def changes(session: Session) -> Iterator[Page]:
    """What changed since the cursor, some rows a page, in no order; only behind the last page it is safe to go on."""
    bank = _bank(session)
    bank.ask()
    before = bank.snapshots[(session.cursor or {"at": 0})["at"]]
    now = {each.name: each for each in bank.payments}
    bank.snapshots.append(now)
    rows = list(_differences(before, now))
    Random(len(bank.snapshots)).shuffle(rows)
    pages = [rows[place : place + PAGE_ROWS] for place in range(0, len(rows), PAGE_ROWS)] or [[]]
    fault, bank.fault = bank.fault, "none"
    for number, some in enumerate(pages):
        is_last = number == len(pages) - 1
        yield Page(tuple(_documents(some)), accounts=_accounts(), cursor={"at": len(bank.snapshots) - 1} if is_last
                   and fault != "mutated" else None)  # fmt: skip
        if fault == "cut":
            raise Transient
    if fault == "mutated":
        yield Page(restarts=True)
        yield from changes(session)


def _differences(before: Mapping[str, Payment], now: Mapping[str, Payment]) -> Iterator[tuple[str, Payment]]:
    for name, payment in now.items():
        if name not in before or before[name].account != payment.account:
            yield "added", payment
        elif before[name] != payment:
            yield "modified", payment
    for name, payment in before.items():
        if name not in now:
            yield "removed", payment


def _documents(rows: list[tuple[str, Payment]]) -> Iterator[Document]:
    for account in ACCOUNTS:
        told: dict[str, list[Any]] = {"added": [], "modified": [], "removed": []}
        for kind, payment in rows:
            if payment.account == account:
                named = {"transaction_id": payment.name, "account_id": account}
                told[kind].append(named if kind == "removed" else named | _as_plaid(payment))
        if any(told.values()):
            yield Document(f"{account}.json", _written(told), account)


def _as_plaid(payment: Payment) -> dict[str, Any]:
    return {
        "date": payment.day.isoformat(), "amount": -payment.amount, "iso_currency_code": CURRENCY,
        "name": payment.text, "pending": payment.is_pending, "pending_transaction_id": payment.pending_name,
    }  # fmt: skip


# --- as GoCardless -----------------------------------------------------------------------------------------------


def window(session: Session) -> Iterator[Page]:
    """What is booked since some days before the last answer, and all that is pending."""
    bank = _bank(session)
    bank.ask()
    first = date.fromisoformat((session.cursor or {"until": FIRST_DAY.isoformat()})["until"]) - OVERLAP
    fault, bank.fault = bank.fault, "none"
    for number, account in enumerate(ACCOUNTS):
        if fault == "cut" and number:
            raise Transient
        is_last = number == len(ACCOUNTS) - 1
        yield Page(
            (Document(f"{account}.json", _written(_shown(bank, account, first)), account),),
            accounts=_accounts() if not number else (),
            cursor={"until": bank.today.isoformat()} if is_last else None,
        )


def _shown(bank: Bank, account: str, first: date) -> dict[str, Any]:
    own = [each for each in bank.payments if each.account == account]
    return {
        "transactions": {
            "booked": [_as_gocardless(bank, each) for each in own if not each.is_pending and each.day >= first],
            "pending": [_as_gocardless(bank, each) for each in own if each.is_pending],
        }
    }


def _as_gocardless(bank: Bank, payment: Payment) -> dict[str, Any]:
    told: dict[str, Any] = {
        "transactionAmount": {"amount": str(payment.amount), "currency": CURRENCY},
        "bookingDate": payment.day.isoformat(), "remittanceInformationUnstructured": payment.text,
    }  # fmt: skip
    if payment.is_pending:
        return told
    if bank.flavour == "window":  # its ids are other ones with each consent
        minted = hashlib.sha256(f"{bank.consents} {payment.name}".encode()).hexdigest()[:16]
        return told | {"internalTransactionId": minted, "transactionId": payment.name}
    return told | {"transactionId": payment.name}


def _written(document: Any) -> bytes:
    """Numbers as they are."""
    texts = json.dumps(document, default=lambda value: f"<{value}>")
    return texts.replace('"<', "").replace('>"', "").encode()


def _source(name: str, pages: Any) -> Source:
    schema = {"type": "object", "properties": {"bank": {"type": "string"}}, "required": ["bank"]}
    return Source(
        name=name, title=f"A bank by {name}", kind="bank", way="credentials", settings=schema,
        credentials={"type": "object"}, connect=connect, pages=pages,
    )  # fmt: skip


SOURCES = {"model-changes": _source("model-changes", changes), "model-window": _source("model-window", window)}
