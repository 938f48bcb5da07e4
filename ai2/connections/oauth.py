"""Consenting by OAuth 2.0: a person is sent to their provider, and comes back with a code that is good once.

The state says which consent it is; a secret that only who began it has says that it is they who come back, so that
nobody is led to give their mailbox to another. PKCE's verifier follows from that secret, and nothing of it is stored.
Where the provider sends people back to is ours and fixed: no request names it.
"""

import asyncio
import base64
import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ai2.connections import oauth_repository as repository
from ai2.connections import service
from ai2.connections.model import Connection
from ai2.identity.principal import Principal
from ai2.ingest.sources import names
from ai2.ingest.sources.mailboxes import consent
from ai2.ingest.sources.model import OAuth
from ai2.kit.database import Database
from ai2.kit.errors import Conflict, Forbidden
from ai2.kit.security import digest, new_secret
from ai2.kit.settings import settings

LASTS_S = 600
CALLBACK = "/api/connectors/oauth/callback"


class NoConsent(Conflict):
    """This connection needs no consent by OAuth; GET /api/connectors/providers says how it is connected."""


class ConsentNotValid(Forbidden):
    """This consent is over, was used, or was begun elsewhere; begin it again where you finish it."""


class ConsentRefused(Forbidden):
    """Consent was not given; begin it again, and agree."""


@dataclass(frozen=True)
class Begun:
    """A consent under way. The secret stays with whoever began it."""

    authorization_url: str
    state: str
    secret: str
    expires_in_s: int = LASTS_S


@dataclass(frozen=True)
class Returned:
    """What comes back from a provider, and the secret of whoever brings it."""

    state: str
    secret: str
    code: str | None
    error: str | None = None


async def begin(database: Database, organization_id: UUID, connection_id: UUID, *, begun_by: str) -> Begun:
    """Where to send somebody to consent, and what they need to come back. A consent begun before leads nowhere."""
    async with database.transaction(organization_id) as db:
        known = await service.get(db, organization_id, connection_id)
    oauth = _oauth(known)
    if known.state == "disconnected":
        raise service.IsDisconnected
    state, secret = new_secret(), new_secret()
    url = await asyncio.to_thread(
        consent.authorization_url, oauth, redirect_uri=redirect_uri(), state=state, verifier=verifier(secret),
        hint=known.settings.get("username"),
    )  # fmt: skip
    async with database.transaction() as db:
        await repository.forget(db, organization_id, connection_id)
        await repository.begin(
            db, state_digest=digest(state), secret_digest=digest(secret), organization_id=organization_id,
            connection_id=connection_id, provider=known.provider, begun_by=begun_by, lasts_s=LASTS_S,
        )  # fmt: skip
    return Begun(url, state, secret)


async def finish(database: Database, returned: Returned, who: Principal | None = None) -> Connection:
    """Take what came back. It goes to the provider once, whatever comes of it; `who` has to be who began it."""
    async with database.transaction() as db:
        begun = await repository.use(db, digest(returned.state), digest(returned.secret))
    if begun is None or (who and (who.organization_id, who.actor) != (begun["organization_id"], begun["begun_by"])):
        raise ConsentNotValid
    if returned.error or not returned.code:
        raise ConsentRefused
    async with database.transaction(begun["organization_id"]) as db:
        known = await service.get(db, begun["organization_id"], begun["connection_id"])
    if known.provider != begun["provider"]:
        raise ConsentNotValid
    answer: dict[str, Any] = {
        "code": returned.code, "verifier": verifier(returned.secret), "redirect_uri": redirect_uri(),
    }  # fmt: skip
    return await service.finish(
        database, begun["organization_id"], begun["connection_id"], answer, actor=begun["begun_by"]
    )


def redirect_uri() -> str:
    """Where every provider sends people back to; the operator registers it there."""
    return settings().public_address + CALLBACK


def verifier(secret: str) -> str:
    made = hashlib.sha256(f"verifier of {secret}".encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def _oauth(known: Connection) -> OAuth:
    oauth = names.source(known.provider).oauth
    if oauth is None:
        raise NoConsent
    return oauth
