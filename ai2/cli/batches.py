"""Commands for what was imported: take a batch back as one."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

import typer

from ai2.cli.output import console, print_json, problems, trouble

Organization = Annotated[str | None, typer.Option(help="Name or id; not needed where there is only one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as the API does.")]


def undo(
    batch: Annotated[UUID, typer.Argument(help="The import's id, as `ai2 import` said it.")],
    organization: Organization = None,
    as_json: AsJson = False,
) -> None:
    """Take an import back as one; what people edited since is left alone and listed."""
    with problems(as_json=as_json):
        from ai2.cli.home import server

        with server(), trouble.status("Undoing"):
            report = asyncio.run(_undo(batch, organization))
        print_json(report) if as_json else _tell_undone(report)


async def _undo(batch_id: UUID, organization: str | None) -> dict[str, Any]:
    from ai2.cli import home
    from ai2.ingest.undo import undo as take_back

    async with home.databases() as (database, pipeline):
        owner = (await home.organization(pipeline, organization)).organization_id
        async with database.transaction(owner) as db:
            return await take_back(db, owner, batch_id, undone_by="system")


def _tell_undone(report: dict[str, Any]) -> None:
    console.print(
        f"{report['closed']} transactions closed, {report['given_back']} given back, {report['handed_over']} handed "
        f"over to later imports, {report['left_alone']} left alone"
    )
    for left in report["left"]:
        what = ", ".join(left["fields"])
        console.print(f"  line {left['line_number']}: {left['why']} by a person{f' ({what})' if what else ''}")
