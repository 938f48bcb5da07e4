"""Amounts as banks write them, read exactly or not at all; no float in between.

`1,234.56`, `1.234,56`, `1'234.56`, `1 234,56` (all the spaces), `1,23,456.78`, `(45.00)`, `45.00-`, `-110.7 €`,
`€-5`, `−12.00` (U+2212), `45.00 CR`, `.50`, `+2,50`, `12,-`, `CHF 1'234.-`. `1e3` is no amount. Which mark is the
decimal one is decided by all the values of a file's money columns together: `14.000` alone decides nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from iso4217 import Currency

DecimalMark = Literal[".", ","]
# △ and ▲ are Japanese bookkeeping's minus.
_MINUS, _PLUS = "-−‐‑‒–—﹣△▲", "+"
_GROUPS = " '"
# Currencies that a sign may mean; one that is not here says nothing.
SYMBOLS = {
    "€": frozenset({"EUR"}), "£": frozenset({"GBP", "EGP", "GIP", "FKP", "SHP"}), "¥": frozenset({"JPY", "CNY"}),
    "₹": frozenset({"INR"}), "₽": frozenset({"RUB"}), "₺": frozenset({"TRY"}), "₩": frozenset({"KRW"}),
    "₴": frozenset({"UAH"}), "₪": frozenset({"ILS"}), "฿": frozenset({"THB"}), "₫": frozenset({"VND"}),
    "₦": frozenset({"NGN"}), "₱": frozenset({"PHP"}), "₸": frozenset({"KZT"}), "₾": frozenset({"GEL"}),
    "R$": frozenset({"BRL"}), "S/": frozenset({"PEN"}), "zł": frozenset({"PLN"}), "Kč": frozenset({"CZK"}),
    "Ft": frozenset({"HUF"}), "Fr": frozenset({"CHF"}), "SFr": frozenset({"CHF"}), "lei": frozenset({"RON"}),
    "RM": frozenset({"MYR"}), "Rp": frozenset({"IDR"}), "Rs": frozenset({"INR", "PKR", "LKR", "NPR", "MUR"}),
    "kr": frozenset({"SEK", "NOK", "DKK", "ISK"}), "Kr": frozenset({"SEK", "NOK", "DKK", "ISK"}),
    "лв": frozenset({"BGN"}), "руб": frozenset({"RUB"}), "KD": frozenset({"KWD"}), "BD": frozenset({"BHD"}),
    "円": frozenset({"JPY"}), "元": frozenset({"CNY", "TWD"}),
    "$": frozenset(re.findall("...", "USDCADAUDNZDSGDHKDMXNTWDARSCLPCOPJMDBBDBSDBZDXCDTTDFJDNADLRD")),
}  # fmt: skip
# Before a dollar sign stands whose it is.
DOLLARS = {
    "US": "USD", "C": "CAD", "CA": "CAD", "CAD": "CAD", "A": "AUD", "AU": "AUD", "NZ": "NZD", "S": "SGD", "HK": "HKD",
    "NT": "TWD", "MX": "MXN", "J": "JMD", "TT": "TTD",
}  # fmt: skip
MARKS = {
    "C": 1, "CR": 1, "H": 1, "HABEN": 1, "CREDIT": 1, "D": -1, "DR": -1, "DB": -1, "S": -1, "SOLL": -1, "DEBIT": -1,
}  # fmt: skip
_SIGN = "$€£¥₹₽₺₩₴₪฿₫₦₱₸₾円元"
_SYMBOL = (
    rf"(?:[A-Z]{{3}}(?![A-Za-z$])|R\$|S/\.?|[A-Z]{{0,3}}[{_SIGN}]|zł|Kč|(?:[Kk]r|S?Fr|Rs|Rp|лв|руб)\.?(?![A-Za-z])"
    r"|(?:Ft|lei|RM|KD|BD)(?![A-Za-z]))"
)
_FRONT = rf"(?:[{_MINUS}{_PLUS}(]|(?i:CR|DR)(?![A-Za-z])\.?|{_SYMBOL})"
_BACK = rf"(?:[{_MINUS}{_PLUS})]|{_SYMBOL}|(?i:CR|DR|DB|SOLL|HABEN|DEBIT|CREDIT)(?![A-Za-z])\.?|[CDSH](?![A-Za-z]))"
# Of a cell in which every run of space, whatever its kind and width, is one space.
NOTATION = re.compile(
    rf"(?P<front>(?:{_FRONT} ?)*)(?P<number>\d[\d.,{_GROUPS}]*|[.,]\d+)(?P<back>(?: ?{_BACK})*)", re.ASCII
)
_FRONT_PARTS, _BACK_PARTS = re.compile(_FRONT, re.ASCII), re.compile(_BACK, re.ASCII)
# What is written where there is no amount: `-`, `€ -`.
BLANK = re.compile(rf"(?:{_SYMBOL} ?)?[-–—]{{1,2}}(?: ?{_SYMBOL})?")
# Wide forms as ordinary ones, all apostrophes as one; what has no width is left out.
_PLAIN: dict[int, int | str | None] = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_PLAIN |= {0xFFE5: "¥", 0xFFE1: "£", 0x2019: "'", 0x2018: "'", 0xB4: "'", 0x02BC: "'"}
_PLAIN |= dict.fromkeys((0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF), None)
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
_CODES = frozenset(str(currency.code) for currency in Currency)


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


@dataclass(frozen=True)
class Marks:
    """The decimal marks that some cells prove, those that could be either, and whether whole numbers are among them."""

    proven: frozenset[DecimalMark] = frozenset()
    unclear: frozenset[str] = frozenset()
    has_whole: bool = False

    def __or__(self, other: "Marks") -> "Marks":
        return Marks(self.proven | other.proven, self.unclear | other.unclear, self.has_whole or other.has_whole)

    def judged(self, exponent: int | None) -> MarkEvidence:
        """Yen have no decimals, so that `14.000` yen is thousands; dinars have three, so that a column in which every
        value has three digits behind the same mark has decimals.
        """
        if len(self.proven) > 1:
            return MarkEvidence(None, contradicts=True)
        if self.proven:
            return MarkEvidence(next(iter(self.proven)))
        if len(self.unclear) == 1 and (exponent == 0 or (exponent == 3 and not self.has_whole)):
            is_comma = self.unclear == {","}
            return MarkEvidence("," if is_comma == (exponent == 3) else ".")
        return MarkEvidence(None, needed=bool(self.unclear))


@dataclass(frozen=True)
class _Taken:
    """A cell taken apart: its number, and what stands around it."""

    number: str
    is_negative: bool
    mark: int
    symbol: str | None


def read(text: str, decimal_mark: DecimalMark) -> Amount | None:
    """The amount, or none where the text is not one in this notation."""
    taken = _taken(text)
    number = taken and NUMBERS[decimal_mark].fullmatch(taken.number)
    if not taken or not number:
        return None
    digits = "".join(sign for sign in number[0] if sign.isascii() and (sign.isdigit() or sign == decimal_mark))
    value = Decimal(digits.replace(",", "."))
    return Amount(-value if taken.is_negative else value, taken.mark, taken.symbol)


def is_amount(text: str) -> bool:
    """Whether a cell could be an amount in either notation."""
    return read(text, ".") is not None or read(text, ",") is not None


def is_blank(text: str) -> bool:
    """Whether a cell says that there is no amount."""
    return len(text) <= 8 and BLANK.fullmatch(" ".join(text.split())) is not None


def mark_evidence(cells: Iterable[str], exponent: int | None = None) -> MarkEvidence:
    """What all the different values together say of the decimal mark; `exponent` is how many decimals they have."""
    return marks_in(cells).judged(exponent)


def marks_in(cells: Iterable[str]) -> Marks:
    """What these cells say of the decimal mark, to be put together with what others say."""
    proven: set[DecimalMark] = set()
    unclear: set[str] = set()
    has_whole = False
    for cell in cells:
        says, mark = _says(cell)
        if says:
            proven.add(says)
        elif mark:
            unclear.add(mark)
        else:
            has_whole = has_whole or _has_digits(cell)
    return Marks(frozenset(proven), frozenset(unclear), has_whole)


def _has_digits(cell: str) -> bool:
    return any(sign in "123456789" for sign in cell)


def _says(cell: str) -> tuple[DecimalMark | None, str]:
    """The decimal mark that this cell proves; else the one mark that it has and that could be either."""
    taken = _taken(cell)
    if taken is None or not ("." in taken.number or "," in taken.number):
        return None, ""
    dot, comma = (pattern.fullmatch(taken.number) is not None for pattern in NUMBERS.values())
    if dot and comma:
        return None, "," if "," in taken.number else "."
    return ("." if dot else "," if comma else None), ""


def symbol_allows(symbol: str, currency: str) -> bool:
    """Whether a currency sign beside an amount may mean this currency."""
    plain = symbol.rstrip(".")
    if plain in SYMBOLS:
        return currency in SYMBOLS[plain]
    if len(plain) == 3 and plain.isascii() and plain.isalpha():
        return plain == currency
    if plain[-1] == "$":
        return DOLLARS.get(plain[:-1], currency) == currency and currency in SYMBOLS["$"]
    return plain[-1] not in SYMBOLS or currency in SYMBOLS[plain[-1]]


def means(cell: str, currency: str) -> bool:
    """Whether a cell of a currency column, a code or a sign, is this currency."""
    return cell.upper() == currency or (cell.rstrip(".") in SYMBOLS and symbol_allows(cell, currency))


def _taken(cell: str) -> _Taken | None:
    if len(cell) > LONGEST:
        return None
    match = NOTATION.fullmatch(_cleaned(cell))
    if match is None:
        return None
    number, back = match["number"].strip(), match["back"].strip()
    if number[-1] in ".,":  # 12,- and 1'234.-- have no cents, and no minus
        back = re.sub(r"^[-–—]{1,2}", "", back)
    front_parts, back_parts = _FRONT_PARTS.findall(match["front"]), _BACK_PARTS.findall(back)
    parts = [*front_parts, *back_parts]
    signs = [part for part in parts if part in _MINUS or part == _PLUS]
    marks = [found for part in parts if (found := MARKS.get(part.rstrip(".").upper()))]
    opened, closed = front_parts.count("("), back_parts.count(")")
    symbol = _symbol([part for part in parts if part not in (*signs, "(", ")") and not _is_mark(part)])
    if symbol == "" or opened != closed or len(signs) + opened > 1 or len(marks) > 1:
        return None
    is_negative = bool(opened) or any(sign in _MINUS for sign in signs)
    return _Taken(number, is_negative, marks[0] if marks else 0, symbol)


def _symbol(parts: list[str]) -> str | None:
    """The currency that stands beside an amount; the empty text where what stands there is none."""
    codes = [part for part in parts if len(part) == 3 and part.isalpha() and part.isascii() and part.isupper()]
    signs = [part for part in parts if part not in codes]
    if any(code not in _CODES for code in codes) or len(codes) > 1 or len(signs) > 1:
        return ""
    if codes and signs and not symbol_allows(signs[0], codes[0]):
        return ""
    return next(iter((*codes, *signs)), None)


def _is_mark(part: str) -> bool:
    return part.rstrip(".").upper() in MARKS


def _cleaned(cell: str) -> str:
    """Without what spreadsheets wrap numbers in (`="1.50"`, `'1.50`), wide forms, and space of many kinds."""
    if not cell.isascii():
        cell = cell.translate(_PLAIN)
    cell = " ".join(cell.split())
    if cell[:1] == "=" and cell[1:2] == cell[-1:] == '"':
        cell = cell[2:-1]
    return cell.removeprefix("'")
