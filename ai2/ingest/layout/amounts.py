"""Amounts as banks write them, read exactly or not at all; no float in between.

`1,234.56`, `1.234,56`, `1'234.56`, `1 234,56` (all the spaces), `(45.00)`, `45.00-`, `-110.7 €`, `€-5`, `−12.00`
(U+2212), `45.00 CR`, `.50`, `+2,50`. `1e3` is no amount. Which mark is the decimal one is decided by all the
values of a file's money columns together: `14.000` alone decides nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

DecimalMark = Literal[".", ","]
_MINUS, _PLUS = "-−–﹣－", "+＋"
_SYMBOL = r"(?:[A-Z]{3}|[A-Z]{0,3}[$€£¥₹₽₺₩₴₪฿₫₦₱]|R\$|zł|Kč|kr\.?|Ft|Fr\.|lei|лв\.?)"
_GROUPS = " '’´"
# Of a cell in which every run of space, whatever its kind and width, is one space.
NOTATION = re.compile(
    rf"(?P<open>\()? ?(?P<before>[{_MINUS}{_PLUS}])? ?(?P<symbol>{_SYMBOL})? ?(?P<inner>[{_MINUS}{_PLUS}])? ?"
    rf"(?P<number>\d[\d.,{_GROUPS}]*|[.,]\d+)(?P<close>\))? ?(?P<behind>[{_MINUS}{_PLUS}])? ?(?P<unit>{_SYMBOL})? ?"
    r"(?P<mark>[CD]R?|[SH])?(?P<last>\))?",
    re.ASCII,
)
# No amount is longer, and longer cells would only cost time.
LONGEST = 48
# A group of thousands never starts with zero, so 0,125 has a decimal comma; lakhs (1,23,456.78) go in twos.
NUMBERS: dict[DecimalMark, re.Pattern[str]] = {
    ".": re.compile(
        rf"(?:\d+|[1-9]\d{{0,2}}([,{_GROUPS}])\d{{3}}(?:\1\d{{3}})*|[1-9]\d?(?:,\d{{2}})+,\d{{3}})(?:\.\d*)?|\.\d+",
        re.ASCII,
    ),
    ",": re.compile(rf"(?:\d+|[1-9]\d{{0,2}}([.{_GROUPS}])\d{{3}}(?:\1\d{{3}})*)(?:,\d*)?|,\d+", re.ASCII),
}
MARKS = {"C": 1, "CR": 1, "H": 1, "D": -1, "DR": -1, "S": -1}
# Currencies that a sign may mean; one that is not here says nothing.
SYMBOLS = {
    "€": frozenset({"EUR"}), "£": frozenset({"GBP", "EGP", "GIP", "FKP", "SHP"}), "¥": frozenset({"JPY", "CNY"}),
    "₹": frozenset({"INR"}), "₽": frozenset({"RUB"}), "₺": frozenset({"TRY"}), "₩": frozenset({"KRW"}),
    "₴": frozenset({"UAH"}), "₪": frozenset({"ILS"}), "฿": frozenset({"THB"}), "₫": frozenset({"VND"}),
    "₦": frozenset({"NGN"}), "₱": frozenset({"PHP"}), "R$": frozenset({"BRL"}), "zł": frozenset({"PLN"}),
    "Kč": frozenset({"CZK"}), "Ft": frozenset({"HUF"}), "Fr.": frozenset({"CHF"}), "lei": frozenset({"RON"}),
    "kr": frozenset({"SEK", "NOK", "DKK", "ISK"}),
    "$": frozenset(re.findall("...", "USDCADAUDNZDSGDHKDMXNTWDARSCLPCOPJMDBBDBSDBZDXCDTTDFJDNADLRD")),
}  # fmt: skip


@dataclass(frozen=True)
class Amount:
    """An amount in a cell: signed as it stands, what CR or DR beside it says (+1 in, -1 out), its currency sign."""

    value: Decimal
    mark: int = 0
    symbol: str | None = None


@dataclass(frozen=True)
class MarkEvidence:
    """What a file's money columns say of the decimal mark: `decided`, `contradicts` itself, or `needed`: ask."""

    decided: DecimalMark | None
    contradicts: bool = False
    needed: bool = False


def read(text: str, decimal_mark: DecimalMark) -> Amount | None:
    """The amount, or none where the text is not one in this notation."""
    match = _notation(text)
    if match is None or not _parentheses_match(match):
        return None
    signs = [match[name] for name in ("before", "inner", "behind") if match[name]]
    number = NUMBERS[decimal_mark].fullmatch(match["number"].strip())
    if number is None or len(signs) + bool(match["open"]) > 1:
        return None
    digits = "".join(sign for sign in number[0] if sign.isascii() and (sign.isdigit() or sign == decimal_mark))
    negative = bool(match["open"]) or any(sign in _MINUS for sign in signs)
    value = Decimal(digits.replace(",", "."))
    return Amount(-value if negative else value, MARKS.get(match["mark"] or "", 0), match["symbol"] or match["unit"])


def is_amount(text: str) -> bool:
    """Whether a cell could be an amount in either notation."""
    return read(text, ".") is not None or read(text, ",") is not None


def mark_evidence(cells: Iterable[str]) -> MarkEvidence:
    """What all the different values together say of the decimal mark."""
    found: set[str] = set()
    needed = False
    for cell in cells:
        says = _says(cell)
        if says == "?":
            needed = True
        elif says:
            found.add(says)
    if len(found) > 1:
        return MarkEvidence(None, contradicts=True)
    if found:
        return MarkEvidence("." if "." in found else ",")
    return MarkEvidence(None, needed=needed)


def _says(cell: str) -> str:
    """The decimal mark that this cell proves, `?` where it has one that could be either, or nothing."""
    match = _notation(cell)
    if match is None or not ("." in match["number"] or "," in match["number"]):
        return ""
    number = match["number"].strip()
    dot, comma = (pattern.fullmatch(number) is not None for pattern in NUMBERS.values())
    if dot and comma:
        return "?"
    return "." if dot else "," if comma else ""


def _notation(cell: str) -> re.Match[str] | None:
    return NOTATION.fullmatch(" ".join(cell.split())) if len(cell) <= LONGEST else None


def symbol_allows(symbol: str, currency: str) -> bool:
    """Whether a currency sign beside an amount may mean this currency."""
    if symbol in SYMBOLS:
        return currency in SYMBOLS[symbol]
    if symbol.rstrip(".") in SYMBOLS:
        return currency in SYMBOLS[symbol.rstrip(".")]
    if len(symbol) == 3 and symbol.isascii() and symbol.isalpha():
        return symbol == currency
    return symbol[-1] not in SYMBOLS or currency in SYMBOLS[symbol[-1]]


def _parentheses_match(match: re.Match[str]) -> bool:
    closing = bool(match["close"]) + bool(match["last"])
    return closing == bool(match["open"])
