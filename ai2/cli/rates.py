"""Commands for exchange rates, by which transfers between currencies are told."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ai2.cli.output import console, problems

if TYPE_CHECKING:
    from ai2.kit.database import Database

app = typer.Typer(name="rates", help="Reference exchange rates.", no_args_is_help=True)


@app.callback()
def rates() -> None:
    """Reference exchange rates."""


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, readable=True, help="eurofxref-hist.csv, eurofxref.csv, or a zip"),
    ],
) -> None:
    """Load the euro reference rates of the European Central Bank. Again, it changes nothing."""
    _tell(lambda pipeline: _import(pipeline, file))


@app.command()
def refresh() -> None:
    """Fetch them from where ECB_RATES_URL says, as Dagster does every working day."""
    from ai2.books.rates import source as rates_source

    _tell(rates_source.refresh)


def _tell(act: "Callable[[Database], Awaitable[int]]") -> None:
    with problems():
        from ai2.cli.home import server

        with server():
            changed = asyncio.run(_with_pipeline(act))
        console.print(f"{changed} rates are new or corrected.")


async def _with_pipeline(act: "Callable[[Database], Awaitable[int]]") -> int:
    from ai2.cli import home

    async with home.databases() as (_, pipeline):
        return await act(pipeline)


async def _import(pipeline: "Database", file: Path) -> int:
    from ai2.books.rates import ecb as exchange_rates

    with file.open("rb") as raw, exchange_rates.opened(raw) as text:
        async with pipeline.transaction() as db:
            return await exchange_rates.put(db, exchange_rates.read(text))
