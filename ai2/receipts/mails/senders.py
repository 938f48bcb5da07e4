"""Senders: whether a mail is from whom it says, by the word of a server that its owner believes (RFC 8601).

Anybody can write `From`, and an `Authentication-Results` too. Only the topmost one is looked at, and only where it
bears the name of the server that received the mail: what that server found of a former one it takes away or puts below.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

from ai2.receipts.mails.mime import Message

Result = Literal["pass", "fail", "softfail", "neutral", "none", "policy", "temperror", "permerror"]
RESULTS = frozenset({"pass", "fail", "softfail", "neutral", "none", "policy", "temperror", "permerror"})
METHODS = ("spf", "dkim", "dmarc")
# Outlook's servers write no name before what they found.
UNNAMED = ""
_COMMENT = re.compile(r"\([^()]*\)")
_FOUND = re.compile(r"^\s*([a-z0-9-]+)(?:\s*/\s*\d+)?\s*=\s*([a-z]+)", re.IGNORECASE)
_PROPERTY = re.compile(r"\b((?:smtp|header)\.[a-z]+)\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Authentication:
    """What was found, by whom, and of which domain the sender says to be. None: nobody who is believed said."""

    by: str | None = None
    spf: str | None = None
    dkim: str | None = None
    dmarc: str | None = None
    domain: str | None = None
    is_verified: bool = False

    def told(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("by", *METHODS, "domain")}


def authentication(message: Message, trusted: str | None) -> Authentication:
    """What `trusted`, the server's name as it writes it, says of a message's sender."""
    domain = domain_of(message)
    told = message.authentication_results
    if trusted is None or told is None:
        return Authentication(domain=domain)
    name, _, rest = _uncommented(told).partition(";")
    if "=" in name:
        name, rest = UNNAMED, f"{name};{rest}"
    by = (name.split() or [UNNAMED])[0].lower()
    if by != trusted.lower():
        return Authentication(domain=domain)
    return judged(rest.split(";"), by=by or "unnamed", domain=domain)


def judged(found: list[str], *, by: str, domain: str | None) -> Authentication:
    """A verdict of what each method found. DMARC decides; without it, SPF or DKIM of the sender's own domain does."""
    results: dict[str, str] = {}
    aligned = False
    for each in found:
        match = _FOUND.match(each)
        if not match or match[1].lower() not in METHODS or match[2].lower() not in RESULTS:
            continue
        method, result = match[1].lower(), match[2].lower()
        if results.get(method) != "pass":  # one good signature of several will do
            results[method] = result
        said = {name.lower(): value.lower() for name, value in _PROPERTY.findall(each)}
        if result == "pass":
            aligned |= method != "dmarc" and _is_aligned(domain, _of(method, said))
            if method == "dmarc" and said.get("header.from") != domain:  # it speaks of somebody else
                results["dmarc"] = "fail"
    dmarc = results.get("dmarc")
    is_verified = domain is not None and (dmarc == "pass" or (dmarc not in {"fail", "permerror"} and aligned))
    return Authentication(
        by=by, spf=results.get("spf"), dkim=results.get("dkim"), dmarc=dmarc, domain=domain, is_verified=is_verified
    )


def domain_of(message: Message) -> str | None:
    """The sender's domain; none where there is not exactly one sender."""
    if message.from_headers != 1 or len(message.senders) != 1:
        return None
    return message.senders[0][1].rpartition("@")[2].strip(".") or None


def _of(method: str, said: dict[str, str]) -> str | None:
    """Whose word a method's pass is."""
    value = said.get("smtp.mailfrom") if method == "spf" else said.get("header.d") or said.get("header.i")
    return value.rpartition("@")[2].strip(".") if value else None


def _is_aligned(domain: str | None, other: str | None) -> bool:
    """The same domain, or one below the other: nobody signs as all of .uk."""
    if not domain or not other or "." not in other:
        return False
    return domain == other or domain.endswith(f".{other}") or other.endswith(f".{domain}")


def _uncommented(text: str) -> str:
    """Without comments, nested ones too. What is in one is said by nobody."""
    former = None
    while former != text:
        former, text = text, _COMMENT.sub(" ", text)
    return text
