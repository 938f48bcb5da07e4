{{ config(unique_key=['organization_id', 'account_id'], pre_hook="{{ replace_touched('accounts') }}") }}
select
    organization_id,
    account_id,
    account,
    kind,
    currency,
    opening_balance,
    opening_on,
    is_archived,
    anchored_on,
    anchored_balance
from {{ ref('stg_books__accounts') }}
{% if is_incremental() %} inner join touched using (organization_id, account_id) {% endif %}
