"""The Item: what Plaid calls a customer's sign-in at a bank. What it is, how it began, and its end."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from ai2.ingest.sources.model import Connected, Session
from ai2.ingest.sources.plaid import answers
from ai2.ingest.sources.plaid.accounts import remote_accounts
from ai2.ingest.sources.plaid.client import Client
from ai2.ingest.sources.plaid.problems import (
    AccessEnded,
    AnswerNotUnderstood,
    NoPageToConsentAt,
    NotFinished,
    PlaidRefused,
    PublicTokenRefused,
    of_item,
)
from ai2.ingest.sources.problems import FinishedAlready, Permanent, Transient
from ai2.kit import logs
from ai2.kit.ids import new_id
from ai2.kit.settings import settings

LONGEST_TOKEN = 500
# How long the page at the link waits for its customer; by default it is 30 minutes.
LINK_S = 4 * 3600

log = logs.logger("ai2.ingest.sources.plaid")


@dataclass(frozen=True)
class Item:
    """An Item as Plaid tells of it."""

    item_id: str
    consent_expires_at: datetime | None
    error: Mapping[str, Any] | None


def item_of(client: Client, token: str) -> Item:
    """What this access token is for."""
    told = answers.read(client.ask("item_get", access_token=token)).rest.get("item")
    if not isinstance(told, dict) or not isinstance(told.get("item_id"), str):
        raise AnswerNotUnderstood
    return Item(told["item_id"], instant(told.get("consent_expiration_time")), told.get("error"))


def connect(session: Session) -> Connected:
    """A link to consent at: for a new Item, or for the one that is there (Plaid's update mode)."""
    user = str(session.credentials.get("user") or new_id())
    client = Client(session.pace, user)
    token = session.credentials.get("access_token")
    try:
        told = _link(client, session.settings, user, token)
    except AccessEnded:  # there is nothing left to be repaired: a new Item takes its place
        token = None
        told = _link(client, session.settings, user, None)
    link_token = _text(told, "link_token")
    if not told.get("hosted_link_url"):
        raise NoPageToConsentAt
    return Connected(
        link=_text(told, "hosted_link_url"),
        link_token=link_token,
        credentials={"user": user, "link_token": link_token, "repairs": token is not None},
        external_id=link_id(link_token),
    )


def finish(session: Session, answer: Mapping[str, Any]) -> Connected:
    """Take what came back: a public token, or nothing where the link is to be asked.

    Raises NotFinished and FinishedAlready.
    """
    kept = session.credentials
    client = Client(session.pace, str(kept["user"]))
    if not kept["link_token"]:
        raise FinishedAlready
    former, is_new = kept.get("access_token"), not kept["repairs"]
    # to repair an Item nothing is exchanged: its access token stays
    token = _exchanged(client, answer.get("public_token") or _public_token(client, kept)) if is_new else str(former)
    item = item_of(client, token)
    if problem := of_item(item.error):
        raise NotFinished if isinstance(problem, Permanent) and not is_new else problem  # nobody signed in again yet
    accounts = answers.read(client.ask("accounts_get", access_token=token)).rest.get("accounts")
    if former and former != token:
        _remove(client, former)
    return Connected(
        credentials={"access_token": token, "item_id": item.item_id, "link_token": None, "repairs": False},
        external_id=item.item_id,
        accounts=remote_accounts(accounts if isinstance(accounts, list) else []),
        consent_expires_at=item.consent_expires_at,
    )


def disconnect(session: Session) -> None:
    """End the access at Plaid and the bank, and what Plaid asks for it. What is not there any more is ended."""
    if token := session.credentials.get("access_token"):
        with suppress(AccessEnded):
            Client(session.pace, str(session.credentials["item_id"])).ask("item_remove", access_token=token)


def link_id(link_token: str) -> str:
    """By which a webhook about a link is known; whoever reads it has not got the link."""
    return f"link {sha256(link_token.encode()).hexdigest()}"


def instant(told: object) -> datetime | None:
    """An instant in UTC, as Plaid writes it."""
    if not isinstance(told, str):
        return None
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        raise AnswerNotUnderstood from None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)


def _link(client: Client, wanted: Mapping[str, Any], user: str, token: str | None) -> dict[str, Any]:
    days = int(wanted.get("days", 730))
    fields: dict[str, Any] = {
        "client_name": str(wanted.get("client_name", "AI2")),
        "language": str(wanted.get("language", "en")),
        "country_codes": list(wanted.get("country_codes", ["US"])),
        "user": {"client_user_id": user},
        "hosted_link": {"url_lifetime_seconds": LINK_S},
    }
    if token is None:
        fields |= {"products": ["transactions"], "transactions": {"days_requested": days}}
    else:
        fields |= {"access_token": token, "update": {"account_selection_enabled": True}}
    if "return_to" in wanted:
        fields["hosted_link"]["completion_redirect_uri"] = str(wanted["return_to"])
    if (ours := settings().public_url or "").startswith("https://"):
        fields["webhook"] = f"{ours.rstrip('/')}/api/connectors/webhook/plaid"
    return answers.read(client.ask("link_token_create", **fields)).rest


def _public_token(client: Client, kept: Mapping[str, Any]) -> str:
    """What was come to at the link, where the browser brought nothing. Raises NotFinished."""
    told = answers.read(client.ask("link_token_get", link_token=kept["link_token"])).rest
    try:
        results = [session["results"] or {} for session in told.get("link_sessions") or [] if session.get("results")]
        tokens = [str(each["public_token"]) for result in results for each in result["item_add_results"]]
    except (LookupError, TypeError, AttributeError):
        raise AnswerNotUnderstood from None
    if not tokens:
        raise NotFinished
    return tokens[-1]


def _exchanged(client: Client, public: object) -> str:
    if not isinstance(public, str) or len(public) > LONGEST_TOKEN:
        raise PublicTokenRefused
    try:
        told = answers.read(client.ask("item_public_token_exchange", public_token=public)).rest
    except PlaidRefused:
        raise PublicTokenRefused from None
    return _text(told, "access_token")


def _remove(client: Client, former: str) -> None:
    """An Item whose place another has taken would be paid for until the end of days."""
    try:
        client.ask("item_remove", access_token=former)
    except (Transient, Permanent) as error:
        log.warning("a former Item could not be removed", error=error)


def _text(told: Mapping[str, Any], name: str) -> str:
    found = told.get(name)
    if not isinstance(found, str) or not found:
        raise AnswerNotUnderstood
    return found
