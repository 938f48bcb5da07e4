"""SFTP: statement files on somebody's server, whose key is known beforehand.

A server with another key than the one that was given is told nothing: neither a password nor who we are. A transfer
that breaks off is taken up where it was, where the file is still the same one.
"""

import contextlib
import hashlib
import logging
import re
import stat
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from paramiko.sftp import SFTPError

from ai2.ingest.sources import remote_files
from ai2.ingest.sources.asking import ProviderDown, told
from ai2.ingest.sources.model import Connected, Page, Session, Source
from ai2.ingest.sources.problems import CredentialsRefused, Permanent
from ai2.ingest.sources.remote_files import PIECE_BYTES, FolderNotThere, RemoteFile
from ai2.kit import outside

ANSWER_S = 30.0
ATTEMPTS = 3
LARGEST_PACKET = 1 << 20
REQUEST_BYTES = 1 << 17
# OpenSSH's own are 16 to 24.
MOST_ROUNDS = 1_000
TOO_DEAR = "The private key is encrypted in a way that is not taken: write it as OpenSSH does (ssh-keygen -p -f KEY)."
# Each kind of key with the names under which a server offers it, the ones to prefer first.
KINDS = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256"),
)
KINDS_OF = {name: kind for kind in KINDS for name in kind} | {"ssh-rsa": KINDS[2]}
_FINGERPRINT = re.compile(r"(?:^|\s)(SHA256:[A-Za-z0-9+/]{43})=?(?:\s|$)")
_PUBLIC = re.compile(
    r"(?:^|\s)(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) ([A-Za-z0-9+/]{60,4000}={0,2})(?:\s|$)"
)
# It tells what servers say, whole keys, and exceptions with all that led to them.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class HostKeyDiffers(Permanent):
    """The server has another key than the one that was given: it may be somebody else's."""

    what_to_do = "Ask whoever runs the server which key it has. Where it was changed, connect again with the new one."


class HostKeyUnreadable(Permanent):
    """This is no key of a server: give its fingerprint (SHA256:...), its public key or its line of known_hosts."""


class KeyUnreadable(CredentialsRefused):
    """The private key cannot be read: it is damaged, of a kind that is not used any more, or has another passphrase."""


def connect(session: Session) -> Connected:
    """Sign in, and see that the folder can be read."""
    with _connected(session) as client:
        next(iter(_listing(session, client)), None)
    return Connected()


def pages(session: Session) -> Iterator[Page]:
    connection = _Connection(session)
    try:
        with _understood():
            yield from remote_files.pages(session, connection.listing(), connection.read)
    finally:
        connection.close()


class _Client(paramiko.SFTPClient):
    """A client that takes no packet as long as the server pleases."""

    def _read_all(self, n: int) -> bytes:
        if n > LARGEST_PACKET:
            raise SFTPError("a packet is too long")
        found: bytes = super()._read_all(n)  # type: ignore[misc]
        return found


class _Connection:
    """A connection that is made anew where it broke."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._stack = contextlib.ExitStack()
        self._client: paramiko.SFTPClient | None = None

    @property
    def client(self) -> paramiko.SFTPClient:
        if self._client is None:
            self._client = self._stack.enter_context(_connected(self._session))
        return self._client

    def close(self) -> None:
        self._client = None
        self._stack.close()

    def listing(self) -> Iterator[RemoteFile]:
        return _listing(self._session, self.client)

    def read(self, file: RemoteFile) -> Iterator[bytes]:
        """The file's pieces, of one and the same version; fewer where it changed meanwhile."""
        place = attempts = 0
        while place < file.size_bytes:
            before = place
            try:
                for piece in self._pieces(file, place):
                    place += len(piece)
                    yield piece
            except (EOFError, OSError, paramiko.SSHException) as error:
                attempts = 1 if place > before else attempts + 1
                if _is_final(error) or attempts >= ATTEMPTS:
                    raise
                self.close()
            else:
                return

    def _pieces(self, file: RemoteFile, place: int) -> Iterator[bytes]:
        path = _path(self._session, file.name)
        with self.client.open(path, "rb") as opened:
            if _file(file.name, opened.stat()).told != file.told:
                return
            # its own reading ahead is done by a thread that nobody hears when the connection breaks: ask for more
            opened.MAX_REQUEST_SIZE = REQUEST_BYTES
            opened.seek(place)
            while place < file.size_bytes:
                length = min(PIECE_BYTES, file.size_bytes - place)
                piece = opened.read(length)
                if len(piece) < length:
                    opened.stat()  # a broken connection reads like the end of the file; asked, it says that it broke
                    return
                place += length
                if place == file.size_bytes and _file(file.name, opened.stat()).told != file.told:
                    return
                yield piece


