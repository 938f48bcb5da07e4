"""Forwarding: whose a mail is that is handed over to us, and how who hands it over is known.

An address of SendGrid's that the operator set up has one token for all, and the recipient says whose a mail is; an
organization with an account of its own at SendGrid has a token of its own. What is signed is checked over the bytes as
they came, before they are read.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from time import time
from uuid import UUID

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ai2.connections import mailing, repository, service
from ai2.ingest.sources import forwarding
from ai2.kit.database import Connection, Database
from ai2.kit.errors import NotFound, Unauthorized
from ai2.kit.security import same
from ai2.kit.settings import settings
from ai2.receipts.mails import posted
from ai2.receipts.mails.service import Arrived

PROVIDER = forwarding.SOURCE.name
PATH = "/api/connectors/email/inbound/"
SIGNATURE, TIMESTAMP = "x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp"
# SendGrid tries for three days to hand a mail over. A repeat has no effect, so a late one does no harm.
OLDEST_S, AHEAD_S = 4 * 24 * 3600, 300


class NotHandedOver(Unauthorized):
    """Nobody is known by this token, or what was sent is not signed as it should be."""


class NobodysMail(NotFound):
    """None of the recipients is an address of ours."""


@dataclass(frozen=True)
class Door:
    """By which token a mail came in: its connection (none: the recipient says), and by whose key it is signed."""

    connection: tuple[UUID, UUID] | None
    key: str | None


@dataclass(frozen=True)
class Handed:
    """A mail that was handed over, and to whom it was sent."""

    mail: Arrived
    recipients: tuple[str, ...]


async def register(database: Database, organization_id: UUID, connection_id: UUID) -> str:
    """Let a connection be known by its token and its address; the address to hand mails over to."""
    async with database.transaction(organization_id) as db:
        secret = await service.secrets_of(db, organization_id, connection_id)
        await repository.forget_external_ids(db, organization_id, connection_id)
        for external_id in (_of_token(secret["token"]), _of_mailbox(secret["mailbox"])):
            await repository.put_external_id(db, organization_id, connection_id, PROVIDER, external_id)
    return settings().public_address + PATH + str(secret["token"])


async def door(database: Database, token: str) -> Door:
    """Raises NotHandedOver."""
    everyones = settings().inbound_mail_token
    if everyones and same(_digest(token), _digest(everyones.get_secret_value())):
        return Door(None, settings().inbound_mail_key)
    async with database.transaction() as db:
        row = await repository.of_external_id(db, PROVIDER, _of_token(token))
    if row is None:
        raise NotHandedOver
    async with database.transaction(row["organization_id"]) as db:
        known = await service.get(db, row["organization_id"], row["connection_id"])
    return Door((row["organization_id"], row["connection_id"]), known.settings.get("verification_key"))


def check_signature(key: str, signature: str | None, timestamp: str | None, body: bytes) -> None:
    """Raises NotHandedOver where these bytes are not signed by this key (ECDSA, of the time and the body)."""
    if not signature or not timestamp or not timestamp.isdigit() or len(timestamp) > 12:
        raise NotHandedOver
    if not -AHEAD_S <= time() - int(timestamp) <= OLDEST_S:
        raise NotHandedOver
    try:
        public = load_der_public_key(base64.b64decode(key))
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise NotHandedOver
        signed = base64.b64decode(signature, validate=True)
        public.verify(signed, timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, binascii.Error, ValueError, TypeError):
        raise NotHandedOver from None


def handed(fields: Sequence[posted.Field]) -> Handed:
    """The mail of a form. Raises NoMail."""
    return Handed(posted.arrived(fields), tuple(posted.recipients(fields)))


async def take(database: Database, door: Door, handed: Handed) -> int:
    """Keep a mail for whom it is, each once, and have it read; how many are new. Raises NobodysMail."""
    async with database.transaction() as db:
        whose = [door.connection] if door.connection else await _whose(db, handed.recipients)
    if not whose:
        raise NobodysMail
    new = 0
    for organization_id, connection_id in whose:
        async with database.transaction(organization_id, actor=f"connection:{connection_id}") as db:
            new += len(await mailing.take_in(db, organization_id, connection_id, [handed.mail]))
    return new


async def _whose(db: Connection, recipients: Sequence[str]) -> list[tuple[UUID, UUID]]:
    domain = settings().inbound_mail_domain
    found: list[tuple[UUID, UUID]] = []
    for each in recipients:
        mailbox, _, at = each.rpartition("@")
        row = await repository.of_external_id(db, PROVIDER, _of_mailbox(mailbox)) if at == domain else None
        if row and (row["organization_id"], row["connection_id"]) not in found:
            found.append((row["organization_id"], row["connection_id"]))
    return found


def _of_token(token: str) -> str:
    return f"token:{_digest(token).hex()}"


def _of_mailbox(mailbox: str) -> str:
    return f"mailbox:{_digest(mailbox.partition('+')[0].lower()).hex()}"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
