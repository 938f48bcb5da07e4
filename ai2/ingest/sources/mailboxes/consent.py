"""Consent: OAuth 2.0 with a mailbox's provider, by Authlib. The code is bound to who began by PKCE (RFC 7636)."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client, OAuthError

from ai2.ingest.sources.mailboxes.signing_in import TokenRefused, by_token
from ai2.ingest.sources.mailboxes.wire import Client
from ai2.ingest.sources.model import OAuth, Session
from ai2.ingest.sources.problems import ConsentNeeded, CredentialsRefused, Permanent, Transient
from ai2.kit.outside import trusted

CALL_S = 15.0
# A token that ends while it is being used is renewed before.
SPARE_S = 120
# What is wrong with us or with the moment, not with the consent.
PASSING = frozenset({"server_error", "temporarily_unavailable", "slow_down"})
OURS = frozenset({"invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type"})


class NotRegistered(Permanent):
    """This installation is not registered with the provider; its operator has to do so first."""

    what_to_do = "Ask the operator to set the provider's client id and secret (docs/reference/mail.md)."


class ProviderDown(Transient):
    """The provider does not answer as it should."""


class ConsentGone(ConsentNeeded):
    """The provider no longer lets us in to this mailbox: consent was taken back, or ran out."""


class ConsentElsewhere(ConsentNeeded):
    """This consent is finished where its provider sends people back to: /api/connectors/oauth/callback."""

    status = 409


class ConsentDoesNotLast(ConsentNeeded):
    """The provider gave a consent that does not last; consent again, and allow access while you are away."""


class ConsentOfAnother(CredentialsRefused):
    """Consent was given for another mailbox than the one that was named; sign in there as its owner."""


def authorization_url(oauth: OAuth, *, redirect_uri: str, state: str, verifier: str, hint: str | None) -> str:
    """Where to send a person to consent. Raises NotRegistered."""
    with _client(oauth, redirect_uri) as client:
        more = {**oauth.asked, **({"login_hint": hint} if hint else {})}
        url, _ = client.create_authorization_url(oauth.authorization_url, state=state, code_verifier=verifier, **more)
        return str(url)


def exchanged(oauth: OAuth, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Credentials for a code: the answer has `code`, `verifier` and `redirect_uri`."""
    with _told(), _client(oauth, answer["redirect_uri"]) as client:
        token = client.fetch_token(
            oauth.token_url, grant_type="authorization_code", code=answer["code"], code_verifier=answer["verifier"]
        )
    found = _kept(token)
    if "refresh_token" not in found:
        raise ConsentDoesNotLast
    return found


def sign_in(oauth: OAuth) -> Any:
    """Signs in to a mailbox by a token that is valid, and renews it where it is not."""

    def by_consent(client: Client, session: Session) -> None:
        kept = dict(session.credentials)
        if not kept.get("refresh_token"):
            raise ConsentGone
        user = str(session.settings["username"])
        was_fresh = float(kept.get("expires_at", 0)) < time.time() + SPARE_S
        if was_fresh:
            kept = renewed(oauth, session, kept)
        try:
            by_token(client, user, kept["access_token"])
        except TokenRefused:
            if was_fresh:
                raise ConsentGone from None
            renewed(oauth, session, kept)  # its consent may be gone, which only this tells
            raise ProviderDown from None  # a new connection will do

    return by_consent


def renewed(oauth: OAuth, session: Session, kept: Mapping[str, Any]) -> dict[str, Any]:
    """A new token, kept at once: some providers take the former refresh token back with it. Raises ConsentGone."""
    with _told(), _client(oauth, None) as client:
        token = client.refresh_token(oauth.token_url, refresh_token=kept["refresh_token"])
    found = {**kept, **_kept(token)}
    session.keep(found)
    return found


def revoked(oauth: OAuth, session: Session) -> None:
    """Take the consent back, where the provider can be told so; gone it is here anyway."""
    token = session.credentials.get("refresh_token")
    if oauth.revocation_url and token:
        with suppress(Permanent, Transient), _told(), _client(oauth, None) as client:
            client.revoke_token(oauth.revocation_url, token=token, token_type_hint="refresh_token")  # noqa: S106


def _client(oauth: OAuth, redirect_uri: str | None) -> OAuth2Client:
    registered = oauth.client()
    if registered is None:
        raise NotRegistered
    client_id, client_secret = registered
    return OAuth2Client(
        client_id=client_id, client_secret=client_secret, scope=oauth.scope, redirect_uri=redirect_uri,
        code_challenge_method="S256", timeout=CALL_S, follow_redirects=False, trust_env=False, verify=trusted(),
    )  # fmt: skip


def _kept(token: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of an answer; a refresh token that is not told anew is the former one."""
    access, refresh = token.get("access_token"), token.get("refresh_token")
    if not isinstance(access, str) or not access:
        raise ProviderDown
    found: dict[str, Any] = {"access_token": access, "expires_at": int(token.get("expires_at") or time.time() + 300)}
    return {**found, "refresh_token": refresh} if isinstance(refresh, str) and refresh else found


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong between us and a provider, in words of ours: its own may hold a token."""
    try:
        yield
    except OAuthError as error:
        kind = str(error.error)
        if kind in PASSING:
            raise ProviderDown from None
        raise (NotRegistered() if kind in OURS else ConsentGone()) from None
    except (httpx2.HTTPError, httpx2.InvalidURL, AuthlibBaseError, ValueError, TypeError, AttributeError):
        raise ProviderDown from None
