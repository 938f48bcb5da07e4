{{ config(
    unique_key=['organization_id', 'transaction_id'],
    pre_hook="{{ replace_touched('transactions') }}",
    indexes=[{'columns': ['organization_id', 'booked_on']}, {'columns': ['organization_id', 'account_id', 'booked_on']}],
) }}
{%- set categorised = ref('int_books__transactions_categorised') %}
select
    organization_id,
    transaction_id,
    booked_on,
    account_id,
    account,
    amount,
    currency,
    type,
    category_id,
    category,
    category_group_id,
    category_group,
    description,
    merchant,
    merchant_key,
    reference,
    mcc,
    status,
    decided_by,
    decided_version,
    confidence,
    batch_id,
    line_number,
    is_split
from {{ those_touched(categorised) if is_incremental() else categorised }}
