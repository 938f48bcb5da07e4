"""`ai2 evaluate`: how good the categoriser is on a labelled file, as a table and as JSON."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from ai2.cli.output import console, problems, trouble

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file with labels.")]
NAMES = {
    "random": "random",
    "later": "later",
    "unseen_merchants": "unseen merchants",
    "cold_start": "cold start",
}


def evaluate(
    file: File,
    description: Annotated[str, typer.Option(help="The column that says what the row is.")],
    label: Annotated[str, typer.Option(help="The column with the right category.")],
    date: Annotated[str | None, typer.Option(help="The column with the day.")] = None,
    amount: Annotated[str | None, typer.Option(help="The column with the amount.")] = None,
    feature: Annotated[list[str] | None, typer.Option(help="A column of your own, such as a cost centre.")] = None,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", exists=True, dir_okay=False, help="CSV: label, and the primary category it means."),
    ] = None,
    out: Annotated[Path, typer.Option(dir_okay=False, writable=True, help="The JSON file to write.")] = Path(
        "evaluation.json"
    ),
) -> None:
    """Measure the categoriser on a labelled file.

    An organization's own model learns from a part of the file and answers the rest: a random fifth, the latest fifth,
    a fifth of the merchants. The cold start answers every row by what is shipped. Shares have 95 % intervals.
    """
    with problems():
        from ml.evaluation import service
        from ml.evaluation.reading import Columns

        columns = Columns(description, label, date, amount, tuple(feature or ()))
        with trouble.status(f"Measuring on {escape(file.name)}") as status:
            report = service.evaluate(file, columns, map_file, lambda step: status.update(f"Measuring: {step}"))
        _log(report)
    out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    console.print(_table(report))
    for note in report["notes"]:
        console.print(note, markup=False)
    console.print(f"{report['rows']} rows, {report['labels']} labels. Written to {out}", markup=False)


def _log(report: dict[str, Any]) -> None:
    """Let the model card know, where there is an MLflow: shares and counts, no row of the file."""
    from ml import registry

    figures: dict[str, float] = {}
    for name, told in report["splits"].items():
        for figure in ("accuracy", "applied", "applied_precision"):
            if told and told[figure]:
                figures[f"{name}_{figure}"] = told[figure]["share"]
        for precision, found in (told["coverage"] if told else {}).items():
            if found:
                figures[f"{name}_coverage_at_{precision}"] = found["share"]
    known = {"data": report["file"], "rows": report["rows"], "labels": report["labels"]}
    registry.log_evaluation(f"evaluation of {report['file']}", figures, {**known, "split": ", ".join(report["splits"])})


def _table(report: dict[str, Any]) -> Table:
    table = Table(title=f"Categoriser on {escape(report['file'])}", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for name in ("rows", "right", "at 90 % right", "at 95 % right", "applied alone", "of these right", "calib. error"):
        table.add_column(name, justify="right")
    for name, told in report["splits"].items():
        if told is None:
            table.add_row(NAMES[name], *["-"] * 7)
            continue
        table.add_row(
            NAMES[name],
            f"{told['rows']:,}",
            _share(told["accuracy"]),
            *(_share(told["coverage"][precision]) for precision in ("0.90", "0.95")),
            _share(told["applied"]),
            _share(told["applied_precision"]),
            "-" if told["calibration_error"] is None else f"{told['calibration_error']:.3f}",
        )
    return table


def _share(told: dict[str, Any] | None) -> str:
    if told is None:
        return "-"
    return f"{told['share']:.1%}\n{told['low']:.0%}-{told['high']:.0%}"
