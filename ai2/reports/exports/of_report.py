"""A report that was given out as a file: which formats there are, and what writes each."""

import json
from collections.abc import Callable, Mapping
from typing import IO

from ai2.reports import service as reports
from ai2.reports.exports.asked import Format
from ai2.reports.model import Report


def as_json(report: Report, file: IO[bytes]) -> None:
    """The report as it is kept, with its digest. Amounts are texts."""
    document = reports.DOCUMENT.dump_python(report, mode="json")
    file.write(json.dumps({"digest": report.digest, **document}, ensure_ascii=False, indent=1).encode())


# A format that `ai2.reports.render` has is named here, and exports and schedules have it too.
FORMATS: Mapping[Format, Callable[[Report, IO[bytes]], None]] = {"json": as_json}
