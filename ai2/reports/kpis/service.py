"""Key figures: of a period, held against the period before, the year before and the budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import quote
from uuid import UUID

from ai2.books.dashboard import service as dashboard
from ai2.books.dashboard.service import AccountBalance
from ai2.books.rates import service as rates
from ai2.identity import organizations
from ai2.kit.database import Connection
from ai2.kit.periods import Period, months
from ai2.reports import repository as reports_repository
from ai2.reports.columns import columns
from ai2.reports.definitions.given import Category
from ai2.reports.kpis import budgets, figures, movers, repository, series
from ai2.reports.kpis.days import last_whole_month
from ai2.reports.kpis.figures import MAKERS, UNITS, Seen
from ai2.reports.kpis.model import (
    Budgeted,
    Figure,
    FigureName,
    Held,
    Insights,
    KeyFigures,
    Known,
    Overdue,
    Source,
)  # fmt: skip
from ai2.reports.kpis.movers import BEFORE, NOW
from ai2.reports.kpis.series import EXPENSE, INCOME, LEDGER, MERCHANTS, MerchantFigure
from ai2.reports.ledger import facts as ledger
from ai2.reports.ledger.facts import NOTHING, Facts, Sum
from ai2.reports.model import Asked, Column, Where
from ai2.reports.tables import share
from ml.insights.model import VERSION
from ml.insights.recurring import recommended
from ml.insights.runway import LOOK_BACK, runways
from ml.insights.span import span
from ml.recurring import service as patterns
from ml.recurring.service import Pattern

YEAR = "previous_year"
PERIODS = (NOW, BEFORE, YEAR)
OWED = ("card", "loan")
NO_BUDGET = Held(None, None, None, "it is nothing that is budgeted")
BUDGETED: Mapping[str, str] = {"income": "income", "expenses": "expense", "net_profit": "net"}
COMPUTED_BY: Mapping[str, str] = {"monthly_burn": VERSION, "runway": VERSION, "largest_payer": MERCHANTS}


@dataclass(frozen=True)
class _Books:
    """What was read, for all currencies and periods."""

    periods: Mapping[str, Period]
    months: Mapping[str, Sequence[date]]
    keys: Mapping[str, str]
    facts: Sequence[Facts]
    accounts: Sequence[AccountBalance]
    kinds: Mapping[UUID, str]
    merchants: Sequence[MerchantFigure]
    budgets: Sequence[Budgeted]
    patterns: Sequence[Pattern]
    overdue_rates: Mapping[tuple[str, date], rates.Rate]
    today: date
    currency: str | None


async def insights(
    db: Connection,
    organization_id: UUID,
    *,
    period: Period | None = None,
    currency: str | None = None,
    today: date | None = None,
) -> Insights:
    """The key figures, the last write included. Without a period: of the last month of the books that is over."""
    now = datetime.now(UTC)
    today = today or now.date()
    known = await span(db, organization_id, today)
    period = period or last_whole_month(known, today)
    organization = await organizations.get(db, organization_id)
    books = await _read(
        db, organization_id, period, currency, known.whole if known else [], organization.fiscal_year_start, today
    )
    categories = {
        row["category_id"]: Category(**row) for row in await reports_repository.categories(db, organization_id)
    }
    names = await _names(db, organization_id, books)
    return Insights(
        as_of=now,
        period=period,
        previous_period=books.periods[BEFORE],
        previous_year=books.periods[YEAR],
        report=_report(period, currency),
        currencies=[_key_figures(books, each, categories, names) for each in books.facts],
    )


def _report(period: Period, currency: str | None) -> dict[str, str]:
    asked = {"report": "trend", "start_date": f"{period.start}", "end_date": f"{period.end}"}
    return asked if currency is None else {**asked, "currency": currency}


async def _read(
    db: Connection,
    organization_id: UUID,
    period: Period,
    currency: str | None,
    whole: Sequence[date],
    fiscal_year_start: int,
    today: date,
) -> _Books:
    periods = _periods(period, fiscal_year_start)
    looked_at = {key: [month for month in whole if months(month, 1).end <= each.end] for key, each in periods.items()}
    asked = [
        *(Column(key, key, each.start, each.end) for key, each in periods.items()),
        *(Column(f"{key}_held", key, None, each.end, "balance") for key, each in periods.items()),
        *(
            Column(f"{month:%Y-%m}", "", month, months(month, 1).end)
            for month in sorted({month for each in looked_at.values() for month in each[-LOOK_BACK:]})
        ),
    ]
    found = await patterns.list_all(db, organization_id)
    late = {each.currency for each in found if each.type == "income" and each.state == "missed"}
    into = currency and await rates.converter(db, organization_id, currency, {(each, today) for each in late})
    return _Books(
        periods=periods,
        months=looked_at,
        keys=_keys(period, fiscal_year_start, currency),
        facts=await ledger.facts(db, organization_id, asked, currency=currency),
        accounts=await dashboard.balances(db, organization_id),
        kinds={row["account_id"]: row["kind"] for row in await reports_repository.accounts(db, organization_id)},
        merchants=await series.merchant_figures(db, organization_id, periods, currency),
        budgets=await _budgets(db, organization_id, period),
        patterns=found,
        overdue_rates=into or {},
        today=today,
        currency=currency,
    )


def _periods(period: Period, fiscal_year_start: int) -> dict[str, Period]:
    """The period, the one before and the same a year earlier, as reports compare them."""
    found = {NOW: period}
    for name in (BEFORE, YEAR):
        asked = Asked(report="trend", start_date=period.start, end_date=period.end, compare_to=name)  # type: ignore[arg-type]
        before = columns(asked, fiscal_year_start)[1]
        found[name] = Period(before.start or before.end, before.end)
    return found


def _keys(period: Period, fiscal_year_start: int, currency: str | None) -> dict[str, str]:
    """What the lines' cells are called in the report of the period."""
    asked = Asked(report="trend", start_date=period.start, end_date=period.end, currency=currency)
    column = columns(asked, fiscal_year_start)[0].key
    return {"income": f"income.{column}", "expenses": f"expense.{column}", "net_profit": f"net.{column}"}


