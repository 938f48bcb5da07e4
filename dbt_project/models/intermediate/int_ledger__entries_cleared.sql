-- What the two sides of a transfer leave of their clearing, taken out of it: in two currencies each side as a whole,
-- for only exchange differences know what one is worth in the other; in one currency what was kept back on the way.
with transfers as (
    select * from {{ ref('stg_books__transfers') }}
),

pairs as not materialized (
    select
        transfers.organization_id,
        transfers.out_transaction_id as out_id,
        paid.account_id as out_account_id,
        paid.category_id as out_category_id,
        paid.booked_on as out_on,
        paid.amount as out_amount,
        paid.currency as out_currency,
        transfers.in_transaction_id as in_id,
        came.account_id as in_account_id,
        came.category_id as in_category_id,
        came.booked_on as in_on,
        came.amount as in_amount,
        came.currency as in_currency
    from transfers
    cross join {{ clearing_leg('transfers.organization_id', 'transfers.out_transaction_id') }} as paid
    cross join {{ clearing_leg('transfers.organization_id', 'transfers.in_transaction_id') }} as came
),

-- which side it is taken from, how much, and where it goes
left_over as (
    select
        organization_id,
        out_id as transaction_id,
        out_account_id as account_id,
        out_category_id as category_id,
        out_on as booked_on,
        out_amount as amount,
        out_currency as currency,
        'exchange' as section
    from pairs where out_currency <> in_currency
    union all
    select
        organization_id,
        in_id as transaction_id,
        in_account_id as account_id,
        in_category_id as category_id,
        in_on as booked_on,
        in_amount as amount,
        in_currency as currency,
        'exchange' as section
    from pairs where out_currency <> in_currency
    union all
    select
        organization_id,
        out_id as transaction_id,
        out_account_id as account_id,
        out_category_id as category_id,
        out_on as booked_on,
        out_amount + in_amount as amount,
        out_currency as currency,
        'kept_back' as section
    from pairs where out_currency = in_currency and out_amount + in_amount <> 0
)

select
    left_over.organization_id,
    left_over.transaction_id,
    leg.place,
    case when leg.place = 0 then 'transfer' else left_over.section end as section,
    left_over.account_id,
    case when leg.place = 0 then left_over.category_id end as category_id,
    left_over.booked_on,
    leg.sign * left_over.amount as amount,
    left_over.currency
from left_over
cross join (values (0, -1), (1, 1)) as leg (place, sign)
