-- Double entry: what an account gains, something else gives. The two legs of a transaction sum to zero. What a bank
-- only announced, or took back, is no entry.
with transactions as (
    select * from {{ ref('stg_books__transactions') }} where not is_deleted and status = 'posted'
)

select
    transactions.organization_id,
    transactions.transaction_id,
    leg.ledger,
    transactions.account_id,
    leg.category_id,
    transactions.booked_on,
    leg.amount,
    transactions.currency
from transactions
-- each row is read once, and by whatever index the reader's question allows
cross join lateral (
    values
    ('account', null::uuid, transactions.amount),
    (transactions.type, transactions.category_id, -transactions.amount)
) as leg (ledger, category_id, amount)
