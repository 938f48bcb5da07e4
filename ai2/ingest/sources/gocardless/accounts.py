"""Accounts: what GoCardless tells of one, as we know accounts."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from ai2.books.accounts.service import AccountKind
from ai2.ingest.sources.model import RemoteAccount
from ai2.ingest.sources.stating import amount_of

# ISO 20022, external cash account types.
KINDS: dict[str, AccountKind] = {"SVGS": "savings", "LOAN": "loan", "CARD": "card", "CASH": "cash"}
# What was booked, the end of a day before the middle of one; what is only available is no balance of the books.
BALANCES = ("closingBooked", "interimBooked")
LONGEST_NAME = 50


def account(key: str, details: Mapping[str, Any], bank: str) -> RemoteAccount | None:
    """The account; none where the bank tells no currency: it is not guessed."""
    currency = _text(details.get("currency"))
    if currency is None:
        return None
    number = _number(details)
    known_by = number or _text(details.get("resourceId"))
    return RemoteAccount(
        key=key,
        name=(_text(details.get("name")) or _text(details.get("product")) or bank)[:LONGEST_NAME],
        currency=currency.upper(),
        kind=KINDS.get(str(details.get("cashAccountType")), "bank"),
        number=number,
        match=f"{known_by} {currency.upper()}" if known_by else None,
    )


def with_balance(account: RemoteAccount, balances: Any) -> RemoteAccount:
    """The account with what was booked on it, where the bank says that in its currency."""
    by_type = {
        each.get("balanceType"): each
        for each in (balances if isinstance(balances, list) else ())
        if isinstance(each, dict) and _of(each, "currency") == account.currency
    }
    found = next((by_type[name] for name in BALANCES if name in by_type), None)
    amount = amount_of(_of(found, "amount")) if found else None
    return replace(account, balance=amount, balance_on=_day(found.get("referenceDate"))) if found else account


def _of(balance: Mapping[str, Any], name: str) -> Any:
    stated = balance.get("balanceAmount")
    return stated.get(name) if isinstance(stated, dict) else None


def _number(details: Mapping[str, Any]) -> str | None:
    iban = _text(details.get("iban"))
    return iban.replace(" ", "").upper() if iban else _text(details.get("bban")) or _text(details.get("maskedPan"))


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
