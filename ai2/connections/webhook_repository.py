"""Every query on webhooks that were taken."""

from dataclasses import dataclass
from uuid import UUID

from ai2.kit.database import Connection, one


@dataclass(frozen=True)
class Addressee:
    """Whose a webhook is."""

    organization_id: UUID
    connection_id: UUID


async def take(db: Connection, provider: str, digest: bytes, external_id: str, kind: str) -> Addressee | None:
    """Write a webhook down and say whose it is; none where it was written down before, or is nobody's.

    A repeat is refused by its age long before it is forgotten here.
    """
    row = await one(
        db,
        """
        with forgotten as (
            delete from connect.webhooks where (provider, digest) in (
                select provider, digest from connect.webhooks
                where received_at < now() - interval '7 days'
                order by received_at limit 100 for update skip locked
            )
        ), known as (
            select organization_id, connection_id from connect.external_ids
            where provider = %(provider)s and external_id = %(external_id)s
        ), added as (
            insert into connect.webhooks (provider, digest, organization_id, connection_id, kind)
            select %(provider)s, %(digest)s, known.organization_id, known.connection_id, %(kind)s
            from (select) as webhook left join known on true
            on conflict (provider, digest) do nothing
            returning organization_id, connection_id
        )
        select organization_id, connection_id from added where connection_id is not null
        """,
        {"provider": provider, "digest": digest, "external_id": external_id, "kind": kind},
    )
    return Addressee(**row) if row else None
