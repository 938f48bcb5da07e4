"""Telling: what a SimpleFIN server's answer says of accounts, and what it wants its user to be told."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from ai2.ingest.sources.model import RemoteAccount
from ai2.ingest.sources.stating import amount_of
from ai2.kit.errors import Invalid
from ai2.kit.masking import mask
from ai2.kit.money import exponent

LONGEST_NOTICE, LONGEST_NAME = 200, 50
NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069<>]+")
AN_ADDRESS = re.compile(r"\S+://\S+")


def account(row: Mapping[str, Any], found: Mapping[str, Any]) -> RemoteAccount | None:
    """An account in a currency that is one; none where it is of miles or points, which are kept under an address."""
    key, name, currency = row.get("id"), row.get("name"), str(row.get("currency", "")).upper()
    if not isinstance(key, str) or not key or not isinstance(name, str) or not _is_currency(currency):
        return None
    bank, bank_id = _bank(row, found)
    return RemoteAccount(
        key=f"{bank_id} {key}",
        name=_text(name, LONGEST_NAME) or bank or "Account",
        currency=currency,
        match=f"{bank} {name} {currency}",
        balance=amount_of(row.get("balance")),
        balance_on=_day(row.get("balance-date")),
    )


def _bank(row: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, str]:
    """By what an account's bank is called, and known: by the connection in version 2, by the organization in 1."""
    of_version_1 = row.get("org")
    if isinstance(of_version_1, dict):
        known = [str(of_version_1[name]) for name in ("domain", "name", "id") if of_version_1.get(name)]
        return (known[0], known[0]) if known else ("", "")
    conn_id = str(row.get("conn_id", ""))
    joined = objects(found, "connections")
    known_as = next((str(each.get("org_id", "")) for each in joined if each.get("conn_id") == conn_id), "")
    return known_as or conn_id, conn_id


def notices(found: Mapping[str, Any]) -> list[str]:
    """What the server wants its user to be told: in words of ours where it gives a code, else in its own."""
    banks = {str(each.get("conn_id")): _text(each.get("name"), LONGEST_NAME) for each in objects(found, "connections")}
    told = [_notice(each, banks) for each in errors(found)]
    # in version 2 the former list says the same again; what it alone has, such as that we ask too often, counts too
    again = {str(each.get("msg") or each.get("message") or "") for each in errors(found)}
    plain = found.get("errors")
    fresh = [each for each in plain if isinstance(each, str) and each not in again] if isinstance(plain, list) else []
    return [each for each in [*told, *map(_said, fresh)] if each]


def _notice(error: Mapping[str, Any], banks: Mapping[str, str]) -> str:
    code = str(error.get("code", ""))
    bank = banks.get(str(error.get("conn_id")), "") or "One of your banks"
    known = {
        "con.auth": f"{bank} wants you to sign in again at your SimpleFIN server.",
        "act.failed": "An account could not be read just now; it is tried again by itself.",
        "act.missingdata": "The transactions of an account are not complete; they are asked for again by themselves.",
    }
    return known.get(code) or _said(str(error.get("msg") or error.get("message") or ""))


def _said(text: str) -> str:
    """A server's own words, with nothing in them that is no word."""
    plain = _text(AN_ADDRESS.sub("", text), LONGEST_NOTICE)
    return f"Your SimpleFIN server says: {mask(plain)}" if plain else ""


def errors(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return objects(found, "errlist")


def objects(found: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    listed = found.get(name)
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def left_out(row: Any) -> str:
    name = _text(row.get("name"), LONGEST_NAME) if isinstance(row, dict) else ""
    return f"{name or 'An account'} is left out: what it is kept in is no currency."


def _is_currency(text: str) -> bool:
    try:
        return exponent(text) >= 0
    except Invalid:
        return False


def _text(value: Any, longest: int) -> str:
    return " ".join(NO_TEXT.sub(" ", value).split())[:longest].strip() if isinstance(value, str) else ""


def _day(value: Any) -> date | None:
    try:
        return datetime.fromtimestamp(int(value), UTC).date() if isinstance(value, int | Decimal) and value else None
    except (ValueError, OverflowError, OSError):
        return None
