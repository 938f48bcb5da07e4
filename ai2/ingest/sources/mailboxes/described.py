"""What mailboxes have in common: the settings that each takes, and how often one is looked at."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ai2.ingest.sources.model import Limit, Session

# Where a mailbox is not listened to, this is how late a mail may be. Signing in is what providers count.
EVERY_MINUTES = 15
LIMIT = Limit(calls=20, seconds=600)
FIRST_DAYS = 90

COMMON: Mapping[str, Any] = {
    "username": {"type": "string", "minLength": 1, "maxLength": 320, "description": "Mostly the e-mail address."},
    "folders": {
        "type": "array",
        "items": {"type": "string", "minLength": 1, "maxLength": 500},
        "minItems": 1,
        "maxItems": 20,
        "uniqueItems": True,
        "default": ["INBOX"],
        "description": "Which folders or labels; the first one is listened to, the others are looked at.",
    },
    "since": {
        "type": "string",
        "pattern": r"^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$",
        "description": f"From which day on; by default {FIRST_DAYS} days before it is connected.",
    },
    "statements_from": {
        "type": "array",
        "items": {"type": "string", "pattern": r"^([^@\s]+@)?[^@\s]+\.[^@\s]+$", "maxLength": 320},
        "maxItems": 50,
        "default": [],
        "description": "Addresses, or domains, whose attached statements are imported into the account that the "
        "connection names, where the sender is verified. Statements of others are kept and told.",
    },
}


def begun(session: Session) -> dict[str, Any]:
    """What a connect adds to the settings: from which day on, where nobody said."""
    if "since" in session.settings:
        return {}
    return {"since": (datetime.now(UTC).date() - timedelta(days=FIRST_DAYS)).isoformat()}
