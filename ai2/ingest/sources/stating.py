"""Stating: a feed's answer together with what its provider says that the account held, to be proved by ingestion."""

import json
from decimal import Decimal, InvalidOperation

from ai2.ingest.sources.model import RemoteAccount

# The member that ai2.ingest.formats.jsonlines reads it from.
MEMBER = "stated_balance"


def amount_of(told: object) -> Decimal | None:
    """A balance as providers write it: a number, or text of one."""
    try:
        found = Decimal(told) if isinstance(told, str | int | Decimal) else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None


def stating(content: bytes, account: RemoteAccount | None) -> bytes:
    """The answer with its account's balance, where it says that for a day: it is kept with the rows, and undone with
    them. One of no day proves nothing.
    """
    text = content.rstrip()
    is_document = text.endswith(b"}") and b"}\n{" not in text  # and not a row in each line
    if account is None or account.balance is None or account.balance_on is None or not is_document:
        return content
    told = json.dumps({"date": account.balance_on.isoformat(), "amount": f"{account.balance:f}"}).encode()
    inner = text[:-1].rstrip()
    comma = b"" if inner.endswith(b"{") else b","
    return inner + comma + b'"' + MEMBER.encode() + b'":' + told + b"}"
