"""What the command line's tests share: the command itself, and an organization to work on."""

import asyncio
from collections.abc import Callable

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ai2.books.categories import service as categories
from ai2.cli import app
from ai2.identity import organizations
from ai2.kit.database import Database
from ai2.kit.ids import new_id

Command = Callable[..., Result]


@pytest.fixture
def ai2(server: None) -> Command:
    """The command, with the words it is given."""

    def run(*words: object, typed: str | None = None) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words], input=typed)

    return run


@pytest.fixture
def company(server: None) -> str:
    """An organization's name."""
    name = f"Bright Bikes {new_id()}"

    async def make() -> None:
        async with Database() as database, database.transaction() as db:
            made = await organizations.create(db, name=name, base_currency="GBP", country="GB")
            await categories.create_defaults(db, made.organization_id)

    asyncio.run(make())
    return name
