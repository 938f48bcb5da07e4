"""Classifying a CSV file that is in nobody's books: by public knowledge and the model, row by row, in order."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ai2.ingest.containers import members
from ai2.ingest.encodings import examine
from ai2.kit.errors import Invalid, Unreadable
from ml import registry
from ml.answers import Descriptor, Verdict
from ml.knowledge.labels import primary_of

ADDED = ("primary", "detailed", "confidence", "decision", "decided_by")
CHUNK = 4096
# A minus of any kind, brackets, or a debit mark: 4.20-, −4.20, (4.20), 4.20 DR.
MINUS = re.compile(r"[-−–(]|\b(?:DR?|S)\s*$", re.IGNORECASE)


class NoSuchColumn(Invalid):
    """The file has no such column."""


class SeveralFiles(Unreadable):
    """The archive holds several files; classify them one by one."""


class NoRows(Unreadable):
    """The file has no rows."""


@dataclass(frozen=True)
class Classified:
    """What came of it: rows, how many different questions they were, and what is to be done with the answers."""

    rows: int
    different: int
    decisions: Counter[str]
    positive_is: str | None


def classify(
    file: Path,
    out: Path,
    *,
    description: str,
    amount: str | None,
    positive_is: str | None,
    progress: Callable[[float], None],
) -> Classified:
    """Write the file again with the answers behind each row.

    Without an amount column every row is money out. Where `positive_is` does not say what a plain amount is, the
    sign that most rows have is money out: in statements and in lists of purchases alike, most rows are spending.
    """
    with _table(file) as rows:
        header, body = next(rows, None), list(rows)
    if not header or not body:
        raise NoRows
    texts = [row[_position(header, description)] for row in body]
    positive_is = (positive_is or _sense(body, _position(header, amount))) if amount else None
    money_in = [_is_in(row[_position(header, amount)], positive_is) if amount else False for row in body]
    asked = [Descriptor(text, is_in) for text, is_in in zip(texts, money_in, strict=True)]
    different = list(dict.fromkeys(asked))
    answers = dict(zip(different, _decide(different, progress), strict=True))
    with out.open("w", encoding="utf-8", newline="") as written:
        writer = csv.writer(written)
        writer.writerow([*header, *ADDED])
        writer.writerows([*row, *_cells(answers[each])] for row, each in zip(body, asked, strict=True))
    decisions = Counter(str(answers[each].decision) for each in asked)
    return Classified(len(body), len(different), decisions, positive_is)


def _decide(asked: Sequence[Descriptor], progress: Callable[[float], None]) -> list[Verdict]:
    verdicts: list[Verdict] = []
    categoriser = registry.champion()
    for start in range(0, len(asked), CHUNK):
        verdicts += categoriser.decide(asked[start : start + CHUNK])
        progress(len(verdicts) / len(asked))
    return verdicts


def _cells(verdict: Verdict) -> tuple[str, ...]:
    found = (primary_of(verdict.detailed), verdict.detailed)
    return (*(cell or "" for cell in found), f"{verdict.confidence:.4f}", verdict.decision, verdict.decided_by)


@contextmanager
def _table(file: Path) -> Iterator[Iterator[list[str]]]:
    """The rows of a CSV file, alone or in gzip or zip, each as wide as the header; blank lines are left out."""
    with file.open("rb") as source:
        found = members(source, file.name)
        if len(found) != 1:
            raise SeveralFiles
        with found[0].open() as opened:
            encoding = examine(opened).encoding
        with found[0].open() as opened:
            text = io.TextIOWrapper(opened, encoding, errors="replace", newline="")
            first = text.readline()
            lines = csv.reader(_again(first, text), delimiter=max(",;\t|", key=first.count))
            yield _even(lines)


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _even(lines: Iterator[list[str]]) -> Iterator[list[str]]:
    width = 0
    for line in lines:
        width = width or len(line)
        if line:
            yield (line + [""] * width)[:width]


def _position(header: Sequence[str], name: str) -> int:
    plain = [cell.strip().casefold() for cell in header]
    if name.strip().casefold() not in plain:
        raise NoSuchColumn(f"There is no column {name!r}; there are {', '.join(header)}")
    return plain.index(name.strip().casefold())


def _sense(body: Sequence[Sequence[str]], position: int) -> str:
    minus = sum(bool(MINUS.search(row[position])) for row in body)
    return "in" if minus * 2 > len(body) else "out"


def _is_in(cell: str, positive_is: str | None) -> bool:
    return bool(MINUS.search(cell)) == (positive_is == "out")
