"""GoCardless Bank Account Data: accounts of banks in Europe, by the consent of their holder for 90 days.

A connection is a requisition. Its holder consents at the bank and comes back to our callback; a new consent makes a new
requisition, and accounts are known again by their IBAN and currency. The one before is deleted then.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from ai2.ingest.sources.asking import ProviderDown
from ai2.ingest.sources.gocardless import accounts as told
from ai2.ingest.sources.gocardless.client import Client, calling, json_of, object_of
from ai2.ingest.sources.gocardless.problems import (
    AccessForbidden,
    AccountGone,
    AccountSuspended,
    AnswerUnusable,
    ConsentEnded,
    ConsentNotGiven,
    GoCardlessUnavailable,
    QuotaUsedUp,
    TooFast,
)
from ai2.ingest.sources.gocardless.standing import Standing
from ai2.ingest.sources.model import (
    Connected,
    Document,
    Institution,
    Limit,
    Page,
    RemoteAccount,
    Session,
    Source,
)
from ai2.ingest.sources.problems import Permanent, Transient
from ai2.kit.security import new_secret
from ai2.kit.settings import settings

CONSENT_DAYS = 90
# Four times a day, however it is spread: some banks allow no more.
EVERY_MINUTES = 400
HISTORY_DAYS = 730
CALLBACK = "/api/connectors/callback/gocardless"
SCOPE = ["balances", "details", "transactions"]
# What a requisition that was linked can become.
ENDED: dict[str, type[Permanent]] = {"EX": ConsentEnded, "SU": AccountSuspended, "RJ": AccessForbidden}


def connect(session: Session) -> Connected:
    """An agreement and a requisition, and the link at which the holder consents to them."""
    wanted = session.settings
    with calling(session.pace) as calls:
        bank = object_of(calls.get("institutions", wanted["institution_id"], about="institution"))
        history_days = min(
            _whole(bank.get("transaction_total_days"), CONSENT_DAYS), wanted.get("history_days", HISTORY_DAYS)
        )
        agreement = calls.post("agreements", "enduser", about="institution", body={
            "institution_id": wanted["institution_id"], "max_historical_days": history_days,
            "access_valid_for_days": CONSENT_DAYS, "access_scope": SCOPE,
        })  # fmt: skip
        # a link that was given out before is good no more
        _forget(calls, (session.credentials.get("awaits") or {}).get("requisition_id"))
        reference = new_secret()
        requisition = calls.post("requisitions", about="institution", body={
            "institution_id": wanted["institution_id"], "agreement": agreement.get("id"), "reference": reference,
            "redirect": settings().public_address + CALLBACK,
            **({"user_language": wanted["language"].upper()} if "language" in wanted else {}),
        })  # fmt: skip
    awaits = {
        "link": _text(requisition, "link"), "requisition_id": _text(requisition, "id"),
        "agreement_id": _text(agreement, "id"), "reference": reference,
    }  # fmt: skip
    return Connected(
        link=awaits["link"],
        credentials={"awaits": awaits},
        settings={"history_days": history_days, "bank": _text(bank, "name")},
        external_id=reference,
    )


def finish(session: Session, answer: Mapping[str, Any]) -> Connected:
    """The holder came back: whether they consented, to which accounts, and until when."""
    awaits = session.credentials.get("awaits")
    if not awaits or answer.get("error") or answer.get("ref") != awaits["reference"]:
        raise ConsentNotGiven
    with calling(session.pace) as calls:
        requisition = object_of(calls.get("requisitions", awaits["requisition_id"], about="consent"))
        if requisition.get("status") != "LN" or not _keys(requisition):
            raise ENDED.get(str(requisition.get("status")), ConsentNotGiven)
        agreement = object_of(calls.get("agreements", "enduser", awaits["agreement_id"], about="consent"))
        accounts = [_at_once(calls, key, session.settings["bank"]) for key in _keys(requisition)]
        _forget(calls, session.credentials.get("requisition_id"))
    return Connected(
        credentials={
            "requisition_id": awaits["requisition_id"],
            "agreement_id": awaits["agreement_id"],
            "awaits": None,
        },
        accounts=tuple(account for account in accounts if account),
        consent_expires_at=_expires_at(agreement),
    )


def pages(session: Session) -> Iterator[Page]:
    """A page for each account. What one bank refuses for an account keeps no other from being read."""
    standing, consent = Standing.read(session.cursor), session.credentials
    waits: list[Transient] = []
    with calling(session.pace) as calls:
        requisition = object_of(calls.get("requisitions", consent["requisition_id"], about="consent"))
        if requisition.get("status") != "LN":
            raise ENDED.get(str(requisition.get("status")), ConsentNotGiven)
        for key in _keys(requisition):
            if standing.gone.get(key) == consent["requisition_id"]:
                continue
            try:
                page = _page(calls, session, standing, key)
            except (TooFast, GoCardlessUnavailable, ProviderDown):
                raise
            except Transient as problem:
                waits.append(problem)
            except AccountGone:
                standing.gone[key] = consent["requisition_id"]
                yield Page(
                    cursor=standing.cursor(),
                    notices=(f"The bank has closed an account of {session.settings['bank']}.",),
                )
            else:
                yield page
        if waits:
            yield Page(cursor=standing.cursor())
            raise soonest(waits, others=len(waits) < len(_keys(requisition)))


def soonest(waits: Sequence[Transient], *, others: bool) -> Transient:
    """The problem that is over first. Other accounts wait no longer for it than until their own next turn."""
    first = min(waits, key=lambda problem: problem.retry_after_s or 0)
    if others and first.retry_after_s:
        return type(first)(retry_after_s=min(first.retry_after_s, EVERY_MINUTES * 60))
    return first


def disconnect(session: Session) -> None:
    """The consent is taken back at GoCardless, and one that is still awaited with it."""
    with calling(session.pace) as calls:
        for requisition_id in (
            session.credentials.get("requisition_id"),
            (session.credentials.get("awaits") or {}).get("requisition_id"),
        ):
            if requisition_id:
                with suppress(ConsentEnded):
                    calls.delete("requisitions", requisition_id, about="consent")


def institutions(session: Session, country: str) -> list[Institution]:
    """The banks of a country, by their names."""
    with calling(session.pace) as calls:
        found = json_of(calls.get("institutions", about="institution", country=country))
    if not isinstance(found, list):
        raise AnswerUnusable
    banks = [
        Institution(
            institution_id=_text(each, "id"), name=_text(each, "name"), bic=each.get("bic") or None,
            countries=tuple(each.get("countries", ())),
            history_days=_whole(each.get("transaction_total_days"), CONSENT_DAYS),
        )
        for each in found
        if isinstance(each, dict)
    ]  # fmt: skip
    return sorted(banks, key=lambda bank: (bank.name.casefold(), bank.institution_id))


def _page(calls: Client, session: Session, standing: Standing, key: str) -> Page:
    """What an account has, from where it stands until today."""
    known = next((account for account in session.accounts if account.key == key), None)
    account = known or _told(calls, standing, key, session.settings["bank"])
    if account is None:
        return Page(cursor=standing.cursor(), notices=("An account is left out: its bank tells no currency of it.",))
    today = datetime.now(UTC).date()
    since = session.since or standing.begins(key, today, session.settings["history_days"])
    until = session.until or today
    standing.check(key, "transactions")
    try:
        answer = calls.get("accounts", key, "transactions", about="account", date_from=f"{since}", date_to=f"{until}")
    except QuotaUsedUp as problem:
        standing.close(key, "transactions", problem.retry_after_s or 0)
        raise
    standing.learn(key, "transactions", answer)
    standing.through[key] = f"{until}"
    content = feed(answer, is_past=until < today)
    document = Document(f"gocardless {since} {until}.json", content, account_key=key) if content else None
    return Page(
        documents=(document,) if document else (),
        accounts=(_balanced(calls, standing, account),),
        cursor=standing.cursor(),
    )


def feed(answer: httpx2.Response, *, is_past: bool) -> bytes | None:
    """The answer as it is imported; none where it has nothing to say.

    It shows all that is pending, but for days that are past: what is pending now is no matter of those.
    """
    rows = object_of(answer).get("transactions")
    if not isinstance(rows, dict) or not all(isinstance(rows.get(each, []), list) for each in ("booked", "pending")):
        raise AnswerUnusable
    if not is_past:
        return answer.content if rows.keys() & {"booked", "pending"} else None
    # numbers are text in it
    return (
        json.dumps({"transactions": {"booked": rows["booked"]}}, default=str).encode() if rows.get("booked") else None
    )


def _told(calls: Client, standing: Standing, key: str, bank: str) -> RemoteAccount | None:
    """What the bank says that an account is; none where it tells no currency."""
    standing.check(key, "details")
    answer = calls.get("accounts", key, "details", about="account")
    standing.learn(key, "details", answer)
    details = object_of(answer).get("account")
    return told.account(key, details, bank) if isinstance(details, dict) else None


def _at_once(calls: Client, key: str, bank: str) -> RemoteAccount | None:
    """The account, where the bank tells of it just now: the first sync asks again, and the consent is not lost."""
    with suppress(Transient, AccountGone):
        return _told(calls, Standing(), key, bank)
    return None


def _balanced(calls: Client, standing: Standing, account: RemoteAccount) -> RemoteAccount:
    """The account with its balance, where the bank tells it today."""
    with suppress(Transient):
        standing.check(account.key, "balances")
        answer = calls.get("accounts", account.key, "balances", about="account")
        standing.learn(account.key, "balances", answer)
        return told.with_balance(account, object_of(answer).get("balances"))
    return account


def _forget(calls: Client, requisition_id: str | None) -> None:
    """The consent before this one is of no use any more, and is paid for; that it stays does no harm."""
    if requisition_id:
        with suppress(Transient, Permanent):
            calls.delete("requisitions", requisition_id, about="consent")


def _expires_at(agreement: Mapping[str, Any]) -> datetime | None:
    """So many days after it was accepted, or after it was made, which is before that."""
    begun, days = agreement.get("accepted") or agreement.get("created"), agreement.get("access_valid_for_days")
    try:
        return datetime.fromisoformat(str(begun)).astimezone(UTC) + timedelta(days=int(days or CONSENT_DAYS))
    except ValueError:
        raise AnswerUnusable from None


def _keys(requisition: Mapping[str, Any]) -> list[str]:
    found = requisition.get("accounts")
    return [str(key) for key in found] if isinstance(found, list) else []


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise AnswerUnusable
    return value


def _whole(value: Any, otherwise: int) -> int:
    return int(value) if str(value).isascii() and str(value).isdigit() else otherwise


SOURCE = Source(
    name="gocardless",
    title="GoCardless Bank Account Data",
    kind="bank",
    way="consent",
    settings={
        "type": "object",
        "additionalProperties": False,
        "required": ["institution_id"],
        "properties": {
            "institution_id": {
                "type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[A-Za-z0-9_-]+$",
                "description": "The bank: an institution_id of GET /api/connectors/providers/gocardless/institutions.",
            },
            "history_days": {
                "type": "integer", "minimum": 1, "maximum": HISTORY_DAYS, "default": HISTORY_DAYS,
                "description": "How far back the first sync goes, where the bank allows it.",
            },
            "language": {
                "type": "string", "pattern": "^[A-Za-z]{2}$", "description": "Of the pages to consent at, such as de.",
            },
        },
    },
    credentials={"type": "object", "additionalProperties": False, "properties": {}},
    connect=connect,
    pages=pages,
    finish=finish,
    disconnect=disconnect,
    institutions=institutions,
    # of an installation, on accounts; what a bank allows for each of them is in the cursor
    limit=Limit(100, 60),
    can=frozenset({"transactions", "balances", "pending", "backfill"}),
    needs=("GOCARDLESS_SECRET_ID", "GOCARDLESS_SECRET_KEY"),
    every_minutes=EVERY_MINUTES,
)  # fmt: skip
