"""Erasing: a person, who becomes an id that the history names, or an organization with all it has."""

from uuid import UUID

from ai2.books.transactions import saved_filters
from ai2.identity import audit, members, members_repository, organizations, users
from ai2.identity.audit import Entity
from ai2.identity.members import MemberNotFound
from ai2.identity.principal import Principal
from ai2.kit import queue, security
from ai2.kit.database import Connection, act_for
from ai2.kit.errors import Conflict, FieldError, Forbidden, Invalid
from ai2.privacy import repository as privacy
from ai2.privacy import retention

KIND = "erase_organization"


class BooksAreKept(Conflict):
    """The law wants these books kept; export them first, and say despite_retention if you keep them elsewhere."""


class StillAMember(Conflict):
    """They are a member; remove them first, or let them erase themselves."""


class BelongsElsewhere(Forbidden):
    """They belong to another organization too, and can only erase themselves."""


async def erase_self(db: Connection, who: Principal, *, confirm: str) -> None:
    """Erase the caller everywhere. An organization keeps an owner: who is the last one hands it over first."""
    if who.user_id is None:
        raise Invalid(errors=(FieldError("scope", "is organization for an API key, which is no person"),))
    person = await users.get(db, who.user_id)
    _check_confirmed(confirm, person.email, "your e-mail address")
    known = await users.memberships(db, who.user_id)
    for membership in known:
        there = Principal(membership.organization_id, membership.role, who.user_id)
        await act_for(db, there.organization_id, actor=who.actor)
        await members.remove(db, there, who.user_id)
        await _forget_here(db, there.organization_id, who.user_id)
    await _anonymise(db, who.user_id)
    for elsewhere in sorted({each.organization_id for each in known} - {who.organization_id}):
        await act_for(db, elsewhere, actor=who.actor)
        await audit.record(
            db, elsewhere, actor=who.actor, operation="erase_privacy", entity=Entity("user", who.user_id)
        )
    await act_for(db, who.organization_id, actor=who.actor)


async def erase_former_member(db: Connection, who: Principal, user_id: UUID, *, confirm: str) -> None:
    """Erase somebody who was a member here and belongs nowhere any more."""
    if await members_repository.get(db, who.organization_id, user_id):
        raise StillAMember
    if not await privacy.has_been_here(db, who.organization_id, user_id):
        raise MemberNotFound
    if await users.memberships(db, user_id):
        raise BelongsElsewhere
    _check_confirmed(confirm, str(user_id), "the user's id")
    await _forget_here(db, who.organization_id, user_id)
    await _anonymise(db, user_id)


async def erase_organization(db: Connection, who: Principal, *, confirm: str, despite_retention: bool) -> UUID:
    """Have the organization erased by the worker, with all it has. Nothing brings it back."""
    known = await organizations.get(db, who.organization_id)
    _check_confirmed(confirm, known.name, "the organization's name")
    until = await retention.held_until(db, who.organization_id)
    if until and not despite_retention:
        raise BooksAreKept(kept_until=until.isoformat(), law=(await retention.get(db, who.organization_id)).law)
    return await queue.enqueue(db, who.organization_id, KIND, {"erased_by": who.actor})


async def _forget_here(db: Connection, organization_id: UUID, user_id: UUID) -> None:
    """What an organization keeps of somebody beyond its books: how they searched, and from where they came."""
    await saved_filters.forget_own(db, organization_id, f"user:{user_id}")
    await audit.erase_details(db, organization_id, actor=f"user:{user_id}")


async def _anonymise(db: Connection, user_id: UUID) -> None:
    await privacy.anonymise(db, user_id, await security.hash_password(security.new_secret()))


def _check_confirmed(given: str, wanted: str, what: str) -> None:
    if given.strip().lower() != wanted.lower():
        raise Invalid(errors=(FieldError("confirm", f"is {what}"),))
