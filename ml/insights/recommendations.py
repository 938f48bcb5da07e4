"""Recommendations: what could be done about what the books say; read when asked for, from what is kept."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from ai2.books.budgets import service as budgets
from ai2.books.rates import service as rates
from ai2.identity import organizations
from ai2.kit.database import Connection
from ai2.kit.periods import Period
from ml.anomalies import service as anomalies
from ml.anomalies.service import Filter
from ml.insights import receipts, recurring, repository
from ml.insights.model import Recommendation, Recommendations, Rows, Silent
from ml.insights.span import Span, span
from ml.recurring import repository as patterns_repository
from ml.recurring import service as patterns

SHOWN_ROWS, PAIRS, DOUBLES = 20, 20, 50
LIST = "/api/core/transactions"


async def recommendations(
    db: Connection, organization_id: UUID, *, currency: str | None = None, today: date | None = None
) -> Recommendations:
    """Everything that could be done, by what it is about in the organization's own currency."""
    now = datetime.now(UTC)
    today = today or now.date()
    known = await span(db, organization_id, today)
    unavailable = [
        Silent("unused_subscription", "a bank's rows say what is paid, not whether it is used"),
    ]
    if known is None:
        return Recommendations(now, [], [Silent("all", "the books have no transactions yet")])
    period = Period(known.year_back, today)
    found = await _recurring(db, organization_id, today)
    found += await _doubles(db, organization_id, currency)
    found += await _budgets(db, organization_id, today)
    found += await _fees(db, organization_id, period, currency)
    found += await _uncategorized(db, organization_id, known, period, currency)
    found += await _transfers(db, organization_id, period, currency)
    bare = await repository.without_receipt(db, organization_id, period, currency, receipts.LEAST, receipts.LOOKED_AT)
    papers, silent = await receipts.recommended(db, organization_id, bare)
    wanted = [each for each in [*found, *papers] if currency in (None, each.currency)]
    unavailable += [silent] if silent else []
    return Recommendations(now, await _sorted(db, organization_id, wanted, today), unavailable)


async def _recurring(db: Connection, organization_id: UUID, today: date) -> list[Recommendation]:
    """What recurring payments recommend, with their last payments."""
    found = recurring.recommended(await patterns.list_all(db, organization_id), today)
    ids = sorted({pattern_id for each in found for pattern_id in each.pattern_ids})
    paid = await patterns_repository.last_members(db, organization_id, ids, SHOWN_ROWS) if ids else {}
    return [each.with_rows([row for of in each.pattern_ids for row in paid[of]][:SHOWN_ROWS]) for each in found]


async def _doubles(db: Connection, organization_id: UUID, currency: str | None) -> list[Recommendation]:
    wanted = Filter(kind="duplicate_charge", currency=currency)
    found = await anomalies.surest(db, organization_id, wanted, limit=DOUBLES)
    return [
        Recommendation(
            type="duplicate_charge",
            reason=f"{each.merchant}: {each.reasons[0]}; if it was charged twice, ask for it back",
            amount=abs(each.amount),
            currency=each.currency,
            since=each.booked_on,
            rows=Rows([i for i in (each.transaction_id, *each.related) if i], f"/api/ai/anomalies/{each.anomaly_id}"),
            computed_by=each.version,
        )
        for each in found
        if each.amount < 0
    ]


async def _budgets(db: Connection, organization_id: UUID, today: date) -> list[Recommendation]:
    """Budgets of this month that are overrun, or will be if the rest of it is as the months before were."""
    month = today.replace(day=1)
    found = []
    standing = await budgets.standing(db, organization_id, month)
    covered = await budgets.covered(db, organization_id, [each.budget.budget_id for each in standing])
    ids = sorted({category_id for categories in covered.values() for category_id in categories})
    spent = await repository.of_category(db, organization_id, ids, Period(month, today), SHOWN_ROWS) if ids else []
    for each in standing:
        stands, budget = each.month, each.budget
        if stands is None or budget.kind == "income":
            continue
        allowed = stands.planned + stands.carried
        expected = max(stands.spent, stands.forecast.amount or stands.spent)
        if expected <= allowed:
            continue
        how = "is overrun" if stands.spent > allowed else f"will be overrun by its end ({stands.forecast.method})"
        found.append(
            Recommendation(
                type="budget_overrun",
                reason=f"the budget of {budget.category} {how}: {stands.spent} of {allowed} {budget.currency} "
                f"is spent, {expected} expected",
                amount=expected - allowed,
                currency=budget.currency,
                per="month",
                since=month,
                rows=Rows(
                    [
                        row["transaction_id"]
                        for row in spent
                        if row["category_id"] in covered[budget.budget_id] and row["currency"] == budget.currency
                    ][:SHOWN_ROWS],
                    f"{LIST}?category_id={budget.category_id}&start_date={month}&end_date={today}",
                ),
                computed_by="books.budgets",
            )
        )
    return found


