"""Commands for what was imported: take a batch back as one, or read its file again."""

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
    from ai2 import flows
    from ai2.cli import home
    from ai2.ingest.mending.undo import undo as take_back

    async with home.databases() as (database, pipeline):
        owner = (await home.organization(pipeline, organization)).organization_id
        async with database.transaction(owner) as db:
            report = await take_back(db, owner, batch_id, undone_by="system")
            await flows.record_import(db, owner, batch_id, actor="system", operation="undo_import")
    return report


def _tell_undone(report: dict[str, Any]) -> None:
    console.print(
        f"{report['closed']} transactions closed, {report['given_back']} given back, {report['handed_over']} handed "
        f"over to later imports, {report['left_alone']} left alone"
    )
    for left in report["left"]:
        what = ", ".join(left["fields"])
        console.print(f"  line {left['line_number']}: {left['why']} by a person{f' ({what})' if what else ''}")


def replay(
    batch: Annotated[UUID | None, typer.Option(help="One import, by its id.")] = None,
    account: Annotated[str | None, typer.Option(help="All imports of an account, by its name.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All imports of the organization.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Let the books follow; else it is only shown.")] = False,
    organization: Organization = None,
    as_json: AsJson = False,
) -> None:
    """Read files again, by the present parser and layouts: what differs, and with --apply so be it.

    Each account is one transaction.
    """
    if [batch is not None, account is not None, all_].count(True) != 1:
        raise typer.BadParameter("say one of --batch, --account and --all")
    with problems(as_json=as_json):
        from ai2.cli.home import server

        with server(), trouble.status("Reading again"):
            found = asyncio.run(_replay(batch, account, organization, apply=apply))
        print_json(found) if as_json else _tell_replayed(found)


async def _replay(
    batch_id: UUID | None, account: str | None, organization: str | None, *, apply: bool
) -> list[dict[str, Any]]:
    from ai2 import flows
    from ai2.books.accounts import service as accounts
    from ai2.cli import home
    from ai2.identity import audit
    from ai2.identity.audit import Entity

    async with home.databases() as (database, pipeline):
        owner = (await home.organization(pipeline, organization)).organization_id
        if batch_id:
            async with database.transaction(owner) as db:
                one = await flows.replay_import(db, owner, batch_id, replayed_by="system", apply=apply)
                if one.is_applied:
                    await flows.record_import(db, owner, batch_id, actor="system", operation="replay_import")
            return [vars(one)]
        async with database.transaction(owner) as db:
            named = await accounts.find(db, owner, account) if account else None
            known = [named] if named else [] if account else await accounts.list_all(db, owner)
        if not known:
            raise accounts.AccountNotFound
        found: list[dict[str, Any]] = []
        for each in known:
            async with database.transaction(owner) as db:
                done = await flows.replay_account(db, owner, each.account_id, replayed_by="system", apply=apply)
                if apply:
                    what = Entity("account", each.account_id)
                    await audit.record(db, owner, actor="system", operation="replay_account", entity=what)
            found += map(vars, done)
    return found


def _tell_replayed(found: list[dict[str, Any]]) -> None:
    for each in found:
        counts = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in each["counts"].items() if number)
        console.print(f"{each['batch_id']}: {counts or 'no lines'}{'' if each['is_applied'] else ' (only shown)'}")
        for line in each["lines"]:
            changes = "; ".join(f"{field['field']} {field['from']} -> {field['to']}" for field in line["fields"] or [])
            console.print(f"  line {line['line_number']} {line['kind'].replace('_', ' ')} {changes}", markup=False)
