"""Members: who belongs to the organization, and who is invited to."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ai2.identity import invitations, members
from ai2.identity.members import Member
from ai2.identity.principal import Role
from api.etags import IfMatch, mark
from api.pages import WholeQuery, cut
from api.schemas import Body, Email, Instant, ListOf, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/members", tags=["members"], route_class=Unit)


class MemberOut(Out):
    """A person in the organization."""

    user_id: UUID
    email: str
    name: str
    role: Role
    version: int = Field(description="Send as `If-Match`, in quotes, to change no role that you have not seen.")
    created_at: Instant = Field(description="When they became a member.")


class Members(ListOf):
    """The organization's members."""

    items: list[MemberOut]


class MemberChange(Body):
    """What a member is to be."""

    role: Role = Field(description="At most your own.")


class InvitationNew(Body):
    """Whom to invite."""

    email: Email
    role: Role = Field(description="What they will be; at most what you are.")


class InvitationOut(Out):
    """An open invitation without its token."""

    invitation_id: UUID
    email: str
    role: Role
    invited_by: UUID | None = Field(description="null where an API key did that stands for nobody.")
    created_at: Instant
    expires_at: Instant


class InvitationMade(InvitationOut):
    """An invitation with its token, this once."""

    token: str = Field(description="Pass it on to whom you invite: nobody else is sent it, and it is not shown again.")


class Invitations(ListOf):
    """The open invitations."""

    items: list[InvitationOut]


@router.get("", response_model=Members)
async def list_members(db: Db, who: Caller, wanted: Annotated[WholeQuery, Query()]) -> dict[str, object]:
    """The members, longest there first."""
    return cut(await members.list_all(db, who.organization_id), wanted, lambda member: member.user_id)


@router.get("/invitations", response_model=Invitations)
async def list_invitations(db: Db, who: Caller, wanted: Annotated[WholeQuery, Query()]) -> dict[str, object]:
    """The invitations that nobody has accepted yet, oldest first."""
    found = await invitations.list_open(db, who.organization_id)
    return cut(found, wanted, lambda invitation: invitation.invitation_id)


@router.post("/invitations", status_code=201, response_model=InvitationMade)
async def create_invitation(new: InvitationNew, db: Db, who: Caller) -> dict[str, object]:
    """Invite somebody for seven days; an earlier invitation of this address ends. The token is in this answer only."""
    made = await invitations.create(db, who, email=new.email, role=new.role)
    return {**vars(made.invitation), "token": made.token}


@router.delete("/invitations/{invitation_id}", status_code=204)
async def revoke_invitation(invitation_id: UUID, db: Db, who: Caller) -> Response:
    """Take an invitation back: its token opens nothing any more."""
    await invitations.revoke(db, who.organization_id, invitation_id)
    return Response(status_code=204)


@router.patch("/{user_id}", response_model=MemberOut)
async def update_member(
    user_id: UUID, change: MemberChange, db: Db, who: Caller, response: Response, version: IfMatch
) -> Member:
    """Give a member another role; it holds from their next request on."""
    member = await members.change_role(db, who, user_id, change.role, version=version)
    mark(response, member.version)
    return member


@router.delete("/{user_id}", status_code=204)
async def remove_member(user_id: UUID, db: Db, who: Caller, version: IfMatch) -> Response:
    """Remove a member. Their sessions here end, and so do the API keys that they made."""
    await members.remove(db, who, user_id, version=version)
    return Response(status_code=204)