def _is_final(error: Exception) -> bool:
    return isinstance(error, FileNotFoundError | PermissionError | paramiko.AuthenticationException)


@contextlib.contextmanager
def _connected(session: Session) -> Iterator[paramiko.SFTPClient]:
    with _understood():
        transport = _transport(session)
        try:
            _sign_in(transport, session)
            channel = transport.open_session(timeout=ANSWER_S)
            channel.settimeout(ANSWER_S)
            channel.invoke_subsystem("sftp")
            with _Client(channel) as client:
                yield client
        finally:
            transport.close()


def _transport(session: Session) -> paramiko.Transport:
    """A connection to the server with the key that was given; of several keys that it has, with that one."""
    pinned, kinds = _pinned(str(session.settings["host_key"]))
    offered = None
    for kind in kinds:
        with told():
            raw = outside.connected(
                str(session.settings["host"]), int(session.settings.get("port", 22)),
                allows_private=session.allows_private,
            )  # fmt: skip
        transport = paramiko.Transport(raw)
        try:
            transport.get_security_options().key_types = kind
            transport.start_client(timeout=ANSWER_S)
            key = transport.get_remote_server_key().asbytes()
        except paramiko.ssh_exception.IncompatiblePeer:
            transport.close()
            continue
        except BaseException:  # whatever it was, no thread of the transport is left; raised again
            transport.close()
            raise
        if fingerprint(key) in pinned:
            return transport
        offered = fingerprint(key)
        transport.close()
    raise HostKeyDiffers(f"The server has another key than the one that was given: {offered or 'none of its kind'}.")


def fingerprint(key: bytes) -> str:
    """As OpenSSH writes it."""
    return "SHA256:" + b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _pinned(given: str) -> tuple[set[str], tuple[tuple[str, ...], ...]]:
    """The fingerprints that are meant, and the kinds of key to ask the server for. Raises HostKeyUnreadable."""
    pinned: set[str] = set()
    kinds: dict[tuple[str, ...], None] = {}
    for line in filter(None, map(str.strip, given.splitlines())):
        if stated := _FINGERPRINT.search(line):
            pinned.add(stated[1])
            kinds |= dict.fromkeys(KINDS)
        elif stated := _PUBLIC.search(line):
            pinned.add(fingerprint(_blob(stated[1], stated[2])))
            kinds[KINDS_OF[stated[1]]] = None
        else:
            raise HostKeyUnreadable
    if not kinds:
        raise HostKeyUnreadable
    return pinned, tuple(kinds)


def _blob(name: str, text: str) -> bytes:
    """A public key's bytes, which begin with the length and the name of its kind."""
    try:
        found = b64decode(text, validate=True)
    except ValueError:
        raise HostKeyUnreadable from None
    if found[4 : 4 + len(name)] != name.encode():
        raise HostKeyUnreadable
    return found


def _sign_in(transport: paramiko.Transport, session: Session) -> None:
    """By key, by password, or by both where the server asks for both."""
    user, password = str(session.settings["username"]), session.credentials.get("password")
    left: list[str] = []
    transport.auth_timeout = ANSWER_S
    if text := session.credentials.get("private_key"):
        left = transport.auth_publickey(user, _key(str(text), session.credentials.get("passphrase")))
    if password is not None and (left or not transport.is_authenticated()):
        left = transport.auth_password(user, str(password))
    if not transport.is_authenticated():
        raise CredentialsRefused("The server asks for more than was given: a password beside the key, or another way.")


