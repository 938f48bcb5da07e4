{{ live(
    ref('rpt_monthly_cash_flow'), 'months', ['organization_id', 'account_id', 'month'], monthly_cash_flow('touched')
) }}
