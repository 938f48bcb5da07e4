"""Second factors: codes that change every 30 seconds (TOTP, RFC 6238), and recovery codes for when they are lost.

A code is taken once, in whichever process: the row remembers the last time step. Wrong codes of one person make the
next wait wherever they come from, because whoever sends them knows the password already; recovery codes, which
nobody can guess, never wait, so the owner always comes in.
"""

import base64
import re
import secrets as random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ai2.identity import second_factors_repository as repository
from ai2.identity import sessions_repository, users
from ai2.identity.principal import Principal
from ai2.kit import security
from ai2.kit.database import Connection
from ai2.kit.envelope import seal, unseal
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound, TooManyRequests, Unauthorized
from ai2.kit.security import digest

ISSUER = "AI2"
DRIFT = 1  # steps that a clock may be early or late
RECOVERY_CODES = 10
FREE_TRIES = 10
LONGEST_WAIT_S = 900

clock = time.time


class SecondFactorNeeded(Unauthorized):
    """A second factor is needed: repeat the request with `totp`, or with a `recovery_code`."""


class WrongCode(Unauthorized):
    """The code is wrong, too old, or was used before."""

    keeps_changes = True
    # whose it was: for the audit, never for the answer
    user_id: UUID | None = None


class NotProved(Invalid):
    """The password or the code is wrong, too old, or was used before."""

    keeps_changes = True


class SecondFactorThrottled(TooManyRequests):
    """Too many wrong codes for this account; wait, or use a recovery code."""


class SecondFactorThere(Conflict):
    """There is a second factor already; disable it before you set up another."""


class NoSecondFactor(NotFound):
    """There is no second factor to confirm; begin with POST /api/core/auth/second-factor."""


class PeopleOnly(Conflict):
    """This is for people; sign in, an API key is nobody."""


@dataclass(frozen=True)
class Codes:
    """A second factor: what the app shows now, or a recovery code instead."""

    totp: str | None = None
    recovery_code: str | None = None

    def __bool__(self) -> bool:
        return self.totp is not None or self.recovery_code is not None


NO_CODES = Codes()


@dataclass(frozen=True)
class Proof:
    """By what somebody who is signed in shows that it is they: their password, or a second factor."""

    password: str | None = None
    codes: Codes = NO_CODES


@dataclass(frozen=True)
class SecondFactor:
    """Whether a person has one, since when, and how many recovery codes they have left."""

    is_enabled: bool
    confirmed_at: datetime | None = None
    recovery_codes_left: int = 0


@dataclass(frozen=True)
class NewSecret:
    """What an authenticator app is given, never to be seen again: typed, as a link, or as a picture of the link."""

    secret: str
    otpauth_uri: str
    qr_svg: str


async def get(db: Connection, who: Principal) -> SecondFactor:
    """The caller's second factor."""
    row = await repository.get(db, person(who))
    if row is None or row["confirmed_at"] is None:
        return SecondFactor(is_enabled=False)
    return SecondFactor(True, row["confirmed_at"], row["recovery_codes_left"])


async def begin(db: Connection, who: Principal, proof: Proof) -> NewSecret:
    """Make a secret for the caller's app. Nothing is asked for until a code from it confirms that it arrived."""
    import pyotp
    import segno

    user_id = person(who)
    await prove(db, user_id, proof)
    secret = pyotp.random_base32()
    if not await repository.put(db, user_id, seal(secret.encode(), purpose_of(user_id))):
        raise SecondFactorThere
    uri = pyotp.TOTP(secret).provisioning_uri(name=(await users.get(db, user_id)).email, issuer_name=ISSUER)
    return NewSecret(secret, uri, segno.make(uri, micro=False).svg_inline(scale=4))


async def confirm(db: Connection, who: Principal, totp: str) -> list[str]:
    """From now on sign-ins need the factor. Gives the recovery codes, which are never seen again.

    The person's other sessions end: they were opened without it, by whoever had the password.
    """
    user_id = person(who)
    factor = await repository.hold(db, user_id)
    if factor is None:
        raise NoSecondFactor
    if factor["confirmed_at"]:
        raise SecondFactorThere
    if not await _spend_code(db, factor, totp):
        raise NotProved(errors=(FieldError("totp", "is the code that your app shows now"),))
    await sessions_repository.end_others(db, user_id, who.session_id)
    return await _fresh_recovery_codes(db, user_id)


