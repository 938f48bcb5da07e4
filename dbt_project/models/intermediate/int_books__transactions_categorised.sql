-- Every transaction that counts, with the names of its account, category and group. What a bank only announced, or took
-- back, does not.
with transactions as (
    select * from {{ ref('stg_books__transactions') }} where not is_deleted and status = 'posted'
),

accounts as (
    select * from {{ ref('stg_books__accounts') }}
),

categories as (
    select * from {{ ref('stg_books__categories') }}
)

select
    transactions.organization_id,
    transactions.transaction_id,
    transactions.booked_on,
    transactions.account_id,
    accounts.account,
    transactions.amount,
    transactions.currency,
    transactions.type,
    transactions.splits is not null as is_split,
    transactions.category_id,
    categories.category,
    categories.category_group_id,
    categories.category_group,
    categories.kind as category_kind,
    transactions.description,
    transactions.merchant,
    transactions.merchant_key,
    transactions.reference,
    transactions.mcc,
    transactions.status,
    transactions.decided_by,
    transactions.decided_version,
    transactions.confidence,
    transactions.batch_id,
    transactions.line_number
from transactions
inner join accounts using (organization_id, account_id)
left join categories using (organization_id, category_id)
