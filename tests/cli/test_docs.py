"""`ai2 docs`: pages for a browser on this machine, and for no other site's sake."""

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from ai2.cli.docs import LOOPBACK, Pages
from ai2.kit.settings import Settings
from ai2.reports.quality import pages


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    settings = Settings(AI2_HOME=tmp_path)
    monkeypatch.setattr(pages, "settings", lambda: settings)
    for site in pages.SITES:
        pages.folder(site).mkdir(parents=True)
        (pages.folder(site) / "index.html").write_text(site)
    (tmp_path / "dbt/secret.html").write_text("secret")
    with ThreadingHTTPServer((LOOPBACK, 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOOPBACK}:{server.server_port}"
        server.shutdown()


def test_both_sites_are_shown_and_may_load_nothing(address: str) -> None:
    assert "/dbt-docs/" in httpx.get(address).text
    for site in pages.SITES:
        page = httpx.get(f"{address}/{site}/")
        assert (page.status_code, page.text) == (200, site)
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    "path", ["nothing", "dbt-docs/..%2Fsecret.html", "dbt-docs/%2Fetc%2Fpasswd", "data-docs/a.html"]
)
def test_nothing_else_is_shown(address: str, path: str) -> None:
    assert httpx.get(f"{address}/{path}").status_code == 404


def test_another_sites_name_that_leads_here_is_answered_nothing(address: str) -> None:
    page = httpx.get(f"{address}/dbt-docs/", headers={"Host": "evil.example:3080"})
    assert (page.status_code, page.text) == (421, "")
