"""Browsing: an OpenID provider that is run here, an API on a port, and somebody's browser between the two."""

import re
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

from httpx import AsyncClient, Response

from tests import node_packages

HERE = Path(__file__).parent / "provider"
CLIENTS = re.findall(r"^  '?([a-z-]+)'?: (?:null|\()", (HERE / "provider.mjs").read_text(), re.MULTILINE)
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without the list of authorities, which takes long to read
SECRET = "a secret of forty characters or a bit more"


def installed() -> Path:
    """The provider with what it depends on; itself as it is now."""
    folder = node_packages.installed("provider", HERE, patience_s=200)
    shutil.copy(HERE / "provider.mjs", folder)
    return folder


def start_provider(back_to: str, port: int = 0, key: str = "first") -> tuple[subprocess.Popen[str], str]:
    """A provider that answers, and its issuer."""
    command = [node_packages.node() / "bin/node", installed() / "provider.mjs", back_to, str(port), key]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout
    return process, process.stdout.readline().strip()


@dataclass
class Browser:
    """Keeps cookies, follows where it is sent, and fills the provider's pages in."""

    client: AsyncClient
    api: str

    async def begin(self, provider: str = "honest") -> dict[str, str]:
        answer = await self.client.get(f"{self.api}/api/core/auth/oidc/{provider}/authorize")
        assert answer.status_code == 200, answer.text
        begun: dict[str, str] = answer.json()
        return begun

    async def sign_in_at(self, url: str, login: str, *, agree: bool = True) -> str:
        """Sign in and consent, page by page; the address to which the provider sends back."""
        answer = await self.client.get(url)
        for _ in range(12):
            if answer.is_redirect:
                url = urljoin(str(answer.url), answer.headers["location"])
                if url.startswith(self.api):
                    return url
                answer = await self.client.get(url)
            else:
                answer = await self._submit(answer, login, agree=agree)
        raise AssertionError("the provider sends nobody back")

    async def _submit(self, page: Response, login: str, *, agree: bool) -> Response:
        assert page.status_code == 200, page.text
        if not agree:
            [abort] = re.findall(r'href="([^"]*/abort)"', page.text)
            return await self.client.get(urljoin(str(page.url), abort))
        [action] = re.findall(r'<form[^>]* action="([^"]+)"', page.text)
        [prompt] = re.findall(r'name="prompt" value="(\w+)"', page.text)
        form = {"prompt": prompt, **({"login": login, "password": "any"} if prompt == "login" else {})}
        return await self.client.post(urljoin(str(page.url), action), data=form)

    async def arrive(self, login: str, provider: str = "honest") -> dict[str, str]:
        """What an app sends to finish: what it was given at the start, and what came back."""
        begun = await self.begin(provider)
        back = returned(await self.sign_in_at(begun["authorization_url"], login))
        return {"secret": begun["secret"], **back}

    async def finish(self, given: dict[str, object] | dict[str, str], provider: str = "honest") -> Response:
        """As an app does, without cookies."""
        async with AsyncClient(verify=NO_TLS) as app:
            return await app.post(f"{self.api}/api/core/auth/oidc/{provider}/callback", json=given)


def returned(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))
