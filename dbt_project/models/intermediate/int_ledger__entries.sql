-- The ledger whole: what transactions post, what accounts began with, and what transfers leave over.
with posted as (
    select * from {{ ref('int_ledger__entries_posted') }}
),

opened as (
    select * from {{ ref('int_ledger__entries_opened') }}
),

cleared as (
    select * from {{ ref('int_ledger__entries_cleared') }}
),

entries as (
    select
        organization_id,
        'posted' as source,
        transaction_id,
        place,
        section,
        account_id,
        category_id,
        booked_on,
        amount,
        currency
    from posted
    union all
    select
        organization_id,
        'opened' as source,
        null as transaction_id,
        place,
        section,
        account_id,
        null as category_id,
        booked_on,
        amount,
        currency
    from opened
    union all
    select
        organization_id,
        'cleared' as source,
        transaction_id,
        place,
        section,
        account_id,
        category_id,
        booked_on,
        amount,
        currency
    from cleared
)

select
    entries.*,
    {{ ledger_account('section', 'account_id', 'category_id') }} as ledger_account
from entries
