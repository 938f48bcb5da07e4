{{ config(meta={'dagster': {'ref': {'name': 'live_transactions'}}}) }}
-- Whatever changed since the build: the live view is the books, row by row.
with live as (
    select organization_id, transaction_id, booked_on, account_id, amount, currency, type, category_id, description
    from {{ tested(ref('live_transactions'), 'fct_transactions') }} as live
),

books as (
    select
        organization_id, transaction_id, booked_on, account_id, amount, currency::text as currency, type,
        category_id, description
    from {{ tested(source('published', 'transactions'), 'fct_transactions') }} as present
    where deleted_at is null and status = 'posted'
)

(select * from live except all select * from books)
union all
(select * from books except all select * from live)