async def _budgets(db: Connection, organization_id: UUID, period: Period) -> list[Budgeted]:
    """Budgets are of whole months, and say nothing of other days."""
    if not _is_whole(period):
        return []
    return await budgets.budgeted(db, organization_id, period.start, period.end.replace(day=1))


def _is_whole(period: Period) -> bool:
    return period.start.day == 1 and months(period.end, 1).end == period.end


async def _names(db: Connection, organization_id: UUID, books: _Books) -> dict[str, str]:
    """Names of merchants that may be shown: of those that moved most, and who paid most."""
    wanted = {
        each.link.partition("merchant=")[2]: each
        for facts in books.facts
        for each in movers.by_merchant(books.merchants, {}, books.periods[NOW], facts.currency)
    }
    keys = {each.name for each in wanted.values()}
    keys |= {
        key
        for facts in books.facts
        for period in PERIODS
        if (key := movers.largest_payer(books.merchants, facts.currency, period)[0])
    }
    return await repository.merchant_names(db, organization_id, sorted(keys)) if keys else {}


def _key_figures(
    books: _Books, facts: Facts, categories: Mapping[UUID, Category], names: Mapping[str, str]
) -> KeyFigures:
    seen = {key: _seen(books, facts, key) for key in PERIODS}
    overdue = _overdue(books, facts.currency)
    made = [_figure(books, name, seen, names) for name in MAKERS]
    return KeyFigures(
        currency=facts.currency,
        figures=[*made, _overdue_income(books, facts.currency, overdue)],
        movers=[
            *movers.by_category(facts, categories, books.periods[NOW]),
            *movers.by_merchant(books.merchants, names, books.periods[NOW], facts.currency),
        ],
        overdue=overdue,
    )


