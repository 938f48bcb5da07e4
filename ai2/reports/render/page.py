"""HTML: a report as one page, whole in itself. No script, nothing fetched; to be read, heard, printed and kept."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from html import escape
from pathlib import Path

from ai2.reports.model import Column, Line, Note, Report, Table
from ai2.reports.render.layout import paper
from ai2.reports.render.wording import (
    MISSING,
    Fact,
    Footnotes,
    Picture,
    facts,
    figure,
    heading,
    origin,
    period,
    remarks,
    subject,
    warnings,
)  # fmt: skip

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def html(report: Report, charts: Sequence[Picture] = ()) -> bytes:
    """A report as an HTML page. What a text of anybody's looks like, it stays text."""
    return "\n".join(_page(report, charts)).encode("utf-8", "replace")


def _page(report: Report, charts: Sequence[Picture]) -> Iterator[str]:
    organization = escape(report.organization)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(report.title)}, {organization}, {period(report)}</title>"
    yield f"<style>\n{_style()}{_printed(report)}</style>\n</head>\n<body>\n<header>"
    yield f'<p class="organization" dir="auto">{organization}</p>\n<h1 dir="auto">{escape(report.title)}</h1>'
    yield f'<p class="period">{period(report)}</p>\n</header>\n<main>'
    yield from _warnings(warnings(report))
    yield from _facts(facts(report))
    yield from map(_chart, charts)
    for at, table in enumerate(report.tables, 1):
        yield from _table(table, f"table-{at}")
    if remarks(report):
        yield f"<section>\n<h2>Notes</h2>\n{_list(remarks(report))}\n</section>"
    yield "</main>\n<footer>\n<h2>Origin</h2>"
    yield from _facts([*subject(report)[:1], *origin(report)])
    yield "</footer>\n</body>\n</html>\n"


@cache
def _style() -> str:
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def _printed(report: Report) -> str:
    """How it is printed: as a PDF would lie, and in letters of that size."""
    on = paper(report.tables)
    lies = "landscape" if on.is_landscape else "portrait"
    return f"@media print {{ @page {{ size: A4 {lies}; margin: 18mm; }} table {{ font-size: {on.size_pt}pt; }} }}\n"


def _warnings(found: Sequence[Note]) -> Iterator[str]:
    if found:
        yield '<section class="warnings" aria-labelledby="warnings">'
        yield f'<h2 id="warnings">Before you rely on these figures</h2>\n{_list(found)}\n</section>'


def _list(notes: Iterable[Note]) -> str:
    return "<ul>{}</ul>".format("".join(f'<li dir="auto">{escape(note.text)}</li>' for note in notes))


def _facts(found: Iterable[Fact]) -> Iterator[str]:
    yield "<dl>"
    for fact in found:
        yield f"<dt>{escape(fact.name)}</dt><dd><bdi>{escape(fact.text)}</bdi></dd>"
    yield "</dl>"


def _chart(chart: Picture) -> str:
    """A chart as a picture: nothing in it can run, and its ids meet no other's."""
    data = b64encode(chart.svg).decode()
    return (
        f'<figure>\n<img alt="{escape(chart.title)}" src="data:image/svg+xml;base64,{data}">\n'
        f"<figcaption>{escape(chart.summary)}</figcaption>\n</figure>"
    )


def _table(table: Table, name: str) -> Iterator[str]:
    footnotes = Footnotes(table)
    yield f'<div class="wide" role="region" aria-labelledby="{name}" tabindex="0">\n<table>'
    yield f'<caption id="{name}" dir="auto">{escape(heading(table))}</caption>'
    heads = "".join(f'<th scope="col">{escape(column.label)}</th>' for column in table.columns)
    yield f'<thead><tr><th scope="col">{escape(table.currency) or "Line"}</th>{heads}</tr></thead>'
    for group in _groups(table.lines):
        yield "<tbody>"
        for line in group:
            yield _row(table, line, footnotes, name)
        yield "</tbody>"
    yield "</table>\n</div>"
    if list(footnotes):
        yield '<ol class="footnotes">'
        for number, reason in footnotes:
            yield f'<li id="{name}-note-{number}">{escape(reason)}</li>'
        yield "</ol>"


def _groups(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """A heading above all with the lines that it is of, to their total; lines of none by themselves."""
    group: list[Line] = []
    for line in lines:
        if group and line.kind == "heading" and line.depth == 0:
            yield group
            group = []
        group.append(line)
        if line.kind == "total" and line.depth == 0:
            yield group
            group = []
    if group:
        yield group


def _row(table: Table, line: Line, footnotes: Footnotes, name: str) -> str:
    look = f'class="{line.kind} depth-{line.depth}"'
    label = f'<span style="padding-left: {line.depth * 1.25}rem"><bdi>{escape(line.label)}</bdi></span>'
    if line.kind == "heading":
        scope = "rowgroup" if line.depth == 0 else "row"
        return f'<tr {look}><th scope="{scope}" colspan="{len(table.columns) + 1}">{label}</th></tr>'
    cells = "".join(f"<td>{_figure(table, line, column, footnotes, name)}</td>" for column in table.columns)
    return f'<tr {look}><th scope="row">{label}</th>{cells}</tr>'


def _figure(table: Table, line: Line, column: Column, footnotes: Footnotes, name: str) -> str:
    cell = table.by_place.get((line.key, column.key))
    if cell is None:
        return ""
    if cell.amount is not None:
        return figure(cell.amount, column, table.currency)
    number = footnotes.number(cell)
    return MISSING if number is None else f'{MISSING}<sup><a href="#{name}-note-{number}">{number}</a></sup>'
