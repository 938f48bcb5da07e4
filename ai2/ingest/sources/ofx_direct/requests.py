"""Requests of OFX: as SGML (1.x), whose values are not closed, and as XML (2.x)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Any, Literal
from uuid import uuid4

# What an account is by its bank; a card has no kind and no bank's number.
Kind = Literal["CHECKING", "SAVINGS", "MONEYMRKT", "CREDITLINE", "CD", "CREDITCARD"]
CARD: Kind = "CREDITCARD"
# From which version on a client says which it is.
NAMES_ITSELF = 103
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True)
class OfxAccount:
    """An account as OFX names it."""

    number: str
    kind: Kind = "CHECKING"
    bank: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        """The same for ever, and no card's number."""
        return blake2b(f"{self.bank} {self.number} {self.kind}".encode(), digest_size=16).hexdigest()


def accounts(settings: Mapping[str, Any], credentials: Mapping[str, Any]) -> bytes:
    """Ask which accounts there are."""
    return _request(
        settings,
        credentials,
        ("SIGNUPMSGSRQV1", [("ACCTINFOTRNRQ", [("TRNUID", _id()), ("ACCTINFORQ", [("DTACCTUP", "19700101000000")])])]),
    )


def statement(
    settings: Mapping[str, Any],
    credentials: Mapping[str, Any],
    account: OfxAccount,
    since: date,
    until: date | None = None,
) -> bytes:
    """Ask for an account's transactions from a day on, its currency and its balance."""
    days = [("DTSTART", f"{since:%Y%m%d}"), *([("DTEND", f"{until:%Y%m%d}235959")] if until else []), ("INCLUDE", "Y")]
    wanted = ("INCTRAN", days)
    if account.kind == CARD:
        asked: Any = ("CCSTMTRQ", [("CCACCTFROM", [("ACCTID", account.number)]), wanted])
        return _request(settings, credentials, ("CREDITCARDMSGSRQV1", [("CCSTMTTRNRQ", [("TRNUID", _id()), asked])]))
    whose = [("BANKID", account.bank), ("ACCTID", account.number), ("ACCTTYPE", account.kind)]
    asked = ("STMTRQ", [("BANKACCTFROM", whose), wanted])
    return _request(settings, credentials, ("BANKMSGSRQV1", [("STMTTRNRQ", [("TRNUID", _id()), asked])]))


def _request(settings: Mapping[str, Any], credentials: Mapping[str, Any], message: Any) -> bytes:
    version = int(settings.get("version", 102))
    body = _element(("OFX", [("SIGNONMSGSRQV1", [_sign_on(settings, credentials, version)]), message]), version)
    if version >= 200:
        head = (
            '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\r\n'
            f'<?OFX OFXHEADER="200" VERSION="{version}" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>\r\n'
        )
        return (head + body).encode()
    head = "".join(
        f"{name}:{value}\r\n"
        for name, value in (
            ("OFXHEADER", 100), ("DATA", "OFXSGML"), ("VERSION", version), ("SECURITY", "NONE"),
            ("ENCODING", "USASCII"), ("CHARSET", 1252), ("COMPRESSION", "NONE"), ("OLDFILEUID", "NONE"),
            ("NEWFILEUID", "NONE"),
        )
    )  # fmt: skip
    return (head + "\r\n" + body).encode("cp1252", "xmlcharrefreplace")


def _sign_on(settings: Mapping[str, Any], credentials: Mapping[str, Any], version: int) -> Any:
    bank = [(tag, settings[name]) for tag, name in (("ORG", "org"), ("FID", "fid")) if settings.get(name)]
    values: list[Any] = [
        ("DTCLIENT", f"{datetime.now(UTC):%Y%m%d%H%M%S}.000[0:GMT]"),
        ("USERID", credentials["username"]),
        ("USERPASS", credentials["password"]),
        ("LANGUAGE", "ENG"),
        *([("FI", bank)] if bank else []),
        ("APPID", settings.get("app_id") or "QWIN"),
        ("APPVER", settings.get("app_version") or "2700"),
    ]
    if credentials.get("client_uid") and version >= NAMES_ITSELF:
        values.append(("CLIENTUID", credentials["client_uid"]))
    return "SONRQ", values


def _element(element: Any, version: int) -> str:
    tag, content = element
    if isinstance(content, list):
        return f"<{tag}>" + "".join(_element(inner, version) for inner in content) + f"</{tag}>"
    return f"<{tag}>{str(content).translate(_ESCAPED)}" + (f"</{tag}>" if version >= 200 else "")


def _id() -> str:
    return str(uuid4())
