"""Narratives: what MT940's field :86: says of an entry, in the ways in which banks write it.

German, Austrian, Polish and many other banks write a three-digit code and sub-fields of two digits (`166?00...?20`,
with `?`, `>`, `~`, `<`, `^` or another sign before each), whose purpose may itself be made of SEPA's `EREF+`,
`MREF+`, `SVWZ+`; Dutch, Belgian and international banks write code words between slashes (`/BENM//NAME/`,
`/REMI/`); the others write text. Lines are cut at 65 characters and sub-fields at 27, in the middle of words.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

# Banks that write code words fill their lines a letter less.
FULL_LINE, FULL_CODED_LINE = 65, 64
FULL_PIECE = 27
# Where the purpose is made of SEPA's words, banks that count otherwise cut it somewhat earlier.
FULL_SEPA_PIECE = 25
_SUBFIELDS = re.compile(r"\s{0,9}(?P<code>\d{2,4})?\s{0,9}(?P<sign>[^\w\s/:.,+-])\d{2}")
_SEPA = (
    "EREF|KREF|MREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC|PURP|BREF|RREF|SQTP|ORCR|ORMR|DDAT|RTRN|ANAM|TAN1|TAN"
)
_SEPA_WORD = re.compile(rf"(?:^|(?<=[\s\x1e\x1f]))({_SEPA})\+\s?")
# Words whose value is one text over several sub-fields; a reference ends where its sub-field is not full.
_TEXTS = frozenset({"SVWZ", "ABWA", "ABWE", "ANAM"})
_CODEWORD = re.compile(
    r"/(TRCD|TRTP|EREF|PREF|KREF|MARF|CSID|CNTP|ORDP|BENM|ULTD|ULTC|ULTB|UDTR|UCRD|NAME|ADDR|IBAN|BIC|ID|REMI|PURP"
    r"|RTRN|RTYP|RREF|ISDT|ACCW|ACCT|OCMT|EXCH|CHGS|CHRG|SVCL|SVWZ|BUSP|INFO|TR|ROC|BRF|ORIG|OCRF|CTC|PT|PY|OB|OB3"
    r"|BO|BO1|BI|BN|RP|RFB|ENTR)/"
)
_LABELLED_ACCOUNT = re.compile(
    r"\b(?:IBAN|REK|ACCOUNT|KONTO)\b[ .:+]*"
    r"([A-Z]{2}\d{2}(?:[A-Z0-9]{10,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?))\b"
)
_LABELLED_NAME = re.compile(r"\b(?:NAAM|NAME)\s*:\s*(.+?)(?=\s{2,}|\s+[A-Z][A-Za-z]+\s*:|$)")
IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{10,30}")
NAMES = {
    "EREF": "end_to_end_id", "KREF": "customer_reference", "MREF": "mandate_id", "MARF": "mandate_id",
    "CRED": "creditor_id", "CSID": "creditor_id", "DEBT": "debtor_id", "COAM": "compensation_amount",
    "OAMT": "original_amount", "OCMT": "original_amount", "EXCH": "exchange_rate", "CHGS": "charges",
    "CHRG": "charges", "ABWA": "other_debtor", "ULTD": "other_debtor", "UDTR": "other_debtor",
    "ABWE": "other_creditor", "ULTC": "other_creditor", "ULTB": "other_creditor", "UCRD": "other_creditor",
    "BIC": "bic", "PURP": "purpose_code", "TRTP": "kind", "RTRN": "return_reason", "PREF": "batch_reference",
}  # fmt: skip


@dataclass
class Narrative:
    """What :86: says: the other side's name and account, the purpose in words, and all that has a name of its own."""

    name: str = ""
    purpose: str = ""
    account: str = ""
    kind: str = ""
    values: dict[str, str] = field(default_factory=dict)

    def keep(self, word: str, text: str) -> None:
        if text and text.strip("/ "):
            self.values.setdefault(NAMES.get(word, word.lower()), text)


def read(lines: list[str]) -> Narrative:
    """The narrative in a field's lines; several fields :86: of one entry are one after the other."""
    if match := _SUBFIELDS.match(lines[0] if lines else ""):
        return _of_subfields("".join(lines), match["code"] or "", match["sign"])
    coded = _joined(lines, FULL_CODED_LINE)
    if len(_CODEWORD.findall(coded)) > 1 or _CODEWORD.match(coded):
        return _of_codewords(coded)
    text = _joined(lines, FULL_LINE)
    found = Narrative(purpose=_plain(text))
    if "+" in text and _SEPA_WORD.search(text):
        _take_sepa(found, text)
    if labelled := _LABELLED_ACCOUNT.search(found.purpose):
        found.account = labelled[1].replace(" ", "")
        if named := _LABELLED_NAME.search(text):
            found.name = _plain(named[1])
    return found


def numbered(lines: list[str]) -> Narrative:
    """Lines that begin with two digits, as older German banks write them in a field :NS: instead of :86:."""
    found = Narrative()
    pieces = [(line[:2], _plain(line[2:])) for line in lines]
    found.purpose = " ".join(text for number, text in pieces if number in _NUMBERED_PURPOSE)
    found.name = " ".join(text for number, text in pieces if number in ("15", "16"))
    found.kind = " ".join(text for number, text in pieces if number == "17")
    for number, text in pieces:
        if number not in _NUMBERED_PURPOSE | {"15", "16"}:
            found.keep({"17": "posting_text", "18": "prima_nota", "19": "text_key"}.get(number, f"line_{number}"), text)
    return found


