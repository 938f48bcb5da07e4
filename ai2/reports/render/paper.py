"""PDF: tagged for who hears it, laid out for who reads it. Typst sets it (typesetter.py)."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from ai2.kit.errors import FieldError, Invalid, Unavailable
from ai2.reports.model import Column, Line, Report, Table
from ai2.reports.render import layout
from ai2.reports.render.layout import Paper, Part
from ai2.reports.render.typesetter import NotSet, typeset
from ai2.reports.render.wording import (
    MISSING,
    Footnotes,
    Picture,
    day,
    facts,
    figure,
    heading,
    origin,
    period,
    remarks,
    warnings,
)  # fmt: skip

# More are hundreds of pages, and would take a minute and gigabytes.
MOST_CELLS = 60_000
# A word that is longer may be broken anywhere.
LONG_WORD = re.compile(r"\S{25,}")
# They are no letters, and some scripts are not written without them.
JOINERS = "\u200c\u200d"


class TooLargeForPaper(Invalid):
    """The report has more figures than a PDF can hold; take xlsx or csv, or longer columns."""


class PdfNotMade(Unavailable):
    """The PDF could not be made; the report is there in the other formats."""


def pdf(report: Report, charts: Sequence[Picture] = ()) -> bytes:
    """A report as PDF/UA-1: tagged, with title and language. The same report gives the same bytes.

    Raises TooLargeForPaper and PdfNotMade.
    """
    if sum(len(table.lines) * len(table.columns) for table in report.tables) > MOST_CELLS:
        raise TooLargeForPaper(errors=(FieldError("format", "is xlsx or csv for so many figures"),))
    try:
        return typeset(_document(report, charts), report.as_of)
    except NotSet as error:
        raise PdfNotMade from error


def _document(report: Report, charts: Sequence[Picture]) -> dict[str, Any]:
    on = layout.paper(report.tables)
    return {
        "title": _breakable(report.title),
        "organization": _breakable(report.organization),
        "period": period(report),
        "as_of": f"{day(report.as_of)}",
        "digest": report.digest[:16],
        "is_landscape": on.is_landscape,
        "size": on.size_pt,
        "facts": [(fact.name, _breakable(fact.text)) for fact in facts(report)],
        "origin": [(fact.name, _printable(fact.text)) for fact in origin(report)],
        "warnings": [_breakable(note.text) for note in warnings(report)],
        "remarks": [_breakable(note.text) for note in remarks(report)],
        "charts": [
            {"title": chart.title, "svg": chart.svg.decode(), "summary": chart.summary}
            for chart in charts
        ],
        "tables": [_table(table, on) for table in report.tables],
    }  # fmt: skip


def _table(table: Table, on: Paper) -> dict[str, Any]:
    footnotes = Footnotes(table)
    found = list(layout.parts(table, on))
    return {
        "parts": [_part(table, part, footnotes, at, len(found)) for at, part in enumerate(found, 1)],
        "footnotes": [(number, _breakable(reason)) for number, reason in footnotes],
    }


def _part(table: Table, part: Part, footnotes: Footnotes, at: int, number: int) -> dict[str, Any]:
    whole = heading(table)
    return {
        "heading": _breakable(whole if number == 1 else f"{whole}: part {at} of {number}"),
        "corner": table.currency,
        "heads": [column.label for column in part.columns],
        "widths": part.widths_em,
        "is_closed": bool(table.lines) and table.lines[-1].kind == "total",
        "rows": list(_rows(table, part.columns, footnotes)),
    }


def _rows(table: Table, columns: Sequence[Column], footnotes: Footnotes) -> Iterator[dict[str, Any]]:
    """Rows with figures. A heading goes with the row below it, so that no page ends in one."""
    above: list[dict[str, Any]] = []
    for line, after in zip(table.lines, islice([*table.lines, None], 1, None), strict=False):
        if line.kind == "heading" and after is not None:
            above.append({"text": _breakable(line.label), "depth": line.depth})
            continue
        yield {
            "headings": above, "label": _breakable(line.label), "depth": line.depth, "kind": line.kind,
            "cells": [_cell(table, line, column, footnotes) for column in columns],
        }  # fmt: skip
        above = []


def _cell(table: Table, line: Line, column: Column, footnotes: Footnotes) -> str | tuple[str, int]:
    """A figure; with the number of a footnote where it is missing."""
    cell = table.by_place.get((line.key, column.key))
    if cell is None:
        return ""
    if cell.amount is not None:
        return figure(cell.amount, column, table.currency)
    number = footnotes.number(cell)
    return MISSING if number is None else (MISSING, number)


def _breakable(text: str) -> str | list[str]:
    """A text; in pieces, between which a line may end, where a word of it is long."""
    text = _printable(text)
    pieces = LONG_WORD.sub(lambda word: "\n".join(re.findall(".{1,12}", word[0])), text).split("\n")
    return text if len(pieces) == 1 else pieces


def _printable(text: str) -> str:
    """The text without what has no letter: controls, which also turn the direction of what follows."""
    return "".join(letter for letter in text if letter.isprintable() or letter in JOINERS)
