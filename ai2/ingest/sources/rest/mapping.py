"""The mapping: what a third party's API is like, as its JSON Schema says and as a schema cannot say.

It is flat on purpose: an error names the field that is wrong, not one of many alternatives that do not hold.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ai2.ingest.sources.problems import Permanent
from ai2.ingest.sources.rest.paths import PATTERN
from ai2.kit.errors import FieldError

_PATH = {"type": "string", "minLength": 1, "maxLength": 300, "pattern": PATTERN}
_PATHS = {
    "type": ["string", "array"],
    "minLength": 1,
    "maxLength": 300,
    "pattern": PATTERN,
    "items": _PATH,
    "minItems": 1,
    "maxItems": 8,
    "description": "Where in a row it is: a JSON path, or several of which the first that has something counts.",
}
_URL = {"type": "string", "pattern": "^https?://[^\\s/?#@]+(?:[/?][^\\s#]*)?$", "maxLength": 2000}
_NAME = {"type": "string", "pattern": "^[A-Za-z0-9_.\\[\\]$-]{1,100}$"}
# What a client itself says of a request, and nobody else may.
_HEADER = {
    "type": "string",
    "pattern": (
        "^(?!(?:[Hh][Oo][Ss][Tt]|[Cc]onnection|[Cc]ontent-[Ll]ength|[Tt]ransfer-[Ee]ncoding|[Uu]pgrade|[Tt][Ee]"
        "|[Tt]railer|[Ee]xpect|[Aa]ccept-[Ee]ncoding|[Pp]roxy-.*)$)[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"
    ),
}
_TEXT = {"type": "string", "pattern": "^[\\x20-\\x7e]{0,1000}$"}
_WORDS = {"type": "array", "items": {"type": ["string", "boolean", "number"]}, "minItems": 1, "maxItems": 50}
_CURRENCY = {"type": "string", "pattern": "^[A-Z]{3}$"}


def _object(required: tuple[str, ...] = (), /, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object", "additionalProperties": False, "required": list(required), "properties": properties,
    }  # fmt: skip


def _chosen(*names: str, default: str | None = None, says: str = "") -> dict[str, Any]:
    return {"type": "string", "enum": list(names), "description": says} | ({"default": default} if default else {})


def _said(schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    return {**schema, "description": text}


AUTH = _object(
    ("type",),
    type=_chosen("none", "bearer", "header", "basic", "query", "client_credentials", says="How calls are authorised."),
    name=_said(_HEADER, "header and query: what the header or the parameter is called."),
    prefix=_said(_TEXT, "header: what stands before the token, such as `Token `."),
    token_url=_said(_URL, "client_credentials: where a token is had (OAuth 2.0)."),
    scope=_TEXT,
    audience=_TEXT,
    send=_chosen("basic", "body", default="basic", says="client_credentials: how the client says who it is."),
)
PAGING = _object(
    ("type",),
    type=_chosen("none", "cursor", "page", "offset", "link", "next_url", says="How the next page is had."),
    parameter=_said(_NAME, "cursor, page, offset: the parameter that asks for it."),
    path=_said(_PATH, "cursor, next_url: where in the answer the next cursor or address is."),
    has_more=_said(_PATH, "Where the answer says that there is more, as true or false."),
    size_parameter=_NAME,
    size={"type": "integer", "minimum": 1, "maximum": 10_000},
    first={"type": "integer", "minimum": 0, "maximum": 1, "default": 1, "description": "page: the first one's number."},
)
DATE = _object(
    ("path",),
    path=_PATHS,
    format={
        "type": "string",
        "maxLength": 50,
        "default": "iso",
        "description": "iso (its day as it is written), unix, unix_ms (the day in UTC), or as strptime: %d.%m.%Y",
    },
)
AMOUNT = _object(
    path=_PATHS,
    positive_is=_chosen("in", "out", default="in", says="What an amount above zero is."),
    minor_units={"type": "boolean", "default": False, "description": "Whether it is in cents, or what there is."},
    direction_path=_said(_PATH, "Where it says whether it is money out; the amount is then without a sign."),
    direction_out=_said(_WORDS, "What it says there for money out: debit, DBIT."),
    credit_path=_said(_PATHS, "In place of `path`: money in has a field of its own."),
    debit_path=_said(_PATHS, "And money out another one."),
    decimal_mark=_chosen(".", ",", default=".", says="Of amounts that are texts."),
)
STATUS = _object(("path",), path=_PATHS, pending=_WORDS, skip=_said(_WORDS, "Rows that are none: declined, reversed."))
FIELDS = _object(
    ("date", "amount"),
    id=_said(_PATHS, "The provider's id of a transaction: with it a repeated row is known for certain."),
    date=DATE,
    amount=AMOUNT,
    value_date=DATE,
    currency=_PATHS,
    description={**_PATHS, "description": "Paths; with `join_description` all that they have, else the first."},
    join_description={"type": "boolean", "default": False},
    merchant=_PATHS,
    reference=_PATHS,
    counterparty=_PATHS,
    mcc=_PATHS,
    balance=_PATHS,
    pending_id=_said(_PATHS, "The id that it had while it was pending."),
    status=STATUS,
)
INCREMENTAL = _object(
    parameter=_said(_NAME, "The parameter that says from which day on."),
    until_parameter=_said(_NAME, "And the one that says until when, for a backfill."),
    format={"type": "string", "maxLength": 50, "default": "iso", "description": "As that of a date."},
    overlap_days={"type": "integer", "minimum": 0, "maximum": 90, "default": 7},
    first_days={
        "type": "integer",
        "minimum": 1,
        "maximum": 7300,
        "default": 730,
        "description": "How far back at first.",
    },
    newest_first={
        "type": "boolean",
        "default": False,
        "description": "Rows come newest first: reading ends at those that are known.",
    },
)
ACCOUNTS = {
    "type": "array",
    "minItems": 1,
    "maxItems": 200,
    "items": _object(
        ("key", "name"),
        key={"type": "string", "minLength": 1, "maxLength": 200},
        name={"type": "string", "minLength": 1, "maxLength": 50},
        currency=_CURRENCY,
    ),
}
SETTINGS = _object(
    ("url", "fields"),
    url=_said(_URL, "Where transactions are had. `{account}` stands for the key of each of `accounts`."),
    method=_chosen("GET", "POST", default="GET"),
    query={"type": "object", "maxProperties": 50, "propertyNames": _NAME, "additionalProperties": _TEXT},
    headers={"type": "object", "maxProperties": 30, "propertyNames": _HEADER, "additionalProperties": _TEXT},
    body={"type": "object", "maxProperties": 100, "description": "POST: what is sent as JSON."},
    parameters_in=_chosen("query", "body", default="query", says="POST: where those of paging and days are sent."),
    auth=AUTH,
    paging=PAGING,
    rows=_said({**_PATH, "default": "$"}, "Where in the answer the rows are."),
    fields=FIELDS,
    incremental=INCREMENTAL,
    currency=_said(_CURRENCY, "Of rows that say none, and of the account."),
    accounts=_said(ACCOUNTS, "The accounts that there are; without them everything is of one."),
    account_path=_said(_PATH, "Where in a row the key of its account is; rows of no account named here are left out."),
)
CREDENTIALS = _object(
    token={"type": "string", "minLength": 1, "maxLength": 5000, "description": "bearer, header and query."},
    username={"type": "string", "maxLength": 500},
    password={"type": "string", "maxLength": 5000},
    client_id={"type": "string", "maxLength": 500},
    client_secret={"type": "string", "maxLength": 5000},
)
_NEEDED = {
    "none": (), "bearer": ("token",), "header": ("token",), "query": ("token",), "basic": ("username", "password"),
    "client_credentials": ("client_id", "client_secret"),
}  # fmt: skip
_PAGING_NEEDS = {
    "none": (), "link": (), "cursor": ("parameter", "path"), "page": ("parameter",), "offset": ("parameter",),
    "next_url": ("path",),
}  # fmt: skip


class MappingDoesNotHold(Permanent):
    """The mapping does not hold together; correct the named fields."""

    status = 422
    what_to_do = "Correct the named fields, and try the mapping by a preview."


def check(settings: Mapping[str, Any], credentials: Mapping[str, Any]) -> None:
    """What a schema cannot say. Raises MappingDoesNotHold."""
    if faults := tuple(FieldError(field, message) for field, message in _faults(settings, credentials)):
        raise MappingDoesNotHold(errors=faults)


def _faults(settings: Mapping[str, Any], credentials: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _auth_faults(settings.get("auth") or {"type": "none"}, credentials)
    paging = settings.get("paging") or {"type": "none"}
    for name in _PAGING_NEEDS[paging["type"]]:
        if name not in paging:
            yield f"settings.paging.{name}", f"is needed where paging is {paging['type']}"
    if settings.get("parameters_in") == "body" and settings.get("method") != "POST":
        yield "settings.method", "is POST where parameters are sent in the body"
    yield from _amount_faults(settings["fields"]["amount"])
    yield from _account_faults(settings)


def _auth_faults(auth: Mapping[str, Any], credentials: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _NEEDED[auth["type"]]:
        if not credentials.get(name):
            yield f"credentials.{name}", f"is needed where auth is {auth['type']}"
    if auth["type"] in ("header", "query") and "name" not in auth:
        yield "settings.auth.name", "says what the header or the parameter is called"
    if auth["type"] == "client_credentials" and "token_url" not in auth:
        yield "settings.auth.token_url", "says where a token is had"


def _account_faults(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if settings.get("incremental", {}).get("newest_first") and "account_path" in settings:
        yield "settings.incremental.newest_first", "does not go with rows of several accounts"
    has_accounts = bool(settings.get("accounts"))
    if ("{account}" in settings["url"] or "account_path" in settings) and not has_accounts:
        yield "settings.accounts", "says which accounts there are"
    if has_accounts and ("{account}" in settings["url"]) == ("account_path" in settings):
        yield "settings.account_path", "or {account} in the url says whose a row is: one of both"


def _amount_faults(amount: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    is_split = "credit_path" in amount or "debit_path" in amount
    if is_split == ("path" in amount):
        yield "settings.fields.amount.path", "is given, or credit_path and debit_path are"
    if is_split and not ("credit_path" in amount and "debit_path" in amount):
        yield "settings.fields.amount.debit_path", "and credit_path go together"
    if ("direction_path" in amount) != ("direction_out" in amount):
        yield "settings.fields.amount.direction_out", "and direction_path go together"
