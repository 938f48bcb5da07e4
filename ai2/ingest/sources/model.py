"""What a source is: functions and a value. It knows no database, no tenant and no orchestrator.

A source yields pages. A page holds documents, each the bytes of one account as the provider gave them, which go through
ingestion like any file. A page with a cursor is a safe point: what came since the last one is written into the books
together with the cursor, in one database transaction; a run that is cut off goes on from there.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from ai2.books.accounts.service import AccountKind

# What a user does to connect: open a link and consent there, or give what is needed in the request.
Way = Literal["consent", "credentials"]
Kind = Literal["bank", "email", "third_party"]
# The key of the account of a source that tells of none: it brings files of one.
ONLY_ACCOUNT = ""


@dataclass(frozen=True)
class RemoteAccount:
    """An account as its provider tells of it. `key` is the provider's id; `number` an IBAN or number, where told.

    `match` recognises it where a new consent gives it another key.
    """

    key: str
    name: str
    currency: str | None
    kind: AccountKind = "bank"
    number: str | None = None
    match: str | None = None
    balance: Decimal | None = None
    balance_on: date | None = None


@dataclass(frozen=True)
class Document:
    """Bytes of one account.

    A `feed` is a provider's answer, whose lines are changed and taken back by their ids. A `file` is a statement that
    may ask a question or be broken: then its batch waits and the sync goes on.
    """

    name: str
    content: bytes
    account_key: str = ONLY_ACCOUNT
    kind: Literal["feed", "file"] = "feed"


@dataclass(frozen=True)
class Mail:
    """A message as it came, RFC 5322 with its headers, and where it lay.

    Of one that is too large to be read the raw bytes are its headers, and `whole_bytes` says how large it is.
    """

    raw: bytes
    folder: str = "INBOX"
    whole_bytes: int | None = None


@dataclass(frozen=True)
class Page:
    """What one answer brought. `restarts`: the provider changed meanwhile, what came since the last cursor is void."""

    documents: tuple[Document, ...] = ()
    mails: tuple[Mail, ...] = ()
    accounts: tuple[RemoteAccount, ...] = ()
    cursor: Mapping[str, Any] | None = None
    restarts: bool = False
    # what its owner should know though the sync goes on, in words of ours: a bank that wants to be signed in to again
    notices: tuple[str, ...] = ()
    consent_expires_at: datetime | None = None


class Pace(Protocol):
    """Waits until another call of the provider is within its limits. Every call asks before it is made.

    `credential` is whatever the provider counts by: a token, or an account with its endpoint. It is known by a digest.
    Where the wait would be long, or the provider is not to be called now, a Transient is raised: let it through.
    """

    def __call__(self, credential: str, cost: int = 1) -> None: ...


@dataclass(frozen=True)
class Session:
    """What a run knows: the connection's settings, its credentials, where it stands, and which days are wanted.

    `since` and `until` are set for a backfill only. `keep` writes credentials down that the provider renewed
    meanwhile, at once: a refresh token that is lost is a consent that is lost.
    """

    settings: Mapping[str, Any]
    credentials: Mapping[str, Any] = field(repr=False)
    cursor: Mapping[str, Any] | None = field(repr=False)
    pace: Pace
    keep: Callable[[Mapping[str, Any]], None]
    accounts: tuple[RemoteAccount, ...] = ()
    since: date | None = None
    until: date | None = None
    allows_private: bool = False


@dataclass(frozen=True)
class Limit:
    """At most `calls` in `seconds`, for each credential of a provider."""

    calls: int
    seconds: float


@dataclass(frozen=True)
class OAuth:
    """Where consent is given and tokens are had (RFC 6749), and what for.

    `client` tells the id and the secret under which the operator has registered this installation there.
    """

    authorization_url: str
    token_url: str
    scope: str
    client: Callable[[], tuple[str, str] | None]
    revocation_url: str | None = None
    # what the provider wants besides, so that a consent lasts
    asked: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Connected:
    """What a connect came to: a link to open (`link`), or credentials that work."""

    link: str | None = None
    # opens the same in the provider's own widget
    link_token: str | None = None
    credentials: Mapping[str, Any] = field(default_factory=dict, repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    # by which webhooks and returning users are told to be this connection's
    external_id: str | None = None
    accounts: tuple[RemoteAccount, ...] = ()
    consent_expires_at: datetime | None = None


@dataclass(frozen=True)
class Institution:
    """A bank that a provider reaches, and how far back it tells of transactions."""

    institution_id: str
    name: str
    bic: str | None
    countries: tuple[str, ...]
    history_days: int


@dataclass(frozen=True)
class Notice:
    """What a webhook is about. It is a hint: how it stands is then asked of the provider, so that no order matters."""

    external_id: str
    kind: str
    asks: Literal["sync", "finish", "nothing"] = "sync"
    consent_expires_at: datetime | None = None


@dataclass(frozen=True)
class Webhook:
    """How a provider's webhooks are known. `header`, in small letters, is the one that its signature is in.

    `verify` looks at the bytes before anything is read of them, and gives what tells this webhook from all others;
    it may ask the provider. `read` is for what was verified.
    """

    header: str
    verify: Callable[[Mapping[str, str], bytes], bytes]
    read: Callable[[bytes], Notice]
    largest_bytes: int = 100_000


@dataclass(frozen=True)
class Source:
    """A provider: what it can do, what it needs, and how pages are had from it.

    `settings` and `credentials` are JSON Schemas (draft 2020-12) of what a connect gives; whatever is in credentials
    is kept encrypted and never told again. `connect` begins (a link) or tries the credentials; `finish` takes what came
    back from the link. Each raises Transient or Permanent. Who is sent back to our callback is known by the external id
    of the connect, and by the link, which is kept as `awaits` in the credentials until then.
    """

    name: str
    title: str
    kind: Kind
    way: Way
    settings: Mapping[str, Any]
    credentials: Mapping[str, Any]
    connect: Callable[[Session], Connected]
    pages: Callable[[Session], Iterator[Page]]
    finish: Callable[[Session, Mapping[str, Any]], Connected] | None = None
    disconnect: Callable[[Session], None] | None = None
    # the banks of a country, by its ISO 3166 code
    institutions: Callable[[Session, str], list[Institution]] | None = None
    webhook: Webhook | None = None
    limit: Limit | None = None
    can: frozenset[str] = frozenset()
    # settings that name whom credentials are given to: with others the former credentials do not go along
    servers: frozenset[str] = frozenset()
    # environment variables without which an operator has it not
    needs: tuple[str, ...] = ()
    every_minutes: int = 60
    # consent is given by OAuth 2.0: `link` is ours, and `finish` is given the code
    oauth: OAuth | None = None
    # settings that are the provider's and not the user's, such as where its servers are
    fixed: Mapping[str, Any] = field(default_factory=dict)
