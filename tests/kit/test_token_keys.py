"""Token keys: the next one is published before it signs, the former believed until its tokens have expired."""

import json
import multiprocessing
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from ai2.kit import token_keys
from ai2.kit.ids import new_id
from ai2.kit.secrets import SecretsExposed, read, secrets, secrets_path
from ai2.kit.security import AccessToken, BadCredential, read_access_token, sign_access_token
from ai2.kit.settings import settings
from ai2.kit.token_keys import ANNOUNCED, SKEW, KeyAnnounced, State

TOKEN = AccessToken(new_id(), new_id(), new_id())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A secrets file of this test's own, as a version that knew one key wrote it."""
    copy = tmp_path / "secrets.json"
    secrets(settings().home)
    shutil.copy(secrets_path(settings().home), copy)
    kept = json.loads(copy.read_text())
    kept.pop("token_keys", None)
    copy.write_text(json.dumps(kept))
    monkeypatch.setenv("AI2_SECRETS", str(copy))
    return settings().home


def pass_time(passed: timedelta) -> None:
    """As if the keys had been rotated so much earlier."""
    path = secrets_path(settings().home)
    kept = read(path)
    for key in kept.token_keys:
        key.signs_from -= passed
    path.write_text(kept.model_dump_json())
    token_keys.believed(again=True)


def states() -> list[State | None]:
    now = datetime.now(UTC)
    return [key.state(now) for key in token_keys.believed(again=True)]


def test_a_file_with_one_key_works_as_it_is(home: Path) -> None:
    assert states() == [State.SIGNS]
    assert read_access_token(sign_access_token(TOKEN)) == TOKEN


def test_a_token_that_names_no_key_is_one_of_an_older_version(home: Path) -> None:
    claims = jwt.decode(sign_access_token(TOKEN), options={"verify_signature": False})
    older = jwt.encode(claims, token_keys.signing_key().private, algorithm="EdDSA")
    assert read_access_token(older) == TOKEN
    token_keys.rotate(home)
    pass_time(ANNOUNCED + timedelta(seconds=1))
    assert read_access_token(older) == TOKEN


def test_a_key_is_published_then_signs_then_is_believed_and_then_is_not(home: Path) -> None:
    first = sign_access_token(TOKEN)
    token_keys.rotate(home)
    assert states() == [State.SIGNS, State.NEXT]
    assert kid(sign_access_token(TOKEN)) == kid(first)

    pass_time(ANNOUNCED)
    assert states() == [State.FORMER, State.SIGNS]
    second = sign_access_token(TOKEN)
    assert kid(second) != kid(first)
    assert [read_access_token(token) for token in (first, second)] == [TOKEN, TOKEN]

    pass_time(timedelta(minutes=settings().access_token_minutes) + SKEW)
    assert states() == [State.SIGNS]
    assert read_access_token(second) == TOKEN
    with pytest.raises(BadCredential):
        read_access_token(first)


def test_only_one_key_is_announced_at_a_time_and_the_retired_are_forgotten(home: Path) -> None:
    token_keys.rotate(home)
    with pytest.raises(KeyAnnounced):
        token_keys.rotate(home)
    pass_time(timedelta(days=1))
    token_keys.rotate(home)
    kept = read(secrets_path(home))
    assert len(kept.token_keys) == 2
    assert kept.token_key == kept.token_keys[0].pem, "what a version that knows one key signs with is believed"


def test_a_compromised_key_is_believed_no_more_and_nothing_else_changes(home: Path) -> None:
    before, token = read(secrets_path(home)), sign_access_token(TOKEN)
    token_keys.rotate(home)
    token_keys.rotate(home, compromised=True)
    assert states() == [State.SIGNS]
    with pytest.raises(BadCredential):
        read_access_token(token)
    assert read_access_token(sign_access_token(TOKEN)) == TOKEN
    after = read(secrets_path(home))
    assert (after.passwords, after.master_key) == (before.passwords, before.master_key)
    assert before.token_key not in secrets_path(home).read_text()
    assert secrets_path(home).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in secrets_path(home).parent.iterdir()] == ["secrets.json"]


def test_a_published_key_checks_a_token_and_gives_away_no_private_part(home: Path) -> None:
    published = [key.jwk for key in token_keys.believed()]
    assert published[0].keys() == {"kty", "crv", "x", "kid", "use", "alg"}
    token = sign_access_token(TOKEN)
    [known] = jwt.PyJWKSet(published).keys
    assert known.key_id == kid(token)
    claims = jwt.decode(token, known, algorithms=["EdDSA"], audience="ai2-api", issuer="ai2")
    assert claims["sub"] == str(TOKEN.user_id)


def test_the_id_of_a_key_is_the_thumbprint_of_rfc_8037() -> None:
    """Its appendix A.3."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = jwt.algorithms.OKPAlgorithm.from_jwk({
        "kty": "OKP", "crv": "Ed25519", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    })  # fmt: skip
    assert isinstance(private, Ed25519PrivateKey)
    assert token_keys._thumbprint(private.public_key()) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_file_that_breaks_while_we_run_leaves_the_keys_that_we_know(home: Path) -> None:
    token = sign_access_token(TOKEN)
    path = secrets_path(home)
    whole = path.read_text()
    path.write_text(whole[:50])
    token_keys.believed(again=True)
    assert read_access_token(token) == TOKEN
    path.unlink()
    token_keys.believed(again=True)
    assert read_access_token(sign_access_token(TOKEN)) == TOKEN


def test_a_file_that_others_may_read_is_refused_at_the_start(home: Path) -> None:
    secrets_path(home).chmod(0o644)
    with pytest.raises(SecretsExposed):
        token_keys.believed()


def test_several_who_rotate_at_once_lose_no_key(home: Path) -> None:
    """One announces a key; the others are told so. The file is whole whenever it is read."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        done = pool.map(attempt, [home] * 6)
    assert sorted(done) == [False] * 5 + [True]
    assert states() == [State.SIGNS, State.NEXT]


def attempt(home: Path) -> bool:
    try:
        token_keys.rotate(home)
    except KeyAnnounced:
        return False
    return True


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])
