"""Changing one's password: who knows the present one gives another, and is signed out everywhere else."""

from ai2.identity import organizations, repository, sessions_repository, users
from ai2.identity.passwords import rules
from ai2.identity.principal import Principal
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Forbidden, Invalid
from ai2.kit.security import hash_password, is_password


class PersonNeeded(Forbidden):
    """An API key has no password; sign in to change yours."""


class CurrentPasswordWrong(Invalid):
    """This is not your password; send the one that you sign in with."""


async def change(db: Connection, who: Principal, *, current: str, new: str) -> None:
    """Give the caller another password. Their other sessions end, in every organization; this one goes on."""
    user = await whose(db, who)
    known = await repository.user_with_password(db, user.email)
    if not await is_password(current, known["password_hash"] if known else None):
        raise CurrentPasswordWrong(errors=(FieldError("current_password", "is your present password"),))
    if new == current:
        raise Invalid(errors=(FieldError("new_password", "is another than your present one"),))
    organization = await organizations.get(db, who.organization_id)
    await rules.check(new, about=(user.email, user.name, organization.name), field="new_password")
    await repository.set_password(db, user.user_id, await hash_password(new))
    await sessions_repository.end_others(db, user.user_id, who.session_id)


async def whose(db: Connection, who: Principal) -> users.User:
    """Who is signed in."""
    if who.user_id is None:
        raise PersonNeeded
    return await users.get(db, who.user_id)
