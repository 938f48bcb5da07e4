"""Bucket: statement files in an S3-like store: Amazon's, Google's (with HMAC keys), or any other that speaks S3.

signing.py signs what is asked, fetching.py asks.
"""

from ai2.ingest.sources import remote_files
from ai2.ingest.sources.bucket import fetching
from ai2.ingest.sources.model import Limit, Source

_KEY = {"type": "string", "minLength": 1, "maxLength": 4000, "pattern": "^[\\x21-\\x7e]+$"}

SOURCE = Source(
    name="bucket",
    title="S3-like bucket",
    kind="bank",
    way="credentials",
    settings={
        "type": "object",
        "additionalProperties": False,
        "required": ["bucket"],
        "properties": {
            "bucket": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$"},
            "endpoint": {
                "type": "string",
                "maxLength": 500,
                "pattern": "^https?://[^\\s/?#@]+/?$",
                "description": "Where the store is; by default Amazon. Google's: https://storage.googleapis.com",
            },
            "region": {"type": "string", "pattern": "^[a-z0-9-]{1,40}$", "default": "us-east-1"},
            "prefix": {"type": "string", "maxLength": 900, "default": "", "description": "The folder in it."},
            "pattern": remote_files.PATTERN,
            "done_marker": {
                **remote_files.DONE_MARKER,
                "description": "An ending, such as .done: a file is taken once one of its name and this ending is.",
            },
        },
    },
    credentials={
        "type": "object",
        "additionalProperties": False,
        "dependentRequired": {"access_key": ["secret_key"], "secret_key": ["access_key"]},
        "properties": {
            "access_key": _KEY,
            "secret_key": _KEY,
            "session_token": {**_KEY, "description": "Of keys that are lent for a while."},
        },
    },
    connect=fetching.connect,
    pages=fetching.pages,
    servers=frozenset({"endpoint", "bucket", "region"}),
    limit=Limit(1000, 60),
    can=frozenset({"files"}),
)
