"""`ai2 keys rotate-master` where connections have credentials: they serve on, broken off or not, told nowhere."""

import asyncio
import base64
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from ai2.connections import syncing
from ai2.identity import rotation, second_factors_repository, users
from ai2.identity.second_factors import purpose_of
from ai2.ingest.sources.model import Page, Session
from ai2.kit import master_keys
from ai2.kit.database import Database, one
from ai2.kit.envelope import ORGANIZATION_KEY, seal
from ai2.kit.ids import new_id
from ai2.kit.settings import settings
from tests.cli.conftest import Command
from tests.connections.conftest import Connect, Known, connect, script  # noqa: F401 - fixtures
from tests.connections.fakes.scripted import GBP, Scripted, feed
from tests.connections.test_canaries import SECRET, found_in

ROTATE = ("keys", "rotate-master")


@pytest.fixture(autouse=True)
def nothing_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "SLACK_S", 0.0)
    monkeypatch.setattr(settings(), "request_timeout_ms", 1)


def one_row(session: Session) -> Iterator[Page]:
    yield Page(documents=(feed(("1", "2026-03-02", "-4.20", "Bakery")),), accounts=(GBP,), cursor={"place": 1})


async def goes_on(script: Scripted, known: Known) -> bool:  # noqa: F811
    """Whether a sync goes well, with the credentials that were given."""
    await syncing.sync(known.database, known.organization_id, known.connection_id, trigger="person")
    is_secret_whole = script.sessions[-1].credentials == SECRET
    return is_secret_whole and (await known.history())[0].outcome == "ok"


async def wrapped(pipeline: Database, whose: UUID) -> bytes:
    async with pipeline.transaction() as db:
        row = await one(
            db, "select wrapped_key from identity.organization_keys where organization_id = %(id)s", {"id": whose}
        )
    return bytes((row or {})["wrapped_key"])


def opens(key: bytes, sealed: bytes, purpose: bytes = ORGANIZATION_KEY) -> bool:
    try:
        AESGCM(key).decrypt(sealed[:12], sealed[12:], purpose)
    except InvalidTag:
        return False
    return True


def is_told(said: str, *keys: bytes) -> bool:
    """Whether a credential or a master key is in it."""
    return bool(found_in(said)) or any(base64.b64encode(key).decode() in said for key in keys)


async def test_connections_are_synced_on_and_no_credential_is_told(
    ai2: Command, script: Scripted, connect: Connect, pipeline: Database, caplog: pytest.LogCaptureFixture  # noqa: F811
) -> None:  # fmt: skip
    script.pages = one_row
    known = await connect(SECRET)
    [former] = master_keys.ring()
    assert opens(former, await wrapped(pipeline, known.organization_id)), "the control"

    done = await asyncio.to_thread(ai2, *ROTATE)

    assert done.exit_code == 0, done.output
    [present] = master_keys.ring()
    kept = await wrapped(pipeline, known.organization_id)
    assert (present != former, opens(present, kept), opens(former, kept)) == (True, True, False)
    assert await goes_on(script, known)
    assert "sealed anew" in done.output
    assert not is_told(done.output + caplog.text, former, present)
    assert is_told(str(script.sessions[-1].credentials)), "the control: they are there to be told"


async def test_one_that_is_killed_in_the_middle_goes_on_when_it_is_run_again(
    ai2: Command, script: Scripted, connect: Connect, database: Database, pipeline: Database  # noqa: F811
) -> None:  # fmt: skip
    script.pages = one_row
    known = await connect(SECRET)
    [former] = master_keys.ring()
    before = await wrapped(pipeline, known.organization_id)
    async with database.transaction(known.organization_id) as db:
        person = (await users.create(db, email=f"{new_id()}@example.com", name="A", password="correct horse")).user_id
        await second_factors_repository.put(db, person, seal(b"their secret", purpose_of(person)))
    async with pipeline.transaction() as db:  # what comes after the organizations' keys has to wait for this
        query = "select sealed_secret from identity.second_factors where user_id = %(id)s for no key update"
        held = await one(db, query, {"id": person})
        process = subprocess.Popen(
            [sys.executable, "-m", "ai2", *ROTATE], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            async with asyncio.timeout(30):
                while await wrapped(pipeline, known.organization_id) == before and process.poll() is None:
                    await asyncio.sleep(0.05)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            said = process.communicate()[0]
    assert process.returncode == -signal.SIGKILL, said
    present, still = master_keys.ring()
    assert (still, opens(present, await wrapped(pipeline, known.organization_id))) == (former, True)
    assert opens(former, bytes((held or {})["sealed_secret"]), purpose_of(person)), "not everything was sealed anew"
    assert await goes_on(script, known)
    assert await goes_on(script, await connect(SECRET))

    done = await asyncio.to_thread(ai2, *ROTATE)

    assert done.exit_code == 0, done.output
    assert master_keys.ring() == (present,), "by the key of the one that was broken off"
    assert await goes_on(script, known)
    assert not is_told(said + done.output, former, present)


async def test_what_no_key_opens_is_named_and_told_of_nothing_else(
    ai2: Command, script: Scripted, connect: Connect, pipeline: Database  # noqa: F811
) -> None:  # fmt: skip
    script.pages = one_row
    known = await connect(SECRET)
    kept = await wrapped(pipeline, known.organization_id)
    torn = "update identity.organization_keys set wrapped_key = %s where organization_id = %s"
    async with pipeline.transaction() as db:
        await db.execute(torn, [b"torn", known.organization_id])
    refused, keys = await asyncio.to_thread(ai2, *ROTATE), master_keys.ring()
    async with pipeline.transaction() as db:  # as a backup has it
        await db.execute(torn, [kept, known.organization_id])
    assert (refused.exit_code, str(known.organization_id) in refused.output) == (1, True)
    assert len(keys) == 2, "the former key is kept"
    done = await asyncio.to_thread(ai2, *ROTATE)
    assert (done.exit_code, await goes_on(script, known)) == (0, True)
    assert not is_told(refused.output + done.output, *keys)


@pytest.mark.parametrize("key", ["Zq7canary", "Zq7canaryä", "", base64.b64encode(b"Zq7canary" * 3).decode()])
def test_a_master_key_that_is_none_is_refused_and_not_told(
    ai2: Command, company: str, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(settings(), "ai2_master_key", SecretStr(key))
    refused = ai2(*ROTATE)
    assert (refused.exit_code, "32 bytes in base64" in refused.stderr) == (1, True), refused.output
    assert not key or key not in refused.output
