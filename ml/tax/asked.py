"""What is asked: names of categories and accounts in a question, checked to be the organization's own."""

from collections.abc import Collection
from uuid import UUID

from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.categories.service import CategoryNotFound
from ai2.kit.database import Connection
from ml.knowledge.labels import primaries
from ml.tax import repository


async def codes_of(db: Connection, organization_id: UUID, names: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The predicted categories that each of these stands for: a code, an own category's name or its id.

    Raises CategoryNotFound for what is none of these.
    """
    known: dict[str, tuple[str, ...]] = {
        name: (name,) for name in names if name in primaries() or name in primaries().values()
    }
    others = [name for name in names if name not in known]
    if not others:
        return known
    by_name = await categories.find_many(db, organization_id, others)
    of_category = await repository.codes(db, organization_id)
    for name in others:
        category_id = by_name.get(name) or _id(name)
        if category_id not in of_category:
            raise CategoryNotFound
        known[name] = tuple(of_category[category_id])
    return known


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise CategoryNotFound from None


async def check_accounts(db: Connection, organization_id: UUID, account_ids: Collection[UUID]) -> None:
    """A stranger's account is not there."""
    for account_id in set(account_ids):
        await accounts.get(db, organization_id, account_id)
