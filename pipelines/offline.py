"""Offline: pages of other people's tools as they are looked at here, without anything that they load from elsewhere."""

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

# Great Expectations' pages take their looks and their lists from six servers of others; their text needs none of it.
_TAGS = re.compile(
    r"<script\b.*?</script\s*>|<link\b[^>]*>|<img\b[^>]*>|<form\b.*?</form\s*>|<button\b.*?</button\s*>",
    re.DOTALL | re.IGNORECASE,
)
_FOREIGN = re.compile(r"""\s(?:href|src|action)=(["'])(?:[a-z]+:)?//.*?\1""", re.IGNORECASE)
_TRACKER = re.compile(r"//[a-z0-9]+\.cloudfront\.net/[^\"']*/sp\.js")
STYLE = """
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0 1.5rem; }
td, th { border: 1px solid #bbb; padding: 0.3rem 0.6rem; text-align: left; vertical-align: top; }
a { color: #0b4f9e; } ul { padding-left: 1.2rem; }
.modal, .ge-walkthrough, .navbar, .breadcrumb, .sticky, .hide, .collapse:not(.show), footer, svg { display: none; }
.text-success { color: #116329; } .text-danger { color: #a40e26; font-weight: bold; }
i.text-success::before { content: "holds"; } i.text-danger::before { content: "does not hold"; }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #161616; } a { color: #8ab8ff; }
  .text-success { color: #7ee2a0; } .text-danger { color: #ff9aa5; } }
</style>
"""


def plain(page: str) -> str:
    """A page of Great Expectations as text, tables and links within the site."""
    return _FOREIGN.sub("", _TAGS.sub("", page)).replace("</head>", f"{STYLE}</head>", 1)


def without_tracker(page: str) -> str:
    """dbt's page without the address of its makers' counter, which it asks only where it is told to."""
    return _TRACKER.sub("", page)


def make_plain(site: Path) -> None:
    """Turn the pages of a site that are fresh into plain ones, and write its first page anew."""
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if "<script" in text:
            page.write_text(plain(text), encoding="utf-8")
    (site / "index.html").write_text(_index(site), encoding="utf-8")


def _index(site: Path) -> str:
    lists = "".join(f"<h2>{escape(name)}</h2><ul>{''.join(_links(site, name))}</ul>" for name in _suites(site))
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Data docs</title>{STYLE}</head>'
    told = (
        "<p>What each data set is held to, and what was found, the newest first. Kinds and counts, nobody's rows.</p>"
    )
    return f"{head}<body><h1>Data docs</h1>{told}{lists}</body></html>"


def _suites(site: Path) -> list[str]:
    return sorted(page.stem for page in (site / "expectations").glob("*.html"))


def _links(site: Path, suite: str) -> Iterator[str]:
    yield f'<li><a href="expectations/{escape(suite)}.html">What it is held to</a></li>'
    pages = sorted((site / "validations" / suite).rglob("*.html"), key=lambda page: page.parent.name, reverse=True)
    for page in pages:
        when = page.parent.name.split(".")[0]
        yield f'<li><a href="{escape(page.relative_to(site).as_posix())}">{escape(when)}</a></li>'
