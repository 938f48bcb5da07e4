"""Illustrating: the charts that go with a report, as pictures for its pages."""

from dataclasses import replace

from ai2.reports.charts.drawer import DrawingFailed
from ai2.reports.model import Note, Report
from ai2.reports.render.wording import Picture

NOT_DRAWN = Note(code="charts_not_drawn", text="The charts of this report could not be drawn; its figures are whole.")


def illustrated(report: Report) -> tuple[Report, list[Picture]]:
    """The report with its charts; where they cannot be drawn it says so, and is not held up by them."""
    from ai2.reports.charts.of_reports import pictures

    try:
        return report, pictures(report)
    except DrawingFailed:
        return replace(report, notes=(*report.notes, NOT_DRAWN)), []
