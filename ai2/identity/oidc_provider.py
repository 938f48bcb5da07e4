"""An OpenID provider, as we ask it: its description, its keys, and whose a code is. No answer is believed unchecked.

Calls go to the hosts that were configured and nowhere else, follow no redirect, and end in time.
"""

import asyncio
import base64
import hashlib
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuthError
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, import_key
from joserfc.jws import JWSRegistry

from ai2.identity.oidc_problems import ProviderDown, SignInRefused
from ai2.kit import logs
from ai2.kit.settings import OidcProvider

CALL_S, WHOLE_S = 5.0, 10.0
ANSWER_BYTES = 1_000_000
FRESH_S = 3600
LEEWAY_S = 60
# Signatures by a private key alone: neither `none` nor one that our own secret could make.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
KEY_KINDS = {"RSA", "EC", "OKP"}
# What a provider says of itself or of how we are registered, not of the code that it was given.
NOT_THE_CODE = {"invalid_client", "unauthorized_client", "server_error", "temporarily_unavailable"}

log = logs.logger("ai2.oidc")


@dataclass(frozen=True)
class Claims:
    """Who somebody is at a provider."""

    subject: str
    email: str | None
    is_email_verified: bool
    name: str | None


@dataclass
class Known:
    """What a provider said of itself, and when."""

    description: dict[str, Any]
    read_at: float
    keys: KeySet | None = None


