{{ config(meta={'dagster': {'ref': {'name': 'int_ledger__entries'}}}) }}
-- depends_on: {{ ref('fct_transactions') }}
-- Whatever is posted, opened or cleared is in balance: of each transaction, and of each account that began with
-- something, in each currency.
select
    organization_id,
    source,
    coalesce(transaction_id, account_id) as whose,
    currency,
    sum(amount) as difference
from {{ tested(ref('int_ledger__entries'), 'fct_transactions') }} as entry
group by organization_id, source, coalesce(transaction_id, account_id), currency
having sum(amount) <> 0 or count(*) < 2
