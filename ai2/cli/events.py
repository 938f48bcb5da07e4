"""Commands for events: how far their consumers are, and what none could take."""

import asyncio

import typer

from ai2.cli.output import console, problems, trouble

app = typer.Typer(help="Events: how far their consumers are.", no_args_is_help=True)


@app.command("status")
def status() -> None:
    """How many events each consumer has yet to hear, and which it could not take."""
    with problems():
        from ai2.cli.home import server

        with server():
            asyncio.run(_status())


@app.command("retry")
def retry() -> None:
    """Hand out once more what consumers could not take."""
    with problems():
        from ai2.cli.home import server

        with server(), trouble.status("Handing out"):
            taken, left = asyncio.run(_retry())
        console.print(f"{taken} taken, {left} put aside again")


async def _status() -> None:
    from ai2.cli import home
    from ai2.consumers import CONSUMERS
    from ai2.kit import deliveries

    async with home.databases() as (_, pipeline), pipeline.transaction() as db:
        for row in await deliveries.state(db, [consumer.name for consumer in CONSUMERS]):
            console.print("{consumer}: {behind} to come, {trying} tried again, {dead} put aside".format(**row))
        for letter in await deliveries.dead_letters(db):
            why = letter["error"]["title"]
            console.print(f"  {letter['consumer']}: {letter['kind']} {letter['event_id']} {why}", markup=False)


async def _retry() -> tuple[int, int]:
    from ai2.cli import home
    from ai2.consumers import CONSUMERS
    from ai2.kit import deliveries

    async with home.databases() as (database, pipeline):
        return await deliveries.retry(database, pipeline, CONSUMERS)
