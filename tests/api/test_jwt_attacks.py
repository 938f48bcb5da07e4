"""Attacks on access tokens over HTTP: each is 401 and a problem, none an error of ours; the token it began as opens."""

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from httpx import AsyncClient, Response

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit import token_keys
from ai2.kit.ids import new_id
from ai2.kit.secrets import secrets_path
from ai2.kit.settings import settings
from tests.api.asking import Person, PersonIn, connect

ME = "/api/core/auth/me"
Claims = dict[str, Any]
Attack = Callable[[Claims], str]


@pytest.fixture
async def ana(person_in: PersonIn, organization: Organization) -> Person:
    return await person_in(organization, Role.OWNER)


@pytest.fixture
def claims(ana: Person) -> Claims:
    """What a token of Ana's says."""
    said: Claims = jwt.decode(ana.tokens["access_token"], options={"verify_signature": False})
    return said


def ours() -> token_keys.Key:
    return token_keys.signing_key()


def signed(claims: Claims, **header: Any) -> str:
    """A token that we signed: it must be refused for what it says."""
    key = ours()
    signing = f"{text_of({'alg': 'EdDSA', 'typ': 'JWT', 'kid': key.kid, **header})}.{text_of(claims)}"
    return f"{signing}.{text_of(key.private.sign(signing.encode()))}"


def forged(claims: Claims, **header: Any) -> str:
    """A token that the attacker signed with a key of their own."""
    key = Ed25519PrivateKey.generate()
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": ours().kid, **header})


