select
    organization_id,
    name as organization,
    base_currency::text as base_currency,
    country::text as country
from {{ source('published', 'organizations') }}
