"""Plaid: banks of North America and Europe. A customer consents at a link; then rows come by a cursor, and webhooks
say when there are new ones."""

from ai2.ingest.sources.model import Limit, Source
from ai2.ingest.sources.plaid.item import connect, disconnect, finish
from ai2.ingest.sources.plaid.transactions import pages
from ai2.ingest.sources.plaid.webhooks import WEBHOOK

COUNTRIES = [
    "US", "GB", "ES", "NL", "FR", "IE", "CA", "DE", "IT", "PL", "DK", "NO", "SE", "EE", "LT", "LV", "PT", "BE", "AT",
    "FI",
]  # fmt: skip
LANGUAGES = ["da", "nl", "en", "et", "fr", "de", "hi", "it", "lv", "lt", "no", "pl", "pt", "ro", "es", "sv", "vi"]

SOURCE = Source(
    name="plaid",
    title="Plaid",
    kind="bank",
    way="consent",
    settings={
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "country_codes": {
                "type": "array", "minItems": 1, "uniqueItems": True, "items": {"enum": COUNTRIES}, "default": ["US"],
                "description": "Where the bank may be.",
            },
            "language": {"enum": LANGUAGES, "default": "en", "description": "Of the page at the link."},
            "client_name": {
                "type": "string", "minLength": 1, "maxLength": 30, "default": "AI2",
                "description": "Who asks, as the page at the link says it.",
            },
            "days": {
                "type": "integer", "minimum": 1, "maximum": 730, "default": 730,
                "description": "How far back the first sync goes; it cannot be changed later.",
            },
            "return_to": {
                "type": "string", "pattern": "^https://", "maxLength": 500,
                "description": "Where the browser goes once the customer is done at the link.",
            },
        },
    },
    credentials={"type": "object", "additionalProperties": False, "properties": {}},
    connect=connect,
    finish=finish,
    disconnect=disconnect,
    pages=pages,
    webhook=WEBHOOK,
    # https://plaid.com/docs/errors/rate-limit-exceeded: /transactions/sync, for each Item
    limit=Limit(calls=50, seconds=60),
    can=frozenset({"transactions", "balances", "pending", "removed", "backfill", "webhooks", "reconnect"}),
    needs=("PLAID_CLIENT_ID", "PLAID_SECRET"),
)  # fmt: skip