async def _fees(db: Connection, organization_id: UUID, period: Period, currency: str | None) -> list[Recommendation]:
    found = await repository.fees(db, organization_id, period, currency)
    ids = sorted({row["category_id"] for row in found})
    behind = await repository.of_category(db, organization_id, ids, period, SHOWN_ROWS) if ids else []
    return [
        Recommendation(
            type="fees_and_interest",
            reason=f"{row['transactions']} rows of {row['category']} since {period.start}; another account, or paying "
            "earlier, may cost less",
            amount=row["amount"],
            currency=row["currency"],
            per="year",
            since=period.start,
            rows=Rows(
                [each["transaction_id"] for each in behind if each["category_id"] == row["category_id"]],
                f"{LIST}?category_id={row['category_id']}&start_date={period.start}&currency={row['currency']}",
            ),
        )
        for row in found
    ]


async def _uncategorized(
    db: Connection, organization_id: UUID, known: Span, period: Period, currency: str | None
) -> list[Recommendation]:
    found = await repository.uncategorized(db, organization_id, period, currency)
    keys = sorted({key for row in found for key in row["merchants"] or []})
    largest = await repository.undecided_of(db, organization_id, keys, period, SHOWN_ROWS) if keys else []
    return [
        Recommendation(
            type="review_uncategorized",
            reason=f"{row['transactions']} transactions have no category"
            + (f", most of it {', '.join(row['merchants'])}" if row["merchants"] else ""),
            amount=row["amount"],
            currency=row["currency"],
            since=known.year_back,
            rows=Rows(
                [each["transaction_id"] for each in largest if each["currency"] == row["currency"]][:SHOWN_ROWS],
                f"{LIST}?uncategorized=true&sort=amount&start_date={period.start}&currency={row['currency']}",
            ),
        )
        for row in found
        if row["amount"]
    ]


async def _transfers(
    db: Connection, organization_id: UUID, period: Period, currency: str | None
) -> list[Recommendation]:
    waiting = await repository.transfers_to_review(db, organization_id, currency, PAIRS)
    halves = await repository.half_transfers(db, organization_id, period, currency, PAIRS)
    return [
        Recommendation(
            type="review_transfers",
            reason="it looks like a movement between your own accounts; until you say so it counts as money spent",
            amount=abs(row["amount"]),
            currency=row["currency"],
            rows=Rows(
                [row["out_transaction_id"], row["in_transaction_id"]],
                f"/api/core/transfers?state=suggested&transaction_id={row['out_transaction_id']}",
            ),
            computed_by="books.transfers",
        )
        for row in waiting
    ] + [
        Recommendation(
            type="unpaired_transfer",
            reason=f"{row['merchant_key'] or 'a transfer'} of {row['booked_on']} has no other side in the books; "
            "pair it, or import the other account",
            amount=abs(row["amount"]),
            currency=row["currency"],
            since=row["booked_on"],
            rows=Rows([row["transaction_id"]], f"{LIST}/{row['transaction_id']}"),
        )
        for row in halves
    ]


async def _sorted(
    db: Connection, organization_id: UUID, found: Sequence[Recommendation], today: date
) -> list[Recommendation]:
    """The largest first, in the organization's currency by today's rate; without a rate an amount comes last."""
    base = (await organizations.get(db, organization_id)).base_currency
    known = await rates.converter(db, organization_id, base, {(each.currency, today) for each in found})

    def key(each: Recommendation) -> tuple[bool, Decimal, str, str]:
        worth = known[each.currency, today].convert(each.amount)
        return worth is None, -(worth if worth is not None else each.amount), each.type, each.reason

    return sorted(found, key=key)
