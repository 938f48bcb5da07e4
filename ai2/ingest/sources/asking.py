"""Asking: one call of a provider's HTTP API, and what its refusals mean for us.

Every source that has no SDK of its provider's asks by it. What the provider says in words is never repeated: it may
hold what we sent it.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx2

from ai2.ingest.sources.model import Session
from ai2.ingest.sources.problems import CredentialsRefused, Permanent, Transient
from ai2.kit import outside

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
LONGEST_PAUSE_S = 7 * 24 * 3600


class ProviderDown(Transient):
    """The provider cannot be reached, or does not answer as it should."""


class ProviderBusy(Transient):
    """The provider asks us to wait."""


class AddressNotAllowed(Permanent):
    """This address cannot be fetched from."""

    status = 422
    what_to_do = (
        "Name a server on the internet, by https. One in the operator's own network is reached "
        "where the operator allows it (CONNECT_PRIVATE)."
    )


class ProviderRefuses(Permanent):
    """The provider refuses what it is asked."""


class AnswerNotUnderstood(Permanent):
    """The provider's answer is not what it should be."""


def client(session: Session, **of_client: Any) -> httpx2.Client:
    """A client for a run of a source; close it when the run ends."""
    return outside.client(allows_private=session.allows_private, **of_client)


def ask(client: httpx2.Client, method: str, url: str, **wanted: Any) -> httpx2.Response:
    """What the provider answers where it grants it. Raises Transient or Permanent."""
    with told():
        answer = client.request(method, url, **wanted)
    check(answer)
    return answer


def check(answer: httpx2.Response) -> None:
    """Raises Transient or Permanent where the answer's status is none of success."""
    status = answer.status_code
    if status in (429, 503):
        raise ProviderBusy(f"The provider asks us to wait ({status}).", retry_after_s=pause_of(answer))
    if status >= 500 or status in (408, 425):
        raise ProviderDown(f"The provider does not answer as it should ({status}).")
    if status in (401, 403):
        raise CredentialsRefused(f"The provider does not accept these credentials ({status}).")
    if status >= 400:
        raise ProviderRefuses(f"The provider refuses what it is asked ({status}).")


@contextlib.contextmanager
def told() -> Iterator[None]:
    """What goes wrong on the way to a provider, as what a source raises."""
    try:
        yield
    except outside.NoAnswer as error:
        raise ProviderDown(error.detail) from None
    except (outside.AddressRefused, outside.EncryptionNeeded, outside.Redirected) as error:
        raise AddressNotAllowed(error.detail) from None
    except outside.AnswerTooLarge as error:
        raise AnswerNotUnderstood(error.detail) from None
    except (httpx2.InvalidURL, httpx2.RequestError, UnicodeError):
        raise AddressNotAllowed("This is no address as one writes it.") from None


def json_of(answer: httpx2.Response) -> Any:
    """The answer's JSON, its numbers exact. Raises AnswerNotUnderstood."""
    try:
        found = json.loads(answer.content, parse_float=_number, parse_constant=_refuse)
        return _whole(found) if _HALF.search(answer.content) else found
    except (ValueError, ArithmeticError, RecursionError):
        raise AnswerNotUnderstood("The provider's answer is no JSON.") from None


def _whole(value: Any) -> Any:
    """The value without halves of letters, which JSON can write and no text can hold."""
    if isinstance(value, dict):
        return {_whole(name): _whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value


def pause_of(answer: httpx2.Response) -> int | None:
    """How many seconds Retry-After asks us to wait: it says them, or an instant."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return min(int(said[:9]), LONGEST_PAUSE_S)
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, TypeError, OverflowError):
        return None
    seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return int(min(max(seconds, 0), LONGEST_PAUSE_S))


def _number(text: str) -> Decimal:
    return Decimal(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)  # NaN and Infinity are no JSON
