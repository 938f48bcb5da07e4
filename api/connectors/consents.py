"""Consents: what came back from the link that a connect gave."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from ai2.connections import service
from api.connectors.connections import ConnectionDetails
from api.schemas import Body
from api.unit import Caller, Outside, Pool

router = APIRouter(prefix="/api/connectors/connections", tags=["connectors"], route_class=Outside)


class FinishWanted(Body):
    """What the browser was given when its user had consented."""

    public_token: str | None = Field(
        default=None, min_length=1, max_length=500,
        description="As Plaid's widget gave it; left out where the page at the link was used, which is then asked.",
    )  # fmt: skip


@router.post("/{connection_id}/finish", response_model=ConnectionDetails)
async def finish_connection(connection_id: UUID, wanted: FinishWanted, database: Pool, who: Caller) -> dict[str, Any]:
    """Take what was consented to at the link: the connection is then connected, and its first sync begins at once.

    Where webhooks reach this installation it is finished by itself once its user is done at the link.
    """
    answer = wanted.model_dump(exclude_none=True)
    found = await service.finish(database, who.organization_id, connection_id, answer, actor=who.actor)
    async with database.transaction(who.organization_id) as db:
        return {**vars(found), "accounts": await service.accounts(db, who.organization_id, connection_id)}
