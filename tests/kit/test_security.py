"""Security: what a token must hold to be believed, and what is stored of a secret."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ai2.kit import security, token_keys
from ai2.kit.ids import new_id
from ai2.kit.security import AccessToken, BadCredential, read_access_token, sign_access_token

TOKEN = AccessToken(new_id(), new_id(), new_id())
CLAIMS: dict[str, Any] = {
    "iss": "ai2",
    "aud": "ai2-api",
    "sub": str(TOKEN.user_id),
    "sid": str(TOKEN.session_id),
    "org": str(TOKEN.organization_id),
    "iat": datetime.now(UTC),
    "exp": datetime.now(UTC) + timedelta(hours=2),
}


def key() -> Ed25519PrivateKey:
    return token_keys.signing_key().private


def signed(claims: dict[str, Any], **header: Any) -> str:
    return jwt.encode(claims, key(), algorithm="EdDSA", headers=header or None)


def without(claim: str) -> dict[str, Any]:
    return {name: value for name, value in CLAIMS.items() if name != claim}


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, default=str).encode()).decode().rstrip("=")


def with_public_key_as_secret() -> str:
    """The classic: an HMAC whose key is the public key that everyone may know."""
    public = (
        key().public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    claims = {**CLAIMS, "iat": 1, "exp": 4_000_000_000}
    text = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    mac = hmac.new(public, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def test_a_token_says_what_was_signed() -> None:
    assert read_access_token(sign_access_token(TOKEN)) == TOKEN
    assert read_access_token(signed(CLAIMS)) == TOKEN


ATTACKS = {
    "no algorithm": lambda: f"{part({'alg': 'none'})}.{part({**CLAIMS, 'exp': 4_000_000_000})}.",
    "the public key as an HMAC secret": with_public_key_as_secret,
    "another key": lambda: jwt.encode(CLAIMS, Ed25519PrivateKey.generate(), algorithm="EdDSA"),
    "another key, which the header carries": lambda: jwt.encode(
        CLAIMS, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"jku": "https://evil.example/jwks"}
    ),
    "expired": lambda: sign_access_token(TOKEN, now=datetime.now(UTC) - timedelta(hours=1)),
    "not yet": lambda: signed({**CLAIMS, "iat": datetime.now(UTC) + timedelta(hours=1)}),
    "another audience": lambda: signed({**CLAIMS, "aud": "other"}),
    "another issuer": lambda: signed({**CLAIMS, "iss": "other"}),
    "an issuer that ours contains": lambda: signed({**CLAIMS, "iss": "ai"}),
    **{f"no {claim}": (lambda claim=claim: signed(without(claim))) for claim in CLAIMS},
    "a subject that is no id": lambda: signed({**CLAIMS, "sub": "admin"}),
    "an organization that is no text": lambda: signed({**CLAIMS, "org": 7}),
    "a key id that is a path": lambda: jwt.encode(
        CLAIMS, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": "../../../../dev/null"}
    ),
    "8 kB": lambda: signed({**CLAIMS, "more": "x" * 8000}),
    "cut short": lambda: sign_access_token(TOKEN)[:-2],
    "not a token": lambda: "é.é.é",
    "empty": lambda: "",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_refuses_a_token(attack: Any) -> None:
    with pytest.raises(BadCredential):
        read_access_token(attack())


async def test_a_password_is_known_by_its_hash_alone() -> None:
    hashed = await security.hash_password("correct horse")
    assert hashed.startswith("$argon2id$")
    assert await security.is_password("correct horse", hashed)
    assert not await security.is_password("correct horsf", hashed)
    assert not await security.is_password("correct horse", None)
