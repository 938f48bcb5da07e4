select
    organization_id,
    account_id,
    name as account,
    kind,
    currency::text as currency,
    opening_balance,
    opening_on,
    archived_at is not null as is_archived,
    row_xid,
    -- where nobody said what it held at first, that follows from what its bank stated first
    case when not is_opening_known then anchored_on end as anchored_on,
    case when not is_opening_known then anchored_balance end as anchored_balance
from {{ source('published', 'accounts') }}
