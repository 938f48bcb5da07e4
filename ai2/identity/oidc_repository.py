"""Every query on sign-ins under way and on identities."""

from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows

SIGN_IN = "state_digest, secret_digest, provider, user_id, exchanged_at, subject, email, is_email_verified, name"


async def insert_sign_in(db: Connection, **values: object) -> None:
    """Remember a sign-in, and forget those that nobody finished."""
    await db.execute("delete from identity.sign_ins where expires_at < now()")
    await db.execute(
        """
        insert into identity.sign_ins (state_digest, secret_digest, provider, user_id, expires_at)
        values (
            %(state_digest)s, %(secret_digest)s, %(provider)s, %(user_id)s, now() + %(lasts_s)s * interval '1 second'
        )
        """,
        values,
    )


async def hold_sign_in(db: Connection, state_digest: bytes) -> DictRow | None:
    """A sign-in under way, held until the transaction ends."""
    query = f"""
        select {SIGN_IN} from identity.sign_ins
        where state_digest = %(state_digest)s and expires_at > now()
        for update
    """
    return await one(db, query, {"state_digest": state_digest})


async def mark_exchanged(db: Connection, state_digest: bytes) -> None:
    await db.execute("update identity.sign_ins set exchanged_at = now() where state_digest = %s", [state_digest])


async def identify(db: Connection, state_digest: bytes, **values: object) -> DictRow | None:
    """Keep who it turned out to be."""
    query = f"""
        update identity.sign_ins set
            subject = %(subject)s, email = %(email)s, is_email_verified = %(is_email_verified)s, name = %(name)s
        where state_digest = %(state_digest)s
        returning {SIGN_IN}
    """
    return await one(db, query, {**values, "state_digest": state_digest})


async def delete_sign_in(db: Connection, state_digest: bytes) -> None:
    await db.execute("delete from identity.sign_ins where state_digest = %s", [state_digest])


async def use_identity(db: Connection, issuer: str, subject: str) -> UUID | None:
    """Whose identity it is; it is used now."""
    query = """
        update identity.user_identities set used_at = now()
        where issuer = %(issuer)s and subject = %(subject)s
        returning user_id
    """
    row = await one(db, query, {"issuer": issuer, "subject": subject})
    return row["user_id"] if row else None


async def insert_identity(db: Connection, **values: object) -> None:
    await db.execute(
        """
        insert into identity.user_identities (identity_id, user_id, issuer, subject, email)
        values (%(identity_id)s, %(user_id)s, %(issuer)s, %(subject)s, %(email)s)
        """,
        values,
    )


async def identities(db: Connection, user_id: UUID) -> list[DictRow]:
    query = """
        select identity_id, issuer, subject, email, created_at, used_at from identity.user_identities
        where user_id = %(user_id)s order by identity_id
    """
    return await rows(db, query, {"user_id": user_id})


async def delete_identity(db: Connection, user_id: UUID, identity_id: UUID) -> bool:
    gone = await db.execute(
        "delete from identity.user_identities where user_id = %s and identity_id = %s", [user_id, identity_id]
    )
    return gone.rowcount > 0


async def has_password(db: Connection, user_id: UUID) -> bool:
    """Whether there is one; the user is held, so that two identities taken away at once wait for each other."""
    query = "select password_hash is not null as has from identity.users where user_id = %(user_id)s for update"
    row = await one(db, query, {"user_id": user_id})
    return bool(row and row["has"])


async def user_by_email(db: Connection, email: str) -> UUID | None:
    row = await one(db, "select user_id from identity.users where email = %(email)s", {"email": email})
    return row["user_id"] if row else None
