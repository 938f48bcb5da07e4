"""Whose books an asset goes through, one organization after another: everyone's, or one's that its run names."""

from collections.abc import Awaitable
from functools import partial
from typing import Protocol, TypeVar
from uuid import UUID

import dagster as dg

from ai2.identity import organizations
from ai2.kit.database import Database
from pipelines.resources import Books

Answer_co = TypeVar("Answer_co", covariant=True)


class Flow(Protocol[Answer_co]):
    """What is done for an organization, as nobody but itself."""

    def __call__(self, database: Database, *, organization_id: UUID) -> Awaitable[Answer_co]: ...


class Whose(dg.Config):
    """One organization, or everyone."""

    organization_id: str | None = None


def each(whose: Whose, books: Books, flow: Flow[Answer_co]) -> list[Answer_co]:
    """What the flow answers for each of them."""
    only = whose.organization_id
    chosen = [UUID(only)] if only else books.of_all(_everyone)
    return [books.of_one(partial(flow, organization_id=organization_id)) for organization_id in chosen]


async def _everyone(database: Database) -> list[UUID]:
    async with database.transaction() as db:
        return [organization.organization_id for organization in await organizations.all_of_them(db)]
