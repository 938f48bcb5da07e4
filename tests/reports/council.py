"""The council's purchase cards as books: imported as a person would, categories chosen by hashes of merchants."""

from pathlib import Path

from ai2 import flows
from ai2.books.categories import service as categories
from ai2.identity import organizations
from ai2.ingest.service import ImportOptions, Source
from ai2.kit.database import Database
from tests.bookkeeping import Books

# One in forty has none.
CATEGORISED = """
    with numbered as (
        select category_id, row_number() over (order by name) as number from books.categories
        where organization_id = %(organization_id)s order by name limit 39
    )
    update books.transactions as transaction
    set category_id = numbered.category_id, decided_by = 'import'
    from numbered
    where transaction.organization_id = %(organization_id)s
        and numbered.number = abs(hashtext(transaction.merchant_key)) %% 40
"""


async def council(database: Database, file: Path) -> Books:
    """A new organization with this file's rows on one account."""
    async with database.transaction() as db:
        owner = (await organizations.create(db, name="Council", base_currency="GBP")).organization_id
        await categories.create_defaults(db, owner)
    await flows.import_file(
        database,
        organization_id=owner,
        account_name="Cards",
        path=file,
        file_name=file.name,
        options=ImportOptions(positive_is="out"),
        source=Source.CLI,
        imported_by="test",
    )
    async with database.transaction(owner) as db:
        await db.execute(CATEGORISED, {"organization_id": owner})
    return Books(database, owner, {})
