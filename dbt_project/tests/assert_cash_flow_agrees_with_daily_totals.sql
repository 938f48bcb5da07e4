{{ config(meta={'dagster': {'ref': {'name': 'live_monthly_cash_flow'}}}) }}
-- Two ways to the same figure: the ledger, and the totals that the writing transaction keeps.
with cash_flow as (
    select organization_id, month, account_id, currency, sum(change) as change, sum(transactions) as transactions
    from {{ tested(ref('live_monthly_cash_flow'), 'rpt_monthly_cash_flow') }} as flow
    group by organization_id, month, account_id, currency
),

totals as (
    select
        organization_id, {{ month_of('booked_on') }} as month, account_id, currency::text as currency,
        sum(money_in - money_out) as change, sum(transactions - further) as transactions
    from {{ tested(source('published', 'daily_totals'), 'rpt_monthly_cash_flow') }} as total
    group by 1, 2, 3, 4
)

(select * from cash_flow except select * from totals)
union all
(select * from totals except select * from cash_flow)
