{{ config(
    unique_key=['organization_id', 'account_id', 'month'],
    pre_hook="{{ replace_touched('spending') }}",
    indexes=[{'columns': ['organization_id', 'account_id', 'month']}],
) }}
{{ category_spending('touched' if is_incremental()) }}
