"""How long a report takes to become a file, and its memory: a PDF of 20 pages with charts, an XLSX of 100,000 rows.

    python -m benchmarks.rendering

The marks (2 cores): at most 3 s for the PDF and 6 s for the XLSX, each in at most 300 MB. Each is made in a process
of its own; the peak is that of the largest process, the report and all that Python loads included: a PDF is set in
another, and charts are drawn in one that all share. The work is what the cores of the first spent.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

FIGURES = (1, 4)


def main() -> None:
    if len(sys.argv) > 1:
        measure(*sys.argv[1:])
        return
    for told in (["pdf"], ["html"], ["csv"], *(["xlsx", str(columns)] for columns in FIGURES)):
        subprocess.run([sys.executable, "-m", "benchmarks.rendering", *told], check=True)


def measure(name: str, columns: str = "13") -> None:
    """The first file, with what is loaded and started for it, and the second."""
    from ai2.reports.render.files import render

    report = made_up(100_000 if name == "xlsx" else 660, int(columns))
    for run in ("first", "again"):
        begun, worked = time.perf_counter(), time.process_time()
        content = render(report, name).content  # type: ignore[arg-type]
        elapsed_s, work_s = time.perf_counter() - begun, time.process_time() - worked
        peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        size = f"{len(report.tables[0].lines):,} rows of {columns}, {pages(content)}{len(content) / 1e6:.1f} MB"
        took = f"{elapsed_s:.2f} s ({work_s:.2f} s of work), {max(peaks) / 1024:.0f} MB"
        print(f"{name}, {run}: {took}; {size}", flush=True)


def pages(content: bytes) -> str:
    if not content.startswith(b"%PDF"):
        return ""
    import io

    from pypdf import PdfReader

    return f"{len(PdfReader(io.BytesIO(content)).pages)} pages, "


def made_up(rows: int, months: int):  # type: ignore[no-untyped-def]
    from ai2.reports.model import Asked, Cell, Column, Line, Report, Table

    days = [date(2025 + at // 12, at % 12 + 1, 1) for at in range(months)]
    columns = tuple(Column(f"{day:%Y-%m}", f"{day:%b %Y}", day, day.replace(day=28)) for day in days)
    lines = (
        *(Line(key=f"item-{at}", label=f"Category number {at}", depth=1) for at in range(rows - 3)),
        *(Line(key=key, label=f"Total {key}", kind="total") for key in ("income", "expense", "net")),
    )

    def cells() -> Iterator[Cell]:
        for at, line in enumerate(lines):
            for column in columns:
                yield Cell(line.key, column.key, Decimal(at * 7919 % 1_000_003 - 500_000).scaleb(-2), entries=at % 9)

    table = Table(key="GBP", title="Trend", currency="GBP", columns=columns, lines=lines, cells=tuple(cells()))
    asked = Asked(report="trend", start_date=days[0], end_date=days[-1])
    return Report(
        report_id=UUID(int=1), title="Trend", organization="Council", asked=asked,
        as_of=datetime(2026, 1, 1, tzinfo=UTC), tables=(table,),
    )  # fmt: skip


if __name__ == "__main__":
    main()
