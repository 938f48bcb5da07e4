{{ config(meta={'dagster': {'ref': {'name': 'int_ledger__entries'}}}) }}
-- depends_on: {{ ref('fct_transactions') }}
-- What went out of one account and came into another leaves nothing in between, in any currency.
with transfers as (
    select * from {{ ref('stg_books__transfers') }}
    where
        {{ is_tested('organization_id', 'out_transaction_id', 'fct_transactions') }}
        or {{ is_tested('organization_id', 'in_transaction_id', 'fct_transactions') }}
),

sides as (
    select
        transfers.organization_id,
        transfers.transfer_id,
        side.transaction_id
    from transfers
    cross join lateral (values (out_transaction_id), (in_transaction_id)) as side (transaction_id)
)

select
    sides.organization_id,
    sides.transfer_id,
    clearing.currency,
    sum(clearing.amount) as difference
from sides
cross join lateral (
    select * from {{ ref('int_ledger__entries') }} as entry
    where
        entry.organization_id = sides.organization_id
        and entry.transaction_id = sides.transaction_id
        and entry.section = 'transfer'
    offset 0
) as clearing
group by sides.organization_id, sides.transfer_id, clearing.currency
having sum(clearing.amount) <> 0
