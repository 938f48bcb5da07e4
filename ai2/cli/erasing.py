"""The command that erases an organization for good."""

import asyncio
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from ai2.cli.output import console, problems, trouble

if TYPE_CHECKING:
    from ai2.identity.erasure import Erased


def erase(
    organization: Annotated[str | None, typer.Argument(help="Name or id.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Erase whatever a restored backup brought back of those erased before.")
    ] = False,
) -> None:
    """Erase an organization: its key, its rows and files, its people who belong nowhere else. Nothing brings it back.

    A tombstone stays, with its id and the time. Copies of its raw files, wherever they lie, can be read no more.
    """
    with problems():
        from ai2.cli.home import server

        if (organization is None) is not again:
            raise typer.BadParameter("name one organization, or say --again")
        with server():
            known = asyncio.run(_known(organization))
            for organization_id, name in known:
                if not (yes or again):
                    trouble.print(f"This erases {name} ({organization_id}) for good.", markup=False)
                    typer.confirm("Erase it?", abort=True, err=True)
                console.print(_erase(organization_id), markup=False)


async def _known(organization: str | None) -> list[tuple[UUID, str]]:
    """The one that is named, also where it is erased already and only files may be left; or all that were erased."""
    from ai2.cli import home
    from ai2.identity import erasure, organizations
    from ai2.identity.organizations import OrganizationNotFound

    tombstones = erasure.tombstones()
    if organization is None:
        return [(organization_id, "") for organization_id in tombstones]
    async with home.databases() as (_, pipeline), pipeline.transaction() as db:
        try:
            found = await organizations.find(db, organization)
        except OrganizationNotFound:
            if organization not in map(str, tombstones):
                raise
            return [(UUID(organization), "")]
    return [(found.organization_id, found.name)]


def _erase(organization_id: UUID) -> str:
    from pipelines.forget import forget

    erased = asyncio.run(_erased(organization_id))
    runs = forget(organization_id)
    rows = sum(erased.rows.values())
    return f"{organization_id} is erased: {rows:,} rows, {erased.users} users, {runs} runs."


async def _erased(organization_id: UUID) -> "Erased":
    from ai2.cli import home
    from ai2.identity import erasure

    async with home.databases() as (_, pipeline):
        return await erasure.erase(pipeline, organization_id, erased_by="operator")
