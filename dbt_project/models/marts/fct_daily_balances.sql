{{ config(unique_key=['organization_id', 'account_id'], pre_hook="{{ replace_touched('balances') }}") }}
{{ daily_balances('touched' if is_incremental()) }}
