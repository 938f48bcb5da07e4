"""As of: what transactions were for as it was known at a moment, with what dimensions and filters look at.

The same as the ledger's legs that are not of accounts, of rows, categories, tags and words as they were then.
"""

from ai2.reports.ledger import as_of_repository as then

KEPT = """
    known.transaction_id, known.account_id, known.booked_on, known.currency, known.merchant_key, known.decided_by,
    known.decided_version, known.confidence, known.batch_id, known.line_number, known.description, known.tags,
    known.splits
"""
COLUMNS = """
    transaction_id, place, section, account_id, category_id, parent_id, booked_on, amount, currency, merchant_key,
    decided_by
"""
# Wide, and of few questions.
WORDS = ", tags, splits, description"
EXTENT = """
    booked_on between (select min(each) from unnest(%(firsts)s::date[]) as each)
        and (select max(each) from unnest(%(lasts)s::date[]) as each)
    and (%(accounts)s::uuid[] is null or account_id = any(%(accounts)s))
"""
SPANS = "unnest(%(keys)s::text[], %(firsts)s::date[], %(lasts)s::date[]) as span (key, first, last)"


def parts(categories: str = then.CATEGORIES) -> str:
    """Entries, each with the category above its own; of these categories, by default as they were."""
    return f"""
        select
            part.*, category.parent_id,
            coalesce(category.kind, case when part.amount < 0 then 'income' else 'expense' end) as section
        from (
            select {KEPT}, 1 as place, -known.amount as amount, known.category_id
            from ({then.TRANSACTIONS}) as known where known.splits is null
            union all
            select
                {KEPT}, told.place::integer, -(told.part ->> 'amount')::numeric, (told.part ->> 'category_id')::uuid
            from ({then.TRANSACTIONS}) as known
            cross join lateral jsonb_array_elements(known.splits) with ordinality as told (part, place)
            where known.splits is not null
        ) as part
        left join ({categories}) as category on category.category_id = part.category_id
        where true
    """


PARTS = parts()
# The history is gone through once, however many columns an entry is in; each day is summed once, where sums will do.
DAYS = f"""
    days as materialized (
        select booked_on, section, account_id, category_id, parent_id, currency, sum(amount) as amount,
            count(*) as entries
        from ({PARTS}) as part where {EXTENT}
        group by booked_on, section, account_id, category_id, parent_id, currency
    ),
"""
BY_DAY = f"""
    select span.key, null::uuid as transaction_id, 1 as place, day.*
    from {SPANS} inner join days as day on day.booked_on between span.first and span.last
"""
BY_ENTRY = f"""
    select span.key, part.*, 1 as entries
    from {SPANS} inner join parts as part on part.booked_on between span.first and span.last
"""


def rows(*, with_words: bool, source: str = PARTS) -> str:
    """The entries of all columns; with tags and words where something looks at these."""
    return f"""
        parts as materialized (
            select {COLUMNS} {WORDS if with_words else ""} from ({source}) as part where {EXTENT}
        ),
    """
