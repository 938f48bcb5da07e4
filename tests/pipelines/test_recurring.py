"""What recurs as an asset: found in all of an organization's books, counted, and the same again."""

from datetime import date
from decimal import Decimal

import dagster as dg

from ai2.books.transactions import bulk
from ai2.books.transactions.service import NewTransaction
from ai2.identity.organizations import Organization
from ai2.kit.database import Database
from pipelines.recurring.assets import recurring
from tests.pipelines.test_learning import materialized


async def test_what_recurs_is_found_anew_and_counted(
    database: Database, organization: Organization, instance: dg.DagsterInstance
) -> None:
    rent = [
        NewTransaction(booked_on=date(2025, month, 3), amount=Decimal(-850), currency="GBP", description="RENT")
        for month in range(1, 8)
    ]
    async with database.transaction(organization.organization_id) as db:
        await bulk.create(db, organization.organization_id, rent)
    whose = {"organization_id": str(organization.organization_id)}

    first, again = [await materialized(recurring, instance, whose) for _ in range(2)]

    assert (first["payments"], first["patterns"], first["new"], first["dagster/row_count"]) == (7, 1, 1, 1)
    assert (again["patterns"], again["new"], again["gone"]) == (1, 0, 0)
