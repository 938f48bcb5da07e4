"""SimpleFIN: accounts of banks that somebody has joined at a SimpleFIN server, by a token that they give us.

The token is claimed once, for an access URL with a name and a password in it, which is kept as a secret. Both name
servers that a tenant chose. Versions 1 and 2 of the protocol are read: https://www.simplefin.org/protocol.html.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2

from ai2.ingest.sources import asking
from ai2.ingest.sources.model import Connected, Document, Limit, Page, Session, Source
from ai2.ingest.sources.simplefin.access import (
    Access,
    AccessRevoked,
    AnswerUnusable,
    PaymentRequired,
    TokenSpent,
    claim_address,
)
from ai2.ingest.sources.simplefin.telling import account, errors, left_out, notices

# What servers answer to in one request; the SimpleFIN Bridge has allowed 60 days, and 90.
WINDOW = timedelta(days=60)
HISTORY_DAYS = 365
# Banks tell a bridge late: what is older than this and new is rare.
OVERLAP = timedelta(days=10)
MOST_NOTICES = 20
# What the SimpleFIN Bridge expects at most; who goes on beyond is warned, and then loses the access.
REQUESTS_A_DAY = 24


def connect(session: Session) -> Connected:
    """Claim the token. Nothing after that fails: it cannot be claimed again, and what it gave would be lost."""
    address = claim_address(str(session.credentials["setup_token"]))
    with asking.client(session) as http, asking.told():
        session.pace(address)
        answer = http.post(address, headers={"Content-Length": "0"})
    if answer.status_code in (403, 404, 410):
        raise TokenSpent
    asking.check(answer)
    access_url = answer.text.strip()
    Access.of(access_url)
    return Connected(credentials={"access_url": access_url, "setup_token": None})


def pages(session: Session) -> Iterator[Page]:
    """A page for each span of days, the oldest first."""
    access = Access.of(str(session.credentials["access_url"]))
    today = datetime.now(UTC).date()
    first, last = _days(session, today)
    with asking.client(session) as http:
        for since, until in windows(first, last):
            found = _accounts(http, session, access, since, until)
            yield _page(found, since, until, cursor={"through": f"{min(until, today)}"})


def windows(first: date, last: date) -> list[tuple[date, date]]:
    """Spans of days that follow each other, the last day of each in it, none longer than a server answers to."""
    spans = []
    while first <= last:
        until = min(first + WINDOW - timedelta(days=1), last)
        spans.append((first, until))
        first = until + timedelta(days=1)
    return spans


def _days(session: Session, today: date) -> tuple[date, date]:
    """Which days to ask for. Where it is tomorrow already, today is not over."""
    if session.since:
        return session.since, session.until or today
    begins = today - timedelta(days=int(session.settings.get("history_days", HISTORY_DAYS)))
    through = (session.cursor or {}).get("through")
    return (max(begins, date.fromisoformat(through) - OVERLAP) if through else begins), today + timedelta(days=1)


def _accounts(http: httpx2.Client, session: Session, access: Access, since: date, until: date) -> dict[str, Any]:
    """What the server tells of these days."""
    session.pace(f"{access.url} {access.user}")
    wanted = {
        "version": "2",
        "start-date": _epoch(since),
        "end-date": _epoch(until + timedelta(days=1)),
        "pending": "1",
    }
    with asking.told():
        answer = http.get(f"{access.url}/accounts", params=wanted, auth=(access.user, access.password))
    if answer.status_code == 402:
        raise PaymentRequired
    if answer.status_code in (401, 403):
        raise AccessRevoked
    asking.check(answer)
    try:
        found = asking.json_of(answer)
    except asking.AnswerNotUnderstood:
        raise AnswerUnusable from None
    if not isinstance(found, dict) or not isinstance(found.get("accounts"), list):
        raise AnswerUnusable
    if any(each.get("code") == "gen.auth" for each in errors(found)):
        raise AccessRevoked
    return found


def _page(found: Mapping[str, Any], since: date, until: date, cursor: Mapping[str, Any]) -> Page:
    documents, accounts, told = [], [], notices(found)
    for each in found["accounts"]:
        known = account(each, found) if isinstance(each, dict) else None
        if known is None:
            told.append(left_out(each))
            continue
        accounts.append(known)
        if each.get("transactions"):
            if not isinstance(each["transactions"], list):
                raise AnswerUnusable
            # numbers are text in it, but for those of a bank's own, which stay exact as text
            content = json.dumps(each, ensure_ascii=False, default=str).encode()
            documents.append(Document(f"simplefin {since} {until}.json", content, account_key=known.key))
    return Page(
        documents=tuple(documents), accounts=tuple(accounts), cursor=cursor,
        notices=tuple(dict.fromkeys(told[:MOST_NOTICES])),
    )  # fmt: skip


def _epoch(day: date) -> str:
    return str(int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()))


SOURCE = Source(
    name="simplefin",
    title="SimpleFIN",
    kind="bank",
    way="credentials",
    settings={
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "history_days": {
                "type": "integer", "minimum": 1, "maximum": 3650, "default": HISTORY_DAYS,
                "description": "How far back the first sync goes; banks tell of as much as they have.",
            },
        },
    },
    credentials={
        "type": "object",
        "additionalProperties": False,
        "required": ["setup_token"],
        "properties": {
            "setup_token": {
                "type": "string", "minLength": 8, "maxLength": 4000,
                "description": "From your SimpleFIN server, such as bridge.simplefin.org. It is claimed once.",
            },
        },
    },
    connect=connect,
    pages=pages,
    # of an access URL: a server that is asked more often takes it out of use
    limit=Limit(REQUESTS_A_DAY, 24 * 3600),
    can=frozenset({"transactions", "balances", "pending", "backfill"}),
    every_minutes=180,
)  # fmt: skip
