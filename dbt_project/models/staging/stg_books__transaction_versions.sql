select
    organization_id,
    transaction_id,
    version,
    account_id,
    booked_on
from {{ source('published', 'transaction_versions') }}
