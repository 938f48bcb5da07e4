"""Reports: made from the books as they are, or as they were known at a moment, and kept as they were given out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID

import psycopg
from psycopg.rows import DictRow
from pydantic import TypeAdapter

from ai2.books.accounts import service as accounts
from ai2.identity import organizations
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection
from ai2.kit.errors import NotFound, Unavailable
from ai2.kit.ids import new_id
from ai2.reports import asking, moments, repository
from ai2.reports.columns import columns
from ai2.reports.definitions.given import Account, Category, Definition, Given
from ai2.reports.forms import planned
from ai2.reports.forms.parts import Parts
from ai2.reports.ledger import facts as ledger
from ai2.reports.made import Made
from ai2.reports.model import Asked, Note, Report, Table
from ai2.reports.moments import Known
from ai2.reports.names import BUILT, LEDGER
from ai2.reports.quality import service as quality
from ai2.reports.tables import tabulate
from ml.tax import service as tax

DOCUMENT: TypeAdapter[Report] = TypeAdapter(Report)
ASKED: TypeAdapter[Asked] = TypeAdapter(Asked)
# What a report is read from.
PRESENT = ("marts.live_ledger_months", "intermediate.int_ledger__entries_posted")
AS_OF = ("published.transactions", "published.transaction_versions")
OF_THE_PAST = Note(
    code="as_of_the_past",
    text="How fresh and how complete the books were then is not kept; this report says nothing of it.",
)


class ReportNotFound(NotFound):
    """There is no such report; GET /api/analytics/reports lists yours."""


class MartsNotBuilt(Unavailable):
    """The marts are not built yet: build them in Dagster (`ai2 up` does it at its first start), then ask again."""


@dataclass(frozen=True)
class Head:
    """A report that was given out, without its tables."""

    report_id: UUID
    report: str
    title: str
    asked: Asked
    digest: str
    as_of: datetime
    created_by: str
    created_at: datetime


async def generate(db: Connection, organization_id: UUID, asked: Asked, *, created_by: str) -> Report:
    """Make a report of the books as they are now, or were known at `as_of`, and keep it. Raises MartsNotBuilt."""
    asking.check(asked)
    async with built():
        known = await _known_at(db, organization_id, asked)
        report = await make_at(db, organization_id, asked, known, with_notes=True)
    if not asked.as_of:
        await moments.keep(db, organization_id, known)
    await repository.insert(
        db,
        organization_id,
        report_id=report.report_id,
        report=asked.report,
        title=report.title,
        asked=ASKED.dump_json(asked).decode(),
        document=DOCUMENT.dump_json(report).decode(),
        digest=report.digest,
        as_of=report.as_of,
        created_by=created_by,
    )
    return report


def is_made(report: str) -> bool:
    """Whether there is such a report here."""
    return report in LEDGER or report in BUILT


async def make(db: Connection, organization_id: UUID, asked: Asked, *, with_notes: bool = True) -> Report:
    """A report, not kept; with what there is to say of the books behind it.

    Raises NotOfThisReport for a field that would have no effect.
    """
    asking.check(asked)
    known = await _known_at(db, organization_id, asked)
    return await make_at(db, organization_id, asked, known, with_notes=with_notes)


async def _known_at(db: Connection, organization_id: UUID, asked: Asked) -> Known:
    if asked.as_of:
        return await moments.past(db, organization_id, asked.as_of)
    return await present(db, organization_id, asked)


async def present(db: Connection, organization_id: UUID, asked: Asked) -> Known:
    """This moment, which knows all that such a report is made of."""
    if asked.report in asking.TAX:
        await tax.prepare(db)
    return await moments.present(db, organization_id)


async def make_at(
    db: Connection, organization_id: UUID, asked: Asked, known: Known, *, with_notes: bool = False
) -> Report:
    """A report as of this moment, not kept."""
    await accounts.check_theirs(db, organization_id, asked.account_ids)
    organization = await organizations.get(db, organization_id)
    made = await _made(db, organization, asked, known)
    if known.moment.is_present and await moments.has_moved(db, organization_id, known.moment):
        # somebody wrote between one question and the next: now it is to be one moment's
        known = replace(known, moment=replace(known.moment, is_present=False))
        made = await _made(db, organization, asked, known)
    notes: tuple[Note, ...] = made.notes
    if asked.as_of:
        notes += (OF_THE_PAST,)
    elif with_notes:
        is_balance = asked.report in LEDGER and LEDGER[asked.report].is_balance
        notes += await quality.notes(db, organization_id, asked, made.tables, is_balance=is_balance)
    return Report(
        report_id=new_id(),
        organization=organization.name,
        asked=asked,
        as_of=known.moment.at,
        fiscal_year_start=known.fiscal_year_start,
        **{**vars(made), "notes": notes},
    )


async def _made(db: Connection, organization: Organization, asked: Asked, known: Known) -> Made:
    if asked.report in BUILT:
        return await BUILT[asked.report](db, organization, asked, known)
    definition, parts = LEDGER[asked.report], Parts()
    tables, notes = await _tables(db, organization, asked, definition, parts, known)
    return Made(
        title=definition.title,
        tables=tuple(tables),
        notes=tuple(notes),
        computed_by=PRESENT if known.moment.is_present else AS_OF,
        parts=parts.kept,
        told=parts.told,
    )


async def get(db: Connection, organization_id: UUID, report_id: UUID) -> Report:
    """A report as it was given out."""
    row = await repository.get(db, organization_id, report_id)
    if row is None:
        raise ReportNotFound
    return DOCUMENT.validate_json(row["document"])


async def page(db: Connection, organization_id: UUID, *, before: UUID | None, limit: int) -> list[Head]:
    """Reports that were given out, newest first."""
    return [_head(row) for row in await repository.page(db, organization_id, before=before, limit=limit)]


async def count(db: Connection, organization_id: UUID) -> int:
    return await repository.count(db, organization_id)


@asynccontextmanager
async def built() -> AsyncIterator[None]:
    """Say what is missing where the marts are not there yet."""
    try:
        yield
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedColumn) as error:
        raise MartsNotBuilt from error


async def _tables(
    db: Connection, organization: Organization, asked: Asked, definition: Definition, parts: Parts, known: Known
) -> tuple[list[Table], list[Note]]:
    """One table a currency, or one of everything converted; beside its budget where that is asked for."""
    organization_id, moment = organization.organization_id, known.moment
    wanted = columns(asked, known.fiscal_year_start, is_balance=definition.is_balance)
    found = await ledger.facts(
        db, organization_id, wanted, currency=asked.currency, account_ids=asked.account_ids, by=definition.by,
        as_of=moment,
    )  # fmt: skip
    categories = {
        row["category_id"]: Category(**row) for row in await repository.categories(db, organization_id, moment)
    }
    opened = {row["account_id"]: Account(**row) for row in await repository.accounts(db, organization_id, moment)}
    plan = None
    if asked.compare_to == "budget":
        plan = await planned.plan(db, organization_id, asked, categories, moment)
        found = planned.with_lines(found, plan, definition.budgeted, asked.currency)
    tables = [
        tabulate(
            each.currency,
            definition.title,
            each,
            wanted,
            definition.lines(Given(asked, each, wanted, categories, opened)),
        )
        for each in found
    ]
    if plan is None:
        return tables, []
    told = [*planned.notes(plan, [table.currency for table in tables])]
    return [planned.beside(table, partial(planned.of_statement, table, plan), parts) for table in tables], told


def _head(row: DictRow) -> Head:
    return Head(**{**row, "asked": ASKED.validate_python(row["asked"])})
