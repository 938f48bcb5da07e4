"""SFTP: files of a real OpenSSH server come into the books whole; a server with another key is told nothing."""

import hashlib
import os
import subprocess
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ai2 import flows
from ai2.connections import service, syncing
from ai2.identity.organizations import Organization
from ai2.ingest.sources import remote_files, sftp
from ai2.ingest.sources.asking import AddressNotAllowed, ProviderDown
from ai2.ingest.sources.problems import CredentialsRefused, Permanent
from ai2.kit.database import Database, rows
from ai2.kit.settings import settings
from tests.connections.fakes.ssh import PasswordServer
from tests.connections.servers import OpenSsh, in_openssh
from tests.connections.sessions import brought, session

STATEMENT = b"Date,Description,Amount\n2026-03-02,Bakery,-4.20\n2026-03-03,Wages,1200.00\n"


@pytest.fixture(scope="module")
def openssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSsh]:
    made = OpenSsh(tmp_path_factory.mktemp("ssh"))
    made.start()
    yield made
    made.kill()


@pytest.fixture
def ssh(openssh: OpenSsh) -> OpenSsh:
    """The server, with nothing in its folder."""
    for path in openssh.files.iterdir():
        path.unlink()
    return openssh


def put(ssh: OpenSsh, name: str, content: bytes, *, seconds_old: float = 3600) -> None:
    path = ssh.files / name
    path.write_bytes(content)
    os.utime(path, (path.stat().st_mtime - seconds_old,) * 2)


def wanted(ssh: OpenSsh, **changes: Any) -> dict[str, Any]:
    return {
        "host": "127.0.0.1", "port": ssh.port, "username": ssh.user, "path": str(ssh.files),
        "host_key": ssh.host_keys["ed25519"], **changes,
    }  # fmt: skip


def key(ssh: OpenSsh) -> dict[str, str]:
    return {"private_key": in_openssh(ssh.client_key).decode()}


def test_files_are_taken_once_they_are_whole(ssh: OpenSsh) -> None:
    put(ssh, "march.csv", STATEMENT)
    put(ssh, "april.csv", STATEMENT + b"x", seconds_old=0)
    put(ssh, "notes.txt", b"no statement")
    (ssh.files / "folder.csv").mkdir(exist_ok=True)
    (ssh.files / "link.csv").symlink_to("/etc/passwd")
    try:
        here = session(wanted(ssh, pattern="*.csv"), key(ssh))
        sftp.connect(here)
        documents, cursor = brought(sftp.pages(here))
        assert [(each.name, each.content) for each in documents] == [("march.csv", STATEMENT)]
        assert brought(sftp.pages(session(wanted(ssh, pattern="*.csv"), key(ssh), cursor))) == ([], None)
        marked = wanted(ssh, done_marker=".done")
        put(ssh, "april.csv.done", b"", seconds_old=0)
        documents, _ = brought(sftp.pages(session(marked, key(ssh))))
        assert [each.name for each in documents] == ["april.csv"]
    finally:
        (ssh.files / "folder.csv").rmdir()


def fingerprint(ssh: OpenSsh, kind: str) -> str:
    """As OpenSSH itself tells it."""
    told = subprocess.run(
        ["ssh-keygen", "-lf", "-"], input=ssh.host_keys[kind], capture_output=True, check=True, text=True
    ).stdout
    return told.split()[1]


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_key_is_known_by_its_line_and_by_its_fingerprint(ssh: OpenSsh, kind: str) -> None:
    line, shown = ssh.host_keys[kind], fingerprint(ssh, kind)
    for given in (line, f"[127.0.0.1]:{ssh.port} {line} comment", shown, f"256 {shown} host (ED25519)"):
        sftp.connect(session(wanted(ssh, host_key=given), key(ssh)))


def test_a_server_with_another_key_is_told_nothing(ssh: OpenSsh) -> None:
    """The control: with its right key the same server does learn the password."""
    with PasswordServer("right") as impostor:
        there = wanted(ssh, port=impostor.port, username="shop")
        for given in (ssh.host_keys["ed25519"], fingerprint(ssh, "rsa")):
            with pytest.raises(sftp.HostKeyDiffers) as refused:
                sftp.connect(session({**there, "host_key": given}, {"password": "right"}))
        assert impostor.fingerprint in refused.value.detail
        assert impostor.passwords == []
        sftp.connect(session({**there, "host_key": impostor.fingerprint}, {"password": "right"}))
        assert impostor.passwords == ["right"]


@pytest.mark.parametrize(
    "given",
    ["SHA256", "ssh-ed25519", "ssh-ed25519 ????", "anything at all that is long", "ssh-ed25519 " + "A" * 68, " " * 30],
)
def test_a_host_key_that_is_none_is_refused(ssh: OpenSsh, given: str) -> None:
    with pytest.raises(sftp.HostKeyUnreadable):
        sftp.connect(session(wanted(ssh, host_key=given), key(ssh)))


def test_wrong_credentials_are_refused_and_not_repeated(ssh: OpenSsh) -> None:
    stranger = Ed25519PrivateKey.generate()
    with PasswordServer("right") as other:
        there = wanted(ssh, port=other.port, host_key=other.fingerprint)
        with pytest.raises(CredentialsRefused) as first:
            sftp.connect(session(there, {"password": "canary-71"}))
    with pytest.raises(CredentialsRefused):
        sftp.connect(session(wanted(ssh), {"private_key": in_openssh(stranger).decode()}))
    for broken in ("canary-71", in_openssh(ssh.client_key, "canary-71").decode()):
        with pytest.raises(sftp.KeyUnreadable) as second:
            sftp.connect(session(wanted(ssh), {"private_key": broken, "passphrase": "wrong"}))
    assert "canary-71" not in repr(first.value) + repr(second.value)


