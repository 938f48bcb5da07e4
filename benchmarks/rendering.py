"""How long a report takes to become a file, and its memory: a PDF of 20 pages with charts, an XLSX of 100,000 rows.

    python -m benchmarks.rendering

The marks (2 cores): at most 3 s for the PDF and 6 s for the XLSX, each in at most 300 MB. Each is made in a process
of its own, whose peak is measured, the report and all that Python loads included; the work is what its cores spent.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
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
    from ai2.reports.render.comma_separated import csv
    from ai2.reports.render.page import html
    from ai2.reports.render.paper import pdf
    from ai2.reports.render.wording import Picture
    from ai2.reports.render.workbook import xlsx

    charts = [Picture(f"Chart {at}", chart(), "Bars that rise and fall.") for at in range(4)]
    ways: dict[str, Callable[..., bytes]] = {"csv": csv, "html": html, "pdf": pdf, "xlsx": xlsx}
    report = made_up(100_000 if name == "xlsx" else 660, int(columns))
    told = [report, charts] if name in ("html", "pdf") else [report]
    begun, worked = time.perf_counter(), time.process_time()
    content = ways[name](*told)
    elapsed_s, work_s = time.perf_counter() - begun, time.process_time() - worked
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = f"{len(report.tables[0].lines):,} rows of {columns} figures, {pages(content)}{len(content) / 1e6:.1f} MB"
    print(f"{name}: {elapsed_s:.2f} s ({work_s:.2f} s of work), {peak_mb:.0f} MB at the most; {size}", flush=True)


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
        *(Line(key=f"item-{at}", label=f"Category number {at}", depth=1) for at in range(rows - 1)),
        Line(key="net", label="Net", kind="total"),
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


def chart() -> bytes:
    """Bars, drawn by what draws the charts of reports."""
    import altair
    import vl_convert

    values = [{"month": at, "amount": at * 37 % 23} for at in range(24)]
    bars = altair.Chart(altair.Data(values=values)).mark_bar().encode(x="month:O", y="amount:Q")
    return vl_convert.vegalite_to_svg(bars.to_dict()).encode()


if __name__ == "__main__":
    main()
