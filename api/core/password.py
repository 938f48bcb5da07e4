"""Your password: changed by whoever knows the present one."""

from fastapi import APIRouter, Request, Response
from pydantic import Field

from ai2.identity.passwords import changing
from api.core.auth import tried
from api.schemas import Body
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/auth", tags=["auth"], route_class=Unit)


class PasswordChange(Body):
    """Your present password, and the one to come."""

    current_password: str
    new_password: str = Field(
        description="10 characters or more; not one that is tried first, nor your name or address."
    )


@router.post("/password", status_code=204)
async def change_password(given: PasswordChange, request: Request, db: Db, who: Caller) -> Response:
    """Change your password. Your other sessions end, in every organization; API keys that you made go on."""
    async with tried(request, (await changing.whose(db, who)).email):
        await changing.change(db, who, current=given.current_password, new=given.new_password)
    return Response(status_code=204)
