"""The client: calls of GoCardless Bank Account Data with a token that all connections of a process share.

An access token holds for a day and is refreshed by another that holds for a month; new ones are had by the operator's
keys, and that only 100 times an hour.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx2

from ai2.ingest.sources import asking
from ai2.ingest.sources.gocardless.problems import About, AnswerUnusable, NotSetUp, refusal, said_in
from ai2.ingest.sources.model import Pace
from ai2.kit import outside
from ai2.kit.settings import settings

API = "/api/v2"
MARGIN_S = 60.0


@dataclass(frozen=True)
class Keys:
    """The operator's keys, and where they are good."""

    url: str
    secret_id: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True)
class Token:
    """A token and until when it is good, by the monotonic clock."""

    text: str = field(repr=False)
    until: float

    @property
    def is_good(self) -> bool:
        return time.monotonic() < self.until - MARGIN_S


_tokens: dict[tuple[Keys, str], Token] = {}
# One at a time: the others wait for the token that the first one fetches.
_fetching = threading.Lock()


def keys() -> Keys:
    """The keys of this installation. Raises NotSetUp."""
    known = settings()
    if not known.gocardless_secret_id or not known.gocardless_secret_key:
        raise NotSetUp
    return Keys(
        known.gocardless_url.rstrip("/"),
        known.gocardless_secret_id.get_secret_value(),
        known.gocardless_secret_key.get_secret_value(),
    )


@dataclass
class Client:
    """Calls for one run."""

    http: httpx2.Client = field(repr=False)
    pace: Pace
    keys: Keys

    def get(self, *path: str, about: About, **query: str) -> httpx2.Response:
        return self._call("GET", path, about, params=query or None)

    def post(self, *path: str, about: About, body: Mapping[str, Any]) -> dict[str, Any]:
        return object_of(self._call("POST", path, about, json=body))

    def delete(self, *path: str, about: About) -> None:
        self._call("DELETE", path, about)

    def _call(self, method: str, path: tuple[str, ...], about: About, **wanted: Any) -> httpx2.Response:
        """The answer, which is a success. A token that is not taken any more is replaced once."""
        token = self._token()
        answer = self._ask(method, path, token, **wanted)
        if answer.status_code == 401 and "type" not in said_in(answer):
            token = self._token(but=token)
            answer = self._ask(method, path, token, **wanted)
        if answer.status_code >= 300:
            raise refusal(answer, about)
        return answer

    def _ask(self, method: str, path: tuple[str, ...], token: str | None, **wanted: Any) -> httpx2.Response:
        self.pace(self.keys.secret_id)
        address = "/".join([self.keys.url + API, *(quote(part, safe="") for part in path), ""])
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        with asking.told():
            return self.http.request(method, address, headers=headers, **wanted)

    def _token(self, *, but: str | None = None) -> str:
        """An access token that is good, and is not this one."""
        with _fetching:
            access = _tokens.get((self.keys, "access"))
            if access is None or not access.is_good or access.text == but:
                access = self._refreshed() or self._new()
            return access.text

    def _refreshed(self) -> Token | None:
        refresh = _tokens.get((self.keys, "refresh"))
        if refresh is None or not refresh.is_good:
            return None
        answer = self._ask("POST", ("token", "refresh"), None, json={"refresh": refresh.text})
        return self._kept(object_of(answer), "access") if answer.status_code == 200 else None

    def _new(self) -> Token:
        secret = {"secret_id": self.keys.secret_id, "secret_key": self.keys.secret_key}
        answer = self._ask("POST", ("token", "new"), None, json=secret)
        if answer.status_code != 200:
            raise refusal(answer, "token")
        found = object_of(answer)
        self._kept(found, "refresh")
        return self._kept(found, "access")

    def _kept(self, found: Mapping[str, Any], name: str) -> Token:
        text, lasts_s = found.get(name), found.get(f"{name}_expires")
        if not isinstance(text, str) or not isinstance(lasts_s, int):
            raise AnswerUnusable
        token = _tokens[self.keys, name] = Token(text, time.monotonic() + lasts_s)
        return token


def object_of(answer: httpx2.Response) -> dict[str, Any]:
    """The answer, an object. Raises AnswerUnusable."""
    found = json_of(answer)
    if not isinstance(found, dict):
        raise AnswerUnusable
    return found


def json_of(answer: httpx2.Response) -> Any:
    """What the answer says. Raises AnswerUnusable: what stands between us may have said it, and is gone later."""
    try:
        return asking.json_of(answer)
    except asking.AnswerNotUnderstood:
        raise AnswerUnusable from None


@contextmanager
def calling(pace: Pace) -> Iterator[Client]:
    """A client for one run. Where GoCardless is, the operator says and no tenant."""
    known = keys()
    with outside.client(allows_private=True) as http:
        yield Client(http, pace, known)
