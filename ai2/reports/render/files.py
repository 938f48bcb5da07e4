"""Files: a report in one of its formats."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ai2.reports.model import Report
from ai2.reports.render.comma_separated import csv
from ai2.reports.render.illustrating import illustrated
from ai2.reports.render.page import html
from ai2.reports.render.paper import pdf
from ai2.reports.render.wording import Picture, file_name
from ai2.reports.render.workbook import xlsx

Format = Literal["csv", "xlsx", "pdf", "html"]
MEDIA_TYPES: Mapping[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "html": "text/html; charset=utf-8",
}
# Formats of figures alone, and those that also have pictures.
_FIGURES: Mapping[str, Callable[[Report], bytes]] = {"csv": csv, "xlsx": xlsx}
_ILLUSTRATED: Mapping[str, Callable[[Report, Sequence[Picture]], bytes]] = {"pdf": pdf, "html": html}


@dataclass(frozen=True)
class File:
    """A report as a file."""

    name: str
    media_type: str
    content: bytes


def render(report: Report, format: Format) -> File:  # noqa: A002 - as the API has it
    """A report as a file, with its charts where it has pages. It takes up to some seconds, and asks no database.

    Raises TooLargeForPaper and PdfNotMade.
    """
    content = _FIGURES[format](report) if format in _FIGURES else _ILLUSTRATED[format](*illustrated(report))
    return File(file_name(report, format), MEDIA_TYPES[format], content)
