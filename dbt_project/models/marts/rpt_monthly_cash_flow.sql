{{ config(unique_key=['organization_id', 'account_id', 'month'], pre_hook="{{ replace_touched('months') }}") }}
{{ monthly_cash_flow('touched' if is_incremental()) }}
