"""Dates as banks write them: one order a column, decided by all its values, never by the first.

Only a value that cannot be a month decides between day-first and month-first; where all could be either, the
question is asked. Of two-digit years the column has to show that they come last, too (`25-01-15`): there the part
that hardly changes is the year. A time or a zone behind a date is left aside: the bank's calendar date stays what
is written.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

DateOrder = Literal["dmy", "mdy", "ymd"]
ORDERS: tuple[DateOrder, ...] = ("dmy", "mdy", "ymd")
FIRST_YEAR, LAST_YEAR = 1970, 2100
LONGEST = 48

_ZONE = r"(?:Z|[A-Z]{2,5}|[A-Z][a-z]+/[A-Z][A-Za-z_]+)?\s*(?:[+-]\d{2}(?::?\d{2})?)?"
_TIME = (
    r"(?:(?:T|,?\s+(?:(?:at|kl\.?|um|om|à|klo)\s+)?|\s*/\s*|\.)\d{1,2}[:.h]\d{2}(?:[:.]\d{2}(?:[.,:]\d+)?)?"
    rf"\s*(?:[AaPp]\.?[Mm]\.?|Uhr)?\s*{_ZONE})?"
)
_WEEKDAY = r"(?:[Ll]e\s+)?(?:(?P<before>[^\W\d_]{2,14})(?:-feira)?\.?,?\s+)?"
_DAY_BEHIND = r"(?:\s*\((?P<inside>[^\W\d_]{1,14})\.?\)|,?\s+(?!(?:at|klo?|um|om)\b)(?P<behind>[^\W\d_]{2,14})\.?)?"
_YEAR_FIRST = re.compile(
    r"(?P<one>\d{4})(?P<mark>[-/. ])\s?(?P<two>\d{1,2})(?P=mark)\s?(?P<three>\d{1,2})\.?"
    rf"{_DAY_BEHIND}{_TIME}"
)
_YEAR_LAST = re.compile(
    rf"{_WEEKDAY}(?P<one>\d{{1,2}})(?P<mark>[-/. ])\s?(?P<two>\d{{1,2}})(?P=mark)\s?(?P<three>\d{{4}}|\d{{2}})\.?"
    rf"{_DAY_BEHIND}{_TIME}"
)
_COMPACT = re.compile(r"(\d{8})(?:T?\d{6}Z?|T\d{4}Z?)?")
_NAMED = re.compile(
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|ère|º|ª)?\.?[\s/-]*(?:de\s+|of\s+)?"
    rf"(?P<name>[^\W\d_]{{3,13}})\.?[\s,/-]*(?:de\s+|del\s+)?'?(?P<year>\d{{4}}|\d{{2}}){_TIME}"
)
_NAME_FIRST = re.compile(
    rf"{_WEEKDAY}(?P<name>[^\W\d_]{{3,13}})\.?[\s/-]+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,\s*|[\s/-]+)"
    rf"(?P<year>\d{{4}}){_TIME}"
)
_NAME_INSIDE = re.compile(
    rf"(?P<year>\d{{4}})\.?[\s/-]+(?P<name>[^\W\d_]{{3,13}})\.?[\s/-]+(?P<day>\d{{1,2}})\.?{_TIME}"
)
_IDEOGRAPHIC = re.compile(rf"(\d{{4}})\s*年\s*(\d{{1,2}})\s*月\s*(\d{{1,2}})\s*日{_TIME}")
# Under a header of dates only: days since 1899-12-30, as spreadsheets count, and six digits in some order.
_SERIAL = re.compile(r"(\d{5})(?:[.,]\d+)?")
_SIX = re.compile(r"(\d{2})(\d{2})(\d{2})")
_SERIAL_START = date(1899, 12, 30)
# Beyond these years five digits are no spreadsheet's day but 3 July 25 without its zero.
_SERIAL_YEARS = range(1990, 2040)
# Years of two digits, and what parts them from month and day: with dots they always come last.
_SHORT_MARKS = "-/ "
# A column tells its year by what hardly changes where it has at least so many different days.
TELLING_DAYS = 6

# Months by their names, without accents, whole and short, in the cases that dates take (CLDR): English, German,
# French, Dutch, Spanish, Italian, Portuguese, Polish, Czech, Slovak, Hungarian, Swedish, Danish, Norwegian, Finnish.
# Only whole words count: the beginning of a word may be another month in a language that is not here.
_MONTHS = {
    1: """january jan januar janner jaenner janvier janv januari enero ene gennaio gen genn janeiro stycznia styczen sty
        ledna leden led januara tammikuuta tammikuu tammi tammik""",
    2: """february feb februar feber fevrier fevr fev februari febrero febbraio febbr fevereiro lutego luty lut unora
        unor uno februara febr helmikuuta helmikuu helmi helmik""",
    3: """march mar marz maerz mrz mars maart mrt marzo marco marca marzec brezna brezen bre marec marcius marc marts
        maaliskuuta maaliskuu maalis maalisk""",
    4: """april apr avril avr abril abr aprile kwietnia kwiecien kwi dubna duben dub aprila aprilis huhtikuuta huhtikuu
        huhti huhtik""",
    5: """may mai mei mayo maggio mag magg maio maja maj kvetna kveten kve majus toukokuuta toukokuu touko toukok""",
    6: """june jun juni juin junio giugno giu junho czerwca czerwiec cze cervna cerven cvn juna junius kesakuuta kesakuu
        kesa kesak""",
    7: """july jul juli juillet juil julio luglio lug julho lipca lipiec lip cervence cervenec cvc jula julius
        heinakuuta heinakuu heina heinak""",
    8: """august aug aout augustus agosto ago sierpnia sierpien sie srpna srpen srp augusta augusztus augusti elokuuta
        elokuu elo elok""",
    9: """september sep sept septembre septiembre setiembre settembre set sett setembro wrzesnia wrzesien wrz zari zar
        septembra szeptember szept syyskuuta syyskuu syys syysk""",
    10: """october oct oktober okt octobre octubre ottobre ott outubro out pazdziernika pazdziernik paz rijna rijen rij
        oktobra lokakuuta lokakuu loka lokak""",
    11: """november nov novembre noviembre novembro listopada listopad lis listopadu novembra marraskuuta marraskuu
        marras marrask""",
    12: """december dec dezember dez decembre diciembre dic dicembre dezembro grudnia grudzien gru prosince prosinec pro
        decembra desember des joulukuuta joulukuu joulu jouluk""",
}
# Days of the week in the same languages.
_WEEKDAYS = frozenset(
    re.findall(
        r"\w+",
        """cs csutortok ct ctvrtek czw czwartek di dienstag dim dimanche dinsdag do dom domenica domingo donderdag
    donnerstag fr fre fredag freitag fri friday gio giovedi hetfo je jeu jeudi ju jue jueves ke kedd keskiviikko
    keskiviikkona la lauantai lauantaina lo lor lordag lu lun lundi lunedi lunes ma maanantai maanantaina maandag
    man mandag mar mardi martedi martes me mer mercoledi mercredi mi mie miercoles mittwoch mo mon monday montag ne
    nedela nedele nie niedz niedziela on ons onsdag pa patek pe pentek perjantai perjantaina pi pia piatek piatok po
    pon pondeli pondelok poniedzialek pt qua quarta qui quinta sa sab sabado sabato sam samedi samstag sat saturday
    seg segunda sex sexta so sob sobota son sondag sonntag sr sro sroda st streda stvrtok su sun sunday sunnuntai
    sze szerda szo szombat ter terca th thu thur thurs thursday ti tiistai tiistaina tir tirs tirsdag tis tisdag to
    tor tors torsdag torstai torstaina tu tue tues tuesday ut utery utorok vasarnap ve ven vendredi venerdi vi vie
    viernes vr vrijdag we wed wednesday weds wo woensdag wt wto wtorek za zaterdag zo zondag
    月 火 水 木 金 土 日 星期一 星期二 星期三 星期四 星期五 星期六 星期日""",
    )
)
_MONTH_OF = {name: month for month, names in _MONTHS.items() for name in names.split()}


@dataclass(frozen=True)
class Written:
    """A date as written: the numbers in their places. `order` is set where the writing itself decides.

    `year_may_lead` tells years of two digits that could come first.
    """

    first: int
    second: int
    third: int
    order: DateOrder | None = None
    year_may_lead: bool = False

    def read(self, order: DateOrder) -> date | None:
        """The calendar date, or none where there is no such day."""
        day, month, year = _placed(self, self.order or order)
        try:
            return date(_century(year), month, day)
        except ValueError:
            return None


@dataclass(frozen=True)
class Evidence:
    """What a column says of its order: `decided`, or whether it `contradicts` itself, or neither: ask.

    `possible` are the orders that are left, `needed` says that they read some value differently.
    """

    decided: DateOrder | None
    contradicts: bool = False
    needed: bool = True
    possible: tuple[DateOrder, ...] = ("dmy", "mdy")


def written(text: str) -> Written | None:
    """A cell taken apart, or none where it is no date."""
    text = _cleaned(text)
    if not 0 < len(text) <= LONGEST or not any(sign.isdigit() for sign in text):
        return None
    if match := _matched(_YEAR_FIRST, text):
        return Written(int(match["one"]), int(match["two"]), int(match["three"]), "ymd")
    if match := _matched(_YEAR_LAST, text):
        first, second, year = match["one"], match["two"], match["three"]
        short = len(first) == len(year) == 2 and match["mark"] in _SHORT_MARKS
        return Written(int(first), int(second), int(year), year_may_lead=short)
    if match := _COMPACT.fullmatch(text):
        return _compact(match[1])
    return _with_name(text)


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Where the words beside a date are days of the week; any others make it a text."""
    match = pattern.fullmatch(text)
    if match is None:
        return None
    beside = [word for name, word in match.groupdict().items() if word and name in ("before", "inside", "behind")]
    return match if all(_folded(word) in _WEEKDAYS for word in beside) else None


