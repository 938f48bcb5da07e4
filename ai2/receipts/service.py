"""Receipts: what is looked at as one."""

from collections.abc import Sequence
from uuid import UUID

from ai2.kit.database import Connection


async def take(
    db: Connection,
    organization_id: UUID,
    mail_id: UUID | None,
    parts: Sequence[tuple[str, str, bytes]],
    *,
    is_trusted: bool = False,
    added_by: str = "system",
) -> list[UUID]:
    """Keep what is a receipt among these (name, media type, bytes), and say which documents they are."""
    return []
