"""As of: the ledger as it was known at a moment, from what the books keep of every version.

The same entries and openings as dbt's models have of the present, of rows, names and openings as they were then. Of a
version only the one counts that was there and not over: the row itself, or a former one that ended later.
"""

from ai2.books.moments import seen

# No writer takes so long: what was over so much earlier was over at the moment too.
LONGEST = "interval '1 day'"
COLUMNS = """
    transaction_id, account_id, booked_on, amount, currency::text as currency, category_id, splits, description,
    decided_by, decided_version, confidence::float8 as confidence, batch_id, line_number, merchant_key, tags
"""
COUNTS = "organization_id = %(organization_id)s and status = 'posted' and deleted_at is null"
TRANSACTIONS = f"""
    select {COLUMNS} from published.transactions where {COUNTS} and {seen("row_xid", "updated_at")}
    union all
    select {COLUMNS} from published.transaction_versions
    where {COUNTS} and known_to > %(moment)s::timestamptz - {LONGEST} and {seen("row_xid", "known_from")}
        and not {seen("ended_xid", "known_to")}
"""


def _then(kind: str, columns: str) -> str:
    """The rows of accounts or categories as they were; those that were there."""
    return f"""
        select * from (
            select distinct on ({kind}_id) *
            from (
                select number, {columns}, created_at, row_xid from published.{kind}_versions
                where organization_id = %(organization_id)s and not {seen("ended_xid", "known_to")}
                union all
                select 2147483647, {columns}, created_at, row_xid
                from published.{"categories" if kind == "category" else "accounts"}
                where organization_id = %(organization_id)s
            ) as version
            order by {kind}_id, number
        ) as {kind}
        where {seen("row_xid", "created_at")}
    """


CATEGORIES = _then("category", "category_id, parent_id, name, kind")
ACCOUNTS = _then(
    "account",
    "account_id, name, kind, currency::text as currency, opening_balance, is_opening_known, anchored_on,"
    " anchored_balance",
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
