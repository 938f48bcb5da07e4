"""Access: setup tokens, the access URLs that they are claimed for, and what a SimpleFIN server refuses."""

import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

from ai2.ingest.sources.problems import ConsentNeeded, CredentialsRefused, Permanent, Transient
from ai2.kit.errors import Invalid

LONGEST_URL = 2000


class NoSetupToken(Invalid):
    """This is no SimpleFIN setup token; copy it anew from your SimpleFIN server, whole."""


class TokenSpent(CredentialsRefused):
    """The setup token is spent, or not known; if it was not you who claimed it, somebody else may read your data."""

    status = 409
    what_to_do = "Disable the token at your SimpleFIN server, make a new one there, and connect again with that."


class AccessRevoked(ConsentNeeded):
    """The SimpleFIN server does not let us in any more: access was revoked there, or has ended."""

    what_to_do = (
        "Make a new setup token at your SimpleFIN server, and connect again with reconnect naming this connection."
    )


class PaymentRequired(Permanent):
    """The SimpleFIN server wants to be paid for before it tells more."""

    what_to_do = "Pay your SimpleFIN server, and sync the connection again."


class AnswerUnusable(Transient):
    """The SimpleFIN server answered something else than the protocol says; it is tried again by itself."""

    status = 502


@dataclass(frozen=True)
class Access:
    """An access URL, taken apart: whatever it is sent to sees the name and password in a header only."""

    url: str = field(repr=False)
    user: str = field(repr=False)
    password: str = field(repr=False)

    @classmethod
    def of(cls, text: str) -> "Access":
        """Raises AnswerUnusable."""
        try:
            parts = urlsplit(text.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            raise AnswerUnusable from None
        if parts.scheme not in ("https", "http") or not host or parts.username is None or len(text) > LONGEST_URL:
            raise AnswerUnusable
        place = f"[{host}]" if ":" in host else host
        url = urlunsplit((parts.scheme, f"{place}:{port}" if port else place, parts.path.rstrip("/"), "", ""))
        return cls(url, unquote(parts.username), unquote(parts.password or ""))


def claim_address(token: str) -> str:
    """The address that a setup token is, in base64. Raises NoSetupToken."""
    packed = "".join(token.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        address = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True).decode("ascii").strip()
        parts = urlsplit(address)
    except (binascii.Error, ValueError):
        raise NoSetupToken from None
    if parts.scheme not in ("https", "http") or not parts.hostname or len(address) > LONGEST_URL:
        raise NoSetupToken
    return address
