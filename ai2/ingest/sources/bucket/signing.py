"""Signing: requests of an S3-like store, by AWS Signature Version 4 as its documentation has it for headers."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlsplit

NOTHING = hashlib.sha256(b"").hexdigest()
ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Keys:
    """Who signs, and for which region."""

    access: str
    secret: str = field(repr=False)
    region: str
    session_token: str | None = field(default=None, repr=False)


def escaped(text: str, *, keeps: str = "") -> str:
    """As AWS writes URLs: all but letters, digits and -_.~ as bytes in hexadecimal."""
    return quote(text, safe=f"-_.~{keeps}")


def query(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{escaped(name)}={escaped(value)}" for name, value in sorted(parameters.items()))


def signed(url: str, headers: Mapping[str, str], keys: Keys, at: datetime) -> dict[str, str]:
    """The headers of a GET without a body, with its signature. The URL is escaped, its query in order."""
    parts = urlsplit(url)
    stamp = f"{at:%Y%m%dT%H%M%SZ}"
    named = {name.lower(): value.strip() for name, value in headers.items()}
    named |= {"host": parts.netloc, "x-amz-content-sha256": NOTHING, "x-amz-date": stamp}
    if keys.session_token:
        named["x-amz-security-token"] = keys.session_token
    names = ";".join(sorted(named))
    canonical = "\n".join(
        [
            "GET",
            parts.path or "/",
            parts.query,
            *(f"{name}:{named[name]}" for name in sorted(named)),
            "",
            names,
            NOTHING,
        ]
    )
    scope = f"{at:%Y%m%d}/{keys.region}/s3/aws4_request"
    text = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{keys.secret}".encode()
    for part in (f"{at:%Y%m%d}", keys.region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    named["authorization"] = f"{ALGORITHM} Credential={keys.access}/{scope},SignedHeaders={names},Signature={signature}"
    return named
