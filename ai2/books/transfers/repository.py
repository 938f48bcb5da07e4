"""Every query on transfers: which transactions may be a pair, and what becomes of both when they are."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.books.transfers.verdicts import RULES_VERSION, Verdict
from ai2.kit.database import Connection, number, one, rows


# A bucket of days is wider than the window, so that partners lie in the same one or the next.
async def write(
    db: Connection, organization_id: UUID, verdicts: Sequence[Verdict], ids: Sequence[UUID], *, decided_by: str
) -> None:
    """Write pairs and suggestions down, with the decision that each side of a pair had; a rejected one stays so."""
    await db.execute(
        """
        insert into books.transfers as known (
            organization_id, transfer_id, out_transaction_id, in_transaction_id, state, confidence, reasons,
            decided_by, out_former, in_former
        )
        select
            %(organization_id)s, found.transfer_id, found.out_id, found.in_id, found.state, found.confidence,
            found.reasons, %(decided_by)s,
            case when found.state = 'paired' then books.decision_of(out_side) end,
            case when found.state = 'paired' then books.decision_of(in_side) end
        from unnest(
            %(ids)s::uuid[], %(outs)s::uuid[], %(ins)s::uuid[], %(states)s::text[], %(confidences)s::numeric[],
            %(reasons)s::jsonb[]
        ) as found (transfer_id, out_id, in_id, state, confidence, reasons)
        inner join books.transactions as out_side
            on out_side.organization_id = %(organization_id)s and out_side.transaction_id = found.out_id
        inner join books.transactions as in_side
            on in_side.organization_id = %(organization_id)s and in_side.transaction_id = found.in_id
        on conflict (organization_id, out_transaction_id, in_transaction_id) do update set
            state = excluded.state, confidence = excluded.confidence, reasons = excluded.reasons,
            decided_by = excluded.decided_by, decided_at = now(), out_former = excluded.out_former,
            in_former = excluded.in_former
        where known.state = 'suggested' or %(decided_by)s = 'user'
        """,
        {
            "organization_id": organization_id,
            "ids": list(ids),
            "outs": [verdict.out.transaction_id for verdict in verdicts],
            "ins": [verdict.into.transaction_id for verdict in verdicts],
            "states": [verdict.state for verdict in verdicts],
            "confidences": [verdict.confidence for verdict in verdicts],
            "reasons": [Jsonb(list(verdict.reasons)) for verdict in verdicts],
            "decided_by": decided_by,
        },
    )


async def categorise(
    db: Connection,
    organization_id: UUID,
    sides: Sequence[tuple[UUID, UUID, float]],
    *,
    decided_by: str,
) -> None:
    """Give sides of pairs (transaction, category, confidence) a transfer's category, each as the pair was decided.

    What a person decided stays, unless a person pairs them; a transfer's category of their own stays in any case.
    """
    await db.execute(
        """
        update books.transactions as transaction set
            category_id = side.category_id, decided_by = %(decided_by)s, decided_version = %(version)s,
            confidence = side.confidence, decided_at = now()
        from unnest(%(transactions)s::uuid[], %(categories)s::uuid[], %(confidences)s::numeric[])
            as side (transaction_id, category_id, confidence)
        where transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = side.transaction_id
            and (
                transaction.decided_by is distinct from 'user'
                or %(decided_by)s = 'user' and not exists (
                    select from books.categories as own
                    where own.organization_id = %(organization_id)s and own.category_id = transaction.category_id
                        and own.kind = 'transfer'
                )
            )
        """,
        {
            "organization_id": organization_id,
            "transactions": [side[0] for side in sides],
            "categories": [side[1] for side in sides],
            "confidences": [side[2] for side in sides],
            "decided_by": decided_by,
            "version": RULES_VERSION,
        },
    )


async def forget_suggestions(db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID]) -> None:
    """What was suggested for these holds no longer."""
    await db.execute(
        """
        delete from books.transfers
        where organization_id = %(organization_id)s and state = 'suggested'
            and (out_transaction_id = any(%(ids)s) or in_transaction_id = any(%(ids)s))
        """,
        {"organization_id": organization_id, "ids": list(transaction_ids)},
    )


async def forget_suggestions_of(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """The same for all that a batch wrote."""
    await db.execute(
        """
        with of_batch as materialized (
            select transaction_id from books.transactions
            where organization_id = %(organization_id)s and batch_id = %(batch_id)s
        )
        delete from books.transfers
        where organization_id = %(organization_id)s and state = 'suggested'
            and (
                out_transaction_id in (select transaction_id from of_batch)
                or in_transaction_id in (select transaction_id from of_batch)
            )
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )


