"""Refusals: what GoCardless says in its statuses, and what that means for a connection.

A refusal is known by its `type`, else by its `summary`, as its API description spells them. Ten failed calls in a row
suspend an account, so what counts among those is tried again seldom.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import httpx2

from ai2.ingest.sources.problems import ConsentExpired, ConsentNeeded, CredentialsRefused, Permanent, PutOff, Transient

SELDOM_S = 6 * 3600
A_MINUTE_S = 60
# What is asked for: what is not there means something else each time.
About = Literal["account", "consent", "institution", "token"]
# How the headers are spelled, on the wire and in some of its documents.
ACCOUNT_LEFT = ("http_x_ratelimit_account_success_remaining", "x-ratelimit-account-success-remaining")
ACCOUNT_RESET = ("http_x_ratelimit_account_success_reset", "x-ratelimit-account-success-reset")
RESET = ("http_x_ratelimit_reset", "x-ratelimit-reset", "retry-after")
_TRY_AGAIN = re.compile(r"try again in (\d{1,9}) seconds", re.ASCII)


class NotSetUp(Permanent):
    """GoCardless is not set up here: GOCARDLESS_SECRET_ID and GOCARDLESS_SECRET_KEY are missing."""

    status = 409
    what_to_do = "Ask the operator to set them; they come from the GoCardless Bank Account Data portal."


class KeysRefused(CredentialsRefused):
    """GoCardless does not accept the keys of this installation."""

    what_to_do = "Ask the operator to correct GOCARDLESS_SECRET_ID and GOCARDLESS_SECRET_KEY."


class AddressNotListed(Permanent):
    """GoCardless does not accept calls from this machine's address."""

    what_to_do = "Ask the operator to list the machine's address in the GoCardless portal."


class InstitutionNotFound(Permanent):
    """GoCardless knows no such institution, or country; list those of a country to find it."""

    status = 422
    what_to_do = "Name an institution from GET /api/connectors/providers/gocardless/institutions."


class NotAccepted(Permanent):
    """GoCardless does not accept what it was asked."""


class AnswerUnusable(Transient):
    """GoCardless answered something else than it promises; it is tried again by itself."""

    status = 502


class ConsentEnded(ConsentExpired):
    """The consent to read these accounts is over, or was taken back."""


class ConsentNotGiven(ConsentNeeded):
    """The consent was not given, or not finished; open the link again, or connect again for a new one."""

    status = 409


class AccessForbidden(ConsentNeeded):
    """The bank does not let these accounts be read with this consent."""


class AccountSuspended(ConsentNeeded):
    """GoCardless has suspended the account after too many failures; it opens again by a new consent."""


class AccountGone(Permanent):
    """The bank has closed the account, or it is not in the consent any more."""


class QuotaUsedUp(PutOff):
    """The bank allows no more requests for this account today; it goes on once it does."""

    status = 429


class TooFast(Transient):
    """GoCardless allows no more requests for a moment."""

    status = 429


class BankFailed(Transient):
    """The bank failed to answer GoCardless; it is tried again later."""

    is_the_providers = False


class BankUnavailable(Transient):
    """The bank is not available to GoCardless just now."""

    is_the_providers = False


class GoCardlessUnavailable(Transient):
    """GoCardless does not answer as it should just now; it is tried again by itself."""


_NOT_FOUND: dict[About, Callable[[], Permanent]] = {
    "account": AccountGone, "consent": ConsentEnded, "institution": InstitutionNotFound, "token": NotAccepted,
}  # fmt: skip
_TYPES: dict[str, Callable[[], Permanent]] = {
    "AccessExpiredError": ConsentEnded, "AccountInactiveError": AccountGone, "NoAccountsConnected": AccessForbidden,
    "FailedAuthentication": AccessForbidden,
}  # fmt: skip
_FORBIDDEN: dict[str, Callable[[], Permanent]] = {
    "No valid End User Agreement": ConsentEnded, "IP address access denied": AddressNotListed,
}  # fmt: skip


def refusal(answer: httpx2.Response, about: About) -> Permanent | Transient:
    """The problem that an answer which is no success is."""
    said = said_in(answer)
    summary = str(said.get("summary", ""))
    if answer.status_code == 429:
        return _too_many(answer, said, of_account=about == "account")
    if answer.status_code >= 500:
        return _failed(said)
    if answer.status_code == 409:
        return AccountSuspended() if "suspended" in summary.lower() else BankFailed(retry_after_s=SELDOM_S)
    by_status: dict[int, Callable[[], Permanent]] = {
        400: InstitutionNotFound if "institution_id" in said or "country" in summary.lower() else NotAccepted,
        401: _TYPES.get(str(said.get("type")), KeysRefused),
        403: _FORBIDDEN.get(summary, AccessForbidden),
        404: _NOT_FOUND[about],
    }
    return by_status.get(answer.status_code, AnswerUnusable)()


def _failed(said: Mapping[str, Any]) -> Transient:
    if said.get("type") == "UnknownRequestError":
        return BankFailed(retry_after_s=SELDOM_S)
    return BankUnavailable() if said.get("type") else GoCardlessUnavailable()


def said_in(answer: httpx2.Response) -> Mapping[str, Any]:
    """The refusal's object; nothing where it is none."""
    try:
        found = json.loads(answer.content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def number(answer: httpx2.Response, names: tuple[str, ...]) -> int | None:
    """The first of these headers that is a whole number."""
    found = (answer.headers.get(name, "").strip() for name in names)
    return next((int(text) for text in found if text.isascii() and text.isdigit() and len(text) < 8), None)


def _too_many(answer: httpx2.Response, said: Mapping[str, Any], *, of_account: bool) -> Transient:
    told = _TRY_AGAIN.search(str(said.get("detail", "")))
    told_s = int(told[1]) if told else None
    if of_account and (said.get("type") == "RateLimitError" or number(answer, ACCOUNT_LEFT) == 0):
        return QuotaUsedUp(retry_after_s=number(answer, ACCOUNT_RESET) or told_s or SELDOM_S)
    return TooFast(retry_after_s=told_s or number(answer, RESET) or A_MINUTE_S)
