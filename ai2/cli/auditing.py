"""Commands for the audit: whether its chains hold, and where they end, to be kept elsewhere."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from ai2.cli.output import console, problems, trouble

app = typer.Typer(help="The audit: whether its chains hold.", no_args_is_help=True)

Organization = Annotated[str | None, typer.Option(help="Name or id; without it, all of them.")]


@app.command("verify")
def verify(
    organization: Organization = None,
    anchors: Annotated[Path | None, typer.Option(help="What `ai2 audit anchor` wrote before.")] = None,
) -> None:
    """Follow the chains from end to end, and through anchors that were kept; exit 1 where one is broken."""
    with problems():
        from ai2.cli.home import server

        kept = [json.loads(line) for line in anchors.read_text().splitlines() if line] if anchors else []
        with server(), trouble.status("Following the chains"):
            found = asyncio.run(_verify(organization, {each["organization_id"]: each for each in kept}))
    for each in found:
        console.print(each["told"], markup=False)
    if not all(each["holds"] for each in found):
        raise typer.Exit(1)


@app.command("anchor")
def anchor(organization: Organization = None) -> None:
    """Say where the chains end now, a line of JSON each: keep it where who runs the database cannot change it."""
    with problems():
        from ai2.cli.home import server

        with server():
            for line in asyncio.run(_anchor(organization)):
                console.print(line, markup=False, soft_wrap=True)


async def _verify(name: str | None, kept: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    from ai2.cli import home
    from ai2.identity import audit
    from ai2.identity.audit import Anchor

    found = []
    async with home.databases() as (database, pipeline):
        for organization_id in await _chosen(pipeline, name):
            line = kept.get(str(organization_id))
            known = Anchor(line["number"], bytes.fromhex(line["link"])) if line else None
            async with database.transaction(organization_id) as db:
                verdict = await audit.verify(db, organization_id, known)
            told = (
                f"{verdict.entries:,} entries hold"
                if verdict.holds
                else f"BROKEN at {verdict.broken_at}: {verdict.why}"
            )
            found.append({"holds": verdict.holds, "told": f"{organization_id}: {told}"})
    return found


async def _anchor(name: str | None) -> list[str]:
    from ai2.cli import home
    from ai2.identity import audit

    lines = []
    async with home.databases() as (database, pipeline):
        for organization_id in await _chosen(pipeline, name):
            async with database.transaction(organization_id) as db:
                end = await audit.anchor(db, organization_id)
            told = {"organization_id": str(organization_id), "number": end.number, "link": end.link.hex()}
            lines.append(json.dumps(told))
    return lines


async def _chosen(pipeline: Any, name: str | None) -> list[UUID]:
    from ai2.identity import organizations

    async with pipeline.transaction() as db:
        known = [await organizations.find(db, name)] if name else await organizations.all_of_them(db)
    return [each.organization_id for each in known]
