{{ config(
    unique_key=['organization_id', 'account_id', 'month'],
    pre_hook="{{ replace_touched('months') }}",
    indexes=[{'columns': ['organization_id', 'month']}, {'columns': ['organization_id', 'account_id', 'month']}],
) }}
{{ ledger_months('touched' if is_incremental()) }}
