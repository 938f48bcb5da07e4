"""The installation a command works on: its settings, and its database for as long as the command runs."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from ai2.identity import organizations
from ai2.identity.organizations import Organization
from ai2.kit import postgres
from ai2.kit.database import Database, Role
from ai2.kit.errors import Invalid, NotFound
from ai2.kit.settings import Settings, settings


class WhichOrganization(Invalid):
    """There are several organizations; say which with --organization."""


class NoOrganization(NotFound):
    """There is no organization yet; `ai2 up` makes a sample, `ai2 user` your own."""


@contextmanager
def server() -> Iterator[Settings]:
    """The settings, and a running database server: the one that runs, or the embedded one until the end."""
    using = settings()
    if using.database_url:
        yield using
        return
    with postgres.running(using.home):
        yield using


@asynccontextmanager
async def databases() -> AsyncIterator[tuple[Database, Database]]:
    """The API role's database, and the pipeline role's, which sees every tenant."""
    async with Database(Role.API) as database, Database(Role.PIPELINE) as pipeline:
        yield database, pipeline


async def organization(pipeline: Database, name: str | None) -> Organization:
    """The organization of this name or id, or the only one."""
    async with pipeline.transaction() as db:
        if name:
            return await organizations.find(db, name)
        everyone = await organizations.all_of_them(db)
    if not everyone:
        raise NoOrganization
    if len(everyone) > 1:
        raise WhichOrganization(f"{WhichOrganization.__doc__} ({', '.join(each.name for each in everyone[:10])})")
    return everyone[0]