def _key(text: str, passphrase: str | None) -> paramiko.PKey:
    """A private key as OpenSSH or anybody else writes it. Raises KeyUnreadable."""
    secret = passphrase.encode() if passphrase else None
    content = text.strip().encode() + b"\n"
    is_openssh = b"BEGIN OPENSSH" in content
    try:
        if b"BEGIN ENCRYPTED" in content or (is_openssh and _rounds(content) > MOST_ROUNDS):
            raise KeyUnreadable(TOO_DEAR)
        key = (serialization.load_ssh_private_key if is_openssh else serialization.load_pem_private_key)(
            content, secret
        )
        plain = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        ).decode()
    except (ValueError, TypeError, IndexError, UnsupportedAlgorithm):
        raise KeyUnreadable from None
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with contextlib.suppress(paramiko.SSHException, ValueError, TypeError):
            return kind.from_private_key(StringIO(plain))
    raise KeyUnreadable


def _rounds(content: bytes) -> int:
    """How many rounds of bcrypt a passphrase takes: whoever wrote the key chose them, and we would work for years."""
    rest = b64decode(b"".join(content.splitlines()[1:-1])).removeprefix(b"openssh-key-v1\0")
    parts = []
    for _ in range(3):  # cipher, key derivation, and what it takes: a salt and the rounds
        length = int.from_bytes(rest[:4], "big")
        parts.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    return int.from_bytes(parts[2][-4:], "big")


def _path(session: Session, name: str) -> str:
    return f"{str(session.settings.get('path') or '.').rstrip('/')}/{name}"


def _listing(session: Session, client: paramiko.SFTPClient) -> Iterator[RemoteFile]:
    """The folder's files; folders, links and what else there is are none."""
    try:
        for entry in client.listdir_iter(str(session.settings.get("path") or ".")):
            if entry.st_mode is None or stat.S_ISREG(entry.st_mode):
                yield _file(entry.filename, entry)
    except (FileNotFoundError, PermissionError, NotADirectoryError):
        raise FolderNotThere from None


def _file(name: str, entry: paramiko.SFTPAttributes) -> RemoteFile:
    at = datetime.fromtimestamp(entry.st_mtime, UTC) if entry.st_mtime else None
    return RemoteFile(name, entry.st_size or 0, at)


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    """What goes wrong with a server, as what a source raises; its own words are not repeated."""
    try:
        yield
    except paramiko.AuthenticationException:
        raise CredentialsRefused from None
    except PermissionError:
        raise FolderNotThere("A file may not be read.") from None
    except (paramiko.SSHException, SFTPError, EOFError, OSError, ValueError):
        raise ProviderDown("The server broke the connection off, or does not answer as it should.") from None


SOURCE = Source(
    name="sftp",
    title="SFTP server",
    kind="bank",
    way="credentials",
    settings={
        "type": "object",
        "additionalProperties": False,
        "required": ["host", "username", "host_key"],
        "properties": {
            "host": {"type": "string", "minLength": 1, "maxLength": 253, "description": "The server's name."},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 22},
            "username": {"type": "string", "minLength": 1, "maxLength": 200},
            "host_key": {
                "type": "string",
                "minLength": 20,
                "maxLength": 20_000,
                "description": (
                    "The key that the server has: its fingerprint (SHA256:...), its public key or its lines of "
                    "known_hosts, as whoever runs it tells you."
                ),
            },
            "path": {"type": "string", "minLength": 1, "maxLength": 1000, "default": ".", "description": "The folder."},
            "pattern": remote_files.PATTERN,
            "done_marker": remote_files.DONE_MARKER,
        },
    },
    credentials={
        "type": "object",
        "additionalProperties": False,
        "anyOf": [{"required": ["password"]}, {"required": ["private_key"]}],
        "properties": {
            "password": {"type": "string", "minLength": 1, "maxLength": 1000},
            "private_key": {"type": "string", "minLength": 1, "maxLength": 20_000, "description": "PEM or OpenSSH."},
            "passphrase": {"type": "string", "maxLength": 1000, "description": "Of the private key."},
        },
    },
    connect=connect,
    pages=pages,
    servers=frozenset({"host", "port", "host_key"}),
    can=frozenset({"files"}),
)
