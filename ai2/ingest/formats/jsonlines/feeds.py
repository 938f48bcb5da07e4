"""Feeds: transactions as bank feeds write them, each object one line or the reason why it is none.

Plaid writes money out above zero, GoCardless (Berlin Group), SimpleFIN and we below. Which of them wrote an object is
told by its names; what has no place of its own in a line stays as attributes.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from ai2.ingest.formats.jsonlines.objects import Found, dumped
from ai2.ingest.formats.shared.choice import plain as plain_number
from ai2.ingest.formats.shared.records import description, unfit
from ai2.ingest.layout import dates
from ai2.ingest.layout.words import NOT_BOOKED, PENDING, plain
from ai2.ingest.lines import Reason, StatedBalance

Line = dict[str, object]
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:T.*)?", re.ASCII)
PLAIN_AMOUNT = re.compile(r"-?\d{1,16}(?:\.\d{1,4})?", re.ASCII)

PLAID = frozenset({"transaction_id", "account_id", "amount", "date", "iso_currency_code"})
PLAID_PLACED = frozenset(
    {
        "transaction_id", "pending_transaction_id", "account_id", "amount", "date", "iso_currency_code", "pending",
        "unofficial_currency_code", "name", "original_description", "merchant_name", "check_number",
    }
)  # fmt: skip
GOCARDLESS = "transactionAmount"
GOCARDLESS_PLACED = frozenset(
    {
        "transactionAmount", "bookingDate", "valueDate", "internalTransactionId", "transactionId",
        "remittanceInformationUnstructured", "remittanceInformationUnstructuredArray", "creditorName", "debtorName",
        "creditorAccount", "debtorAccount", "merchantCategoryCode", "checkId", "endToEndId", "entryReference",
        "balanceAfterTransaction",
    }
)  # fmt: skip
# Whoever else has these names has no seconds in `posted`.
SIMPLEFIN = frozenset({"id", "posted", "amount", "description"})
SIMPLEFIN_PLACED = frozenset({"id", "posted", "amount", "description", "payee", "mcc", "pending"})
LATEST_S = 250_000_000_000  # no calendar goes on for longer
# Our own: `date` and `amount` have to be there, and no other name than these.
OURS = frozenset(
    {
        "date", "amount", "currency", "description", "merchant", "reference", "id", "transaction_id", "pending",
        "pending_id", "pending_transaction_id", "status", "mcc", "value_date", "counterparty", "balance",
        "attributes",
    }
)  # fmt: skip
# Names that nobody else uses together with ours: they tell that the signs are ours too.
TELLING = frozenset({"pending_id", "pending_transaction_id", "value_date", "counterparty", "attributes"})


def plaid(found: Found, row: Mapping[str, Any], currency: str) -> Line | Reason:
    amount = money(row.get("amount"), currency)
    if isinstance(amount, Reason):
        return amount
    return _line(
        {
            "booked_on": day(row.get("date")),
            "amount": -amount,
            "currency": row.get("iso_currency_code") or row.get("unofficial_currency_code") or currency,
            "description": _text(row.get("name")) or _text(row.get("original_description")) or "",
            "merchant": _text(row.get("merchant_name")),
            "reference": _text(row.get("check_number")),
            "provider_id": _text(row.get("transaction_id")),
            "pending_id": _text(row.get("pending_transaction_id")),
            "status": "pending" if row.get("pending") is True else "posted",
            "attributes": _rest(row, PLAID_PLACED),
        },
        currency,
    )


def gocardless(found: Found, row: Mapping[str, Any], currency: str) -> Line | Reason:
    stated = row.get(GOCARDLESS)
    stated = stated if isinstance(stated, dict) else {}
    amount = money(stated.get("amount"), currency)
    if isinstance(amount, Reason):
        return amount
    other = "creditor" if amount < 0 else "debtor"
    texts = row.get("remittanceInformationUnstructuredArray")
    text = " ".join(map(str, texts)) if isinstance(texts, list) else None
    name = _text(row.get(f"{other}Name"))
    balance = money(_inner(row, "balanceAfterTransaction", "balanceAmount", "amount"), currency)
    return _line(
        {
            "booked_on": day(row.get("bookingDate")) or day(row.get("valueDate")),
            "amount": amount,
            "currency": stated.get("currency") or currency,
            "description": description(name, _text(row.get("remittanceInformationUnstructured")) or text),
            "merchant": name,
            "reference": _first(row, "checkId", "endToEndId", "entryReference"),
            "mcc": _mcc(row.get("merchantCategoryCode")),
            "provider_id": _first(row, "internalTransactionId", "transactionId"),
            # the bank's own id, which some banks use again
            "is_unstable": not _text(row.get("internalTransactionId")),
            "status": "pending" if found.state == "pending" else "posted",
            "value_on": day(row.get("valueDate")),
            "counterparty": plain_number(_text(_inner(row, f"{other}Account", "iban"))) or None,
            "balance": None if isinstance(balance, Reason) else balance,
            "attributes": _rest(row, GOCARDLESS_PLACED),
        },
        currency,
    )


def simplefin(_: Found, row: Mapping[str, Any], currency: str) -> Line | Reason:
    amount = money(row.get("amount"), currency)
    if isinstance(amount, Reason):
        return amount
    return _line(
        {
            # a pending one was not posted yet: the protocol writes 0
            "booked_on": day_of_seconds(row.get("posted")) or day_of_seconds(row.get("transacted_at")),
            "amount": amount,
            "currency": currency,
            "description": _text(row.get("description")) or "",
            "merchant": _text(row.get("payee")),
            "mcc": _mcc(row.get("mcc")),
            "provider_id": _text(row.get("id")),
            "status": "pending" if row.get("pending") is True else "posted",
            "attributes": _rest(row, SIMPLEFIN_PLACED),
        },
        currency,
    )


def ours(found: Found, row: Mapping[str, Any], currency: str) -> Line | Reason:
    amount = money(row.get("amount"), currency)
    if isinstance(amount, Reason):
        return amount
    state = plain(_text(row.get("status")) or "")
    if state in NOT_BOOKED:
        return Reason.NOT_BOOKED
    is_pending = row.get("pending") is True or state in PENDING or found.state == "pending"
    balance = money(row.get("balance"), currency)
    attributes = row.get("attributes")
    return _line(
        {
            "booked_on": day(row.get("date")),
            "amount": amount,
            "currency": row.get("currency") or currency,
            "description": _text(row.get("description")) or "",
            "merchant": _text(row.get("merchant")),
            "reference": _text(row.get("reference")),
            "mcc": _mcc(row.get("mcc")),
            "provider_id": _first(row, "id", "transaction_id"),
            "pending_id": _first(row, "pending_id", "pending_transaction_id"),
            "status": "pending" if is_pending else "posted",
            "value_on": day(row.get("value_date")),
            "counterparty": plain_number(_text(row.get("counterparty"))) or None,
            "balance": None if isinstance(balance, Reason) else balance,
            "attributes": dumped(attributes if isinstance(attributes, dict) else {}),
        },
        currency,
    )


READERS: dict[str, Callable[[Found, Mapping[str, Any], str], Line | Reason]] = {
    "plaid": plaid,
    "gocardless": gocardless,
    "simplefin": simplefin,
    "ours": ours,
}


def id_of(row: Mapping[str, Any]) -> str | None:
    """The id of an object that is named and not described."""
    return _first(row, "transaction_id", "id")


def money(value: object, currency: str) -> Decimal | Reason:
    """A JSON number, or text of digits, a point and a minus."""
    if value is None or value == "":
        return Reason.NO_AMOUNT
    if isinstance(value, str) and not PLAIN_AMOUNT.fullmatch(value):
        return Reason.BAD_AMOUNT
    if not isinstance(value, str | Decimal):
        return Reason.BAD_AMOUNT
    try:
        amount = Decimal(value)
        return unfit(amount, currency) or amount
    except InvalidOperation:
        return Reason.TOO_LARGE


def stated(told: Mapping[str, Any] | None, currency: str) -> tuple[StatedBalance, ...]:
    """What the account held at the end of a day, where that is told."""
    on, amount = (day(told.get("date")), money(told.get("amount"), currency)) if told else (None, None)
    return () if on is None or not isinstance(amount, Decimal) else (StatedBalance(on, amount, "closing"),)


def day(value: object) -> date | None:
    """The calendar date that is written; a time behind it moves nothing."""
    match = _ISO.fullmatch(value) if isinstance(value, str) else None
    try:
        found = date(*map(int, match.groups())) if match else None
    except ValueError:
        return None
    return found if found and dates.in_range(found) else None


def day_of_seconds(value: object) -> date | None:
    """The calendar date of a count of seconds since 1970, in UTC: nothing says where its bank is."""
    if not isinstance(value, Decimal) or not 0 < value < LATEST_S:
        return None
    found = datetime.fromtimestamp(int(value), UTC).date()
    return found if dates.in_range(found) else None


def _line(line: Line, currency: str) -> Line | Reason:
    if line["booked_on"] is None:
        return Reason.BAD_DATE
    if str(line["currency"]).upper() != currency:
        return Reason.OTHER_CURRENCY
    return {**line, "currency": currency}


def _text(value: object) -> str | None:
    if value is None or isinstance(value, bool | dict | list):
        return None
    return str(value).strip() or None


def _first(row: Mapping[str, Any], *names: str) -> str | None:
    return next((found for name in names if (found := _text(row.get(name)))), None)


def _inner(row: Mapping[str, Any], *path: str) -> object:
    found: object = row
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _mcc(value: object) -> str | None:
    text = _text(value)
    return text if text and re.fullmatch(r"\d{4}", text, re.ASCII) else None


def _rest(row: Mapping[str, Any], placed: frozenset[str]) -> str:
    return dumped(
        {name: value for name, value in row.items() if name not in placed and value not in (None, "", [], {})}
    )
