"""Commands for exchange rates, by which transfers between currencies are told."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ai2.cli.output import console, problems

app = typer.Typer(name="rates", help="Reference exchange rates.", no_args_is_help=True)


@app.callback()
def rates() -> None:
    """Reference exchange rates."""


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="eurofxref-hist.csv")],
) -> None:
    """Load the euro reference rates of the European Central Bank. Again, it changes nothing."""
    with problems():
        from ai2.cli.home import server

        with server():
            changed = asyncio.run(_import(file))
        console.print(f"{changed} rates are new or corrected.")


async def _import(file: Path) -> int:
    from ai2.books import exchange_rates
    from ai2.cli import home

    async with home.databases() as (_, pipeline), pipeline.transaction() as db:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            return await exchange_rates.put(db, exchange_rates.read(opened))
