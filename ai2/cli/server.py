"""Commands for the platform itself: start it, look at it, migrate it, run a part of it."""

import asyncio
from typing import Annotated

import typer

from ai2.cli.output import console, problems, trouble

UNKNOWN_SERVICE = 2


def up(
    profile: Annotated[str, typer.Option(help="dev (all that is built), core, premium or enterprise.")] = "dev",
) -> None:
    """Start everything, here, until Ctrl-C."""
    with problems():
        from ai2.kit.settings import settings
        from ai2.launcher.console import Screen
        from ai2.launcher.profiles import Profile
        from ai2.launcher.up import up as bring_up

        try:
            wanted = Profile(profile)
        except ValueError:
            raise typer.BadParameter(f"is one of {', '.join(Profile)}", param_hint="--profile") from None
        raise typer.Exit(bring_up(wanted, settings(), Screen()))


def status() -> None:
    """Show which processes answer, and where."""
    with problems():
        from ai2.kit.settings import settings
        from ai2.launcher.status import look

        parts = asyncio.run(look(settings()))
        width = max(len(part.title) for part in parts)
        for part in parts:
            state = "[green]answers[/]       " if part.answers else "[red]does not answer[/]"
            where = "  ".join(part.urls) if part.answers else f"its log: {part.log}"
            console.print(f"{part.title:<{width}}  {state}  {where}")
        if not all(part.answers for part in parts):
            console.print("`make up` starts what is missing.")
            raise typer.Exit(1)


def migrate(
    admin_url: Annotated[
        str | None,
        typer.Option(
            envvar="AI2_ADMIN_URL",
            help="A database user who may create roles and databases, as postgresql://...; "
            "better given as AI2_ADMIN_URL than here, where everyone on this machine can read it.",
        ),
    ] = None,
    to: Annotated[str, typer.Option(help="The revision to go to, as 0007.")] = "head",
    down: Annotated[bool, typer.Option("--down", help="Back to --to; what later revisions hold is lost.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the SQL, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Go down without being asked.")] = False,
) -> None:
    """Make databases, roles and extensions, and bring the schema to the newest version, while it is in use.

    On a server of your own the administrator must be allowed to create roles and databases, and the extension
    pg_trgm must be there to be created.
    """
    if down and to == "head":
        raise typer.BadParameter("says how far: --down --to 0007", param_hint="--to")
    with problems():
        from ai2.cli.home import server
        from ai2.kit import migrate as migrations
        from ai2.kit import revisions

        try:
            with server() as using:
                if dry_run:
                    typer.echo(revisions.as_sql(to, down=down))
                elif down:
                    _go_down(to, yes)
                else:
                    with trouble.status("Migrating"):
                        migrations.migrate(admin_url, using, to=to)
                    console.print("The schema is up to date." if to == "head" else f"The schema is at {to}.")
        except (revisions.UnknownRevision, revisions.WrongWay) as error:
            raise typer.BadParameter(str(error), param_hint="--to") from None


def _go_down(to: str, yes: bool) -> None:
    from ai2.kit import revisions

    steps = revisions.steps(to, down=True)
    for step in steps:
        console.print(f"{step.revision}  {step.doc}  {(step.module.downgrade.__doc__ or '').strip()}")
    if steps and not yes:
        typer.confirm("Take these back? Stop what runs of the newer version first.", abort=True)
    with trouble.status("Going back"):
        revisions.downgrade(to)
    console.print(f"The schema is at {to}.")


def serve(
    services: Annotated[list[str] | None, typer.Argument(help="Which services; all that are built, if none.")] = None,
    gateway: Annotated[bool, typer.Option(help="All of them together on the gateway's port as well.")] = True,
) -> None:
    """Run the API alone, in the foreground."""
    with problems():
        from ai2.kit.settings import settings
        from ai2.launcher.profiles import BUILT
        from api.serve import run

        names = services or list(BUILT)
        if unknown := [name for name in names if name not in BUILT]:
            trouble.print(f"Not built: {', '.join(unknown)}. There are {', '.join(BUILT)}.")
            raise typer.Exit(UNKNOWN_SERVICE)
        using = settings()
        ports = {name: int(getattr(using, f"{name}_port")) for name in names}
        run(ports, using.gateway_port if gateway else None)


def worker() -> None:
    """Run a worker alone, in the foreground."""
    with problems():
        from ai2.worker import main

        asyncio.run(main())
