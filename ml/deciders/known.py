"""What is known of an organization before anybody is asked: read at once, in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.categories import service as categories
from ai2.books.categories.service import Meaning
from ai2.books.rules import service as rules
from ai2.books.rules.matching import Rule
from ai2.identity import organizations
from ai2.identity.organizations import Organization, OrganizationNotFound
from ai2.kit.database import Connection, at_once
from ml import repository
from ml.answers import Item
from ml.own import repository as own_repository
from ml.own.kin import kins_of
from ml.own.repository import State
from ml.recurring import repository as patterns_repository
from ml.tax import repository as tax_repository

# Of more, who their kin are is asked by who needs it: looking each up takes longer than all else.
FEW = 8


@dataclass(frozen=True)
class Known:
    """The organization, its rules in force, and what was taught and what recurs of the items' merchants.

    `own` is the state of its own model, `kin` what was taught of merchants that may be kin of the items' (none: it was
    not asked). `meaning` is what all predicted codes mean to it. People said something of these merchants for the
    taxman where `is_tax_said`.
    """

    organization: Organization
    rules: list[Rule]
    taught: list[DictRow]
    patterns: list[DictRow]
    own: State
    kin: list[DictRow] | None
    meaning: Meaning
    is_tax_said: bool


async def read(db: Connection, organization_id: UUID, items: Sequence[Item]) -> Known:
    """What is known of the organization and of these items' merchants."""
    keys = sorted({item.key[0] for item in items} - {""})
    kins = {kin for item in items for kin in kins_of(item.key[0], item.description)} if len(items) <= FEW else set()
    found = await at_once(
        db,
        organizations.query(organization_id),
        rules=rules.stamp_query(organization_id),
        taught=repository.taught_query(organization_id, keys),
        recurring=patterns_repository.recurs_query(organization_id, keys),
        own=own_repository.state_query(organization_id),
        kin=own_repository.kin_query(organization_id, list(kins)),
        categories=categories.stamp_query(organization_id),
        tax=tax_repository.is_said_query(organization_id, keys),
    )
    if found is None:
        raise OrganizationNotFound
    return Known(
        organization=organizations.read(found),
        rules=await rules.in_force_by(db, organization_id, found["rules"]),
        taught=[repository.read_taught(row) for row in found["taught"]],
        patterns=await patterns_repository.of_merchants(db, organization_id, keys) if found["recurring"] else [],
        own=own_repository.read_state(found["own"]),
        kin=[repository.read_taught(row) for row in found["kin"]] if len(items) <= FEW else None,
        meaning=await categories.all_meant_by(db, organization_id, found["categories"][0]),
        is_tax_said=bool(found["tax"]),
    )
