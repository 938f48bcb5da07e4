"""The second factor: set up, confirmed, and taken away again. Secrets and recovery codes are shown once."""

from fastapi import APIRouter, Request, Response
from pydantic import Field

from ai2.identity import second_factors, users
from ai2.identity.principal import Principal
from ai2.identity.second_factors import Codes, NewSecret, Proof, SecondFactor, person
from ai2.kit.database import Connection
from api.core.auth import tried
from api.schemas import Body, Code, Instant, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/auth/second-factor", tags=["auth"], route_class=Unit)


class ProofIn(Body):
    """By what you show that it is you: one of these. Who has neither password nor second factor needs none."""

    password: str | None = None
    totp: Code | None = Field(default=None, description="What your app shows now.")
    recovery_code: Code | None = None

    def given(self) -> Proof:
        return Proof(self.password, Codes(self.totp, self.recovery_code))


class CodeIn(Body):
    """A code from your app."""

    totp: Code = Field(description="The six digits that it shows now.")


class SecondFactorOut(Out):
    """Whether sign-ins of yours need a code."""

    is_enabled: bool
    confirmed_at: Instant | None = Field(description="Since when; null where it is not.")
    recovery_codes_left: int
    is_required: bool = Field(description="Whether you must set one up before you may do anything else.")


class SecretOut(Out):
    """What to give your authenticator app, this once: any of the three."""

    secret: str = Field(description="To type: base32.")
    otpauth_uri: str = Field(description="To open on a phone: SHA-1, 6 digits, 30 seconds.")
    qr_svg: str = Field(description="To scan: the link as a picture, an SVG element.")


class RecoveryCodes(Out):
    """For when the app is lost, each for one sign-in; this once."""

    recovery_codes: list[str]


@router.get("", response_model=SecondFactorOut)
async def get_second_factor(db: Db, who: Caller) -> dict[str, object]:
    """Whether you have a second factor."""
    found: SecondFactor = await second_factors.get(db, who)
    return {**vars(found), "is_required": who.lacks_second_factor}


@router.post("", status_code=201, response_model=SecretOut)
async def create_second_factor(given: ProofIn, request: Request, db: Db, who: Caller) -> NewSecret:
    """Begin: a secret for your app. Nothing changes until you confirm it by a code."""
    async with tried(request, await email(db, who)):
        return await second_factors.begin(db, who, given.given())


@router.post("/confirm", response_model=RecoveryCodes)
async def confirm_second_factor(given: CodeIn, request: Request, db: Db, who: Caller) -> dict[str, object]:
    """Show by a code that the secret arrived: from now on sign-ins need one. Keep the recovery codes."""
    async with tried(request, await email(db, who)):
        return {"recovery_codes": await second_factors.confirm(db, who, given.totp)}


@router.post("/recovery-codes", response_model=RecoveryCodes)
async def renew_recovery_codes(given: ProofIn, request: Request, db: Db, who: Caller) -> dict[str, object]:
    """Other recovery codes; the earlier ones end."""
    async with tried(request, await email(db, who)):
        return {"recovery_codes": await second_factors.renew_recovery_codes(db, who, given.given())}


@router.post("/disable", status_code=204)
async def disable_second_factor(given: ProofIn, request: Request, db: Db, who: Caller) -> Response:
    """Take the second factor away."""
    async with tried(request, await email(db, who)):
        await second_factors.disable(db, who, given.given())
    return Response(status_code=204)


async def email(db: Connection, who: Principal) -> str:
    return (await users.get(db, person(who))).email
