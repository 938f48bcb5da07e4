"""Many payments: they are gathered and what is found is kept in good time, however little the planner knows of them."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from ai2.books.accounts import service as accounts
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, Database, one
from ml.recurring import finding_repository, gathering_repository
from ml.recurring.finding_repository import MOST_REJECTED

# Each month of a year from so many merchants. Looked at each with each they would take minutes.
MERCHANTS = 4000
FILL = """
    insert into books.transactions (
        organization_id, transaction_id, account_id, booked_on, amount, currency, description, merchant_key
    )
    select
        organization_id, gen_random_uuid(), account_id, date '2025-01-05' + make_interval(months => month),
        -9.99, 'GBP', 'Club', 'club ' || merchant
    from books.accounts
    cross join generate_series(1, %(merchants)s) as merchant cross join generate_series(0, 11) as month
    where organization_id = %(organization_id)s
"""
REJECTED = """
    insert into ml.recurring_patterns (
        organization_id, pattern_id, account_id, merchant_key, merchant, money_in, currency, state, decision,
        confidence, payments, first_on, last_on, amount, amount_low, amount_high, amount_kind, known_through, version
    )
    select
        organization_id, gen_random_uuid(), account_id, 'club ' || place, 'Club', false, 'GBP', 'rejected',
        case when place <= 2 then 'dismissed' end, place / 100000.0, 3, '2025-01-05', '2025-03-05', 9.99, 9.99, 9.99,
        'fixed', '2025-12-31', 'test'
    from books.accounts cross join generate_series(1, 20000) as place
    where organization_id = %(organization_id)s
"""


@pytest.fixture
async def db(database: Database, organization: Organization) -> AsyncIterator[Connection]:
    """A transaction, whose rows were never analyzed, with an account, and little time for each statement."""
    owner = organization.organization_id
    async with database.transaction(owner) as db:
        await accounts.create(db, owner, name="Current", currency="GBP")
        await db.execute("set local statement_timeout = '20s'")
        yield db


async def test_rows_that_were_never_analyzed_take_no_square_of_their_time(
    db: Connection, organization: Organization
) -> None:
    owner = organization.organization_id
    await db.execute(FILL, {"organization_id": owner, "merchants": MERCHANTS})
    await gathering_repository.stage_wanted(db, owner, None)
    assert await gathering_repository.stage_payments(db, owner, is_all=True) == MERCHANTS * 12
    found = await one(
        db,
        """
        select
            count(distinct group_id) as groups, max(group_id) as last_group,
            count(distinct (group_id, place)) as places, max(place) as last_place,
            bool_and(booked_on = date '2025-01-05' + make_interval(months => place)) as in_order
        from pg_temp.recurring_payments
        """,
    )
    assert found == {
        "groups": MERCHANTS, "last_group": MERCHANTS, "places": MERCHANTS * 12, "last_place": 11, "in_order": True,
    }  # fmt: skip


async def test_of_many_that_are_rejected_the_likeliest_stay_and_what_people_spoke_of(
    db: Connection, organization: Organization
) -> None:
    owner = {"organization_id": organization.organization_id}
    await db.execute(REJECTED, owner)
    await finding_repository.forget_the_unlikeliest(db, organization.organization_id)
    query = """
        select
            count(*) as patterns, count(decision) as decided, min(confidence) filter (where decision is null) as least
        from ml.recurring_patterns where organization_id = %(organization_id)s
    """
    found = await one(db, query, owner)
    assert found == {"patterns": MOST_REJECTED + 2, "decided": 2, "least": Decimal("0.19001")}
