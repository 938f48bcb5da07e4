"""Organizations: the tenants, each with a key of its own for its raw files."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from ai2.identity import repository
from ai2.kit import events
from ai2.kit.database import Connection, act_for
from ai2.kit.envelope import fresh_wrapped_key, unwrap_key
from ai2.kit.errors import Conflict, NotFound, Stale
from ai2.kit.ids import new_id
from ai2.kit.money import exponent


class OrganizationNameAmbiguous(Conflict):
    """Several organizations have this name; say its id instead."""


class OrganizationNotFound(NotFound):
    """There is no organization of this name or id."""


@dataclass(frozen=True)
class Organization:
    """A tenant. `base_currency` is ISO 4217, `country` ISO 3166-1 alpha-2 or unknown.

    Its fiscal year begins with the month `fiscal_year_start`; only where `shares_learning` do its corrections teach
    the model that all share. Where they `require_second_factor`, members without one may only set it up.
    """

    organization_id: UUID
    name: str
    base_currency: str
    country: str | None
    fiscal_year_start: int = 1
    shares_learning: bool = False
    require_second_factor: bool = False
    version: int = 1


async def create(db: Connection, *, name: str, base_currency: str, country: str | None = None) -> Organization:
    """Make an organization; the rest of the transaction acts for it."""
    exponent(base_currency)
    organization = Organization(new_id(), name, base_currency, country)
    await act_for(db, organization.organization_id)
    await repository.insert_organization(db, organization, fresh_wrapped_key())
    return organization


async def get(db: Connection, organization_id: UUID) -> Organization:
    row = await repository.organization(db, organization_id)
    if row is None:
        raise OrganizationNotFound
    return Organization(**row)


async def update(
    db: Connection, organization_id: UUID, changes: dict[str, Any], *, version: int | None = None
) -> Organization:
    """Change what is named. Amounts stay in the currencies they are in, whatever the base currency becomes."""
    await repository.lock_organization(db, organization_id)
    present = await get(db, organization_id)
    if version not in (None, present.version):
        raise Stale
    changed = replace(present, **changes)
    exponent(changed.base_currency)
    await repository.update_organization(db, changed)
    await events.emit(db, organization_id, "organization.updated", {"fields": sorted(changes)})
    return await get(db, organization_id)


async def find(db: Connection, name_or_id: str) -> Organization:
    """The organization of this name (case aside) or id. For operators: `db` is the pipeline role's."""
    found = await repository.organizations_named(db, name_or_id)
    if len(found) > 1:
        raise OrganizationNameAmbiguous
    if not found:
        raise OrganizationNotFound
    return Organization(**found[0])


async def all_of_them(db: Connection) -> list[Organization]:
    """Every organization, oldest first. For operators: `db` is the pipeline role's."""
    return [Organization(**row) for row in await repository.organizations(db)]


async def file_key(db: Connection, organization_id: UUID) -> bytes:
    """The key (32 bytes) that encrypts this organization's raw files."""
    wrapped = await repository.wrapped_key(db, organization_id)
    if wrapped is None:
        raise OrganizationNotFound
    return unwrap_key(wrapped)
