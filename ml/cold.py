"""A cold start: a file classified by public knowledge and the model alone, without a database or an organization."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ai2.ingest.containers import members
from ai2.ingest.encodings import examine
from ai2.kit.errors import Invalid
from ml import registry
from ml.answers import Descriptor, Verdict
from ml.knowledge.labels import primary_of
from ml.knowledge.merchants import BRANCH, merchants
from ml.knowledge.signs import SPENDING

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("primary", "detailed", "confidence", "decision", "decided_by")
# So many rows at well-known shops, and so large a share of them, say which sign money out has.
ENOUGH_SHOPS, CLEAR_SHARE = 5, 0.8
# A text and the sign of its amount: -1, 1, or 0 where there is none.
Asked = tuple[str, int]
_NEGATIVE = re.compile(r"^\s*\W*[-−(]|[-−)]\s*\W*$|\bdr\b", re.IGNORECASE)
_DIGIT = re.compile(r"[1-9]")

csv.field_size_limit(1 << 20)


class NoSuchColumn(Invalid):
    """The file has no column of this name; name one of its header."""


@dataclass(frozen=True)
class Classified:
    """How many rows were read, and how many got which decision; `version` is what decided where no name did."""

    rows: int
    decisions: dict[str, int]
    version: str
    negative_is_out: bool | None


def classify_file(path: Path, *, description: str, amount: str | None = None, out: Path) -> Classified:
    """Copy a CSV file (plain, gzip or zip, any encoding) with five columns more, in its own order.

    `confidence` is that of the primary category. Nothing is written before all of it is decided.
    """
    with _table(path, description, amount) as table:
        asked = Counter(table.asked())
    negative_is_out = negative_means_out(asked) if amount else None
    verdicts = decide_all(list(asked), negative_is_out=negative_is_out)
    decisions: Counter[str] = Counter()
    with _table(path, description, amount) as table, out.open("w", encoding="utf-8", newline="") as file:
        header = [name for name in table.header if name not in COLUMNS]
        writer = csv.DictWriter(file, [*header, *COLUMNS], extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in table.rows:
            verdict = verdicts[table.ask(row)]
            decisions[verdict.decision] += 1
            writer.writerow(row | dict(zip(COLUMNS, _cells(verdict), strict=True)))
    return Classified(decisions.total(), dict(decisions), registry.champion().version, negative_is_out)


def classify_frame(frame: "pd.DataFrame", *, description: str, amount: str | None = None) -> "pd.DataFrame":
    """The same for a frame: a copy with the five columns, its index kept."""
    texts = frame[description].fillna("").astype(str)
    amounts = frame[amount].fillna("").astype(str) if amount else texts.map(lambda _: "")
    asked = list(zip(texts, amounts.map(sign_of), strict=True))
    negative_is_out = negative_means_out(Counter(asked)) if amount else None
    verdicts = decide_all(list(dict.fromkeys(asked)), negative_is_out=negative_is_out)
    cells = zip(*(_cells(verdicts[one]) for one in asked), strict=True) if asked else [()] * len(COLUMNS)
    return frame.assign(**dict(zip(COLUMNS, map(list, cells), strict=True)))


def decide_all(asked: Sequence[Asked], *, negative_is_out: bool | None) -> dict[Asked, Verdict]:
    """A verdict for each text and sign (-1, 0, 1); the sign counts only where it is known what it means."""
    from ml.governance.retrain import ensure_champion

    ensure_champion()

    descriptors = [Descriptor(text, money_in(sign, negative_is_out)) for text, sign in asked]
    return dict(zip(asked, registry.champion().decide(descriptors), strict=True))


def money_in(sign: int, is_out: bool | None) -> bool | None:
    """Which way money went, by its sign and whether negative is out; none where either is not known."""
    return None if is_out is None or not sign else (sign > 0) == is_out


def negative_means_out(asked: Counter[Asked]) -> bool | None:
    """Which sign money out has, decided over the whole column: what people pay in well-known shops goes out.

    Where few shops are known, negative is out if both signs occur; if all have one sign, it says nothing.
    """
    spent: Counter[int] = Counter()
    for (text, sign), times in asked.items():
        found = merchants().find(text) if sign else None
        if found and found.confidence >= BRANCH and primary_of(found.detailed) in SPENDING:
            spent[sign] += times
    signs = {sign for _, sign in asked} - {0}
    if spent.total() >= ENOUGH_SHOPS and max(spent.values()) >= CLEAR_SHARE * spent.total():
        return spent[-1] > spent[1]
    return True if signs == {-1, 1} else None


def sign_of(amount: str) -> int:
    """The sign of an amount as written in any notation: a minus before or behind, brackets, DR."""
    if not _DIGIT.search(amount):
        return 0
    return -1 if _NEGATIVE.search(amount) else 1


def _cells(verdict: Verdict) -> tuple[str, str, str, str, str]:
    detailed = verdict.detailed
    return primary_of(detailed) or "", detailed or "", str(verdict.confidence), verdict.decision, verdict.decided_by


@dataclass(frozen=True)
class _Table:
    """A delimited file whose first line names the columns, and the two that are asked about."""

    rows: "csv.DictReader[str]"
    header: list[str]
    description: str
    amount: str | None

    def ask(self, row: dict[str, str]) -> Asked:
        return row.get(self.description) or "", sign_of((row.get(self.amount) if self.amount else None) or "")

    def asked(self) -> Iterator[Asked]:
        return map(self.ask, self.rows)


@contextmanager
def _table(path: Path, description: str, amount: str | None) -> Iterator[_Table]:
    with open_table(path, [description, *([amount] if amount else [])]) as (rows, named):
        yield _Table(rows, list(rows.fieldnames or []), named[0], named[1] if amount else None)


@contextmanager
def open_table(path: Path, wanted: list[str]) -> Iterator[tuple["csv.DictReader[str]", list[str]]]:
    """The rows of a delimited file (plain, gzip or zip, any encoding), and its own names of the wanted columns."""
    with path.open("rb") as source:
        member = members(source, path.name)[0]
        encoding = examine(member.open()).encoding
        text: TextIO = io.TextIOWrapper(member.open(), encoding=encoding, newline="")
        delimiter, named = _columns(text.readline(), wanted)
        yield csv.DictReader(io.TextIOWrapper(member.open(), encoding=encoding, newline=""), delimiter=delimiter), named


def _columns(header: str, wanted: list[str]) -> tuple[str, list[str]]:
    """The delimiter under which the header has the wanted columns, and their names as written there, case aside."""
    for delimiter in ",;\t|":
        seen = {name.strip().casefold(): name for name in next(csv.reader([header], delimiter=delimiter), [])}
        found = [seen.get(name.strip().casefold()) for name in wanted]
        if all(found):
            return delimiter, [name for name in found if name]
    names = next(csv.reader([header], delimiter=max(",;\t|", key=header.count)), [])
    raise NoSuchColumn(f"There is no column {' or '.join(wanted)}; there are {', '.join(names[:50])}")
