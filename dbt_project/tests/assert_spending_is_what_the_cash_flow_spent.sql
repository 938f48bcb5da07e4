{{ config(meta={'dagster': {'ref': {'name': 'live_category_spending'}}}) }}
-- Expense less spending is what came back: refunds count as money in there, and lower the spending here.
with spending as (
    select organization_id, month, account_id, currency, sum(paid) as paid
    from {{ tested(ref('live_category_spending'), 'rpt_category_spending') }} as spending
    group by organization_id, month, account_id, currency
),

-- money out of a category for income is an expense, yet nothing was bought
other_expense as (
    select organization_id, {{ month_of('booked_on') }} as month, account_id, currency, sum(-amount) as paid
    from {{ tested(ref('int_books__transaction_parts'), 'rpt_category_spending') }} as part
    where category_kind = 'income' and amount < 0
    group by 1, 2, 3, 4
)

select *
from {{ tested(ref('live_monthly_cash_flow'), 'rpt_category_spending') }} as cash_flow
left join spending using (organization_id, month, account_id, currency)
left join other_expense using (organization_id, month, account_id, currency)
where cash_flow.expense <> coalesce(spending.paid, 0) + coalesce(other_expense.paid, 0)
