"""A labelled file as a frame: texts, labels, perhaps days, amounts and an organization's own columns."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ai2.kit.errors import Invalid
from ml.cold import open_table
from ml.knowledge.labels import primaries

if TYPE_CHECKING:
    import pandas as pd

DAYS = ("ISO8601", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d", "%d %b %Y")


class NoDays(Invalid):
    """The column of dates cannot be read as days in one way only; write them as 2026-02-14."""


class NoSuchCategory(Invalid):
    """The mapping names a category that there is not; name a primary or a detailed one."""


@dataclass(frozen=True)
class Columns:
    """What the columns of the file are called. `features` are the organization's own, such as a cost centre."""

    description: str
    label: str
    date: str | None = None
    amount: str | None = None
    features: Sequence[str] = ()

    @property
    def all(self) -> list[str]:
        return [name for name in (self.description, self.label, self.date, self.amount, *self.features) if name]


def labelled(path: Path, columns: Columns) -> "pd.DataFrame":
    """The rows that have a label, in the file's order: description, label, and date, amount, features where named.

    `written` is the amount as the file has it.
    """
    import pandas as pd

    with open_table(path, columns.all) as (rows, names):
        found = dict(zip(columns.all, names, strict=True))
        records = [[row.get(found[name]) or "" for name in columns.all] for row in rows]
    raw = pd.DataFrame(records, columns=list(columns.all), dtype=object)
    raw = raw[raw[columns.label].str.strip() != ""].reset_index(drop=True)
    frame = pd.DataFrame({"description": raw[columns.description], "label": raw[columns.label].str.strip()})
    frame["written"] = raw[columns.amount] if columns.amount else ""
    frame["amount"] = raw[columns.amount].map(_number) if columns.amount else 0.0
    if columns.date:
        frame["date"] = _days(raw[columns.date])
    return frame.assign(**{name: raw[name] for name in columns.features})


def mapping(path: Path | None, labels: Sequence[str]) -> dict[str, str]:
    """The primary category of each label: by a CSV file of label and category, or because it is one itself.

    A label that has none is left out.
    """
    known = {**primaries(), **{primary: primary for primary in primaries().values()}}
    if path is None:
        spelled = {label: label.strip().upper().replace(" ", "_") for label in labels}
        return {label: known[name] for label, name in spelled.items() if name in known}
    with path.open(encoding="utf-8-sig", newline="") as file:
        pairs = [(row[0].strip(), row[1].strip().upper()) for row in csv.reader(file) if len(row) > 1]
    if pairs and pairs[0][1] not in known:  # the header
        pairs = pairs[1:]
    unknown = sorted({category for _, category in pairs if category and category not in known})
    if unknown:
        raise NoSuchCategory(f"There is no category {', '.join(unknown[:5])}")
    return {label: known[category] for label, category in pairs if category}


def _number(text: str) -> float:
    """An amount in any notation; 0 where there is none. Only a model sees it, never the books."""
    digits = "".join(c for c in text if c.isdigit() or c in ".,")
    mark = max(digits.rfind("."), digits.rfind(","))
    is_fraction = mark >= 0 and (
        len(digits) - mark - 1 != 3 or (digits.count(digits[mark]) == 1 and digits[mark] == ".")
    )
    whole, fraction = (digits[:mark], digits[mark + 1 :]) if is_fraction else (digits, "")
    plain = f"{whole.replace('.', '').replace(',', '') or '0'}.{fraction or '0'}"
    is_negative = text.strip().startswith(("-", "(", "−")) or text.strip().endswith("-")
    return -float(plain) if is_negative else float(plain)


def _days(texts: "pd.Series[str]") -> "pd.Series[pd.Timestamp]":
    import pandas as pd

    read = {}
    for how in DAYS:
        days = pd.to_datetime(texts.str.strip(), format=how, errors="coerce")
        if days.notna().all():
            read[how] = days
    ways = list(read.values())
    if not ways:
        raise NoDays
    # Day and month may change places: files run in one direction, forwards or backwards.
    straight = [days for days in ways if days.is_monotonic_increasing or days.is_monotonic_decreasing]
    if len(ways) > 1 and len(straight) != 1 and any(not days.equals(ways[0]) for days in ways):
        raise NoDays
    return (straight or ways)[0]
