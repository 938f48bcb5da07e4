"""What is known of an organization before anybody is asked: read at once, in one round trip."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.rules import service as rules
from ai2.books.rules.matching import Rule
from ai2.identity import organizations
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, at_once
from ml import repository
from ml.answers import Item
from ml.own import repository as own_repository
from ml.recurring import repository as patterns_repository


@dataclass(frozen=True)
class Known:
    """The organization, its rules in force, and what was taught and what recurs of the items' merchants.

    `held` is how sure deciders that all share have to be here.
    """

    organization: Organization
    rules: list[Rule]
    taught: list[DictRow]
    patterns: list[DictRow]
    held: dict[str, float]


async def read(db: Connection, organization_id: UUID, items: Sequence[Item]) -> Known:
    """What is known of the organization and of these items' merchants."""
    keys = sorted({item.key[0] for item in items} - {""})
    organization, in_force, taught, patterns, held = await at_once(
        db,
        organizations.query(organization_id),
        rules.in_force_query(organization_id),
        repository.taught_query(organization_id, keys),
        patterns_repository.of_merchants_query(organization_id, keys),
        own_repository.held_query(organization_id),
    )
    told = organizations.read(organization)
    return Known(told, rules.read(in_force), taught, patterns, own_repository.read_held(held))
