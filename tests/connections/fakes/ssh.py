"""A server that asks for a password, by paramiko's own server: OpenSSH takes passwords of the system's users only."""

import socket
import threading
from typing import Any, Self

import paramiko


class PasswordServer:
    """Lets in whoever has the password, by the method that was chosen; it remembers what it was told."""

    def __init__(self, password: str, *, methods: str = "password") -> None:
        self.password, self.methods = password, methods
        self.key = paramiko.ECDSAKey.generate()
        self.passwords: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    @property
    def fingerprint(self) -> str:
        return self.key.fingerprint

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(raw)
            transport.add_server_key(self.key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files)
            transport.start_server(event=threading.Event(), server=_Door(self))


class _Door(paramiko.ServerInterface):
    def __init__(self, server: PasswordServer) -> None:
        self._server = server

    def get_allowed_auths(self, username: str) -> str:
        return self._server.methods

    def check_auth_password(self, username: str, password: str) -> int:
        self._server.passwords.append(password)
        is_right = password == self._server.password
        return paramiko.common.AUTH_SUCCESSFUL if is_right else paramiko.common.AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> Any:
        return paramiko.InteractiveQuery("", "", ("Password: ", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        return self.check_auth_password("", responses[0])

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED


class _Files(paramiko.SFTPServerInterface):
    """A folder with nothing in it."""

    def list_folder(self, path: str) -> Any:
        return []