@dataclass
class Provider:
    """A configured provider."""

    configured: OidcProvider
    redirect_uri: str
    _known: Known | None = field(default=None, repr=False)

    async def authorization_url(self, state: str, secret: str) -> str:
        """Where to send a person, to come back with this state. What is derived of the secret binds the code to it."""
        with _told(self.configured.name):
            async with asyncio.timeout(WHOLE_S), self._client() as client:
                description = await self._description(client)
                url, _ = client.create_authorization_url(
                    description["authorization_endpoint"],
                    state=state,
                    code_verifier=derived(secret, "verifier"),
                    nonce=derived(secret, "nonce"),
                )
                return str(url)

    async def exchange(self, code: str, secret: str, issuer: str | None) -> Claims:
        """Who the code belongs to, if it was made for this secret. `issuer` is what came back with it (RFC 9207)."""
        with _told(self.configured.name):
            async with asyncio.timeout(WHOLE_S), self._client() as client:
                description = await self._description(client)
                self._check_issuer(description, issuer)
                client.token_endpoint_auth_method = self._authentication(description)
                token = await client.fetch_token(
                    description["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=derived(secret, "verifier"),
                )
                claims = await self._id_token(client, token, derived(secret, "nonce"))
                return await self._claims(client, description, claims)

    def _client(self) -> AsyncOAuth2Client:
        secret = self.configured.client_secret
        return AsyncOAuth2Client(
            client_id=self.configured.client_id,
            client_secret=secret.get_secret_value() if secret else None,
            scope=self.configured.scope,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            timeout=CALL_S,
            follow_redirects=False,
            transport=_Guarded(_origins(self.configured)),
            headers={"Accept-Encoding": "identity"},
        )

    def _authentication(self, description: dict[str, Any]) -> str:
        """How we show the provider that it is us: by the way it takes, the standard one first."""
        if self.configured.client_secret is None:
            return "none"
        ways = description.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return "client_secret_basic" if "client_secret_basic" in ways else "client_secret_post"

    async def _description(self, client: AsyncOAuth2Client) -> dict[str, Any]:
        if self._known is None or self._known.read_at + FRESH_S < time.monotonic():
            address = self.configured.issuer.rstrip("/") + "/.well-known/openid-configuration"
            found = await _read(client, address)
            if found.get("issuer") != self.configured.issuer:
                raise Unbelievable("the description is another issuer's")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if _origin(str(found.get(name))) not in _origins(self.configured):
                    raise Unbelievable(f"{name} is at a host that is not configured")
            self._known = Known(found, time.monotonic())
        return self._known.description

    async def _keys(self, client: AsyncOAuth2Client, *, again: bool) -> KeySet:
        description = await self._description(client)
        known = self._known or Known(description, time.monotonic())
        if known.keys is None or again:
            found = await _read(client, description["jwks_uri"])
            known.keys = _read_keys(found)
        return known.keys

    def _check_issuer(self, description: dict[str, Any], issuer: str | None) -> None:
        is_said = bool(description.get("authorization_response_iss_parameter_supported"))
        if issuer != self.configured.issuer and (is_said or issuer is not None):
            raise SignInRefused

    async def _id_token(self, client: AsyncOAuth2Client, token: dict[str, Any], nonce: str) -> CodeIDToken:
        text = str(token.get("id_token", ""))
        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        try:
            read = jwt.decode(text, await self._keys(client, again=False), registry=registry)
        except InvalidKeyIdError:  # the provider has changed its keys
            read = jwt.decode(text, await self._keys(client, again=True), registry=registry)
        expected = {
            "iss": {"essential": True, "value": self.configured.issuer},
            "aud": {"essential": True, "value": self.configured.client_id},
        }
        named = {
            "nonce": nonce,
            "client_id": self.configured.client_id,
            "access_token": token.get("access_token"),
        }
        claims = CodeIDToken(read.claims, read.header, expected, named)
        try:
            claims.validate(leeway=LEEWAY_S)
        except (TypeError, AttributeError):  # a claim is of another kind than claims are
            raise SignInRefused from None
        return claims

    async def _claims(self, client: AsyncOAuth2Client, description: dict[str, Any], token: dict[str, Any]) -> Claims:
        """The token's claims, and those that a provider tells only when it is asked for them (OpenID Core 5.4)."""
        claims, subject = dict(token), token["sub"]
        endpoint = description.get("userinfo_endpoint")
        if "email" not in claims and endpoint:
            more = await _read(client, endpoint, withhold_token=False)
            if more.get("sub") != subject:
                raise SignInRefused
            claims = {**more, **claims}
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise SignInRefused
        email, name = claims.get("email"), claims.get("name")
        return Claims(
            subject,
            email if isinstance(email, str) and len(email) <= 320 else None,
            claims.get("email_verified") in (True, "true"),
            name[:200] if isinstance(name, str) and name.strip() else None,
        )


class Unbelievable(ValueError):
    """What a provider says of itself does not fit what was configured."""


def derived(secret: str, what: str) -> str:
    """PKCE's verifier and the nonce follow from the secret that only the beginner has: nothing of them is stored."""
    made = hashlib.sha256(f"{what} of {secret}".encode()).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn what goes wrong between us and a provider into what a person can act on; the log says which it was."""
    try:
        yield
    except OAuthError as error:
        kind = str(error.error)
        log.warning("provider refused", provider=name, kind=kind if kind.isidentifier() else "other")
        if kind in NOT_THE_CODE:
            raise ProviderDown from None
        raise SignInRefused from None
    except JoseError as error:
        log.warning("id token refused", provider=name, kind=type(error).__name__)
        raise SignInRefused from None
    except (httpx2.HTTPError, AuthlibBaseError, TimeoutError, ValueError) as error:
        log.warning("provider cannot be used", provider=name, kind=type(error).__name__, reason=_reason(error))
        raise ProviderDown from None


def _reason(error: BaseException) -> str | None:
    return str(error) if isinstance(error, Unbelievable) else None


async def _read(client: AsyncOAuth2Client, address: str, *, withhold_token: bool = True) -> dict[str, Any]:
    answer = await client.request("GET", address, withhold_token=withhold_token)
    if answer.status_code != 200:
        raise httpx2.HTTPError("no answer to use")
    found = answer.json()
    if not isinstance(found, dict):
        raise Unbelievable("an answer is no object")
    return found


def _read_keys(found: dict[str, Any]) -> KeySet:
    keys = found.get("keys")
    try:
        return KeySet([import_key(key) for key in keys if _signs(key)])  # type: ignore[union-attr]
    except (TypeError, KeyError, ValueError, JoseError) as error:
        raise Unbelievable("its keys cannot be read") from error


def _signs(key: Any) -> bool:
    return isinstance(key, dict) and key.get("kty") in KEY_KINDS and key.get("use", "sig") == "sig"


def _origins(configured: OidcProvider) -> frozenset[str]:
    return frozenset({_origin(configured.issuer), *(f"https://{host}:443" for host in configured.hosts)})


def _origin(address: str) -> str:
    parts = urlsplit(address)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{port}"


class _Guarded(httpx2.AsyncBaseTransport):
    """Goes to the configured hosts only, whatever a provider's description says, and reads no endless answer."""

    def __init__(self, origins: frozenset[str]) -> None:
        self._origins, self._inner = origins, httpx2.AsyncHTTPTransport(verify=_trusted())

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if _origin(str(request.url)) not in self._origins:
            raise httpx2.RequestError("at a host that is not configured", request=request)
        answer = await self._inner.handle_async_request(request)
        return httpx2.Response(answer.status_code, headers=answer.headers, stream=_Limited(answer.stream))

    async def aclose(self) -> None:
        await self._inner.aclose()


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that we trust, read once: it takes longer than a call."""
    return ssl.create_default_context()


class _Limited(httpx2.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > ANSWER_BYTES:
                raise httpx2.RequestError("the answer is too large")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
