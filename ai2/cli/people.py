"""Commands for who may come in: users and API keys."""

import asyncio
import secrets as random
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ai2.cli.output import console, problems, trouble

OrganizationOption = Annotated[str | None, typer.Option(help="Name or id; not needed where there is only one.")]


def user(
    email: Annotated[str, typer.Argument(help="The address they sign in with.")],
    organization: OrganizationOption = None,
    role: Annotated[str, typer.Option(help="viewer, accountant, admin or owner.")] = "owner",
    currency: Annotated[str, typer.Option(help="The base currency, where the organization is new.")] = "GBP",
) -> None:
    """Add a user, or give one a new password; an organization that is not there yet is made.

    The password is read from standard input where that is not a terminal, and else generated and shown once.
    """
    with problems():
        from ai2.cli.home import server

        given = "" if sys.stdin.isatty() else sys.stdin.readline().strip()
        password = given or random.token_urlsafe(15)
        with server():
            told = asyncio.run(_user(email, organization, role, currency, password))
        console.print(told)
        if not given:
            console.print(f"Password: {password}", markup=False)


def api_key(
    role: Annotated[str, typer.Option(help="viewer, accountant, admin or owner.")],
    organization: OrganizationOption = None,
    name: Annotated[str, typer.Option(help="What it is for.")] = "command line",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read, write, imports, accounts or admin; several are allowed. Without: all of the role."),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="How long it lasts. Without: for ever.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the key and nothing else.")] = False,
) -> None:
    """Make an API key. It is shown once."""
    with problems():
        from ai2.cli.home import server

        with server():
            organization_name, secret = asyncio.run(_api_key(role, organization, name, scope, days))
        if not quiet:
            trouble.print(
                f"An API key of {organization_name}, role {role}; keep it, it is not shown again:", markup=False
            )
        console.print(secret, markup=False)


def second_factor_off(email: Annotated[str, typer.Argument(help="Whose; make sure that it is they who ask.")]) -> None:
    """Take the second factor away from somebody who lost their app and their recovery codes; their sessions end."""
    with problems():
        from ai2.cli.home import server

        with server():
            console.print(asyncio.run(_second_factor_off(email)), markup=False)


async def _user(email: str, name: str | None, role: str, currency: str, password: str) -> str:
    from ai2.books.categories import service as categories
    from ai2.cli import home
    from ai2.identity import audit, organizations, users
    from ai2.identity.audit import Entity
    from ai2.identity.organizations import OrganizationNotFound

    wanted = _role(role)
    async with home.databases() as (database, pipeline):
        try:
            known = await home.organization(pipeline, name)
        except (OrganizationNotFound, home.NoOrganization):
            if not name:
                raise
            known = None
        async with database.transaction() as db:
            if known is None:
                known = await organizations.create(db, name=str(name), base_currency=currency)
                await categories.create_defaults(db, known.organization_id)
            try:
                person = await users.find(db, email)
                await users.set_password(db, person.user_id, password)
            except users.UserNotFound:
                person = await users.create(db, email=email, name=email.partition("@")[0], password=password)
            await users.join(db, known.organization_id, person.user_id, wanted)
            what = Entity("user", person.user_id)
            await audit.record(db, known.organization_id, actor="system", operation="set_user", entity=what)
    return f"{person.email} is {wanted} of {known.name}."


async def _second_factor_off(email: str) -> str:
    from ai2.cli import home
    from ai2.identity import audit, second_factors, users
    from ai2.identity.audit import Entity
    from ai2.kit.database import act_for

    async with home.databases() as (database, _), database.transaction() as db:
        person = await users.find(db, email)
        await second_factors.remove(db, person.user_id)
        known = await users.memberships(db, person.user_id)
        for whose in sorted(each.organization_id for each in known):
            await act_for(db, whose, actor="system")
            what = Entity("user", person.user_id)
            await audit.record(db, whose, actor="system", operation="remove_second_factor", entity=what)
    return f"{person.email} signs in without a second factor, and can set up another."


async def _api_key(
    role: str, name: str | None, key_name: str, scopes: list[str] | None, days: int | None
) -> tuple[str, str]:
    from ai2.cli import home
    from ai2.identity import api_keys, audit
    from ai2.identity.audit import Entity

    wanted, within = _role(role), _scopes(scopes)
    ends = datetime.now(UTC) + timedelta(days=days) if days else None
    async with home.databases() as (database, pipeline):
        known = await home.organization(pipeline, name)
        async with database.transaction(known.organization_id) as db:
            made = await api_keys.create(
                db, known.organization_id, name=key_name, role=wanted, scopes=within, expires_at=ends
            )
            what = Entity("api_key", made.key.api_key_id)
            await audit.record(db, known.organization_id, actor="system", operation="create_api_key", entity=what)
    return known.name, made.secret


def _role(name: str):  # type: ignore[no-untyped-def]
    from ai2.identity.principal import Role

    try:
        return Role(name)
    except ValueError:
        raise typer.BadParameter(f"is one of {', '.join(Role)}", param_hint="--role") from None


def _scopes(names: list[str] | None):  # type: ignore[no-untyped-def]
    from ai2.identity.principal import Scope

    try:
        return [Scope(name) for name in names] if names else None
    except ValueError:
        raise typer.BadParameter(f"is one of {', '.join(Scope)}", param_hint="--scope") from None