def written_below_header(text: str) -> Written | None:
    """The same for a column that is known to hold dates: there 45672 is a spreadsheet's day, and 250115 a date too."""
    found = written(text)
    if found is not None:
        return found
    text = _cleaned(text)
    if match := _SERIAL.fullmatch(text):
        day = _SERIAL_START + timedelta(int(match[1]))
        return Written(day.year, day.month, day.day, "ymd") if day.year in _SERIAL_YEARS else None
    if match := _SIX.fullmatch(text):
        short = Written(int(match[1]), int(match[2]), int(match[3]), year_may_lead=True)
        return short if any(short.read(order) for order in ORDERS) else None
    return None


def evidence(cells: Iterable[str]) -> Evidence:
    """What all the different values of a column together say of the order of day and month.

    Of two-digit years a value that cannot be a day or a month rules an order out, and so does what hardly changes.
    """
    return judged(open_ones(cells))


def open_ones(cells: Iterable[str]) -> frozenset[Written]:
    """The dates among these cells whose order is open, to be put together with those of others."""
    return frozenset(one for cell in cells if (one := written_below_header(cell)) and one.order is None)


def judged(found: frozenset[Written]) -> Evidence:
    """What dates whose order is open say together."""
    fits = [orders for one in found if (orders := _fits(one))]
    possible: set[DateOrder] = set(ORDERS).intersection(*fits) if fits else {"dmy", "mdy"}
    if not possible:
        return Evidence(None, contradicts=True)
    if "ymd" in possible and len(possible) > 1:
        possible -= _unlikely(found)
    left = tuple(order for order in ORDERS if order in possible)
    needed = any(len({one.read(order) for order in left}) > 1 for one in found)
    return Evidence(left[0] if len(left) == 1 else None, needed=needed or len(left) == 1, possible=left)