def _seen(books: _Books, facts: Facts, key: str) -> Seen:
    income, expense = facts.on(INCOME), facts.on(EXPENSE)
    undecided = [
        figures.size(facts.on(Where(sign=sign, sections=(section,), has_category=True)).get(key, NOTHING))  # type: ignore[arg-type]
        for sign, section in ((-1, "income"), (1, "expense"))
    ]
    looked_at = books.months[key][-LOOK_BACK:]
    held, unheld = _held(books, facts, key)
    net, lost = _net(facts, looked_at)
    found = runways(held, net, books.months[key]) if unheld is None and lost is None else []
    runway = found[0] if found else None
    moving = looked_at[-runway.months :] if runway and runway.months else []
    payer, largest = movers.largest_payer(books.merchants, facts.currency, key)
    unknown = next((each.income.reason for each in books.merchants if each.key == key and each.income.reason), None)
    return Seen(
        currency=facts.currency,
        income=income.get(key, NOTHING),
        expense=expense.get(key, NOTHING),
        undecided=figures.total(undecided),
        moved=figures.total([figures.size(each.get(key, NOTHING)) for each in (income, expense)]),
        saved=_saved(books, facts, key),
        cash=_cash(books, held, unheld),
        runway=runway,
        no_runway=unheld or lost or "no account holds this currency",
        spent=figures.total([expense.get(f"{month:%Y-%m}", NOTHING) for month in moving]),
        days=sum(months(month, 1).end.day for month in moving),
        months=len(moving),
        payer=payer,
        largest=Known(None if unknown else largest, unknown),
    )


def _held(books: _Books, facts: Facts, key: str) -> tuple[list[AccountBalance], str | None]:
    """What accounts in use held at the period's end; all of them, where everything is in one currency."""
    found, lost = [], None
    for each in books.accounts:
        where = Where(sections=("account",), account_id=each.account_id, is_balance=True)
        if books.currency or each.currency == facts.currency:
            held = facts.on(where).get(f"{key}_held", NOTHING)
            lost = lost or held.reason
            found.append(replace(each, currency=facts.currency, balance=held.amount or Decimal(0)))
    return found, lost


def _net(facts: Facts, looked_at: Sequence[date]) -> tuple[list[dict[str, object]], str | None]:
    """What was left of each month; and why, where it is not known of one."""
    found = facts.on(series.NET)
    sums = [(month, found.get(f"{month:%Y-%m}", NOTHING)) for month in looked_at]
    lost = next((each.reason for _, each in sums if each.amount is None), None)
    return [{"currency": facts.currency, "month": month, "net": each.amount} for month, each in sums], lost


def _saved(books: _Books, facts: Facts, key: str) -> Sum | None:
    own = [
        place.account_id
        for place in facts.sums
        if place.section == "account" and place.account_id and books.kinds.get(place.account_id) == "savings"
    ]
    wanted = [Where(sections=("account",), account_id=each) for each in set(own)]
    return figures.total([facts.on(each).get(key, NOTHING) for each in wanted]) if own else None


def _cash(books: _Books, held: Sequence[AccountBalance], lost: str | None) -> Known:
    """What is not on a card or a loan."""
    if lost:
        return Known(None, lost)
    own = [each for each in held if books.kinds.get(each.account_id) not in OWED]
    unknown = sorted(each.name for each in own if each.opening_is == "unknown")
    if unknown:
        return Known(None, f"nobody says what {', '.join(unknown[:3])} held at first")
    if not own:
        return Known(None, "no account holds this currency")
    return Known(sum((each.balance for each in own), Decimal(0)))


def _figure(books: _Books, name: FigureName, seen: Mapping[str, Seen], names: Mapping[str, str]) -> Figure:
    unit = UNITS.get(name, "amount")
    values = {key: figures.value(name, each) for key, each in seen.items()}
    currency = seen[NOW].currency
    payer = seen[NOW].payer if name == "largest_payer" else None
    return Figure(
        name=name,
        unit=unit,
        value=values[NOW].value,
        reason=values[NOW].reason if values[NOW].value is None else None,
        previous_period=figures.held(values[NOW], values[BEFORE], unit),
        previous_year=figures.held(values[NOW], values[YEAR], unit),
        budget=_against_budget(books, name, currency) if name in BUDGETED else NO_BUDGET,
        computed_by=COMPUTED_BY.get(name, LEDGER),
        source=_source(books, name, currency, payer),
        note=names.get(payer, payer) if payer else None,
    )