def text_of(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def with_hmac(secret: Callable[[], bytes]) -> Attack:
    """The classic: the public key, which everyone may know, as the secret of an HMAC."""

    def attack(claims: Claims) -> str:
        signing = f"{text_of({'alg': 'HS256', 'typ': 'JWT', 'kid': ours().kid})}.{text_of(claims)}"
        return f"{signing}.{text_of(hmac.new(secret(), signing.encode(), hashlib.sha256).digest())}"

    return attack


def public(encoding: Encoding, form: PublicFormat) -> bytes:
    return ours().public.public_bytes(encoding, form)


def with_their_jwk(claims: Claims) -> str:
    key = Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": text_of(key.public_key().public_bytes_raw())}
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": ours().kid, "jwk": jwk})


def with_rsa(claims: Claims) -> str:
    key = rsa.generate_private_key(65537, 2048)
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": ours().kid})


def with_another_curve(claims: Claims) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": ours().kid})


def unsigned(algorithm: str, signature: str = "") -> Attack:
    return lambda claims: f"{text_of({'alg': algorithm, 'kid': ours().kid})}.{text_of(claims)}.{signature}"


def without(claim: str) -> Attack:
    return lambda claims: signed({name: value for name, value in claims.items() if name != claim})


def saying(**changed: Any) -> Attack:
    return lambda claims: signed({**claims, **changed})


def at(claim: str, offset: timedelta) -> Attack:
    return lambda claims: signed({**claims, claim: int((datetime.now(UTC) + offset).timestamp())})


def swapped(claims: Claims) -> str:
    """The signature of one token under the claims of another."""
    good, other = signed(claims), text_of({**claims, "org": str(new_id())})
    header, _, signature = good.split(".")
    return f"{header}.{other}.{signature}"


ATTACKS: dict[str, Attack] = {
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg NONE with a signature": unsigned("NONE", "AAAA"),
    "alg empty": unsigned(""),
    "alg is a list": lambda claims: f"{text_of({'alg': ['EdDSA']})}.{text_of(claims)}.AAAA",
    "alg is null": lambda claims: f"{text_of({'alg': None})}.{text_of(claims)}.AAAA",
    "no alg": lambda claims: f"{text_of({'typ': 'JWT'})}.{text_of(claims)}.AAAA",
    "HS256 with the public key in PEM": with_hmac(lambda: public(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)),
    "HS256 with the public key in DER": with_hmac(lambda: public(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
    "HS256 with the raw public key": with_hmac(lambda: public(Encoding.Raw, PublicFormat.Raw)),
    "HS256 with the published key": with_hmac(lambda: json.dumps(ours().jwk).encode()),
    "HS256 with an empty secret": with_hmac(lambda: b""),
    "RS256 with a key of their own": with_rsa,
    "ES256 with a key of their own": with_another_curve,
    "another installation's": forged,
    "another installation's kid": lambda claims: forged(claims, kid="kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
    "kid: a path": lambda claims: forged(claims, kid="../../../../../../dev/null"),
    "kid: the secrets file": lambda claims: forged(claims, kid="file://.ai2/secrets.json"),
    "kid: SQL": lambda claims: forged(claims, kid="' union select 'x' --"),
    "kid: a command": lambda claims: forged(claims, kid="|/usr/bin/id"),
    "kid: NUL": lambda claims: forged(claims, kid=ours().kid + "\x00"),
    "kid: a number": lambda claims: f"{text_of({'alg': 'EdDSA', 'kid': 7})}.{text_of(claims)}.AAAA",
    "kid: an object": lambda claims: f"{text_of({'alg': 'EdDSA', 'kid': {'a': []}})}.{text_of(claims)}.AAAA",
    "kid: null": lambda claims: f"{text_of({'alg': 'EdDSA', 'kid': None})}.{text_of(claims)}.AAAA",
    "kid: unknown, signed by us": lambda claims: signed(claims, kid="unknown"),
    "jku": lambda claims: forged(claims, jku="http://127.0.0.1:9/jwks.json"),
    "x5u": lambda claims: forged(claims, x5u="http://127.0.0.1:9/chain.pem"),
    "x5c": lambda claims: forged(claims, x5c=["MIIB"]),
    "jwk": with_their_jwk,
    "crit": lambda claims: signed(claims, crit=["exp2"], exp2=1),
    "b64 false": lambda claims: f"{text_of({'alg': 'EdDSA', 'b64': False, 'crit': ['b64']})}..AAAA",
    "another's claims under a good signature": swapped,
    "expired": at("exp", timedelta(minutes=-1)),
    "issued in the future": at("iat", timedelta(minutes=5)),
    "not valid yet": at("nbf", timedelta(minutes=5)),
    "exp: a text": saying(exp="tomorrow"),
    "exp: a list": saying(exp=[4_000_000_000]),
    "exp: infinite": saying(exp=float("inf")),
    "exp: not a number": saying(exp=float("nan")),
    "exp: beyond every clock": saying(exp=10**400, iat=10**400),
    "exp: null": saying(exp=None),
    "iat: a text": saying(iat="now"),
    "aud: another": saying(aud="ai2-web"),
    "aud: none of a list": saying(aud=["a", "b"]),
    "aud: an object": saying(aud={"ai2-api": True}),
    "iss: another": saying(iss="https://evil.example"),
    "iss: a list with ours": saying(iss=["ai2", "evil"]),
    **{f"without {claim}": without(claim) for claim in ("exp", "iat", "aud", "iss", "sub", "sid", "org")},
    "sub: a number": saying(sub=1),
    "sub: no id": saying(sub="admin"),
    "sub: somebody else": lambda claims: signed({**claims, "sub": str(new_id())}),
    "sid: no id": saying(sid="' or true --"),
    "sid: a list": saying(sid=["x"]),
    "sid: an object": saying(sid={"$ne": None}),
    "sid: a session that is not there": lambda claims: signed({**claims, "sid": str(new_id())}),
    "org: another": lambda claims: signed({**claims, "org": str(new_id())}),
    "org: true": saying(org=True),
    "8 kB of claims": saying(more="x" * 8000),
    "8 kB of dots": lambda _: "." * 8000,
    "deep header": lambda claims: f"{text_of(b'[' * 1200)}.{text_of(claims)}.AAAA",
    "deep claims": lambda _: f"{text_of({'alg': 'EdDSA', 'kid': ours().kid})}.{text_of(b'{' * 1000)}.AAAA",
    "claims that are a list": lambda _: f"{text_of({'alg': 'EdDSA', 'kid': ours().kid})}.{text_of([1])}.AAAA",
    "header that is a text": lambda claims: f"{text_of('EdDSA')}.{text_of(claims)}.AAAA",
    "header that is no UTF-8": lambda claims: f"{text_of(bytes([0xFF, 0xFE]))}.{text_of(claims)}.AAAA",
    "no base64": lambda _: "%%%.%%%.%%%",
    "two parts": lambda claims: signed(claims).rpartition(".")[0],
    "four parts": lambda claims: signed(claims) + ".AAAA",
    "an encrypted token's five parts": lambda _: "e30.AAAA.AAAA.AAAA.AAAA",
    "signature cut short": lambda claims: signed(claims)[:-4],
    "empty signature": lambda claims: signed(claims).rpartition(".")[0] + ".",
    "a JSON serialisation": lambda claims: json.dumps({"payload": text_of(claims), "signatures": []}),
}


async def ask(client: AsyncClient, token: str) -> Response:
    return await client.get(ME, headers={"Authorization": f"Bearer {token}"})


def refused(answer: Response) -> None:
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["status"] == 401


async def test_a_token_that_is_not_ours_or_not_whole_opens_nothing(
    anonymous: AsyncClient, ana: Person, claims: Claims, subtests: pytest.Subtests
) -> None:
    for name, attack in ATTACKS.items():
        with subtests.test(name):
            refused(await ask(anonymous, attack(claims)))
    control = await ask(anonymous, signed(claims))
    assert (control.status_code, control.json()["user"]["user_id"]) == (200, ana.user_id), "what they began as opens"


async def test_bytes_that_are_no_text_are_no_credential(anonymous: AsyncClient) -> None:
    for token in (b"\xff\xfe.\xff.\xff", b"\xc3\xa9.\xc3\xa9.\xc3\xa9", b"\x00", b"a\tb"):
        refused(await anonymous.get(ME, headers=[(b"Authorization", b"Bearer " + token)]))


async def test_a_token_of_a_session_that_was_ended_opens_nothing(anonymous: AsyncClient, ana: Person) -> None:
    assert (await ask(anonymous, ana.tokens["access_token"])).status_code == 200
    assert (await ana.client.delete(f"/api/core/sessions/{ana.session_id}")).status_code == 204
    refused(await ask(anonymous, ana.tokens["access_token"]))


async def test_a_refresh_token_is_no_access_token(anonymous: AsyncClient, ana: Person) -> None:
    refused(await ask(anonymous, ana.tokens["refresh_token"]))


@pytest.fixture
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the secrets, so that no other test's keys are rotated."""
    copy = tmp_path / "secrets.json"
    token_keys.signing_key()
    shutil.copy(secrets_path(settings().home), copy)
    monkeypatch.setenv("AI2_SECRETS", str(copy))
    return copy


async def test_a_key_rotated_by_another_process_is_noticed_without_a_restart(
    app: FastAPI, anonymous: AsyncClient, ana: Person, own_file: Path
) -> None:
    command = [sys.executable, "-m", "ai2", "keys", "rotate"]
    before = (await anonymous.get("/.well-known/jwks.json")).json()["keys"]
    subprocess.run(command, check=True, capture_output=True)
    time.sleep(token_keys.LOOK_AGAIN_S + 0.1)
    announced = await anonymous.get("/.well-known/jwks.json")
    assert announced.json()["keys"][:1] == before
    assert len(announced.json()["keys"]) == 2
    assert announced.headers["cache-control"] == "public, max-age=300"
    assert (await ask(anonymous, ana.tokens["access_token"])).status_code == 200

    subprocess.run([*command, "--compromised"], check=True, capture_output=True)
    time.sleep(token_keys.LOOK_AGAIN_S + 0.1)
    refused(await ask(anonymous, ana.tokens["access_token"]))
    renewed = await anonymous.post("/api/core/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]})
    assert (await ask(anonymous, renewed.json()["access_token"])).status_code == 200, "the session goes on"
    [left] = (await anonymous.get("/.well-known/jwks.json")).json()["keys"]
    assert left not in announced.json()["keys"]


async def test_the_published_keys_check_a_token_anywhere(app: FastAPI, anonymous: AsyncClient, ana: Person) -> None:
    published = jwt.PyJWKSet.from_dict((await anonymous.get("/.well-known/jwks.json")).json())
    token = ana.tokens["access_token"]
    key = published[jwt.get_unverified_header(token)["kid"]]
    said = jwt.decode(token, key, algorithms=["EdDSA"], audience="ai2-api", issuer="ai2")
    assert said["sub"] == ana.user_id
    described = (await anonymous.get("/openapi.json")).json()["paths"]["/.well-known/jwks.json"]["get"]
    assert "security" not in described


async def test_the_keys_are_published_by_core_alone_too() -> None:
    from api.app import build

    for services, status in ((["core"], 200), (["ai"], 404)):
        async with connect(build(services)) as client:
            assert (await client.get("/.well-known/jwks.json")).status_code == status
