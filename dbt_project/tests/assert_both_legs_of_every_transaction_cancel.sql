select organization_id, transaction_id, sum(amount) as difference
from {{ ref('int_ledger__entries_posted') }}
group by organization_id, transaction_id
having sum(amount) <> 0 or count(*) < 2 or count(distinct currency) <> 1