async def pairs_of(
    db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID], made_by: str | None = None
) -> list[UUID]:
    """The transfers in which these are paired, all or those that only `rule` or `user` made."""
    found = await rows(
        db,
        """
        select transfer_id from books.transfers
        where organization_id = %(organization_id)s and state = 'paired' and out_transaction_id = any(%(ids)s)
            and decided_by = coalesce(%(made_by)s, decided_by)
        union
        select transfer_id from books.transfers
        where organization_id = %(organization_id)s and state = 'paired' and in_transaction_id = any(%(ids)s)
            and decided_by = coalesce(%(made_by)s, decided_by)
        """,
        {"organization_id": organization_id, "ids": list(transaction_ids), "made_by": made_by},
    )
    return [row["transfer_id"] for row in found]


async def broken_pairs(db: Connection, organization_id: UUID, batch_id: UUID) -> list[UUID]:
    """The pairs of a batch of which a side is deleted or not booked any more."""
    found = await rows(
        db,
        """
        select transfer.transfer_id
        from books.transfers as transfer
        where transfer.organization_id = %(organization_id)s and transfer.state = 'paired'
            and exists (
                select from books.transactions as side
                where side.organization_id = %(organization_id)s and side.batch_id = %(batch_id)s
                    and side.transaction_id in (transfer.out_transaction_id, transfer.in_transaction_id)
            )
            and exists (
                select from books.transactions as side
                where side.organization_id = %(organization_id)s
                    and side.transaction_id in (transfer.out_transaction_id, transfer.in_transaction_id)
                    and (side.deleted_at is not null or side.status <> 'posted')
            )
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )
    return [row["transfer_id"] for row in found]


async def ruled_pairs(db: Connection, organization_id: UUID, changed_by: str, decided_version: str) -> list[UUID]:
    """The pairs of what an application of a rule changed, where that rule's word is what a side had before."""
    found = await rows(
        db,
        """
        with changed as materialized (
            select transaction_id from books.transaction_versions
            where organization_id = %(organization_id)s and changed_by = %(changed_by)s
                and changed_by like '%% rules:%%'
        )
        select transfer_id from books.transfers
        where organization_id = %(organization_id)s and state = 'paired' and decided_by = 'rule'
            and (
                out_former ->> 'decided_version' = %(version)s
                and out_transaction_id in (select transaction_id from changed)
                or in_former ->> 'decided_version' = %(version)s
                and in_transaction_id in (select transaction_id from changed)
            )
        """,
        {"organization_id": organization_id, "changed_by": changed_by, "version": decided_version},
    )
    return [row["transfer_id"] for row in found]


async def give_back(db: Connection, organization_id: UUID, transfer_ids: Sequence[UUID]) -> None:
    """Give both sides of pairs the decision that they had before, where theirs is the pair's still."""
    await db.execute(
        """
        update books.transactions as transaction set
            category_id = former.category_id, decided_by = former.decided_by,
            decided_version = former.decided_version, confidence = former.confidence, decided_at = former.decided_at
        from (
            select out_transaction_id as transaction_id, out_former as decision from books.transfers
            where organization_id = %(organization_id)s and transfer_id = any(%(ids)s)
            union all
            select in_transaction_id, in_former from books.transfers
            where organization_id = %(organization_id)s and transfer_id = any(%(ids)s)
        ) as side
        cross join lateral jsonb_to_record(coalesce(side.decision, '{}')) as former (
            category_id uuid, decided_by text, decided_version text, confidence numeric, decided_at timestamptz
        )
        where transaction.organization_id = %(organization_id)s and transaction.transaction_id = side.transaction_id
            and transaction.decided_version = %(version)s
        """,
        {"organization_id": organization_id, "ids": list(transfer_ids), "version": RULES_VERSION},
    )


async def delete(db: Connection, organization_id: UUID, transfer_ids: Sequence[UUID]) -> None:
    await db.execute(
        "delete from books.transfers where organization_id = %s and transfer_id = any(%s)",
        [organization_id, list(transfer_ids)],
    )


async def reject(db: Connection, organization_id: UUID, transfer_ids: Sequence[UUID]) -> None:
    """A person's no, for ever."""
    await db.execute(
        """
        update books.transfers set
            state = 'rejected', decided_by = 'user', decided_at = now(), out_former = null, in_former = null
        where organization_id = %s and transfer_id = any(%s)
        """,
        [organization_id, list(transfer_ids)],
    )


async def contradicted(db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID]) -> list[UUID]:
    """The pairs of these of which a person put a side in a category that is no transfer's, or in none."""
    found = await rows(
        db,
        """
        select transfer.transfer_id
        from books.transfers as transfer
        inner join books.transactions as side
            on side.organization_id = transfer.organization_id
                and side.transaction_id in (transfer.out_transaction_id, transfer.in_transaction_id)
        left join books.categories as category
            on category.organization_id = side.organization_id and category.category_id = side.category_id
        where transfer.organization_id = %(organization_id)s and transfer.state = 'paired'
            and side.transaction_id = any(%(ids)s)
            and side.decided_version is distinct from %(version)s and category.kind is distinct from 'transfer'
        """,
        {"organization_id": organization_id, "ids": list(transaction_ids), "version": RULES_VERSION},
    )
    return [row["transfer_id"] for row in found]


