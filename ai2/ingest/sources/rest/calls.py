"""Calls: one call of a third party's API, authorised as its mapping says, and only at the address that it names."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

from ai2.ingest.sources import asking
from ai2.ingest.sources.asking import AnswerNotUnderstood, ProviderBusy
from ai2.ingest.sources.model import Session
from ai2.ingest.sources.problems import CredentialsRefused

LARGEST_ANSWER = 20_000_000
# A provider that asks for a short pause is waited for; a longer one ends the run, which is tried again then.
ATTEMPTS, LONGEST_PAUSE_S, USUAL_PAUSE_S = 4, 20, 2
TOKEN_LASTS_S = 300


class Calls:
    """The calls of one run."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._auth: Mapping[str, Any] = session.settings.get("auth") or {"type": "none"}
        self._origin = origin(str(session.settings["url"]))
        self._token: str | None = None
        self._token_ends = 0.0
        self._client = asking.client(session, largest=LARGEST_ANSWER)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, way: TracebackType | None
    ) -> None:
        self._client.close()

    def ask(self, url: str, parameters: Mapping[str, str | int]) -> tuple[Any, httpx2.Response]:
        """An answer's JSON and the answer. The address has to be where the mapping's is: nobody else has the keys."""
        if origin(url) != self._origin:
            raise AnswerNotUnderstood("The provider names a next page at another server; it is not asked.")
        try:
            answer = self._patiently(url, parameters)
        except CredentialsRefused:
            if self._auth["type"] != "client_credentials" or self._token is None:
                raise
            self._token = None  # it may have been taken back before its time
            answer = self._patiently(url, parameters)
        return asking.json_of(answer), answer

    def _patiently(self, url: str, parameters: Mapping[str, str | int]) -> httpx2.Response:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._once(url, parameters)
            except ProviderBusy as busy:
                pause_s = USUAL_PAUSE_S * attempt if busy.retry_after_s is None else busy.retry_after_s
                if attempt == ATTEMPTS or pause_s > LONGEST_PAUSE_S:
                    raise
                time.sleep(pause_s)
        raise AssertionError("the last attempt raises or answers")

    def _once(self, url: str, parameters: Mapping[str, str | int]) -> httpx2.Response:
        settings = self._session.settings
        headers, secret_parameters, basic = self._authorised()
        self._session.pace(self._who)
        body = settings.get("body", {}) if settings.get("method") == "POST" else None
        if settings.get("parameters_in") == "body":
            body, parameters = {**(body or {}), **parameters}, {}
        shown = {name: str(value) for name, value in parameters.items()} | secret_parameters
        with asking.told():
            merged = httpx2.URL(url).copy_merge_params(shown)
        return asking.ask(
            self._client,
            str(settings.get("method", "GET")),
            str(merged),
            headers={"Accept": "application/json", **settings.get("headers", {}), **headers},
            auth=basic or httpx2.USE_CLIENT_DEFAULT,
            json=body,
        )

    @property
    def _who(self) -> str:
        """Whom a provider's limits count: this credential at this server."""
        known = self._session.credentials
        return f"{self._origin} {known.get('token') or known.get('username') or known.get('client_id') or ''}"

    def _authorised(self) -> tuple[dict[str, str], dict[str, str], tuple[str, str] | None]:
        """What shows who we are: headers, parameters, or a user's name and password."""
        known, kind = self._session.credentials, self._auth["type"]
        if kind == "bearer":
            return {"Authorization": f"Bearer {_header(known['token'])}"}, {}, None
        if kind == "header":
            return {self._auth["name"]: _header(f"{self._auth.get('prefix', '')}{known['token']}")}, {}, None
        if kind == "query":
            return {}, {self._auth["name"]: str(known["token"])}, None
        if kind == "basic":
            return {}, {}, (str(known["username"]), str(known["password"]))
        if kind == "client_credentials":
            return {"Authorization": f"Bearer {self._granted()}"}, {}, None
        return {}, {}, None

    def _granted(self) -> str:
        """A token for this client (RFC 6749, 4.4); it is kept for this run only."""
        if self._token is None or time.monotonic() > self._token_ends:
            known, auth = self._session.credentials, self._auth
            form = {"grant_type": "client_credentials"}
            form |= {name: str(auth[name]) for name in ("scope", "audience") if name in auth}
            basic: tuple[str, str] | None = (str(known["client_id"]), str(known["client_secret"]))
            if auth.get("send") == "body":
                form |= {"client_id": str(known["client_id"]), "client_secret": str(known["client_secret"])}
                basic = None
            self._session.pace(self._who)
            answer = self._client_post(str(auth["token_url"]), form, basic)
            found = asking.json_of(answer)
            token = found.get("access_token") if isinstance(found, dict) else None
            if not isinstance(token, str) or not token:
                raise AnswerNotUnderstood("The provider gives no token.")
            lasts_s = found.get("expires_in")
            self._token_ends = time.monotonic() + (int(lasts_s) if isinstance(lasts_s, int) else TOKEN_LASTS_S) - 30
            self._token = _header(token)
        return self._token

    def _client_post(self, url: str, form: dict[str, str], basic: tuple[str, str] | None) -> httpx2.Response:
        with asking.told():
            answer = self._client.post(
                url, data=form, auth=basic or httpx2.USE_CLIENT_DEFAULT, headers={"Accept": "application/json"}
            )
        if answer.status_code in (400, 401, 403):  # RFC 6749, 5.2: whatever it is, these credentials get no token
            raise CredentialsRefused
        asking.check(answer)
        return answer


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port, as the client that asks there reads them: two readers of URLs may differ."""
    try:
        parts = httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError):
        return "", "", None
    return parts.scheme, parts.host.lower(), parts.port


def _header(text: str) -> str:
    """A token that can stand in a header. Raises CredentialsRefused: what has a line's end in it would add one."""
    if not text.isascii() or not text.isprintable():
        raise CredentialsRefused("The token has letters in it that no header can hold.")
    return text
