"""The day on which a document was issued: among all its dates the one whose label says so.

The order of day and month is decided over the whole document; where its dates leave it open, by what else on it tells
the country. A date that stays open is none.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice

from ai2.ingest.layout import dates
from ai2.ingest.layout.dates import DateOrder, Written
from ai2.receipts.extraction.confidence import Judged
from ai2.receipts.extraction.paper import Paper, Piece
from ai2.receipts.extraction.visible import words
from ai2.receipts.extraction.visible.values import Found, labelled

# More dates than the first so many tell nothing new.
MOST = 300
FIRST_YEAR, LAST_YEAR = 1990, 2099
_NAME = r"[^\W\d_]{3,13}\.?"
_DATE = re.compile(
    r"(?<![\w.,/-])(?:"
    r"\d{4}(?P<first>[-/.])\s?\d{1,2}(?P=first)\s?\d{1,2}|"
    r"\d{1,2}(?P<mark>[-/.])\s?\d{1,2}(?P=mark)\s?(?:\d{4}|\d{2})|"
    rf"\d{{1,2}}(?:st|nd|rd|th|er|º|ª)?\.?[\s/-]{{0,2}}(?:de |of )?{_NAME},?[\s/-]{{0,2}}(?:de |del )?"
    r"(?:\d{4}|'?\d\d)|"
    rf"{_NAME}[\s/-]\d{{1,2}}(?:st|nd|rd|th)?\s?,?\s?\d{{4}}|"
    r"\d{4}年\s*\d{1,2}月\s*\d{1,2}日"
    r")(?![\d/-]|[.,]\d|\s?%)"
)
_SPACED_COMMA = re.compile(r"\s+,")
# Who reads 03/04/2021 as 4 March: by their currency; everybody else has the day first.
_MONTH_FIRST = frozenset({"USD", "PHP"})
_SCORES = {"issue": 6.0, "plain": 3.5, "order": 2.0, None: 1.0, "other": -1.0, "due": -2.0}


def found(paper: Paper) -> list[Found[Written]]:
    return list(islice((each for piece in paper.pieces for each in _in(piece)), MOST))


def _in(piece: Piece) -> Iterator[Found[Written]]:
    for match in _DATE.finditer(piece.text):
        written = dates.written(_SPACED_COMMA.sub(",", match[0]))
        if written:
            yield Found(written, piece, match.start(), match.end())


def order_of(all_found: Sequence[Found[Written]], currency: str | None, *, is_english: bool) -> DateOrder | None:
    """Proven by the dates themselves, else by the country; none where dates contradict each other or nothing tells."""
    open_ones = frozenset(each.value for each in all_found if each.value.order is None)
    told = dates.judged(open_ones)
    if told.decided or not open_ones:
        return told.decided or "dmy"
    if told.contradicts:
        return None
    if not is_english or (currency and currency not in _MONTH_FIRST):
        return "dmy"
    return "mdy" if currency else None


def issued_on(
    paper: Paper, all_found: Sequence[Found[Written]], currency: str | None, *, is_english: bool
) -> Judged[date] | None:
    order = order_of(all_found, currency, is_english=is_english)
    best: dict[date, tuple[float, str | None, Found[Written]]] = {}
    for each in all_found:
        day = _read(each.value, order)
        if day:
            known, place = labelled(paper, each, _kind)
            score = _score(paper, each, known, place)
            if day not in best or score > best[day][0]:
                best[day] = (score, known, each)
    if not best:
        return None
    ranked = sorted(best.items(), key=lambda item: -item[1][0])
    day, (score, known, where) = ranked[0]
    rival = ranked[1][1][0] if len(ranked) > 1 else -9.0
    evidence = f"{known or 'unlabelled'}, {_standing(score, rival, len(ranked))}"
    return Judged(day, evidence, where.piece.where)


def _kind(text: str) -> str | None:
    return words.kind(text, words.DATE_KINDS)


def _read(written: Written, order: DateOrder | None) -> date | None:
    """The day in this order; without one only where both readings are the same day."""
    days = {written.read(each) for each in ([order] if order else dates.ORDERS[:2])}
    day = days.pop() if len(days) == 1 else None
    return day if day and FIRST_YEAR <= day.year <= LAST_YEAR else None


def _score(paper: Paper, each: Found[Written], known: str | None, place: str | None) -> float:
    """By its label; of equals the one that stands alone in its piece, near the beginning."""
    score = _SCORES[known] + (0.3 if place == "same" else 0.0)
    if known in ("plain", None):
        score += 0.8 if each.piece.page == 0 and each.piece.row < max(8, len(paper.rows) * 0.4) else 0.0
        score -= 1.0 if len(each.piece.text) > words.LONGEST else 0.0
        score -= 2.0 if _is_range(each) else 0.0
    return score


def _is_range(each: Found[Written]) -> bool:
    """Whether another date follows or precedes: 01.05.14-31.05.14."""
    rest = each.piece.text[: each.start] + each.piece.text[each.end :]
    return bool(re.search(r"\d\s*(?:[-–—]|to|bis|au|tot|al|a|do)\s*$|^\s*(?:[-–—]|to|bis|au|tot|al|a|do)\s*\d", rest))


def _standing(score: float, rival: float, count: int) -> str:
    if count == 1:
        return "alone"
    return "ahead" if score - rival >= 1.5 else "close"
