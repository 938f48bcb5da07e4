"""Rotation of the master key: whole, gone on with where it was broken off, noticed by whoever runs."""

import base64
import io
import secrets as random
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from ai2.connections import credentials
from ai2.identity import organizations, rotation, second_factors_repository, users
from ai2.identity.rotation import PLACES, NotOpened, rotate
from ai2.identity.second_factors import purpose_of
from ai2.kit import blobs, master_keys
from ai2.kit.database import Database, Role, rows
from ai2.kit.envelope import ORGANIZATION_KEY, seal, unseal
from ai2.kit.ids import new_id
from ai2.kit.secrets import read, secrets_path
from ai2.kit.settings import settings
from tests.conftest import make_organization


@pytest.fixture(autouse=True)
async def gone_with_the_test(pipeline: Database) -> AsyncIterator[None]:
    """Whatever a test does, in the end the key of the secrets file opens everything that others may need."""
    yield
    async with pipeline.transaction() as db:
        await db.execute("delete from identity.organization_keys where length(wrapped_key) < 20")


async def wrapped(pipeline: Database) -> dict[UUID, bytes]:
    async with pipeline.transaction() as db:
        found = await rows(db, "select organization_id, wrapped_key from identity.organization_keys")
    return {row["organization_id"]: bytes(row["wrapped_key"]) for row in found}


def opens(key: bytes, sealed: bytes) -> bool:
    try:
        AESGCM(key).decrypt(sealed[:12], sealed[12:], ORGANIZATION_KEY)
    except InvalidTag:
        return False
    return True


async def test_everything_is_sealed_anew_and_reads_as_before(database: Database, pipeline: Database) -> None:
    whose, connection_id = (await make_organization(database)).organization_id, new_id()
    async with database.transaction(whose) as db:
        key = await organizations.file_key(db, whose)
        person = (await users.create(db, email=f"{new_id()}@example.com", name="A", password="correct horse")).user_id
        await second_factors_repository.put(db, person, seal(b"their secret", purpose_of(person)))
    kept = credentials.sealed(key, connection_id, {"token": "x"})
    blobs.put(f"raw/{whose}/one", io.BytesIO(b"a file"), key)
    [former] = master_keys.ring()
    before = await wrapped(pipeline)
    assert all(opens(former, each) for each in before.values()), "the control: the former key opens them now"

    done = await rotate(pipeline, settle_s=0)

    after = await wrapped(pipeline)
    [present] = master_keys.ring()
    assert done.sealed_anew == done.checked >= 2
    assert present != former
    assert after.keys() == before.keys()
    assert all(opens(present, each) and not opens(former, each) for each in after.values())
    async with database.transaction(whose) as db:
        again = await organizations.file_key(db, whose)
        [factor] = await rows(
            db, "select sealed_secret from identity.second_factors where user_id = %(id)s", {"id": person}
        )
    assert unseal(factor["sealed_secret"], purpose_of(person)) == b"their secret"
    assert credentials.opened(again, connection_id, kept) == {"token": "x"}
    assert blobs.get(f"raw/{whose}/one", again).read() == b"a file"
    assert read(secrets_path(settings().home)).former_master_keys == []


async def test_one_that_is_broken_off_is_gone_on_with_by_the_same_key(
    database: Database, pipeline: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        await make_organization(database)
    put, puts = rotation.repository.put, []

    async def dies(*given: object) -> None:
        puts.append(1)
        if len(puts) > 1:
            raise KeyboardInterrupt
        await put(*given)  # type: ignore[arg-type]

    [former] = master_keys.ring()
    with monkeypatch.context() as patch:
        patch.setattr(rotation, "AT_ONCE", 2)
        patch.setattr(rotation.repository, "put", dies)
        with pytest.raises(KeyboardInterrupt):
            await rotate(pipeline, settle_s=0)
    present, still = master_keys.ring()
    assert still == former
    some = (await wrapped(pipeline)).values()
    assert {opens(present, each) for each in some} == {True, False}
    for whose in await wrapped(pipeline):  # everything reads on, whichever seals it
        async with database.transaction(whose) as db:
            await organizations.file_key(db, whose)

    await rotate(pipeline, settle_s=0)
    assert master_keys.ring() == (present,)
    assert all(opens(present, each) for each in (await wrapped(pipeline)).values())


async def test_what_no_key_opens_is_named_and_the_former_key_stays(database: Database, pipeline: Database) -> None:
    whose = (await make_organization(database)).organization_id
    async with pipeline.transaction() as db:
        await db.execute(
            "update identity.organization_keys set wrapped_key = 'torn' where organization_id = %s", [whose]
        )
    with pytest.raises(NotOpened, match=str(whose)):
        await rotate(pipeline, settle_s=0)
    assert len(master_keys.ring()) == 2
    async with pipeline.transaction() as db:
        await db.execute("delete from identity.organization_keys where organization_id = %s", [whose])
    await rotate(pipeline, settle_s=0)
    assert len(master_keys.ring()) == 1


async def test_keys_of_the_environment_and_of_a_file_are_the_operators(
    database: Database, pipeline: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    whose = (await make_organization(database)).organization_id
    [ours] = master_keys.ring()
    fresh = random.token_bytes(32)
    words = {key: base64.b64encode(key).decode() for key in (ours, fresh)}
    file = secrets_path(settings().home).with_name("master")
    with monkeypatch.context() as patch:
        patch.setattr(settings(), "ai2_master_key", SecretStr(f"{words[fresh]} {words[ours]}"))
        await rotate(pipeline, settle_s=0)
        patch.setattr(settings(), "ai2_master_key", SecretStr(words[fresh]))
        assert opens(fresh, (await wrapped(pipeline))[whose])
        patch.setattr(settings(), "ai2_master_key", None)
        file.write_text(f"{words[ours]}\n{words[fresh]}\n")
        patch.setattr(settings(), "ai2_master_key_file", file)
        assert master_keys.ring() == (ours, fresh)
        await rotate(pipeline, settle_s=0)
        file.write_text("short")
        with pytest.raises(master_keys.MasterKeyUnusable, match="32 bytes"):
            master_keys.ring()
    assert master_keys.ring() == (ours,)
    assert opens(ours, (await wrapped(pipeline))[whose])


async def test_every_column_that_is_sealed_is_rotated(pipeline: Database) -> None:
    async with Database(Role.PIPELINE) as everyone, everyone.transaction() as db:
        found = await rows(
            db,
            """
            select table_schema || '.' || table_name as table, column_name as column from information_schema.columns
            where data_type = 'bytea' and (column_name like 'sealed%%' or column_name like 'wrapped%%')
            """,
        )
    assert {(row["table"], row["column"]) for row in found} == {(e.sealed.table, e.sealed.column) for e in PLACES}
