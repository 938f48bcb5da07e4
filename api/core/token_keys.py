"""Token keys: the public halves of those that sign access tokens, for whoever checks tokens of ours."""

from fastapi import APIRouter, Response
from pydantic import Field

from ai2.kit import token_keys
from api.schemas import Out

router = APIRouter(tags=["auth"])


class JsonWebKey(Out):
    """A public key (RFC 8037)."""

    kty: str = Field(examples=["OKP"])
    crv: str = Field(examples=["Ed25519"])
    x: str
    kid: str = Field(description="The `kid` of a token names the key that signed it.")
    use: str = Field(examples=["sig"])
    alg: str = Field(examples=["EdDSA"])


class JsonWebKeys(Out):
    """The keys that access tokens may be signed with: a next one is here before it signs."""

    keys: list[JsonWebKey]


@router.get("/.well-known/jwks.json", response_model=JsonWebKeys)
async def jwks(response: Response) -> dict[str, object]:
    """The keys to check access tokens with, as a JWK Set (RFC 7517)."""
    response.headers["Cache-Control"] = f"public, max-age={token_keys.COPIES_LAST_S}"
    return {"keys": [key.jwk for key in token_keys.believed()]}