_NUMBERED_PURPOSE = frozenset(f"{number:02}" for number in range(1, 15))


def _joined(lines: list[str], full: int) -> str:
    """A line that is full goes on in the next; one that is not, ends a word."""
    return "".join(line if len(line) >= full else line + " " for line in lines).strip()


def _plain(text: str) -> str:
    return " ".join(text.split())


def _of_subfields(text: str, code: str, sign: str) -> Narrative:
    """Sub-fields by the numbers that German banks agreed on; others use the same."""
    _, *pieces = _numbers(sign).split(text)
    numbers, texts = pieces[::2], pieces[1::2]
    fields = dict(zip(numbers, texts, strict=True))
    if len(fields) < len(numbers):  # a number that stands twice goes on
        for number in fields:
            fields[number] = "".join(value for other, value in zip(numbers, texts, strict=True) if other == number)
    found = Narrative(kind=_plain(fields.get("00", "")))
    found.keep("transaction_code", code)
    for number, value in fields.items():
        if number not in _PLACED:
            found.keep(_SUBFIELD_NAMES.get(number) or f"subfield_{number}", _plain(value))
    found.name = _plain(_pieces([fields.get("32", ""), fields.get("33", "")], FULL_PIECE))
    account = (fields.get("31") or fields.get("38") or "").replace(" ", "")
    found.account = account if account.strip("0") else ""
    _take_purpose(found, [value for number, value in zip(numbers, texts, strict=True) if number in _PURPOSE])
    return found


@lru_cache(maxsize=64)
def _numbers(sign: str) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(sign)}(\d\d)", re.ASCII)


_PURPOSE = frozenset({*(f"{number}" for number in range(20, 30)), *(f"{number}" for number in range(60, 64))})
_PLACED = _PURPOSE | {"31", "32", "33", "38"}
_SUBFIELD_NAMES = {"00": "posting_text", "10": "prima_nota", "30": "bank_code", "34": "text_key"}


def _take_purpose(found: Narrative, pieces: list[str]) -> None:
    sepa = _pieces(pieces, FULL_SEPA_PIECE, full="\x1f", short="\x1e")
    if _SEPA_WORD.search(sepa):
        _take_sepa(found, sepa)
    else:
        found.purpose = _plain(_pieces(pieces, FULL_PIECE))


def _pieces(pieces: list[str], length: int, *, full: str = "", short: str = " ") -> str:
    """Pieces put together: a full one goes on in the next, a short one ends a word."""
    return "".join(piece + (full if len(piece) >= length else short) for piece in pieces).rstrip(" \x1e\x1f")


def _take_sepa(found: Narrative, text: str) -> None:
    """`EREF+...MREF+...SVWZ+...`: references into values, and what is meant for people into the purpose."""
    free, *rest = _SEPA_WORD.split(text)
    spoken, loose = [], [free]
    for word, value in zip(rest[::2], rest[1::2], strict=True):
        if word in _TEXTS:
            whole = value
        else:  # what follows a short sub-field is no part of a reference
            whole, _, behind = value.partition("\x1e")
            loose.append(behind)
        clean = _plain(whole.replace("\x1f", "").replace("\x1e", " "))
        if word == "SVWZ":
            spoken.append(clean)
        elif word == "IBAN" and IBAN.fullmatch(clean.replace(" ", "")):
            found.account = found.account or clean.replace(" ", "")
        elif word == "ANAM":
            found.name = found.name or clean
        else:
            found.keep(word, clean)
    found.purpose = _plain(" ".join([*spoken, *loose]).replace("\x1f", "").replace("\x1e", " "))


def _of_codewords(text: str) -> Narrative:
    """`/EREF/...//NAME/.../REMI/...`; a value ends where the next word begins."""
    found = Narrative()
    before, *rest = _CODEWORD.split(text)
    spoken = [] if re.fullmatch(r"\s*\d{0,4}\s*", before) else [before]
    side = ""
    for word, raw in zip(rest[::2], rest[1::2], strict=True):
        value = _plain(raw.strip("/ "))
        if word in ("ORDP", "BENM", "ULTD", "ULTC", "ULTB", "UDTR", "UCRD"):
            side = word
        if word == "NAME" and side in ("", "ORDP", "BENM"):
            found.name = found.name or value
        elif word == "NAME":
            found.keep(side, value)
        elif word in ("REMI", "SVWZ", "INFO"):
            spoken.append(re.sub(r"^(?:USTD/+|STRD/(?:CUR/)?)", "", value))
        elif word in ("IBAN", "ACCW", "ACCT"):
            found.account = found.account or value.split(",")[0].split("/")[0].replace(" ", "")
        elif word == "CNTP":
            _take_counterparty(found, raw)
        else:
            found.keep(word, value)
    found.kind = found.values.get("kind", "")
    found.purpose = _plain(" ".join(spoken))
    return found


def _take_counterparty(found: Narrative, raw: str) -> None:
    """ING's `/CNTP/account/bank/name/town/`."""
    account, bank, name, *_ = [*(part.strip() for part in raw.split("/")), "", "", ""]
    found.account, found.name = found.account or account.replace(" ", ""), found.name or _plain(name)
    found.keep("BIC", bank)
