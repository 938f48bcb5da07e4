"""Fetching by OFX Direct Connect: which accounts a user has at a bank, and what is new in each."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import httpx2

from ai2.ingest.sources import asking
from ai2.ingest.sources.model import Connected, Document, Page, RemoteAccount, Session
from ai2.ingest.sources.ofx_direct import answers, requests
from ai2.ingest.sources.ofx_direct.answers import AccountRefused, Answer
from ai2.ingest.sources.ofx_direct.requests import CARD, Kind, OfxAccount

LARGEST_ANSWER = 50_000_000
OVERLAP_DAYS = 10
KINDS: dict[str, Any] = {CARD: "card", "SAVINGS": "savings", "CREDITLINE": "loan"}
HEADERS = {"Content-Type": "application/x-ofx", "Accept": "application/x-ofx, */*"}


def connect(session: Session) -> Connected:
    """Sign on, and ask which accounts there are and in which currency each is kept."""
    known = dict(session.credentials)
    known.setdefault("client_uid", uuid4().hex)
    with asking.client(session, largest=LARGEST_ANSWER) as client:
        found = (
            _accounts(known.get("accounts", ()))
            or _ask(session, client, requests.accounts(session.settings, known))[0].accounts
        )
        if not found:
            raise AccountRefused("The bank tells of no account; name them in `accounts`.")
        today = datetime.now(UTC).date()
        told = [
            (account, _statement(session, client, known, account, today - timedelta(days=OVERLAP_DAYS))[0])
            for account in found
        ]
    return Connected(
        # numbers of accounts and cards are kept as what they are
        credentials={"client_uid": known["client_uid"], "known": [_kept(account) for account, _ in told]},
        accounts=tuple(_remote(account, answer.currency) for account, answer in told),
    )


def pages(session: Session) -> Iterator[Page]:
    """A page for each account: what its bank answers, where there is something in it that was not there before."""
    known = {key: dict(value) for key, value in (session.cursor or {}).items()}
    with asking.client(session, largest=LARGEST_ANSWER) as client:
        for account in _accounts(session.credentials.get("known", ())):
            place = known.setdefault(account.key, {})
            _, content = _statement(
                session, client, session.credentials, account, _since(session, place), session.until
            )
            found = answers.entries(content)
            is_new = not found.keys() <= set(place.get("seen", ()))
            if is_new:
                newest = max(filter(None, found.values()), default=None)
                overlap = _before(newest) if newest else date.min
                # of older ones no answer tells again
                seen = [digest for digest, day in found.items() if day is None or day >= overlap]
                place |= {"newest": newest and newest.isoformat(), "seen": seen}
            documents = (Document("statement.ofx", content, account.key, kind="file"),) if is_new else ()
            yield Page(documents=documents, cursor={key: dict(value) for key, value in known.items()})


def _before(newest: date) -> date:
    """From which day on to ask again. A day to come, which some banks post, moves nothing."""
    return min(newest, datetime.now(UTC).date()) - timedelta(days=OVERLAP_DAYS)


def _since(session: Session, place: dict[str, Any]) -> date:
    if session.since:
        return session.since
    if newest := place.get("newest"):
        return _before(date.fromisoformat(newest))
    return datetime.now(UTC).date() - timedelta(days=int(session.settings.get("first_days", 365)))


def _statement(
    session: Session,
    client: httpx2.Client,
    known: Any,
    account: OfxAccount,
    since: date,
    until: date | None = None,
) -> tuple[Answer, bytes]:
    return _ask(session, client, requests.statement(session.settings, known, account, since, until))


def _ask(session: Session, client: httpx2.Client, request: bytes) -> tuple[Answer, bytes]:
    url = str(session.settings["url"])
    session.pace(f"{url} {session.credentials['username']}")
    answer = asking.ask(client, "POST", url, content=request, headers=HEADERS)
    return answers.read(answer.content), answer.content


def _accounts(named: Iterable[Mapping[str, str]]) -> list[OfxAccount]:
    return [
        OfxAccount(
            each["number"], cast(Kind, each.get("kind", "CHECKING")), each.get("bank_id", ""), each.get("name", "")
        )
        for each in named
    ]


def _kept(account: OfxAccount) -> dict[str, str]:
    return {"number": account.number, "kind": account.kind, "bank_id": account.bank, "name": account.name}


def _remote(account: OfxAccount, currency: str | None) -> RemoteAccount:
    name = account.name or f"{account.kind.capitalize()} {account.number[-4:]}"
    return RemoteAccount(
        account.key, name[:50], currency, kind=KINDS.get(account.kind, "bank"),
        number=None if account.kind == CARD else account.number,
    )  # fmt: skip
