{{ config(
    unique_key=['organization_id', 'account_id'],
    meta={'replaced_from': 'booked_on'},
    pre_hook="{{ replace_touched('balances') }}",
) }}
{{ daily_balances('touched', this) if is_incremental() else daily_balances() }}
