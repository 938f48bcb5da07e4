{{ live(
    ref('fct_ledger_months'), 'spending', ['organization_id', 'account_id', 'month'], ledger_months('touched')
) }}
