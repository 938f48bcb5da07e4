-- The account's leg of each transaction that counts. What a bank only announced, or took back, is no entry.
with transactions as (
    select * from {{ ref('stg_books__transactions') }} where not is_deleted and status = 'posted'
)

select
    organization_id,
    transaction_id,
    account_id,
    booked_on,
    amount,
    currency
from transactions
