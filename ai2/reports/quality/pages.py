"""Pages for operators: the documentation of the dbt models, and what the data sets were held to. Nobody's rows.

The nightly job writes them. They load nothing from elsewhere: what a page may do is told to the browser, too.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ai2.kit.errors import NotFound
from ai2.kit.settings import settings

Site = Literal["dbt-docs", "data-docs"]
SITES: tuple[Site, ...] = ("dbt-docs", "data-docs")
# dbt's page is one file that works out what it shows in the browser: alone, and without a word to anyone.
POLICIES: dict[Site, str] = {
    "dbt-docs": "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:; sandbox allow-scripts; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "data-docs": "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
}


class PageNotFound(NotFound):
    """There is no such page; the nightly job writes them, and Dagster runs it at once where it is asked to."""


@dataclass(frozen=True)
class Page:
    """A page and what the browser is told of it."""

    content: bytes
    headers: dict[str, str]


def folder(site: Site) -> Path:
    """Where the pages of a site lie."""
    home = settings().home.absolute()
    return home / "dbt/pages" if site == "dbt-docs" else home / "gx/uncommitted/data_docs/local_site"


def read(site: Site, path: str) -> Page:
    """A page by its path within its site; the first one, where it has none. Raises PageNotFound."""
    root = folder(site).resolve()
    wanted = (root / (path or "index.html")).resolve()
    if not wanted.is_relative_to(root) or wanted.suffix != ".html" or not wanted.is_file():
        raise PageNotFound
    headers = {"Content-Security-Policy": POLICIES[site], "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Page(wanted.read_bytes(), headers)
