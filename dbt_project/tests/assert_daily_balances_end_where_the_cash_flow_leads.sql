{{ config(meta={'dagster': {'ref': {'name': 'live_daily_balances'}}}) }}
-- Opening balance plus every month's change is the last closing balance. Where the opening follows from what the bank
-- stated first, it is that balance plus what moved since.
with last_balances as (
    select organization_id, account_id, currency, closing_balance
    from {{ tested(ref('live_daily_balances'), 'fct_daily_balances') }} as day where holds_until is null
),

changes as (
    select organization_id, account_id, currency, sum(change) as change
    from {{ tested(ref('live_monthly_cash_flow'), 'fct_daily_balances') }} as flow
    group by organization_id, account_id, currency
),

anchored as (
    select
        accounts.organization_id,
        accounts.account_id,
        accounts.currency,
        accounts.anchored_balance + coalesce(sum(totals.money_in - totals.money_out), 0) as anchored_closing
    from {{ ref('stg_books__accounts') }} as accounts
    left join {{ source('published', 'daily_totals') }} as totals
        on
            accounts.organization_id = totals.organization_id
            and accounts.account_id = totals.account_id
            and accounts.currency = totals.currency
            and accounts.anchored_on < totals.booked_on
    where accounts.anchored_on is not null
    group by accounts.organization_id, accounts.account_id, accounts.currency, accounts.anchored_balance
)

select *
from last_balances
full join changes using (organization_id, account_id, currency)
left join {{ ref('stg_books__accounts') }} using (organization_id, account_id, currency)
left join anchored using (organization_id, account_id, currency)
where closing_balance is distinct from coalesce(anchored_closing, change + coalesce(opening_balance, 0))
