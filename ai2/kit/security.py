"""Security: passwords, access tokens and API keys. Secrets are hashed or signed here and nowhere else."""

import asyncio
import hashlib
import hmac
import secrets as random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID

import jwt
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from ai2.kit import token_keys
from ai2.kit.errors import Unauthorized
from ai2.kit.settings import settings

ISSUER = "ai2"
AUDIENCE = "ai2-api"
ALGORITHM = "EdDSA"
CLAIMS = ["exp", "iat", "aud", "iss", "sub", "sid", "org"]
TOKEN_LENGTH = 2000  # ours have about 400 characters; a longer one is not worth reading
LEEWAY_S = 5  # by which the clocks of two machines may differ
API_KEY_PREFIX = "ai2_"

# OWASP's choice for argon2id: 19 MiB, 2 passes, 1 lane. Few at a time, so that logins never eat the memory.
_passwords = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))
_hashing = ThreadPoolExecutor(4, thread_name_prefix="argon2")


class BadCredential(Unauthorized):
    """The credential is not valid, or not any more; sign in again or send another API key."""


@dataclass(frozen=True)
class AccessToken:
    """What a valid access token says: whose session, in which organization."""

    user_id: UUID
    session_id: UUID
    organization_id: UUID


async def hash_password(password: str) -> str:
    """The password's argon2id hash, made in a thread."""
    return await asyncio.get_running_loop().run_in_executor(_hashing, _passwords.hash, password)


async def is_password(password: str, password_hash: str | None) -> bool:
    """Whether this is the password. Without a hash it is not, which takes just as long to say."""
    return await asyncio.get_running_loop().run_in_executor(_hashing, _matches, password, password_hash)


def sign_access_token(token: AccessToken, *, now: datetime | None = None) -> str:
    """A signed token that is valid for `settings().access_token_minutes`."""
    issued_at = now or datetime.now(UTC)
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(token.user_id),
        "sid": str(token.session_id),
        "org": str(token.organization_id),
        "iat": issued_at,
        "exp": issued_at + timedelta(minutes=settings().access_token_minutes),
    }
    key = token_keys.signing_key()
    return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.kid})


def read_access_token(text: str) -> AccessToken:
    """What the token says, once its signature, times, issuer and audience hold."""
    if len(text) > TOKEN_LENGTH:
        raise BadCredential
    try:
        key = token_keys.key_of(jwt.get_unverified_header(text).get("kid"))
        if key is None:
            raise BadCredential
        claims = jwt.decode(
            text,
            key.public,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=LEEWAY_S,
            options={"require": CLAIMS},
        )
        return AccessToken(UUID(claims["sub"]), UUID(claims["sid"]), UUID(claims["org"]))
    except (jwt.InvalidTokenError, ValueError, AttributeError, TypeError):
        raise BadCredential from None


def new_secret() -> str:
    """256 random bits as text."""
    return random.token_urlsafe(32)


def new_api_key() -> str:
    return API_KEY_PREFIX + new_secret()


def digest(secret: str) -> bytes:
    """What is stored of a random secret. With 256 random bits in it, one SHA-256 is enough."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def same(left: bytes, right: bytes) -> bool:
    """Whether two digests are equal, in constant time."""
    return hmac.compare_digest(left, right)


def _matches(password: str, password_hash: str | None) -> bool:
    return _passwords.verify(password, password_hash or _nobodys_hash()) and password_hash is not None


@cache
def _nobodys_hash() -> str:
    return _passwords.hash(new_secret())
