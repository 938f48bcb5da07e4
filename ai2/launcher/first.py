"""First steps of a new platform, each a process of its own: `python -m ai2.launcher.first sample|model|categories`.

Each may be run again: what is there already is left as it is.
"""

import asyncio
import secrets as random
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from ai2 import flows, sample
from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.identity import api_keys, organizations, users
from ai2.identity.principal import Role
from ai2.ingest.service import ImportOptions, Source
from ai2.kit import database as db_roles
from ai2.kit.database import Connection, Database
from ai2.kit.settings import settings
from ai2.launcher import sample as way_in
from ai2.launcher.sample import Sample
from ai2.sample import SampleFile

EMAIL = "owner@harbour-lane.example"


async def make_sample() -> None:
    """Create the sample organization and load its bank files as any file is loaded."""
    home = settings().home
    async with Database() as database, Database(db_roles.Role.PIPELINE) as pipeline:
        known = way_in.read(home)
        async with pipeline.transaction() as db:
            ids = {str(found.organization_id) for found in await organizations.all_of_them(db)}
        if known is None or known.organization_id not in ids:
            async with database.transaction() as db:
                known = await create(db)
            way_in.keep(home, known)
        with TemporaryDirectory() as folder:
            for file in sample.write(Path(folder)):
                await load(database, UUID(known.organization_id), file)
        way_in.keep(home, replace(known, is_loaded=True))


async def create(db: Connection) -> Sample:
    """The organization, its owner with a password nobody could guess, and an API key."""
    password = random.token_urlsafe(15)
    made = await organizations.create(
        db, name=sample.ORGANIZATION, base_currency=sample.BASE_CURRENCY, country=sample.COUNTRY
    )
    await categories.create_defaults(db, made.organization_id)
    owner = await users.create(db, email=EMAIL, name="Sample Owner", password=password)
    await users.join(db, made.organization_id, owner.user_id, Role.OWNER)
    key = await api_keys.create(db, made.organization_id, name="sample", role=Role.OWNER, created_by=owner.user_id)
    return Sample(made.name, str(made.organization_id), EMAIL, password, key.secret)


async def load(database: Database, organization_id: UUID, file: SampleFile) -> None:
    async with database.transaction(organization_id) as db:
        account = await accounts.find(db, organization_id, file.account) or await accounts.create(
            db,
            organization_id,
            name=file.account,
            kind=file.kind,
            currency=file.currency,
            number=file.number,
            opening_balance=file.opening_balance,
        )
    result = await flows.import_file(
        database,
        organization_id=organization_id,
        account_id=account.account_id,
        path=file.path,
        file_name=file.path.name,
        options=ImportOptions(),
        source=Source.CLI,
        imported_by="system",
    )
    print(f"{file.path.name}: {result.rows}")  # noqa: T201 - the step's log


async def train_first() -> None:
    """Train the categoriser that everyone starts with, and register it."""
    async with Database(db_roles.Role.PIPELINE) as pipeline:
        print(await flows.retrain(pipeline))  # noqa: T201 - the step's log


async def categorise_sample() -> None:
    """Categorise what the sample brought."""
    known = way_in.read(settings().home)
    if known:
        async with Database() as database:
            print(await flows.categorise(database, UUID(known.organization_id)))  # noqa: T201 - the step's log


if __name__ == "__main__":
    steps = {"sample": make_sample, "model": train_first, "categories": categorise_sample}
    asyncio.run(steps[sys.argv[1]]())
