"""Amounts of money on the paper, in the one notation that all of them together show."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ai2.ingest.layout import amounts
from ai2.ingest.layout.amounts import DecimalMark
from ai2.ingest.layout.dates import Written
from ai2.receipts.extraction.paper import Paper, Piece
from ai2.receipts.extraction.visible.values import Found

_SIGN = "$€£¥₹₽₺₩₴₪฿₫₦₱₸₾円元"
_SYMBOL = rf"(?:[A-Z]{{3}}(?![A-Za-z])|R\$|[A-Z]{{0,3}}[{_SIGN}]|zł|Kč|(?:[Kk]r|S?Fr|Rs|Rp|Ft|lei|RM)\.?(?![A-Za-z]))"
_AMOUNT = re.compile(
    rf"(?<![\w.,/])(?P<front>(?:[-−–(+] ?|{_SYMBOL} ?){{0,3}})(?<![\d.,/])"
    r"(?P<number>\d{1,3}(?:[ '’\u202f\u2009]\d{3})+(?:[.,](?:\d{1,3}|[-–]{1,2}))?(?!\d)|\d[\d.,]*(?:[.,][-–]{1,2})?)"
    rf"(?P<back>(?: ?[)]| ?-(?=\s|$)| ?{_SYMBOL}){{0,2}})(?![\w/:]|[.,]\d|-\d| ?%)"
)
_DECIMALS = re.compile(r"[.,](?:\d{2}|[-–]{1,2})$")
# So many from the end are looked at: totals stand there.
LAST = 500
_STARS = re.compile(r"\*+(?=\d)")


@dataclass(frozen=True)
class Sum:
    """An amount; `is_money` where a currency or two decimals show that it is one, and no count or number."""

    value: Decimal
    symbol: str | None
    is_money: bool


def found(paper: Paper, days: Iterable[Found[Written]]) -> list[Found[Sum]]:
    """All of them but the parts of dates."""
    taken = {(day.piece.row, day.piece.left, place) for day in days for place in range(day.start, day.end)}
    written = [
        (piece, match)
        for piece in paper.pieces
        for match in _AMOUNT.finditer(_STARS.sub(lambda stars: " " * len(stars[0]), piece.text))
        if (piece.row, piece.left, match.end("number") - 1) not in taken
    ]
    mark = decimal_mark([match["number"] for _, match in written])
    read = (_read(piece, match, mark) for piece, match in written[-LAST:])
    return [each for each in read if each]


def decimal_mark(numbers: Sequence[str]) -> DecimalMark:
    """What most amounts with cents show, else the one that makes thousands of three digits behind a mark."""
    votes = Counter(
        number[-3]
        for number in numbers
        if re.search(r"[.,]\d{2}$", number) and amounts.NUMBERS[_mark(number[-3])].fullmatch(number)
    )
    if votes:
        return "," if votes[","] > votes["."] else "."
    told = amounts.mark_evidence(numbers)
    return told.decided or ("." if any("," in number for number in numbers) else ",")


def _mark(sign: str) -> DecimalMark:
    return "," if sign == "," else "."


def _read(piece: Piece, match: re.Match[str], mark: DecimalMark) -> Found[Sum] | None:
    number = match["number"].rstrip(".,")
    read = amounts.read(f"{match['front']}{number}{match['back']}".strip(), mark) or amounts.read(number, mark)
    if read is None:
        return None
    is_money = read.symbol is not None or bool(_DECIMALS.search(number))
    return Found(Sum(read.value, read.symbol, is_money), piece, match.start(), match.end())
