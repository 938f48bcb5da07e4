"""A report that was given out as a file: which formats there are, and what writes each."""

import json
from collections.abc import Callable, Mapping
from typing import IO, Literal

from ai2.reports import service as reports
from ai2.reports.exports.asked import Format
from ai2.reports.model import Report

Rendered = Literal["csv", "xlsx", "pdf", "html"]
Writes = Callable[[Report, IO[bytes]], None]


def as_json(report: Report, file: IO[bytes]) -> None:
    """The report as it is kept, with its digest. Amounts are texts."""
    document = reports.DOCUMENT.dump_python(report, mode="json")
    file.write(json.dumps({"digest": report.digest, **document}, ensure_ascii=False, indent=1).encode())


def rendered(wanted: Rendered) -> Writes:
    """What writes a report as people read it. Typesetting is loaded by who needs it."""

    def write(report: Report, file: IO[bytes]) -> None:
        from ai2.reports.render.files import render

        file.write(render(report, wanted).content)

    return write


# Schedules have the same formats.
FORMATS: Mapping[Format, Writes] = {
    "json": as_json,
    "csv": rendered("csv"),
    "xlsx": rendered("xlsx"),
    "pdf": rendered("pdf"),
    "html": rendered("html"),
}
