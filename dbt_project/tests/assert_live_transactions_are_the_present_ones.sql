{{ config(meta={'dagster': {'ref': {'name': 'live_transactions'}}}) }}
-- Whatever changed since the build: the live view is the books, row by row.
with live as (
    select organization_id, transaction_id, booked_on, account_id, amount, currency, type, category_id, description
    from {{ ref('live_transactions') }}
),

books as (
    select
        organization_id, transaction_id, booked_on, account_id, amount, currency::text as currency, type,
        category_id, description
    from {{ source('published', 'transactions') }} where deleted_at is null and status = 'posted'
)

(select * from live except all select * from books)
union all
(select * from books except all select * from live)
