"""Pages of other people's tools load nothing from elsewhere."""

import re
from importlib.util import find_spec
from pathlib import Path

from pipelines import offline

LOADED = re.compile(r"""(?:src|href|action)=["'](?:[a-z]+:)?//[^"']+""", re.IGNORECASE)
PAGE = """<html><head><link rel="stylesheet" href="https://cdn.example/a.css"><script>ask()</script>
<script
 src="//cdn.example/b.js"></script></head><body><a href="../../index.html">Home</a>
<img src="https://cdn.example/c.png"><form action="https://evil.example"><input></form>
<a href='https://elsewhere.example/x'>their shop</a><table><tr><td>held</td></tr></table></body></html>"""


def test_a_plain_page_keeps_its_text_and_loads_nothing() -> None:
    page = offline.plain(PAGE)
    assert LOADED.search(PAGE)
    assert not LOADED.search(page)
    assert "<script" not in page
    assert "evil.example" not in page
    assert '<a href="../../index.html">Home</a>' in page
    assert "<td>held</td>" in page


def test_the_page_of_dbt_tells_nobody_that_it_is_looked_at() -> None:
    found = find_spec("dbt.task.docs")
    assert found
    assert found.submodule_search_locations
    page = (Path(next(iter(found.submodule_search_locations))) / "index.html").read_text(encoding="utf-8")
    assert "cloudfront.net" in page
    kept = offline.without_tracker(page)
    assert "cloudfront.net" not in kept
    assert not re.search(r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=["'](?:https?:)?//""", kept)


def test_the_first_page_names_every_suite_and_its_pages_the_newest_first(tmp_path: Path) -> None:
    for name in ("expectations/lines", "validations/lines/none/20260101T000000.1Z/a",
                 "validations/lines/none/20260301T000000.1Z/b", "index"):  # fmt: skip
        page = tmp_path / f"{name}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(PAGE)
    for _ in range(2):
        offline.make_plain(tmp_path)
        first = (tmp_path / "index.html").read_text()
        assert re.findall(r'href="([^"]+)"', first) == [
            "expectations/lines.html",
            "validations/lines/none/20260301T000000.1Z/b.html",
            "validations/lines/none/20260101T000000.1Z/a.html",
        ]
