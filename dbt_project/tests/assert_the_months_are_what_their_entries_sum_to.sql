{{ config(meta={'dagster': {'ref': {'name': 'live_ledger_months'}}}) }}
-- Whatever changed since the build, the kind of a category too: the ledger's months are its entries.
with months as (
    select organization_id, month, account_id, currency, section, category_id, amount, entries
    from {{ tested(ref('live_ledger_months'), 'fct_ledger_months') }} as kept
),

entries as (
    select
        organization_id, {{ month_of('booked_on') }} as month, account_id, currency, section, category_id,
        sum(amount) as amount, count(*) as entries
    from {{ tested(ref('int_ledger__entries_posted'), 'fct_ledger_months') }} as entry
    group by 1, 2, 3, 4, 5, 6
)

(select * from months except all select * from entries)
union all
(select * from entries except all select * from months)
