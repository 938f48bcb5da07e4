{{ config(
    unique_key=['organization_id', 'transaction_id'],
    pre_hook="{{ replace_touched('transactions') }}",
    indexes=[{'columns': ['organization_id', 'booked_on']}, {'columns': ['organization_id', 'account_id', 'booked_on']}],
) }}
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
from {{ ref('int_books__transactions_categorised') }}
{% if is_incremental() %} inner join touched using (organization_id, transaction_id) {% endif %}
