{{ live(
    ref('fct_ledger_months'), 'months', ['organization_id', 'account_id', 'month'], ledger_months('touched')
) }}
