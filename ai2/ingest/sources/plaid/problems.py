"""What Plaid's refusals mean: its error types and codes, as https://plaid.com/docs/errors lists them.

What Plaid writes itself is not repeated: it may hold what was sent.
"""

import json
from collections.abc import Mapping
from typing import Any

from ai2.ingest.sources.problems import ConsentExpired, ConsentNeeded, Permanent, Transient
from ai2.kit.errors import Conflict, Problem

LONGEST_WAIT_S = 3600


class PlaidNotSetUp(Permanent):
    """Plaid is not set up here: the operator has to set PLAID_CLIENT_ID and PLAID_SECRET."""

    status = 409
    what_to_do = "Ask the operator to set PLAID_CLIENT_ID and PLAID_SECRET, then sync the connection again."


class PlaidUnreachable(Transient):
    """Plaid does not answer; it is tried again by itself."""


class PlaidBusy(Transient):
    """Plaid asks to be asked less often; it is tried again by itself."""


class BankUnavailable(Transient):
    """The bank does not answer Plaid just now; it is tried again by itself."""


class AnswerNotUnderstood(Transient):
    """Plaid answered something else than it describes; it is tried again by itself."""


class ChangedMeanwhile(Transient):
    """The bank changed its rows again and again while they were read; it is tried again by itself."""


class SignInNeeded(ConsentNeeded):
    """The bank asks its customer to sign in again."""


class AccessEnded(ConsentNeeded):
    """The bank's customer has taken the access back, or Plaid has it no more; the bank has to be connected anew."""


class BankNotSupported(Permanent):
    """Plaid gives no transactions of this bank or of these accounts."""

    what_to_do = "Connect the accounts in another way: by a statement file or another provider."


class KeysRefused(Permanent):
    """Plaid does not accept this installation's keys, or not for this environment or product."""

    what_to_do = "Ask the operator to look at PLAID_CLIENT_ID, PLAID_SECRET and PLAID_ENV, then sync again."


class NoPageToConsentAt(KeysRefused):
    """Plaid gives this installation no page to consent at: Hosted Link has to be enabled for its Plaid account."""

    what_to_do = "Ask the operator to have Hosted Link enabled by Plaid, then connect again."


class PlaidRefused(Permanent):
    """Plaid refuses what it was asked."""


class PublicTokenRefused(Conflict):
    """Plaid does not accept this public token: each can be used once, within 30 minutes. Connect again."""


class NotFinished(Conflict):
    """Nobody has finished at the link yet; open it, choose the bank and consent, then finish again."""


class Mutated(Exception):
    """The rows changed while pages were read: they have to be read again from where the run began."""


# Error codes, whatever their type.
BY_CODE: Mapping[str, type[Exception]] = {
    "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION": Mutated,
    "PRODUCT_NOT_READY": BankUnavailable,
    "INVALID_PUBLIC_TOKEN": PublicTokenRefused,
    "INVALID_ACCESS_TOKEN": AccessEnded,
    "ITEM_NOT_FOUND": AccessEnded,
    "ACCESS_NOT_GRANTED": AccessEnded,
    "USER_PERMISSION_REVOKED": AccessEnded,
    "ITEM_NOT_SUPPORTED": BankNotSupported,
    "PRODUCTS_NOT_SUPPORTED": BankNotSupported,
    "NO_ACCOUNTS": BankNotSupported,
    "INSTITUTION_NO_LONGER_SUPPORTED": BankNotSupported,
    "UNSUPPORTED_RESPONSE": BankNotSupported,
    "INSTITUTION_REGISTRATION_REQUIRED": KeysRefused,
    "INVALID_API_KEYS": KeysRefused,
    "UNAUTHORIZED_ENVIRONMENT": KeysRefused,
    "UNAUTHORIZED_ROUTE_ACCESS": KeysRefused,
    "INVALID_PRODUCT": KeysRefused,
    "ADDITIONAL_CONSENT_REQUIRED": SignInNeeded,
}
BY_TYPE: Mapping[str, type[Exception]] = {
    "ITEM_ERROR": SignInNeeded,
    "INSTITUTION_ERROR": BankUnavailable,
    "RATE_LIMIT_EXCEEDED": PlaidBusy,
    "API_ERROR": PlaidUnreachable,
    "OAUTH_ERROR": SignInNeeded,
}


def refusal(status: int, headers: Mapping[str, str], body: str | None) -> Exception:
    """What an answer that is an error means."""
    told = _told(body)
    kind = _kind(status, told)
    if issubclass(kind, Transient):
        return kind(retry_after_s=_retry_after_s(headers.get("Retry-After")))
    return kind()


def of_item(told: Mapping[str, Any] | None) -> Problem | None:
    """What an Item itself says to be wrong with it."""
    if not told:
        return None
    found = _kind(400, told)
    return found() if issubclass(found, Problem) else None


def _kind(status: int, told: Mapping[str, Any]) -> type[Exception]:
    code, type_ = str(told.get("error_code")), str(told.get("error_type"))
    if code == "ITEM_LOGIN_REQUIRED" and told.get("error_code_reason") == "OAUTH_CONSENT_EXPIRED":
        return ConsentExpired
    if found := BY_CODE.get(code):
        return found
    if status == 429:
        return PlaidBusy
    if status >= 500 or status < 400:
        return BY_TYPE.get(type_, PlaidUnreachable)
    return BY_TYPE.get(type_, PlaidRefused)


def _told(body: str | None) -> dict[str, Any]:
    try:
        found = json.loads(body or "")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _retry_after_s(said: str | None) -> int | None:
    """Retry-After in seconds; a date, which Plaid does not send, is not looked at."""
    if not said or not said.isascii() or not said.isdigit() or len(said) > 9:
        return None
    return min(int(said), LONGEST_WAIT_S)