async def renew_recovery_codes(db: Connection, who: Principal, proof: Proof) -> list[str]:
    """Other recovery codes; the earlier ones end."""
    user_id = person(who)
    if not (await get(db, who)).is_enabled:
        raise NoSecondFactor
    await prove(db, user_id, proof)
    return await _fresh_recovery_codes(db, user_id)


async def disable(db: Connection, who: Principal, proof: Proof) -> None:
    """Sign-ins need the factor no more. One that was never confirmed goes too."""
    user_id = person(who)
    await prove(db, user_id, proof)
    await repository.delete(db, user_id)


async def remove(db: Connection, user_id: UUID) -> None:
    """Take a second factor away from somebody who lost it. For operators, who have made sure who asks."""
    await repository.delete(db, user_id)
    await sessions_repository.end_others(db, user_id)


async def check(db: Connection, user_id: UUID, codes: Codes) -> None:
    """Let nobody sign in without the second factor that they have."""
    factor = await repository.hold(db, user_id)
    if factor is None or factor["confirmed_at"] is None:
        return
    if not codes:
        raise SecondFactorNeeded
    if not await _spend(db, factor, codes):
        refusal = WrongCode()
        refusal.user_id = user_id
        raise refusal


async def prove(db: Connection, user_id: UUID, proof: Proof) -> None:
    """Let a stolen session not change by what its owner signs in: they show their password, or a code."""
    factor = await repository.hold(db, user_id)
    is_enabled = factor is not None and factor["confirmed_at"] is not None
    password_hash = await repository.password_hash(db, user_id)
    if proof.codes:
        is_right = factor is not None and is_enabled and await _spend(db, factor, proof.codes)
    elif proof.password is not None:
        is_right = await security.is_password(proof.password, password_hash)
    elif is_enabled or password_hash is not None:
        raise Invalid(errors=(FieldError("password", "is needed, or a code"),))
    else:
        return  # who only ever came from a provider has nothing else to show
    if not is_right:
        raise NotProved(errors=(FieldError("password", "is yours, or the code is valid now"),))


def person(who: Principal) -> UUID:
    if who.user_id is None:
        raise PeopleOnly
    return who.user_id


async def _spend(db: Connection, factor: Mapping[str, Any], codes: Codes) -> bool:
    """Whether the code is right; it never is again."""
    if codes.totp is not None:
        return await _spend_code(db, factor, codes.totp)
    made = digest(_normal(codes.recovery_code or ""))
    return await repository.spend_recovery_code(db, factor["user_id"], made)


async def _spend_code(db: Connection, factor: Mapping[str, Any], code: str) -> bool:
    if factor["wait_s"] > 0:
        raise SecondFactorThrottled(retry_after_s=int(factor["wait_s"]) + 1)
    step = _step_of(factor, "".join(code.split()))
    if step is None:
        await repository.refuse(db, factor["user_id"], _wait_s(factor["wrong_codes"] + 1))
        return False
    await repository.accept(db, factor["user_id"], step)
    return True


def _step_of(factor: Mapping[str, Any], code: str) -> int | None:
    """The time step whose code this is, of those that are near and were not used."""
    import pyotp

    if not re.fullmatch(r"[0-9]{6}", code):
        return None
    totp = pyotp.TOTP(unseal(factor["sealed_secret"], purpose_of(factor["user_id"])).decode())
    now = int(clock() // totp.interval)
    for step in range(max(now - DRIFT, factor["last_step"] + 1), now + DRIFT + 1):
        if security.same(totp.generate_otp(step).encode(), code.encode()):
            return step
    return None


def _wait_s(wrong: int) -> float:
    return float(min(2 ** min(wrong - FREE_TRIES, 10), LONGEST_WAIT_S)) if wrong >= FREE_TRIES else 0.0


async def _fresh_recovery_codes(db: Connection, user_id: UUID) -> list[str]:
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    await repository.replace_recovery_codes(db, user_id, [digest(_normal(code)) for code in codes])
    return codes


def _recovery_code() -> str:
    """100 random bits: `k3ab7-...`; nobody guesses one, so one SHA-256 of it is stored."""
    text = base64.b32encode(random.token_bytes(13)).decode().lower()[:20]
    return "-".join(text[start : start + 5] for start in range(0, 20, 5))


def _normal(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()


def purpose_of(user_id: UUID) -> bytes:
    return b"second factor of " + user_id.bytes
