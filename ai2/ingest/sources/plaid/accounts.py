"""Accounts: what Plaid tells of the accounts of an Item, as ours."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from ai2.books.accounts.service import AccountKind
from ai2.ingest.sources.model import RemoteAccount
from ai2.ingest.sources.plaid.problems import AnswerNotUnderstood

KINDS: Mapping[str, AccountKind] = {"depository": "bank", "credit": "card", "loan": "loan"}
SAVINGS = frozenset({"savings", "cd", "money market"})
# Their balance is what is owed.
OWED = frozenset({"credit", "loan"})


def remote_accounts(told: Iterable[Mapping[str, Any]]) -> tuple[RemoteAccount, ...]:
    """All of them but those in a currency that is none, such as a coin's. Raises AnswerNotUnderstood."""
    try:
        return tuple(_account(each) for each in told if not each["balances"].get("unofficial_currency_code"))
    except (KeyError, TypeError, AttributeError, ValueError):
        raise AnswerNotUnderstood from None


def _account(told: Mapping[str, Any]) -> RemoteAccount:
    balances, kind = told["balances"], KINDS.get(str(told["type"]), "other")
    if kind == "bank" and told.get("subtype") in SAVINGS:
        kind = "savings"
    return RemoteAccount(
        key=str(told["account_id"]),
        name=str(told.get("name") or told.get("official_name") or "Account"),
        currency=balances.get("iso_currency_code"),
        kind=kind,
        match=_match(told),
        balance=_balance(balances.get("current"), is_owed=told["type"] in OWED),
        balance_on=_day(balances.get("last_updated_datetime")),
    )


def _match(told: Mapping[str, Any]) -> str | None:
    """What stays the same where the bank is connected anew. The mask alone is no number: banks have the same ones."""
    if told.get("persistent_account_id"):
        return str(told["persistent_account_id"])
    if not told.get("mask"):
        return None
    return f"{told['mask']} {told.get('subtype')} {told.get('name')}".casefold()


def _balance(current: object, *, is_owed: bool) -> Decimal | None:
    if isinstance(current, bool) or not isinstance(current, int | Decimal):
        return None
    return -Decimal(current) if is_owed else Decimal(current)


def _day(instant: object) -> date | None:
    """The calendar day that the bank names; most name none."""
    return date.fromisoformat(instant[:10]) if isinstance(instant, str) else None
