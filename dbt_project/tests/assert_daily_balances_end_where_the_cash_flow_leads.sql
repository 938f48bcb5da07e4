{{ config(meta={'dagster': {'ref': {'name': 'live_daily_balances'}}}) }}
-- Opening balance plus every month's change is the last closing balance.
with last_balances as (
    select organization_id, account_id, currency, closing_balance
    from {{ ref('live_daily_balances') }} where holds_until is null
),

changes as (
    select organization_id, account_id, currency, sum(change) as change
    from {{ ref('live_monthly_cash_flow') }}
    group by organization_id, account_id, currency
)

select *
from last_balances
full join changes using (organization_id, account_id, currency)
left join {{ ref('stg_books__accounts') }} using (organization_id, account_id, currency)
where closing_balance is distinct from change + coalesce(opening_balance, 0)
