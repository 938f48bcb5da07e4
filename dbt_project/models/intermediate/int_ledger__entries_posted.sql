-- Double entry: what an account gains, something else gives. The two legs of a transaction sum to zero.
with transactions as (
    select * from {{ ref('stg_books__transactions') }} where not is_deleted
),

account_legs as (
    select
        organization_id,
        transaction_id,
        'account' as ledger,
        account_id,
        null::uuid as category_id,
        booked_on,
        amount,
        currency
    from transactions
),

category_legs as (
    select
        organization_id,
        transaction_id,
        type as ledger,
        account_id,
        category_id,
        booked_on,
        -amount as amount,
        currency
    from transactions
)

select * from account_legs
union all
select * from category_legs
