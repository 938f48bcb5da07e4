"""Posted: a mail as SendGrid's Inbound Parse hands it over, whole (`email`) or taken apart into fields.

Taken apart it is put together again, so that what is kept is a message; what was written is the same either way.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses
from typing import Any

from ai2.kit.errors import Unreadable
from ai2.receipts.mails.service import Arrived

FOLDER, BY = "forwarded", "sendgrid"
MOST_RECIPIENTS = 50
# Written anew, for the parts are.
OURS = re.compile(rb"(?:content-[a-z-]+|mime-version)\s*:", re.IGNORECASE)
_SIGNED = re.compile(r"@([A-Za-z0-9.-]{1,253})\s*:\s*([a-z]{1,12})\b", re.IGNORECASE)


class NoMail(Unreadable):
    """This is no mail as SendGrid's Inbound Parse sends one: it has neither `email` nor `headers`."""


@dataclass(frozen=True)
class Field:
    """A field of the form, or a file in it."""

    name: str
    content: bytes
    file_name: str | None = None
    media_type: str | None = None


def arrived(fields: Sequence[Field]) -> Arrived:
    """The mail, and what SendGrid found of who sent it. Raises NoMail."""
    known = {field.name: field for field in fields if not field.file_name}
    if "email" in known:
        raw = known["email"].content
    elif "headers" in known:
        raw = _together(known, [field for field in fields if field.file_name])
    else:
        raise NoMail
    return Arrived(raw, FOLDER, found=tuple(_found(known)), found_by=BY)


def recipients(fields: Sequence[Field]) -> list[str]:
    """To whom it was sent, by the envelope: what a mail says of itself may say anything."""
    envelope = _json(next((field.content for field in fields if field.name == "envelope"), b""))
    to = envelope.get("to", [])
    return [each.lower() for each in to[:MOST_RECIPIENTS] if isinstance(each, str)] if isinstance(to, list) else []


def _found(known: Mapping[str, Field]) -> Iterator[str]:
    """As a server would write it into Authentication-Results."""
    envelope = _json(known["envelope"].content) if "envelope" in known else {}
    spf = _text(known, "SPF").strip().lower()
    sender = [*getaddresses([str(envelope.get("from", ""))[:1000]]), ("", "")][0][1].rpartition("@")[2]
    if spf.isalpha():
        yield f"spf={spf} smtp.mailfrom={sender}" if re.fullmatch(r"[A-Za-z0-9.-]+", sender) else f"spf={spf}"
    for domain, result in _SIGNED.findall(_text(known, "dkim")[:4000]):
        yield f"dkim={result} header.d={domain}"


def _together(known: Mapping[str, Field], files: Sequence[Field]) -> bytes:
    charsets, told = _json(_content(known, "charsets")), _json(_content(known, "attachment-info"))
    made = EmailMessage(policy=SMTP)
    text, page = (_decoded(_content(known, name), charsets.get(name)) for name in ("text", "html"))
    made.set_content(text)
    if page:
        made.add_alternative(page, subtype="html")
    for file in files:
        info = told.get(file.name)
        of_page = isinstance(info, dict) and info.get("content-id") and str(info.get("type", "")).startswith("image/")
        if not of_page:
            main, _, sub = (file.media_type or "").partition(";")[0].strip().lower().partition("/")
            is_plain = main.isalnum() and main not in {"multipart", "message"} and re.fullmatch(r"[a-z0-9.+-]+", sub)
            kind = (main, sub) if is_plain else ("application", "octet-stream")
            made.add_attachment(file.content, maintype=kind[0], subtype=kind[1], filename=_name(file.file_name or ""))
    return _without_ours(_content(known, "headers")) + made.as_bytes()


def _without_ours(headers: bytes) -> bytes:
    """The header lines as they came, without those that say what the parts are."""
    kept: list[bytes] = []
    is_kept = False
    for line in headers.replace(b"\r\n", b"\n").split(b"\n"):
        if line[:1] not in (b" ", b"\t"):
            is_kept = b":" in line and not OURS.match(line)
        if is_kept:
            kept.append(line)
    return b"".join(line + b"\r\n" for line in kept)


def _name(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:200] or "attachment"


def _decoded(content: bytes, charset: Any) -> str:
    try:
        text = content.decode(charset if isinstance(charset, str) else "utf-8", "replace")
    except (LookupError, ValueError):
        text = content.decode("utf-8", "replace")
    return "".join(letter for letter in text if not "\ud800" <= letter <= "\udfff")


def _content(known: Mapping[str, Field], name: str) -> bytes:
    return known[name].content if name in known else b""


def _text(known: Mapping[str, Field], name: str) -> str:
    return _content(known, name).decode("utf-8", "replace")


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content[:1_000_000] or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
