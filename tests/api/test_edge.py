"""The edge: what a deployment's settings say about pages, proxies and names, and what browsers are told."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from httpx import Response

from ai2.kit.database import Database
from ai2.kit.settings import Settings, settings
from api.app import build
from tests.api.asking import connect

APP, OTHER = "https://app.example", "https://evil.example"
SETTINGS = {
    "PUBLIC_URL": "https://books.example",
    "CORS_ORIGINS": f'["{APP}"]',
    "CORS_CREDENTIALS": "true",
    "CORS_MAX_AGE_S": "60",
    "TRUSTED_PROXIES": '["127.0.0.1", "10.0.0.0/8"]',
    "ALLOWED_HOSTS": '["api.test", "*.books.example"]',
}
ACCOUNTS = "/api/core/accounts"
PREFLIGHT = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization, if-match"}


@pytest.fixture
def edged(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    """An app that is told all of it."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield build(["core"], database=database)
    monkeypatch.undo()
    settings.cache_clear()


async def ask(
    app: FastAPI, method: str = "GET", path: str = "/ready", address: str = "127.0.0.1", **headers: str
) -> Response:
    async with connect(app, address=address) as client:
        return await client.request(method, path, headers={name.replace("_", "-"): v for name, v in headers.items()})


class TestPages:
    async def test_a_page_of_ours_may_ask_and_see_our_headers(self, edged: FastAPI) -> None:
        answer = await ask(edged, Origin=APP)
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert "RateLimit-Remaining" in answer.headers["Access-Control-Expose-Headers"]
        assert "Origin" in answer.headers["Vary"]

    async def test_another_page_is_allowed_nothing(self, edged: FastAPI) -> None:
        answer = await ask(edged, Origin=OTHER)
        assert "Access-Control-Allow-Origin" not in answer.headers

    async def test_a_preflight_is_answered_for_a_minute(self, edged: FastAPI) -> None:
        answer = await ask(edged, "OPTIONS", ACCOUNTS, Origin=APP, **PREFLIGHT)
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Max-Age"] == "60"
        assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
        assert "Origin" in answer.headers["Vary"]

    async def test_a_preflight_from_elsewhere_is_refused(self, edged: FastAPI) -> None:
        answer = await ask(edged, "OPTIONS", ACCOUNTS, Origin=OTHER, **PREFLIGHT)
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")
        assert "Access-Control-Allow-Origin" not in answer.headers

    async def test_errors_too_can_be_read_by_our_page(self, edged: FastAPI) -> None:
        answer = await ask(edged, path=ACCOUNTS, Origin=APP)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, APP)

    async def test_without_origins_no_page_may_ask(self, app: FastAPI) -> None:
        assert "Access-Control-Allow-Origin" not in (await ask(app, Origin=APP)).headers
        assert (await ask(app, "OPTIONS", ACCOUNTS, Origin=APP, **PREFLIGHT)).status_code == 405

    def test_every_page_with_cookies_is_a_contradiction(self) -> None:
        with pytest.raises(ValueError, match="CORS_CREDENTIALS"):
            Settings(_env_file=None, cors_origins=["*"], cors_credentials=True)


class TestWhatBrowsersAreTold:
    @pytest.mark.parametrize("path", ["/ready", "/health", "/api/core/nothing", ACCOUNTS, "/openapi.json"])
    async def test_with_every_answer(self, edged: FastAPI, path: str) -> None:
        told = (await ask(edged, path=path)).headers
        assert told["X-Content-Type-Options"] == "nosniff"
        assert told["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in told["Content-Security-Policy"]
        assert "camera=()" in told["Permissions-Policy"]
        assert told["Strict-Transport-Security"].startswith("max-age=31536000")

    async def test_the_docs_may_have_their_style_and_no_script(self, edged: FastAPI) -> None:
        policy = (await ask(edged, path="/docs")).headers.get_list("Content-Security-Policy")
        assert policy == ["default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"]

    async def test_not_to_insist_on_https_where_there_is_none(self, app: FastAPI) -> None:
        assert "Strict-Transport-Security" not in (await ask(app)).headers


class TestProxies:
    async def test_an_address_is_believed_from_a_proxy_of_ours_alone(self, edged: FastAPI) -> None:
        edged.state.limits.windows.limit = 2
        said = {"X_Forwarded_For": "203.0.113.7"}
        assert await self._statuses(edged, 3, "10.1.2.3", said) == [401, 401, 429]
        assert await self._statuses(edged, 1, "10.1.2.3", {"X_Forwarded_For": "203.0.113.8"}) == [401]
        # A stranger who says so is counted as who they are, however often they change it.
        told = [{"X_Forwarded_For": f"203.0.113.{number}"} for number in range(20, 23)]
        assert [await self._statuses(edged, 1, "198.51.100.1", each) for each in told] == [[401], [401], [429]]

    async def test_what_a_client_put_before_the_proxys_word_is_not_believed(self, edged: FastAPI) -> None:
        edged.state.limits.windows.limit = 2
        told = [{"X_Forwarded_For": f"192.0.2.{number}, 203.0.113.9"} for number in range(3)]
        assert [await self._statuses(edged, 1, "127.0.0.1", each) for each in told] == [[401], [401], [429]]

    async def test_without_proxies_nobody_is_believed(self, database: Database) -> None:
        app = build(["core"], database=database)
        app.state.limits.windows.limit = 1
        assert await self._statuses(app, 1, "127.0.0.1", {"X_Forwarded_For": "203.0.113.1"}) == [401]
        assert await self._statuses(app, 1, "127.0.0.1", {"X_Forwarded_For": "203.0.113.2"}) == [429]

    async def _statuses(self, app: FastAPI, times: int, address: str, said: dict[str, str]) -> list[int]:
        return [(await ask(app, path=ACCOUNTS, address=address, **said)).status_code for _ in range(times)]


class TestNames:
    @pytest.mark.parametrize("host", ["api.test", "API.test:8000", "eu.books.example"])
    async def test_ours(self, edged: FastAPI, host: str) -> None:
        assert (await ask(edged, Host=host)).status_code == 200

    @pytest.mark.parametrize("host", ["evil.example", "api.test.evil.example", "books.example", "", "127.0.0.1"])
    async def test_anothers(self, edged: FastAPI, host: str) -> None:
        answer = await ask(edged, Host=host)
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_host")
        assert host not in answer.text or not host
