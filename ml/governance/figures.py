"""Figures: how well confidence holds, and what precision costs, drawn from shares alone; PNG by file name."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE_INCHES, DOTS_PER_INCH = (6, 5), 110


def drawn(report: dict[str, Any]) -> dict[str, bytes]:
    """The figures of a report of `judging.report`, all sides in each."""
    return {f"{figure.get_label()}.png": _png(figure) for figure in _figures(report)}


def _figures(report: dict[str, Any]) -> Iterator["Figure"]:
    yield _curves(
        report, "calibration", ("sure", "right"), "how sure it was", "share that was right", has_diagonal=True
    )
    yield _curves(
        report, "coverage_precision", ("coverage", "precision"), "share of rows answered, surest first",
        "share of those that was right",
    )  # fmt: skip
    for side in report:
        yield _bars(report, side)


def _curves(
    report: dict[str, Any], name: str, keys: tuple[str, str], below: str, beside: str, *, has_diagonal: bool = False
) -> "Figure":
    from matplotlib.figure import Figure  # no pyplot: it keeps every figure

    figure = Figure(SIZE_INCHES, label=name)
    axes = figure.add_subplot(xlabel=below, ylabel=beside, xlim=(0, 1), ylim=(0, 1.02), title=name.replace("_", " "))
    if has_diagonal:
        axes.plot((0, 1), (0, 1), color="0.7", linestyle="--", label="as it should be")
    for side, of in report.items():
        cells = of[name]
        axes.plot(
            [cell[keys[0]] for cell in cells], [cell[keys[1]] for cell in cells], marker="o", label=_named(side, of)
        )
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def _bars(report: dict[str, Any], side: str) -> "Figure":
    from matplotlib.figure import Figure

    cells = sorted(report[side]["by_category"].items(), key=lambda cell: cell[1]["accuracy"])
    figure = Figure((SIZE_INCHES[0] + 2, SIZE_INCHES[1]), label=f"by_category_{side}", layout="constrained")
    axes = figure.add_subplot(
        xlim=(0, 1), xlabel="share that was right", title=f"by category, {_named(side, report[side])}"
    )
    axes.barh([f"{name} ({cell['rows']})" for name, cell in cells], [cell["accuracy"] for _, cell in cells])
    axes.grid(axis="x", alpha=0.3)
    return figure


def _named(side: str, of: dict[str, Any]) -> str:
    return f"{side}, {of['rows']:,} rows"


def _png(figure: "Figure") -> bytes:
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return written.getvalue()
