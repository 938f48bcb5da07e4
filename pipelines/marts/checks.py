"""What must hold of all the books together, whoever wrote them: checked on kinds and counts, not on rows."""

from collections.abc import Iterator

import dagster as dg

from ai2.kit.database import Database, rows
from ai2.kit.money import UnknownCurrency, exponent
from pipelines.quality import Rule, Suite, validate
from pipelines.resources import Books

TRANSACTIONS = Suite(
    "transactions",
    dg.AssetKey(["published", "transactions"]),
    """
    select
        transaction.currency::text as currency, account.currency::text as account_currency,
        scale(trim_scale(transaction.amount)) as decimals, count(*) as n,
        min(transaction.booked_on) as first_day, max(transaction.booked_on) - current_date as days_ahead
    from published.transactions as transaction
    inner join published.accounts as account using (organization_id, account_id)
    where transaction.deleted_at is null
    group by 1, 2, 3
    """,
    (
        Rule(
            "every_currency_is_known",
            "every currency is an ISO 4217 code in use",
            "ExpectColumnValuesToNotBeNull",
            {"column": "exponent"},
        ),
        Rule(
            "no_amount_has_more_decimals_than_its_currency",
            "amounts are whole numbers of their currency's smallest unit",
            "ExpectColumnPairValuesAToBeGreaterThanB",
            {
                "column_A": "exponent",
                "column_B": "decimals",
                "or_equal": True,
                "ignore_row_if": "either_value_is_missing",
            },
        ),
        Rule(
            "currencies_are_their_accounts",
            "every transaction is in its account's currency",
            "ExpectColumnPairValuesToBeEqual",
            {"column_A": "currency", "column_B": "account_currency"},
        ),
        Rule(
            "no_date_is_far_ahead",
            "no transaction lies more than a year ahead: such a date is a misread one",
            "ExpectColumnValuesToBeBetween",
            {"column": "days_ahead", "max_value": 366},
            dg.AssetCheckSeverity.WARN,
        ),
    ),
)
BATCHES = Suite(
    "statement_lines",
    dg.AssetKey(["published", "statement_lines"]),
    """
    with found as (
        select
            organization_id, batch_id,
            count(*) filter (where state = 'loaded') as loaded, count(*) filter (where state <> 'loaded') as unloaded
        from published.statement_lines group by 1, 2
    )
    select
        batch.status, batch.rows_in - batch.rows_loaded - batch.rows_duplicate - batch.rows_quarantined as missing,
        batch.rows_loaded - coalesce(found.loaded, 0) as loaded_missing,
        batch.rows_duplicate + batch.rows_quarantined - coalesce(found.unloaded, 0) as unloaded_missing,
        count(*) as n
    from published.batches as batch
    left join found using (organization_id, batch_id)
    where batch.status = 'loaded'
    group by 1, 2, 3, 4
    """,
    (
        Rule(
            "rows_balance",
            "rows in are rows loaded, duplicate or quarantined, in every batch",
            "ExpectColumnValuesToBeBetween",
            {"column": "missing", "min_value": 0, "max_value": 0},
        ),
        Rule(
            "loaded_rows_are_there",
            "what a batch says it loaded is in the books",
            "ExpectColumnValuesToBeBetween",
            {"column": "loaded_missing", "min_value": 0, "max_value": 0},
        ),
        Rule(
            "unloaded_rows_are_there",
            "what a batch says it left out can be looked at",
            "ExpectColumnValuesToBeBetween",
            {"column": "unloaded_missing", "min_value": 0, "max_value": 0},
        ),
    ),
)


@dg.multi_asset_check(specs=TRANSACTIONS.specs(), name="transactions_as_a_whole")
def transactions_as_a_whole(books: Books) -> Iterator[dg.AssetCheckResult]:
    yield from validate(
        TRANSACTIONS, [kind | {"exponent": _exponent(str(kind["currency"]))} for kind in _kinds(books, TRANSACTIONS)]
    )


@dg.multi_asset_check(specs=BATCHES.specs(), name="batches_as_a_whole")
def batches_as_a_whole(books: Books) -> Iterator[dg.AssetCheckResult]:
    yield from validate(BATCHES, _kinds(books, BATCHES))


def _kinds(books: Books, suite: Suite) -> list[dict[str, object]]:
    async def ask(database: Database) -> list[dict[str, object]]:
        async with database.transaction() as db:
            return list(await rows(db, suite.query))

    return books.of_all(ask)


def _exponent(currency: str) -> int | None:
    try:
        return exponent(currency)
    except UnknownCurrency:
        return None