TRANSFER = """
    transfer_id, out_transaction_id, in_transaction_id, state, confidence, reasons, decided_by, created_at, decided_at
"""


async def get(db: Connection, organization_id: UUID, transfer_id: UUID) -> DictRow | None:
    query = f"""
        select {TRANSFER} from books.transfers
        where organization_id = %(organization_id)s and transfer_id = %(transfer_id)s for update
    """
    return await one(db, query, {"organization_id": organization_id, "transfer_id": transfer_id})


async def between(db: Connection, organization_id: UUID, out_id: UUID, in_id: UUID) -> DictRow | None:
    query = f"""
        select {TRANSFER} from books.transfers
        where organization_id = %(organization_id)s and out_transaction_id = %(out)s and in_transaction_id = %(in)s
    """
    return await one(db, query, {"organization_id": organization_id, "out": out_id, "in": in_id})


async def page(
    db: Connection,
    organization_id: UUID,
    *,
    state: str | None,
    transaction_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> list[DictRow]:
    """The newest first: ids are made in the order of time."""
    return await rows(
        db,
        f"""
        select {TRANSFER} from books.transfers
        where organization_id = %(organization_id)s
            and (%(state)s::text is null or state = %(state)s)
            and (%(transaction)s::uuid is null or %(transaction)s in (out_transaction_id, in_transaction_id))
            and (%(after)s::uuid is null or transfer_id < %(after)s)
        order by transfer_id desc limit %(limit)s
        """,
        {
            "organization_id": organization_id,
            "state": state,
            "transaction": transaction_id,
            "after": after,
            "limit": limit,
        },
    )


async def count(db: Connection, organization_id: UUID, state: str | None, transaction_id: UUID | None) -> int:
    return await number(
        db,
        """
        select count(*) as transfers from books.transfers
        where organization_id = %(organization_id)s
            and (%(state)s::text is null or state = %(state)s)
            and (%(transaction)s::uuid is null or %(transaction)s in (out_transaction_id, in_transaction_id))
        """,
        {"organization_id": organization_id, "state": state, "transaction": transaction_id},
    )


async def transfer_category(db: Connection, organization_id: UUID, codes: Sequence[str]) -> DictRow | None:
    """The organization's category for the first of these codes that is a transfer's."""
    return await one(
        db,
        """
        select category.category_id
        from unnest(%(codes)s::text[]) with ordinality as wanted (code, place)
        inner join books.category_codes as known
            on known.organization_id = %(organization_id)s and known.code = wanted.code
        inner join books.categories as category
            on category.organization_id = known.organization_id and category.category_id = known.category_id
                and category.kind = 'transfer' and category.archived_at is null
        order by wanted.place limit 1
        """,
        {"organization_id": organization_id, "codes": list(codes)},
    )


async def mean_by(db: Connection, organization_id: UUID, code: str, category_id: UUID) -> None:
    """From now on the code stands for this category, where it stood for none."""
    await db.execute(
        """
        insert into books.category_codes (organization_id, code, category_id) values (%s, %s, %s)
        on conflict do nothing
        """,
        [organization_id, code, category_id],
    )


async def account_list(db: Connection, organization_id: UUID) -> list[DictRow]:
    return await rows(
        db,
        "select account_id, name, kind, number from books.accounts where organization_id = %(organization_id)s",
        {"organization_id": organization_id},
    )


async def lock(db: Connection, organization_id: UUID) -> None:
    """Let imports into one organization write one after the other, until the transaction ends."""
    await db.execute("select pg_advisory_xact_lock(hashtextextended('transfers:' || %s, 0))", [str(organization_id)])
