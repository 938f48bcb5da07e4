"""Amounts of money on the paper, in the one notation that all of them together show."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
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
_STARS = re.compile(r"\*+(?=\d)")


@dataclass(frozen=True)
class Sum:
    """An amount; `is_money` where a currency or two decimals show that it is one, and no count or number."""

    value: Decimal
    symbol: str | None
    is_money: bool


def found(paper: Paper, mark: DecimalMark, days: Iterable[Found[Written]]) -> list[Found[Sum]]:
    """All of them but the parts of dates."""
    taken = {(day.piece, place) for day in days for place in range(day.start, day.end)}
    all_of_it = [each for piece in paper.pieces for each in _in(piece, mark)]
    return [each for each in all_of_it if (each.piece, each.end - 1) not in taken]


def decimal_mark(paper: Paper) -> DecimalMark:
    """What most amounts with cents show, else the one that makes thousands of three digits behind a mark."""
    numbers = [match["number"] for piece in paper.pieces for match in _AMOUNT.finditer(piece.text)]
    votes = Counter(number[-3] for number in numbers if re.search(r"[.,]\d{2}$", number))
    if votes:
        return "," if votes[","] > votes["."] else "."
    told = amounts.mark_evidence(numbers)
    return told.decided or ("." if any("," in number for number in numbers) else ",")


def _in(piece: Piece, mark: DecimalMark) -> Iterator[Found[Sum]]:
    text = _STARS.sub(lambda stars: " " * len(stars[0]), piece.text)
    for match in _AMOUNT.finditer(text):
        number = match["number"].rstrip(".,")
        read = amounts.read(f"{match['front']}{number}{match['back']}".strip(), mark) or amounts.read(number, mark)
        if read is None:
            continue
        symbol = read.symbol
        is_money = symbol is not None or bool(_DECIMALS.search(number))
        yield Found(Sum(read.value, symbol, is_money), piece, match.start(), match.end())