def _against_budget(books: _Books, name: FigureName, currency: str) -> Held:
    if not _is_whole(books.periods[NOW]):
        return Held(None, None, None, "budgets are of whole months")
    of = BUDGETED[name]
    own = [each for each in books.budgets if each.currency == currency and not each.is_within]
    own = [each for each in own if of == "net" or each.is_income == (of == "income")]
    if not own:
        return Held(None, None, None, "there is no budget of it in these months and this currency")
    signs = [(1 if each.is_income or of == "expense" else -1, each) for each in own]
    planned = sum((sign * each.planned for sign, each in signs), Decimal(0))
    covered = sum((sign * each.actual for sign, each in signs), Decimal(0))
    pct = share(covered - planned, abs(planned)) if planned else None
    return Held(planned, covered - planned, pct, None, covered)


def _source(books: _Books, name: FigureName, currency: str, payer: str | None) -> Source:
    keys, period = books.keys, books.periods[NOW]
    used: Mapping[FigureName, tuple[str, ...]] = {
        "income": ("income",), "expenses": ("expenses",), "net_profit": ("net_profit",),
        "margin": ("net_profit", "income"), "savings_rate": ("net_profit", "income"), "average_income": ("income",),
        "average_expense": ("expenses",), "largest_payer": ("income",), "uncategorised": ("income", "expenses"),
    }  # fmt: skip
    links = {
        "uncategorised": movers.link_of("uncategorized=true", period, currency),
        "largest_payer": movers.link_of(f"merchant={quote(payer)}", period, currency) if payer else "",
        "cash": "/api/core/accounts", "set_aside": "/api/core/accounts",
        "monthly_burn": "/api/ai/insights", "runway": "/api/ai/insights", "days_of_cash": "/api/core/accounts",
    }  # fmt: skip
    link = links.get(name)
    return Source(tuple(f"{currency}.{keys[each]}" for each in used.get(name, ())), (link,) if link else ())


def _overdue(books: _Books, currency: str) -> list[Overdue]:
    """Income that recurs and is late, as the recommendations tell of it; now, whatever the period."""
    late = [each for each in books.patterns if each.type == "income" and each.state == "missed" and each.missed]
    recommends = [each.recommendation for each in recommended(late, books.today)]
    told = {each.rows.link: each for each in recommends if each.type == "late_income"}
    found = []
    for each in late:
        link = f"/api/ai/recurring/{each.pattern_id}"
        amount = told[link].amount if link in told else None
        if books.currency and amount is not None:
            amount = books.overdue_rates[each.currency, books.today].convert(amount)
        elif each.currency != currency:
            amount = None
        if amount is not None:
            found.append(Overdue(each.merchant, amount, len(each.missed), each.missed[0], each.known_through, link))
    return sorted(found, key=lambda each: (-each.amount, each.link))


def _overdue_income(books: _Books, currency: str, overdue: Sequence[Overdue]) -> Figure:
    """What is late altogether; what was late once nobody kept."""
    silent = Held(None, None, None, "what was overdue then is not kept")
    late = [each for each in books.patterns if each.type == "income" and each.state == "missed" and each.missed]
    lost = books.currency and len(late) != len(overdue)
    return Figure(
        name="overdue_income",
        unit="amount",
        value=None if lost else sum((each.amount for each in overdue), Decimal(0)),
        reason=f"what is late cannot be converted into {currency} today" if lost else None,
        previous_period=silent,
        previous_year=silent,
        budget=NO_BUDGET,
        computed_by="ml.recurring",
        source=Source(links=tuple(each.link for each in overdue)),
        note=f"{len(overdue)} payers" if len(overdue) > 1 else overdue[0].merchant if overdue else None,
    )
