"""As of: the ledger as it was known at a moment, from what the books keep of every version.

The same entries and openings as dbt's models have of the present, of rows, names and openings as they were then. Of a
version only the one counts that was there and not over: the row itself, or a former one that ended later.
"""

from ai2.books import as_of_repository as books

COLUMNS = """
    transaction_id, account_id, booked_on, amount, currency::text as currency, category_id, splits, description,
    decided_by, decided_version, confidence::float8 as confidence, batch_id, line_number, merchant_key, tags
"""
TRANSACTIONS = books.transactions(COLUMNS)
CATEGORIES = books.categories()
ACCOUNTS = books.accounts(
    "account_id, name, kind, currency::text as currency, opening_balance, is_opening_known, anchored_on,"
    " anchored_balance"
)

# The legs of each transaction: its account's, and one of each thing that it was for. Few are split, and to look for
# parts in each of all others would take longer than the rest.
KNOWN = """
    known.transaction_id, known.account_id, known.booked_on, known.currency, known.description, known.decided_by,
    known.decided_version, known.confidence, known.batch_id, known.line_number, leg.place, leg.amount, leg.category_id
"""
LEGS = f"""
    select {KNOWN}
    from ({TRANSACTIONS}) as known
    cross join lateral (
        values (0, known.amount, null::uuid), (1, -known.amount, known.category_id)
    ) as leg (place, amount, category_id)
    where known.splits is null
    union all
    select {KNOWN}
    from ({TRANSACTIONS}) as known
    cross join lateral (
        select 0 as place, known.amount, null::uuid as category_id
        union all
        select told.place::integer, -(told.part ->> 'amount')::numeric, (told.part ->> 'category_id')::uuid
        from jsonb_array_elements(known.splits) with ordinality as told (part, place)
    ) as leg
    where known.splits is not null
"""
ENTRIES = f"""
    select * from (
        select
            leg.*,
            case
                when leg.place = 0 then 'account'
                else coalesce(category.kind, case when leg.amount < 0 then 'income' else 'expense' end)
            end as section
        from ({LEGS}) as leg
        left join ({CATEGORIES}) as category on category.category_id = leg.category_id
    ) as entry
    where true
"""

OPENINGS = f"""
    select
        account.account_id, account.currency,
        case
            when account.is_opening_known or account.anchored_on is null then account.opening_balance
            else account.anchored_balance - coalesce((
                select sum(entry.amount) from ({TRANSACTIONS}) as entry
                where entry.account_id = account.account_id and entry.currency = account.currency
                    and entry.booked_on <= account.anchored_on
            ), 0)
        end as amount
    from ({ACCOUNTS}) as account
"""