@pytest.mark.parametrize("form", ["openssh", "pkcs8", "openssh with passphrase"])
def test_a_key_is_read_as_it_is_written(ssh: OpenSsh, form: str) -> None:
    passphrase = "open sesame" if "passphrase" in form else None
    text = in_openssh(ssh.client_key, passphrase)
    if "pkcs8" in form:
        text = ssh.client_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    given = {"private_key": text.decode()} | ({"passphrase": passphrase} if passphrase else {})
    sftp.connect(session(wanted(ssh), given))


def test_a_key_whose_passphrase_takes_years_is_not_tried(ssh: OpenSsh) -> None:
    head, *lines, foot, _ = in_openssh(ssh.client_key, "open sesame").split(b"\n")
    content = b64decode(b"".join(lines))
    rounds = content.index(b"\0\0\0\x18\0\0\0\x10") + 24  # behind the salt of 16 bytes
    dear = b64encode(content[:rounds] + b"\x7f\xff\xff\xff" + content[rounds + 4 :])
    text = b"\n".join([head, dear, foot, b""]).decode()
    began = time.monotonic()
    with pytest.raises(sftp.KeyUnreadable, match="ssh-keygen"):
        sftp.connect(session(wanted(ssh), {"private_key": text, "passphrase": "open sesame"}))
    assert time.monotonic() - began < 5


def test_a_server_in_this_network_is_refused_where_the_operator_does_not_allow_it(ssh: OpenSsh) -> None:
    with pytest.raises(AddressNotAllowed):
        sftp.connect(session(wanted(ssh), key(ssh), allows_private=False))


def test_a_folder_that_is_not_there_is_told(ssh: OpenSsh) -> None:
    with pytest.raises(Permanent, match="not there"):
        sftp.connect(session(wanted(ssh, path="/nowhere"), key(ssh)))


def test_a_transfer_that_breaks_off_is_taken_up_where_it_was(ssh: OpenSsh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sftp, "PIECE_BYTES", 1_000_000)
    content = os.urandom(6_500_000)
    put(ssh, "large.csv", content)
    pages, broken, starts, used = sftp.pages(session(wanted(ssh), key(ssh))), 0, list[int](), list[Any]()
    pieces = sftp._Connection._pieces

    def noted(self: Any, file: Any, place: int) -> Iterator[bytes]:
        starts.append(place)
        used.append(self)
        yield from pieces(self, file, place)

    monkeypatch.setattr(sftp._Connection, "_pieces", noted)
    documents = []
    for number, page in enumerate(pages):
        documents += page.documents
        if number == 1:
            ssh.kill_sessions()
        if number == 4:  # half closed: reading on is answered as at the end of the file
            used[-1].client.get_channel().shutdown_write()
        broken += number in (1, 4)
    assert (broken, starts[0], len(starts), sorted(set(starts))) == (2, 0, 3, sorted(starts))
    assert [hashlib.sha256(each.content).digest() for each in documents] == [hashlib.sha256(content).digest()]


async def test_a_server_that_dies_in_the_middle_leaves_nothing_half_in_the_books(
    database: Database, organization: Organization, ssh: OpenSsh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "connect_private", True)
    monkeypatch.setattr(sftp, "PIECE_BYTES", 64)
    owner = organization.organization_id
    put(ssh, "march.csv", STATEMENT)
    connection, _ = await service.connect(
        database, owner, provider="sftp", kind="bank", name="Till", settings=wanted(ssh), secret=key(ssh),
        created_by="test",
    )  # fmt: skip
    read = remote_files.pages

    def dying(*given: Any) -> Iterator[Any]:
        for page in read(*given):
            ssh.kill()
            yield page

    monkeypatch.setattr(remote_files, "pages", dying)
    await syncing.sync(database, owner, connection.connection_id, trigger="person")
    async with database.transaction(owner) as db:
        assert (await service.get(db, owner, connection.connection_id)).error["code"] == "provider_down"  # type: ignore[index]
        (run,) = await service.history(db, owner, connection.connection_id, before=None, limit=9)
        assert (run.batches, await rows(db, "select from published.transactions")) == ([], [])
    monkeypatch.setattr(remote_files, "pages", read)
    ssh.start()
    for _ in range(2):
        await syncing.sync(database, owner, connection.connection_id, trigger="person")
    async with database.transaction(owner) as db:
        again, after, _ = await service.history(db, owner, connection.connection_id, before=None, limit=9)
    assert (again.batches, len(after.batches)) == ([], 1)
    await flows.run_import(database, owner, after.batches[0])
    async with database.transaction(owner) as db:
        found = await rows(db, "select description, amount from published.transactions order by booked_on")
    assert [(row["description"], str(row["amount"])) for row in found] == [("Bakery", "-4.20"), ("Wages", "1200.00")]


def test_a_server_that_is_gone_is_tried_again(ssh: OpenSsh) -> None:
    ssh.kill()
    try:
        with pytest.raises(ProviderDown):
            sftp.connect(session(wanted(ssh), key(ssh)))
    finally:
        ssh.start()
