"""Commands for the tax rules: load their files, and list those that a person has to read again."""

import asyncio
from typing import TYPE_CHECKING

import typer

from ai2.cli.output import console, problems

if TYPE_CHECKING:
    from ml.tax.loading import Loaded
    from ml.tax.rows import Row

app = typer.Typer(name="tax", help="The tax rules.", no_args_is_help=True)


@app.callback()
def tax() -> None:
    """The tax rules."""


@app.command()
def check() -> None:
    """List the rules in force that were read over 12 months ago, or of which no figure is published."""
    with problems():
        from ai2.cli.home import server
        from ml.tax.upkeep import due

        with server():
            _, rows = asyncio.run(_load())
        found = due(rows)
        for each in found:
            told = "read on " + each.read_on if each.why == "read_long_ago" else "not published"
            console.print(f"{each.rule_id}  {told}  {each.note or ''}  {each.source_url}", markup=False)
        console.print(f"{len(found)} of {len(rows)} rows are to be read again.")


@app.command()
def load() -> None:
    """Load what is new in the rules' files now; the services do it by themselves. Again, it changes nothing."""
    with problems():
        from ai2.cli.home import server

        with server():
            loaded, _ = asyncio.run(_load())
        console.print(f"{loaded.added} rows are new, {loaded.closed} have ended.")


async def _load() -> "tuple[Loaded, list[Row]]":
    from ai2.cli import home
    from ml.tax import loading, upkeep

    async with home.databases() as (_, pipeline):
        return await loading.refresh(pipeline), await upkeep.known(pipeline)
