"""The query that divides what rules split, for a hundred thousand transactions as for one."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from ai2.books.rules.matching import Rule
from ai2.books.rules.parts import measured
from ai2.kit.database import Connection
from ai2.kit.money import unusual_exponents


async def stage_parted(db: Connection, organization_id: UUID, rules: Sequence[Rule]) -> None:
    """Gather in `parted` the parts of what `ruled` splits, one row a transaction.

    What is too little for its rule is left out: fixed amounts that leave nothing, or a single part that is not nothing.
    """
    await db.execute("drop table if exists pg_temp.parted")
    await db.execute("create temporary table parted (transaction_id uuid, splits jsonb) on commit drop")
    split = {place: measured(rule.actions.split) for place, rule in enumerate(rules) if rule.actions.split}
    if not split:
        return
    listed = [
        {"rule_place": rule_place, "place": place, **share}
        for rule_place, shares in split.items()
        for place, share in enumerate(shares)
    ]
    known = {"shares": Jsonb(listed), "exponents": Jsonb(unusual_exponents())}
    await db.execute(DIVIDE, {**known, "organization_id": organization_id})
    await db.execute("analyze pg_temp.parted")


# `units` are minor units of the currency, without a sign.
DIVIDE = """
    insert into pg_temp.parted
    with share as materialized (
        select *, coalesce(sum(amount) over (partition by rule_place), 0) as fixed
        from jsonb_to_recordset(%(shares)s) as share (
            rule_place integer, place integer, category_id text, percentage numeric, amount numeric
        )
    ),

    whole as (
        select
            transaction.transaction_id, ruled.category as rule_place, sign(transaction.amount) as sign,
            abs(transaction.amount) as amount, unit.digits, 10::numeric ^ unit.digits as in_units
        from pg_temp.ruled as ruled
        inner join books.transactions as transaction
            on transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = ruled.transaction_id
        cross join lateral (
            select coalesce((%(exponents)s::jsonb ->> transaction.currency)::integer, 2) as digits
        ) as unit
        where ruled.category in (select rule_place from share)
    ),

    owed as (
        select
            whole.*, share.place, share.category_id, share.amount as fixed_amount,
            (whole.amount - share.fixed) * whole.in_units as units,
            (whole.amount - share.fixed) * whole.in_units * share.percentage / 100 as owed
        from whole
        inner join share on share.rule_place = whole.rule_place
        where whole.amount > share.fixed and round(whole.amount, whole.digits) = whole.amount
    ),

    ranked as (
        select
            owed.*, units - sum(floor(owed)) over of_transaction as left_over,
            row_number() over (
                partition by transaction_id order by owed - floor(owed) desc nulls last, place
            ) as turn
        from owed
        window of_transaction as (partition by transaction_id)
    ),

    given as (
        select
            transaction_id, place, category_id,
            sign * round(
                coalesce(fixed_amount, (floor(owed) + (turn <= left_over)::integer) / in_units), digits
            ) as amount
        from ranked
    )

    select
        transaction_id,
        jsonb_agg(
            jsonb_build_object('amount', amount::text, 'category_id', category_id, 'notes', null, 'tags', '[]'::jsonb)
            order by place
        )
    from given where amount <> 0
    group by transaction_id having count(*) > 1
"""
