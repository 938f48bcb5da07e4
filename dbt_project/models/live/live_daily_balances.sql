{{ live(
    ref('fct_daily_balances'), 'balances', ['organization_id', 'account_id'],
    daily_balances('touched', ref('fct_daily_balances')), replaced_from='booked_on'
) }}
