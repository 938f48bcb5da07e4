"""Dates as banks write them: one order a column, decided by all its values, never by the first.

Only a value that cannot be a month decides between day-first and month-first; where all could be either, the
question is asked. Years come first only with four digits (no bank of some 115 whose layouts we compared writes
`24-03-01`) unless a person says `ymd`. A time or a zone behind a date is left aside: the bank's calendar date
stays what is written.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

DateOrder = Literal["dmy", "mdy", "ymd"]
ORDERS: tuple[DateOrder, ...] = ("dmy", "mdy", "ymd")
FIRST_YEAR, LAST_YEAR = 1970, 2100
LONGEST = 48

_TIME = (
    r"(?:(?:T|,?\s+|\s*/\s*)\d{1,2}[:.h]\d{2}(?:[:.]\d{2}(?:[.,:]\d+)?)?"
    r"\s*(?:[AaPp]\.?[Mm]\.?)?\s*(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_WEEKDAY = r"(?:[^\W\d_]{2,12}\.?,?\s+)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/. ])\s?(\d{{1,2}})\2\s?(\d{{1,2}})\.?{_TIME}")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-/. ])\s?(\d{{1,2}})\2\s?(\d{{4}}|\d{{2}})\.?{_TIME}")
_COMPACT = re.compile(r"(\d{8})(?:T?\d{6}|T\d{4})?")
_NAMED = re.compile(rf"{_WEEKDAY}(\d{{1,2}})\.?[\s/-]*([^\W\d_]{{3,12}})\.?[\s,/-]*(\d{{4}}|\d{{2}}){_TIME}")
_NAME_FIRST = re.compile(rf"{_WEEKDAY}([^\W\d_]{{3,12}})\.?\s+(\d{{1,2}}),?\s+(\d{{4}}){_TIME}")

# Months by the letters they begin with, without accents: English, German, French, Dutch, Spanish, Italian,
# Portuguese, Swedish, Danish, Norwegian, Czech, Polish, Finnish.
_MONTHS = {
    1: "jan janv ene gen led ledna sty tammi",
    2: "feb fev fevr febr unor unora lut helmi",
    3: "mar mrz maerz mars maart mrt marz brez brezna maalis",
    4: "apr avr abr dub dubna kwi huhti",
    5: "may mai mei maj maio mag kveten kvetna touko",
    6: "jun juin giu cerven cervna cze kesa",
    7: "jul juil lug cervenec cervence lip heina",
    8: "aug aout ago srp srpna sie elo",
    9: "sep sept set zari wrz syys",
    10: "oct okt out ott rijen rijna paz loka",
    11: "nov listopad listopadu lis marras",
    12: "dec dez dic prosinec prosince gru joulu",
}


@dataclass(frozen=True)
class Written:
    """A date as written: the numbers in their places. `order` is set where the writing itself decides."""

    first: int
    second: int
    third: int
    order: DateOrder | None = None

    def read(self, order: DateOrder) -> date | None:
        """The calendar date, or none where there is no such day."""
        day, month, year = _placed(self, self.order or order)
        try:
            return date(_century(year), month, day)
        except ValueError:
            return None


@dataclass(frozen=True)
class Evidence:
    """What a column says of its order: `decided`, or whether it `contradicts` itself, or neither: ask."""

    decided: DateOrder | None
    contradicts: bool = False
    needed: bool = True


def written(text: str) -> Written | None:
    """A cell taken apart, or none where it is no date."""
    text = text.strip().strip("'")
    if not 0 < len(text) <= LONGEST or not (
        text[0].isdigit() or text[-1].isdigit() or text[-1] in ".Zz" or text[0].isalpha()
    ):
        return None
    if match := _YEAR_FIRST.fullmatch(text):
        return Written(int(match[1]), int(match[3]), int(match[4]), "ymd")
    if match := _YEAR_LAST.fullmatch(text):
        return Written(int(match[1]), int(match[3]), int(match[4]))
    if match := _COMPACT.fullmatch(text):
        return _compact(match[1])
    return _with_name(text)


def evidence(cells: Iterable[str]) -> Evidence:
    """What all the different values of a column together say of the order of day and month."""
    open_ones = [found for cell in cells if (found := written(cell)) and found.order is None]
    # 30/02 is no date, and day-first all the same.
    dmy = any(12 < one.first <= 31 and one.second <= 12 for one in open_ones)
    mdy = any(12 < one.second <= 31 and one.first <= 12 for one in open_ones)
    if dmy and mdy:
        return Evidence(None, contradicts=True)
    if dmy or mdy:
        return Evidence("dmy" if dmy else "mdy")
    if any(one.read("dmy") != one.read("mdy") for one in open_ones):
        return Evidence(None)
    if any(one.read("dmy") is None and one.read("ymd") for one in open_ones):
        return Evidence("ymd")  # 99-12-31: neither a day nor a month comes first
    return Evidence(None, needed=False)


def in_range(day: date) -> bool:
    return FIRST_YEAR <= day.year <= LAST_YEAR


def _placed(found: Written, order: DateOrder) -> tuple[int, int, int]:
    if order == "dmy":
        return found.first, found.second, found.third
    if order == "mdy":
        return found.second, found.first, found.third
    return found.third, found.second, found.first


def _century(year: int) -> int:
    """Two digits are of this century; statements older than 1970 are not imported."""
    if year >= 100:
        return year
    return 2000 + year if year < 70 else 1900 + year


def _compact(digits: str) -> Written | None:
    year_first = Written(int(digits[:4]), int(digits[4:6]), int(digits[6:]), "ymd")
    if (day := year_first.read("ymd")) and in_range(day):
        return year_first
    year_last = Written(int(digits[:2]), int(digits[2:4]), int(digits[4:]))
    readings = [year_last.read("dmy"), year_last.read("mdy")]
    if year_last.third >= FIRST_YEAR and any(day and in_range(day) for day in readings):
        return year_last
    # 31 February is a date that does not exist, and account numbers are no dates.
    year, month, day_of_month = year_first.first, year_first.second, year_first.third
    is_near = FIRST_YEAR <= year <= LAST_YEAR and 1 <= month <= 12 and 29 <= day_of_month <= 31
    return year_first if is_near else None


def _with_name(text: str) -> Written | None:
    if match := _NAMED.fullmatch(text):
        day, name, year = match[1], match[2], match[3]
    elif match := _NAME_FIRST.fullmatch(text):
        name, day, year = match[1], match[2], match[3]
    else:
        return None
    month = _month(name)
    return Written(int(day), month, int(year), "dmy") if month else None


@lru_cache(1024)
def _month(name: str) -> int | None:
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    for month, names in _MONTHS.items():
        if plain in names.split():
            return month
    for month, names in _MONTHS.items():
        if any(plain.startswith(known) for known in names.split() if known not in ("mar", "lis")):
            return month
    return {"mar": 3, "lis": 11}.get(plain[:3])
