"""Forwarding: mail that is sent on to an address of ours, and comes in by SendGrid's Inbound Parse.

Nothing is fetched. Who knows the address can send a mail to it; who knows the token can say what SendGrid found of a
sender. So these are two.
"""

import secrets
from collections.abc import Iterator

from ai2.ingest.sources.mailboxes.described import COMMON
from ai2.ingest.sources.model import Connected, Page, Session, Source
from ai2.kit.settings import settings

# Letters and digits that nobody mistakes for others: 100 bits.
LETTERS, LENGTH = "abcdefghjkmnpqrstuvwxyz23456789", 21


def connect(session: Session) -> Connected:
    """A new token each time; the address stays, for it is written into rules of other mailboxes."""
    mailbox = str(session.credentials.get("mailbox") or _secret())
    domain = settings().inbound_mail_domain
    address = {"address": f"{mailbox}@{domain}"} if domain else {}
    return Connected(credentials={"mailbox": mailbox, "token": _secret() + _secret()}, settings=address)


def pages(session: Session) -> Iterator[Page]:
    """Nothing: mails come by themselves."""
    return iter(())


def _secret() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


SOURCE = Source(
    name="forwarding",
    title="Forwarded mail",
    kind="email",
    way="credentials",
    settings={
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "statements_from": COMMON["statements_from"],
            "verification_key": {
                "type": "string",
                "maxLength": 1000,
                "description": "The public key of your own SendGrid account, where it signs what it sends: what is not "
                "signed by it is refused.",
            },
        },
    },
    credentials={"type": "object", "additionalProperties": False, "properties": {}},
    connect=connect,
    pages=pages,
    can=frozenset({"mails"}),
    # There is nothing to look for; that it can be looked at is enough once a day.
    every_minutes=24 * 60,
)
