"""How suppliers of twelve languages write: their words, marks, dates and companies, as tongues.yml tells."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random

import yaml


@dataclass(frozen=True)
class Country:
    """Where a supplier is: its currency, how it writes it, its VAT numbers, towns, web domains and legal forms."""

    code: str
    tongue: str
    currency: str
    signs: tuple[str, ...]
    mark: str
    group: str
    dates: tuple[str, ...]
    rates: tuple[int, ...]
    vat: str
    towns: tuple[str, ...]
    domain: str
    forms: tuple[str, ...]


_TOLD = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))
WORDS: dict[str, dict[str, str]] = _TOLD["words"]
COUNTRIES = tuple(
    Country(**{name: tuple(value) if isinstance(value, list) else value for name, value in each.items()})
    for each in _TOLD["countries"]
)
NAMES, PEOPLE, THINGS = (_TOLD[name].split("|") for name in ("names", "people", "things"))


def written_date(day: date, form: str, tongue: str) -> str:
    month = WORDS[tongue]["months"].split()[day.month - 1]
    if form in ("ymd-",):
        return day.isoformat()
    if form.startswith("dmy"):
        year = str(day.year) if len(form) == 4 else f"{day.year % 100:02}"
        return form[3].join((f"{day.day:02}", f"{day.month:02}", year))
    if form.startswith("mdy"):
        return form[3].join((f"{day.month:02}", f"{day.day:02}", str(day.year)))
    return {
        "Mdy": f"{month} {day.day}, {day.year}", "dMy": f"{day.day} {month} {day.year}",
        "d.My": f"{day.day}. {month} {day.year}", "d de M de y": f"{day.day} de {month} de {day.year}",
    }[form]  # fmt: skip


def written_amount(value: Decimal, mark: str, group: str, sign: str) -> str:
    """The sign of the currency, with its space, stands before where it ends with one or begins the amount."""
    number = f"{abs(value):,.2f}".replace(",", "§").replace(".", mark).replace("§", group)
    minus = "-" if value < 0 else ""
    is_before = not sign.startswith(" ") and sign != ""
    return f"{minus}{sign}{number}" if is_before else f"{minus}{number}{sign}"


def digits(random: Random, count: int) -> str:
    return "".join(random.choice("0123456789") for _ in range(count))
