"""Webhooks of Plaid: who signed them, and what they are about. They are hints: how it stands is then asked of Plaid.

Plaid-Verification is a JWT over the body's digest, signed with ES256 by a key that Plaid gives by its id.
https://plaid.com/docs/api/webhooks/webhook-verification
"""

import hmac
import json
import re
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import jwt

from ai2.ingest.sources.model import Notice, Webhook
from ai2.ingest.sources.plaid import answers
from ai2.ingest.sources.plaid.client import Client
from ai2.ingest.sources.plaid.item import instant, link_id
from ai2.ingest.sources.plaid.keys import Keys
from ai2.ingest.sources.plaid.problems import AnswerNotUnderstood
from ai2.ingest.sources.problems import WebhookNotUnderstood, WebhookRefused

HEADER = "plaid-verification"
LONGEST_TOKEN = 4000
OLDEST_S = 300
# Clocks differ a little; what is further ahead was not signed now.
AHEAD_S = 5
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
WORD = re.compile(r"[\x21-\x7e]{1,500}", re.ASCII)
# Nothing has changed for us by them.
SILENT = frozenset({"WEBHOOK_UPDATE_ACKNOWLEDGED"})
TYPES = frozenset({"TRANSACTIONS", "ITEM"})
EXPIRES = {"PENDING_EXPIRATION": "consent_expiration_time", "PENDING_DISCONNECT": "disconnect_time"}


def _key(key_id: str) -> Mapping[str, Any]:
    told = answers.read(Client().ask("webhook_verification_key_get", key_id=key_id)).rest.get("key")
    if not isinstance(told, dict):
        raise AnswerNotUnderstood
    return told


KEYS = Keys(_key)


def verify(headers: Mapping[str, str], body: bytes) -> bytes:
    """What tells this webhook from all others. Raises WebhookRefused, and what Plaid says where its key is asked for.

    Two webhooks of the same words are two where they were signed in different seconds: an Item's new rows are told
    in the same words each time.
    """
    token = headers.get(HEADER, "")
    claims = _claims(token)
    digest = sha256(body).hexdigest()
    signed_at, signed = claims.get("iat"), claims.get("request_body_sha256")
    if isinstance(signed_at, bool) or not isinstance(signed_at, int) or not isinstance(signed, str):
        raise WebhookRefused
    if not -AHEAD_S <= time.time() - signed_at <= OLDEST_S:
        raise WebhookRefused
    if not hmac.compare_digest(signed.encode(), digest.encode()):
        raise WebhookRefused
    return sha256(f"{signed_at} {digest}".encode()).digest()


def read(body: bytes) -> Notice:
    """What a webhook that was verified is about. Raises WebhookNotUnderstood."""
    try:
        told = json.loads(body)
        kind, code = _word(told["webhook_type"]), _word(told["webhook_code"])
        name = f"{kind} {code}"[:100]
        if kind == "LINK":
            finishes = code == "SESSION_FINISHED" and told.get("status") in {"SUCCESS", "success"}
            return Notice(link_id(_word(told["link_token"])), name, asks="finish" if finishes else "nothing")
        asks_nothing = code in SILENT or kind not in TYPES
        return Notice(
            "none" if told.get("item_id") is None else _word(told["item_id"]), name,
            asks="nothing" if asks_nothing else "sync",
            consent_expires_at=instant(told.get(EXPIRES.get(code, ""))),
        )  # fmt: skip
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, AnswerNotUnderstood):
        raise WebhookNotUnderstood from None


def _word(value: Any) -> str:
    """What a name or an id may be. Raises ValueError."""
    if not isinstance(value, str) or not WORD.fullmatch(value):
        raise ValueError
    return value


def _claims(token: str) -> dict[str, Any]:
    if len(token) > LONGEST_TOKEN:
        raise WebhookRefused
    try:
        head = jwt.get_unverified_header(token)
        if head.get("alg") != "ES256" or not KEY_ID.fullmatch(str(head.get("kid"))):
            raise WebhookRefused
        key = KEYS.get(str(head["kid"]))
        # when it was signed is looked at by us: a claim that is no number is no error of ours
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=["ES256"], options={"verify_iat": False, "require": ["iat"]}
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise WebhookRefused from None
    return claims


WEBHOOK = Webhook(header=HEADER, verify=verify, read=read)
