-- What an account began with: a debit of the account, and a credit of equity. Its day, where somebody said it.
with openings as (
    select * from {{ ref('int_ledger__openings') }} where amount <> 0
)

select
    openings.organization_id,
    openings.account_id,
    leg.place,
    leg.section,
    openings.opened_on as booked_on,
    leg.sign * openings.amount as amount,
    openings.currency
from openings
cross join (values (0, 'account', 1), (1, 'opening', -1)) as leg (place, section, sign)