def _fits(one: Written) -> set[DateOrder]:
    """The orders in which the numbers are a day, a month and a year; 30/02 is no date, and day-first all the same."""
    fits: set[DateOrder] = set()
    if 1 <= one.first <= 31 and 1 <= one.second <= 12:
        fits.add("dmy")
    if 1 <= one.first <= 12 and 1 <= one.second <= 31:
        fits.add("mdy")
    if (one.year_may_lead or (not fits and one.third < 100)) and 1 <= one.second <= 12 and 1 <= one.third <= 31:
        fits.add("ymd")
    return fits


def _unlikely(found: frozenset[Written]) -> set[DateOrder]:
    """Of two-digit years: the orders in which nearly every day were another year's, on the same day of the month."""
    firsts, lasts = len({one.first for one in found}), len({one.third for one in found})
    if firsts >= max(TELLING_DAYS, 3 * lasts):
        return {"ymd"}
    return {"dmy", "mdy"} if lasts >= max(TELLING_DAYS, 3 * firsts) else set()


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
    if match := _IDEOGRAPHIC.fullmatch(text):
        return Written(int(match[1]), int(match[2]), int(match[3]), "ymd")
    match = _matched(_NAMED, text) or _matched(_NAME_FIRST, text) or _matched(_NAME_INSIDE, text)
    month = _MONTH_OF.get(_folded(match["name"])) if match else None
    return Written(int(match["day"]), month, int(match["year"]), "dmy") if match and month else None


@lru_cache(1024)
def _folded(name: str) -> str:
    """A name as the tables have it; ideographs, which have no accents, stay."""
    if not name.isascii() and "\u4e00" <= name[0] <= "\u9fff":
        return name
    folded = unicodedata.normalize("NFKD", name.casefold().replace("ł", "l").replace("ø", "o"))
    return folded.encode("ascii", "ignore").decode()


def _cleaned(text: str) -> str:
    """Without what spreadsheets wrap texts in, wide digits as ordinary ones."""
    if not text.isascii():
        text = text.translate(_PLAIN)
    text = text.strip()
    if text[:1] == "=" and text[1:2] == text[-1:] == '"':
        text = text[2:-1].strip()
    return text.strip("'")


# The wide forms of East Asian text; a space that does not break is one; what has no width is left out.
_PLAIN: dict[int, int | str | None] = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_PLAIN |= dict.fromkeys((0xA0, 0x2007, 0x2009, 0x202F, 0x3000), " ")
_PLAIN |= dict.fromkeys((0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF), None)
