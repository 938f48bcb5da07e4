"""Filling: books of many organizations, one of them a fifth of all, with what every revision has to carry over."""

from typing import Any
from uuid import UUID

import psycopg

ORGANIZATIONS = 200
# One transaction in so many was changed once, has a suggestion, is pending, was taken back by its bank, is deleted.
CHANGED, SUGGESTED, PENDING, CLOSED, DELETED = 5, 20, 500, 700, 900
PIECE = 100_000

BEGIN = """
insert into identity.organizations (organization_id, name, base_currency, country)
select gen_random_uuid(), 'Organization ' || number, 'GBP', 'GB'
from generate_series(1, %(organizations)s::integer) as number;
insert into books.accounts (organization_id, account_id, name, currency)
select organization_id, gen_random_uuid(), 'Main', 'GBP' from identity.organizations;
insert into books.categories (organization_id, category_id, name, kind)
select organization_id, gen_random_uuid(), 'Food', 'expense' from identity.organizations;
"""
# The first organization has a fifth of all rows.
TRANSACTIONS = """
insert into books.transactions (
    organization_id, transaction_id, account_id, booked_on, amount, currency, description, merchant_key, status,
    category_id, decided_by, deleted_at
)
select
    account.organization_id, gen_random_uuid(), account.account_id, date '2024-01-01' + (number * 7 % 700)::integer,
    (number % 20000 - 12000) / 100.0, 'GBP',
    'Shop ' || number % 997 || case when number % %(closed)s = 0 then ' taken back' else '' end, 'shop ' || number % 97,
    case when number % %(pending)s = 0 then 'pending' when number % %(closed)s = 0 then 'closed' else 'posted' end,
    case when number % 3 = 0 then category.category_id end, case when number % 3 = 0 then 'user' end,
    case when number % %(deleted)s = 0 then now() end
from generate_series(%(first)s::integer, %(last)s::integer) as number
inner join (
    select row_number() over (order by organization_id) - 1 as place, organization_id, account_id from books.accounts
) as account on account.place = case when number % 5 = 0 then 0 else number % %(organizations)s end
inner join books.categories as category on category.organization_id = account.organization_id
order by account.organization_id
"""
MORE = """
update books.transactions set notes = 'seen' where hashtext(transaction_id::text) % %(changed)s = 0;
insert into ml.suggestions (organization_id, transaction_id, detailed, confidence, decided_by, version)
select organization_id, transaction_id, 'FOOD_AND_DRINK_COFFEE', 0.5, 'model', '1' from books.transactions
where hashtext(transaction_id::text) % %(suggested)s = 1;
insert into ingest.identities (organization_id, content, occurrence, version, transaction_id, batch_id)
select organization_id, decode(md5(transaction_id::text), 'hex'), 1, 2, transaction_id, gen_random_uuid()
from books.transactions;
insert into identity.erasures (organization_id, erased_by) values (gen_random_uuid(), 'user:x');
"""


def fill(db: "psycopg.Connection[Any]", rows: int) -> UUID:
    """Fill a database at the newest revision; the id of the largest organization."""
    known = {
        "organizations": min(ORGANIZATIONS, max(2, rows // 50)), "changed": CHANGED, "suggested": SUGGESTED,
        "pending": PENDING, "closed": CLOSED, "deleted": DELETED,
    }  # fmt: skip
    _each(db, BEGIN, known)
    for first in range(1, rows + 1, PIECE):
        _each(db, TRANSACTIONS, {**known, "first": first, "last": min(rows, first + PIECE - 1)})
    _each(db, MORE, known)
    db.execute("analyze")
    row = db.execute("select organization_id from books.accounts order by organization_id limit 1").fetchone()
    assert row
    return UUID(str(row[0]))


def _each(db: "psycopg.Connection[Any]", statements: str, known: dict[str, int]) -> None:
    for statement in statements.split(";"):
        if statement.strip():
            text = statement.replace("%(", "\0").replace("%", "%%").replace("\0", "%(")
            db.execute(text, known)  # type: ignore[arg-type]
