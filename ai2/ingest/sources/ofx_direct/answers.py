"""Answers of OFX: whether the bank grants what it was asked, and which accounts there are.

What its codes mean is in the OFX specification, section "Status codes". The bank's own words are not repeated.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from typing import cast, get_args

from ai2.ingest.sources.asking import AnswerNotUnderstood, ProviderDown
from ai2.ingest.sources.ofx_direct.requests import CARD, Kind, OfxAccount
from ai2.ingest.sources.problems import ConsentNeeded, CredentialsRefused, Permanent, Transient

_TOKEN = re.compile(r"<(/?)([A-Z][A-Z0-9.]{0,40})\s*/?>([^<]*)", re.IGNORECASE)
_UNSAFE = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_ENTRY = re.compile(
    rb"<STMTTRN\s*>(.*?)(?=</STMTTRN\s*>|<STMTTRN\s*>|</?BANKTRANLIST|<LEDGERBAL|\Z)", re.IGNORECASE | re.DOTALL
)
_POSTED = re.compile(r"<DTPOSTED>\s*(\d{8})", re.IGNORECASE | re.ASCII)
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
DEEPEST = 50
KINDS = frozenset(get_args(Kind))


class PasswordToBeChanged(ConsentNeeded):
    """The bank wants its password changed before it goes on."""

    what_to_do = "Change the password at the bank, then connect again with reconnect naming this connection."


class LockedOut(CredentialsRefused):
    """The bank has locked this user out, as it does after several wrong passwords."""

    what_to_do = "Have it unlocked by the bank, then connect again with reconnect naming this connection."


class ClientNotKnown(ConsentNeeded):
    """The bank does not know this program yet, or asks who it is by another way."""

    what_to_do = (
        "Look at the bank's site or mail for a request to allow the program, or have Direct Connect enabled, and "
        "connect again with reconnect naming this connection."
    )


class AccountRefused(Permanent):
    """The bank does not know this account, has closed it, or does not give it to this user."""

    what_to_do = "Connect again with reconnect naming this connection, and with accounts that there are."


class RequestRefused(Permanent):
    """The bank refuses what it is asked."""

    what_to_do = "Compare url, version, org, fid and app_version with what the bank says of Direct Connect."


class BankBusy(Transient):
    """The bank cannot answer just now."""


_MEANS: dict[int, type[Transient | Permanent]] = {
    2000: BankBusy, 2001: AccountRefused, 2002: BankBusy, 2003: AccountRefused, 2004: AccountRefused,
    2005: AccountRefused, 2006: AccountRefused, 2007: AccountRefused, 2008: AccountRefused,
    3000: ClientNotKnown,  # a further factor
    6500: RequestRefused, 6501: BankBusy, 6502: BankBusy,
    10500: BankBusy, 13500: AccountRefused,
    15000: PasswordToBeChanged, 15500: CredentialsRefused, 15501: BankBusy, 15502: LockedOut,
    15503: CredentialsRefused, 15504: BankBusy, 15505: RequestRefused, 15506: RequestRefused,
    15507: RequestRefused, 15508: RequestRefused, 15510: ClientNotKnown, 15511: ClientNotKnown,
    15512: ClientNotKnown, 15513: ClientNotKnown, 15514: ClientNotKnown,
}  # fmt: skip


@dataclass
class Answer:
    """What is in an answer besides transactions."""

    codes: list[tuple[int, bool]] = field(default_factory=list)
    accounts: list[OfxAccount] = field(default_factory=list)
    currency: str | None = None


def read(content: bytes) -> Answer:
    """What the bank says. Raises Transient and Permanent by its codes, AnswerNotUnderstood."""
    found = Answer()
    values: dict[str, str] = {}
    signed_on = False
    for path, tag, value in _values(content.decode("utf-8", "replace")):
        if value is None:  # an aggregate ends
            if tag == "STATUS":
                found.codes.append((_code(values.pop("CODE", "")), values.pop("SEVERITY", "").upper() == "ERROR"))
                signed_on |= "SONRS" in path
            elif tag in ("BANKACCTFROM", "CCACCTFROM") and "ACCTINFO" in path:
                found.accounts.append(_account(tag, values))
                values = {name: values[name] for name in ("DESC",) if name in values}
            elif tag == "ACCTINFO":
                values = {}
        elif tag == "CURDEF":
            found.currency = value.upper()
        else:
            values[tag] = value
    _check(found, signed_on=signed_on)
    return found


def entries(content: bytes) -> dict[str, date | None]:
    """Each transaction's digest and its day: they tell what is new, whatever else differs from answer to answer."""
    found = {}
    for entry in _ENTRY.findall(content):
        posted = _POSTED.search(entry.decode("utf-8", "replace"))
        found[blake2b(entry.strip(), digest_size=8).hexdigest()] = _day(posted[1]) if posted else None
    return found


def _check(found: Answer, *, signed_on: bool) -> None:
    for code, is_error in found.codes:
        if code == 0 or not is_error:
            continue
        raise _MEANS.get(code, RequestRefused)(f"{_MEANS.get(code, RequestRefused).__doc__} (OFX {code})")
    if not signed_on:
        raise AnswerNotUnderstood("The bank's answer is no OFX, or says nothing of the sign-on.")


def _account(tag: str, values: dict[str, str]) -> OfxAccount:
    kind = values.get("ACCTTYPE", "CHECKING").upper()
    return OfxAccount(
        number=values.get("ACCTID", ""),
        kind=CARD if tag == "CCACCTFROM" else cast(Kind, kind) if kind in KINDS else "CHECKING",
        bank="" if tag == "CCACCTFROM" else values.get("BANKID", ""),
        name=values.get("DESC", ""),
    )


def _values(text: str) -> Iterator[tuple[list[str], str, str | None]]:
    """Each value with its way there, and each aggregate's end, which has none."""
    if _UNSAFE.search(text):
        raise AnswerNotUnderstood("The bank's answer has what no OFX has.")
    path: list[str] = []
    for closes, raw, written in _TOKEN.findall(text):
        tag, value = raw.upper(), html.unescape(written.strip())
        if closes:
            if tag in path:
                while path:
                    ended = path.pop()
                    yield path, ended, None
                    if ended == tag:
                        break
        elif value:
            yield path, tag, value
        else:
            path.append(tag)
            if len(path) > DEEPEST:
                raise AnswerNotUnderstood


def _code(text: str) -> int:
    return int(text) if re.fullmatch(r"\d{1,6}", text, re.ASCII) else ProviderDown.status


def _day(text: str) -> date | None:
    stated = _DATE.match(text)
    try:
        return date(*map(int, stated.groups())) if stated else None
    except ValueError:
        return None
