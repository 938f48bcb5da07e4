"""Commands for files: import one into the books, or only classify its rows."""

import asyncio
import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ai2.cli.output import console, print_json, problems, trouble

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]


def import_(
    file: File,
    account: Annotated[str, typer.Option(help="The account's name; one of this name is made if there is none.")],
    organization: Annotated[str | None, typer.Option(help="Name or id; not needed where there is only one.")] = None,
    currency: Annotated[str | None, typer.Option(help="The file's currency, such as GBP.")] = None,
    positive_is: Annotated[str | None, typer.Option(help="What an amount without a minus is: in or out.")] = None,
    fees_are: Annotated[str | None, typer.Option(help="Fees are paid apart from the amount or within it.")] = None,
    date_order: Annotated[str | None, typer.Option(help="dmy, mdy or ymd.")] = None,
    decimal_mark: Annotated[str | None, typer.Option(help="'.' or ','.")] = None,
    mapping: Annotated[
        list[str] | None, typer.Option(help="What a column is: amount=3, or date=Buchung; once for each.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="The file's encoding, such as cp1252.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would come of it and write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as POST /api/core/csv-import does.")] = False,
) -> None:
    """Import a statement file of any format, alone or in gzip or zip."""
    answers = {
        "currency": currency.upper() if currency else None,
        "positive_is": _one_of("--positive-is", positive_is, "in", "out"),
        "fees_are": _one_of("--fees-are", fees_are, "apart", "within"),
        "date_order": _one_of("--date-order", date_order, "dmy", "mdy", "ymd"),
        "decimal_mark": _one_of("--decimal-mark", decimal_mark, ".", ","),
        "mapping": _mapping(mapping or []),
        "encoding": _encoding(encoding),
    }
    with problems(as_json=as_json):
        from ai2.cli.home import server

        with server(), bar(f"Importing {file.name}") as progress:
            result = asyncio.run(_import(file, account, organization, answers, progress, dry_run=dry_run))
        print_json(result) if as_json else _tell(result)


async def _import(
    file: Path, account: str, organization: str | None, answers: dict[str, Any], progress: Any, *, dry_run: bool
) -> dict[str, Any]:
    from ai2 import flows
    from ai2.cli import home
    from ai2.ingest.service import ImportOptions, Source

    async with home.databases() as (database, pipeline):
        owner = await home.organization(pipeline, organization)
        result = await flows.import_file(
            database,
            organization_id=owner.organization_id,
            account_name=account,
            path=file,
            file_name=file.name,
            options=ImportOptions(**answers),
            source=Source.CLI,
            imported_by="system",
            dry_run=dry_run,
            progress=progress,
        )
    return result.model_dump(mode="json", exclude=None if dry_run else {"sample"})


def _mapping(pairs: list[str]) -> dict[str, list[str | int]] | None:
    """Roles with their columns, by header or by position from 1."""
    from ai2.ingest.layout.words import Role

    found: dict[str, list[str | int]] = {}
    for pair in pairs:
        role, equals, column = pair.partition("=")
        if not equals or role not in list(Role):
            raise typer.BadParameter(f"{pair}: say ROLE=COLUMN, with one of {', '.join(Role)}", param_hint="--mapping")
        found.setdefault(role, []).append(int(column) if column.isdigit() else column)
    return found or None


def _encoding(name: str | None) -> str | None:
    try:
        return codecs.lookup(name).name if name else None
    except LookupError:
        raise typer.BadParameter("is no encoding that is known here", param_hint="--encoding") from None


def _tell(result: dict[str, Any]) -> None:
    rows = result["rows"]
    console.print(f"{escape(result['format'])}, {result['first_date']} to {result['last_date']}, {result['currency']}")
    console.print(
        f"{rows['in']} rows: {rows['loaded']} loaded, {rows['duplicate']} there already, "
        f"{rows['quarantined']} quarantined"
    )


@contextmanager
def bar(title: str) -> Iterator[Any]:
    """A progress bar on standard error, and the function that moves it: 0 to 1, from any thread."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=trouble, transient=True, disable=not trouble.is_terminal) as progress:
        task = progress.add_task(escape(title), total=1.0)
        yield lambda fraction: progress.update(task, completed=fraction)


def _one_of(option: str, value: str | None, *choices: str) -> str | None:
    if value is not None and value not in choices:
        raise typer.BadParameter(f"is one of {', '.join(choices)}", param_hint=option)
    return value


def classify(
    file: File,
    description: Annotated[str, typer.Option(help="The column that says what the row is.")],
    out: Annotated[Path, typer.Option(dir_okay=False, writable=True, help="The file to write.")],
    amount: Annotated[str | None, typer.Option(help="The column with the amount; only its sign counts.")] = None,
) -> None:
    """Classify the rows of a CSV file without importing it.

    Adds primary, detailed, confidence, decision and decided_by to every row. Where no categoriser was trained yet,
    one is, which takes a minute.
    """
    with problems():
        from ml.cold import classify_file

        with trouble.status(f"Classifying {escape(file.name)}"):
            done = classify_file(file, description=description, amount=amount, out=out)
    told = ", ".join(f"{number} {decision}" for decision, number in sorted(done.decisions.items()))
    console.print(f"{done.rows} rows: {told or 'nothing to decide'}. Written to {out}", markup=False)
