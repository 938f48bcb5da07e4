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
        for part in parts:
            state = "[green]answers[/]       " if part.answers else "[red]does not answer[/]"
            where = "  ".join(part.urls) if part.answers else f"its log: {part.log}"
            console.print(f"{part.title:<26} {state}  {where}")
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
) -> None:
    """Make databases, roles and extensions, and bring the schema to the newest version.

    On a server of your own the administrator must be allowed to create roles and databases, and the extension
    pg_trgm must be there to be created.
    """
    with problems():
        from ai2.cli.home import server
        from ai2.kit import migrate as migrations

        with server() as using, trouble.status("Migrating"):
            migrations.migrate(admin_url, using)
        console.print("The schema is up to date.")


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
