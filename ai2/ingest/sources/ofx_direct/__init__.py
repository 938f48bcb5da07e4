"""OFX Direct Connect: banks that give statements to programs by a user's name and password, as many in the USA do.

requests.py writes what is asked, answers.py understands what comes back, fetching.py is a run. The statements
themselves are read by formats/ofx.py, as any OFX file is.
"""

from ai2.ingest.sources.model import Limit, Source
from ai2.ingest.sources.ofx_direct import fetching

_TEXT = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^\\x00-\\x1f\\x7f]+$"}

SOURCE = Source(
    name="ofx_direct",
    title="OFX Direct Connect",
    kind="bank",
    way="credentials",
    settings={
        "type": "object",
        "additionalProperties": False,
        "required": ["url"],
        "properties": {
            "url": {
                "type": "string",
                "maxLength": 2000,
                "pattern": "^https?://[^\\s/?#@]+(?:[/?][^\\s#]*)?$",
                "description": "The bank's OFX address.",
            },
            "version": {"enum": [102, 103, 151, 160, 200, 202, 203, 211, 220], "default": 102},
            "org": {**_TEXT, "description": "The bank's ORG."},
            "fid": {**_TEXT, "description": "The bank's FID."},
            "app_id": {**_TEXT, "maxLength": 5, "default": "QWIN", "description": "As which program we are known."},
            "app_version": {"type": "string", "pattern": "^[0-9]{1,4}$", "default": "2700"},
            "first_days": {"type": "integer", "minimum": 1, "maximum": 3650, "default": 365},
        },
    },
    credentials={
        "type": "object",
        "additionalProperties": False,
        "required": ["username", "password"],
        "properties": {
            "username": _TEXT,
            "password": _TEXT,
            "accounts": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "description": "Which accounts; by default those that the bank tells of.",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["number"],
                    "properties": {
                        "number": _TEXT,
                        "bank_id": {**_TEXT, "description": "BANKID: the routing number. Cards have none."},
                        "kind": {
                            "enum": ["CHECKING", "SAVINGS", "MONEYMRKT", "CREDITLINE", "CD", "CREDITCARD"],
                            "default": "CHECKING",
                        },
                        "name": {**_TEXT, "maxLength": 50},
                    },
                },
            },
            "client_uid": {
                "type": "string",
                "pattern": "^[A-Za-z0-9-]{1,36}$",
                "description": "CLIENTUID, where the bank knows one already; by default a new one is made.",
            },
        },
    },
    connect=fetching.connect,
    pages=fetching.pages,
    servers=frozenset({"url"}),
    limit=Limit(30, 60),
    can=frozenset({"transactions", "backfill"}),
)
