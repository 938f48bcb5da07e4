"""Every query on second factors and recovery codes."""

from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one


async def get(db: Connection, user_id: UUID) -> DictRow | None:
    """A user's second factor, confirmed or not."""
    query = """
        select user_id, confirmed_at, (
            select count(*) from identity.recovery_codes as code where code.user_id = factor.user_id
        ) as recovery_codes_left
        from identity.second_factors as factor where user_id = %(user_id)s
    """
    return await one(db, query, {"user_id": user_id})


async def hold(db: Connection, user_id: UUID) -> DictRow | None:
    """The same with its secret, held until the transaction ends: of two who send one code, the second waits."""
    query = """
        select
            user_id, sealed_secret, last_step, wrong_codes, confirmed_at,
            greatest(extract(epoch from free_at - now()), 0)::float as wait_s
        from identity.second_factors where user_id = %(user_id)s
        for update
    """
    return await one(db, query, {"user_id": user_id})


async def put(db: Connection, user_id: UUID, sealed_secret: bytes) -> bool:
    """Keep a secret that is still to be confirmed, instead of an earlier one; not where one is confirmed."""
    put = await db.execute(
        """
        insert into identity.second_factors as factor (user_id, sealed_secret)
        values (%(user_id)s, %(sealed_secret)s)
        on conflict (user_id) do update set
            sealed_secret = excluded.sealed_secret, last_step = 0, wrong_codes = 0, free_at = null, created_at = now()
        where factor.confirmed_at is null
        """,
        {"user_id": user_id, "sealed_secret": sealed_secret},
    )
    return put.rowcount > 0


async def accept(db: Connection, user_id: UUID, step: int) -> None:
    """A right code: no code of its step or before it is right again."""
    await db.execute(
        """
        update identity.second_factors set
            last_step = %(step)s, wrong_codes = 0, free_at = null, confirmed_at = coalesce(confirmed_at, now())
        where user_id = %(user_id)s
        """,
        {"user_id": user_id, "step": step},
    )


async def refuse(db: Connection, user_id: UUID, wait_s: float) -> None:
    """A wrong code: the next is looked at after so long."""
    await db.execute(
        """
        update identity.second_factors set
            wrong_codes = wrong_codes + 1, free_at = now() + nullif(%(wait_s)s, 0) * interval '1 second'
        where user_id = %(user_id)s
        """,
        {"user_id": user_id, "wait_s": wait_s},
    )


async def delete(db: Connection, user_id: UUID) -> None:
    await db.execute("delete from identity.recovery_codes where user_id = %s", [user_id])
    await db.execute("delete from identity.second_factors where user_id = %s", [user_id])


async def replace_recovery_codes(db: Connection, user_id: UUID, digests: list[bytes]) -> None:
    await db.execute("delete from identity.recovery_codes where user_id = %s", [user_id])
    await db.execute(
        "insert into identity.recovery_codes (user_id, digest) select %s, unnest(%s::bytea[])", [user_id, digests]
    )


async def spend_recovery_code(db: Connection, user_id: UUID, digest: bytes) -> bool:
    """Whether there was such a code; there is no more."""
    spent = await db.execute(
        "delete from identity.recovery_codes where user_id = %s and digest = %s", [user_id, digest]
    )
    return spent.rowcount > 0


async def password_hash(db: Connection, user_id: UUID) -> str | None:
    row = await one(db, "select password_hash from identity.users where user_id = %(user_id)s", {"user_id": user_id})
    return row["password_hash"] if row else None
